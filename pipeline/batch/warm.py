"""What every study needs, done once: the fork server imports this module, and children inherit what it leaves.

Importing is the work: libraries that are otherwise loaded at their first use, and both knowledge profiles that every
study is ranked by. The server forks, so nothing here may run a thread: networks are loaded in the children.
"""

import contextlib

import skimage.measure
import skimage.morphology
from PIL import Image

import pipeline.batch.child
import pipeline.objects.write  # noqa: F401  brings highdicom
from pipeline.errors import CalcinosisError
from pipeline.objects.tables import load_tables
from pipeline.study import PROFILES, knowledge_for

FIRST_USED = (skimage.measure.marching_cubes, skimage.measure.perimeter_crofton, skimage.morphology.skeletonize)
"""Names whose modules scikit-image loads when they are first asked for; pictures load theirs by `init`."""

Image.init()
load_tables()

for profile in PROFILES:
    # A mistake in the knowledge is told by the caller, which reads it too; the server must not die of it.
    with contextlib.suppress(CalcinosisError):
        knowledge_for(profile)

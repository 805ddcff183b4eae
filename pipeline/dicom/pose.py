"""How the patient lay or stood and what is shown: posture, gravity, view, region and side of one image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from pipeline.dicom import anatomy, words
from pipeline.dicom.gravity import axes_gravity, letter_directions, radiograph_gravity
from pipeline.dicom.headers import numbers, text, texts, uid
from pipeline.dicom.posture import Stance, stance
from pipeline.model.context import ClinicalContext
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.vocabulary import Laterality, Posture, Region

_TILTED = (words.SITTING, words.SEMI_ERECT)


@dataclass(frozen=True, slots=True)
class Pose:
    """What is known of the patient in one image; `gravity` is a unit vector along the image's axes."""

    posture: Maybe[Posture]
    gravity: Maybe[tuple[float, ...]]
    view: Maybe[str]
    region: Maybe[Region]
    laterality: Maybe[Laterality]
    notes: tuple[str, ...] = ()


def radiograph_pose(ds: Dataset, context: ClinicalContext) -> Pose:
    """Pose of a projection, with gravity (row, col).

    A CT localizer has ImageOrientationPatient, which then takes the place of PatientOrientation.
    """
    view, laterality = anatomy.view(ds), anatomy.laterality(ds)
    region, notes = anatomy.region(ds, context)
    named = view.value if isinstance(view, Known) else None
    stood = stance(ds, context, uid=uid(ds, "SOPInstanceUID"), view=named)
    cosines = numbers(ds, "ImageOrientationPatient")
    if len(cosines) == 6 and text(ds, "PatientPosition"):
        directions = np.array([cosines[3:], cosines[:3]], float).T
        gravity = axes_gravity(stood.posture, directions, "ImageOrientationPatient")
    else:
        orientation = texts(ds, "PatientOrientation")
        known_region = region.value if isinstance(region, Known) else None
        gravity = radiograph_gravity(stood, orientation, view=named, region=known_region)
        notes += _orientation_notes(orientation)
    return Pose(stood.posture, gravity, view, region, laterality, notes + stood.notes + _tilt_notes(stood, gravity))


def volume_pose(ds: Dataset, context: ClinicalContext, voxel_to_patient: NDArray[np.float64]) -> Pose:
    """Pose of a CT stack, with gravity (slice, row, col) along the axes of `voxel_to_patient` (4 x 4, mm)."""
    region, notes = anatomy.region(ds, context)
    stood = stance(ds, context, uid=None, view=None)
    gravity = axes_gravity(stood.posture, voxel_to_patient[:3, :3], "ImageOrientationPatient")
    view: Maybe[str] = Unknown("a CT has no view")
    return Pose(stood.posture, gravity, view, region, anatomy.laterality(ds), notes + stood.notes)


def _orientation_notes(orientation: tuple[str, ...]) -> tuple[str, ...]:
    if any(orientation) and letter_directions(orientation) is None:
        return ("PatientOrientation is not valid and was not used",)
    return ()


def _tilt_notes(stood: Stance, gravity: Maybe[tuple[float, ...]]) -> tuple[str, ...]:
    if isinstance(gravity, Known) and stood.meanings & set(_TILTED) and words.UPRIGHT_ONLY not in stood.meanings:
        return ("sitting or half upright: gravity may be tilted by up to 25 degrees",)
    return ()

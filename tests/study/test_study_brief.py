"""A study with more lesions than are measured in full says so."""

import numpy as np
from builders import lesion_at, radiograph

from pipeline.features.measure import FULL_LESIONS
from pipeline.model.image import CoarseMask
from pipeline.model.lesion import Segmentation
from pipeline.study import with_brief_noted


def test_a_study_with_more_lesions_than_are_measured_in_full_says_so() -> None:
    image = radiograph()
    nothing = CoarseMask(np.zeros(image.shape, bool), (1, 1), image.shape)
    segmentation = Segmentation((), nothing, nothing, nothing, noise=1.0)
    lesion = lesion_at((slice(5, 8), slice(5, 8)), image.shape)
    (kept,) = with_brief_noted((segmentation,), (lesion,) * FULL_LESIONS)
    assert kept.notes == ()
    (noted,) = with_brief_noted((segmentation,), (lesion,) * (FULL_LESIONS + 1))
    assert noted.notes == (f"{FULL_LESIONS + 1} lesions: all but the {FULL_LESIONS} surest are measured in brief "
                           "(size, density, place)",)  # fmt: skip

"""Bone on a radiograph, roughly: what is broad and rises far above the soft tissue around it.

It serves features that ask how a deposit lies to bone; where a network's map is at hand, that takes its place.
"""

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from pipeline.model.image import Mask
from pipeline.segmentation.background import ExcessMap, Layer

LEAST_MM2 = 60.0
LEAST_EXCESS = 0.06
"""Least excess of bone over the opening of 36 mm, in units of the field's range."""


def likely_bone(layer: Layer, excess: ExcessMap) -> Mask:
    """Bool [row, col] of `layer`: connected regions whose `excess` over a wide opening is that of bone.

    The level lies half way down from Otsu's threshold among the excesses of the body, so that the faint edges of
    flat bones come with their dense ones.
    """
    values = excess.excess[layer.valid & layer.body]
    none = np.zeros_like(layer.valid)
    if len(values) < 100 or float(np.ptp(values)) == 0:
        return none
    high = max(LEAST_EXCESS, float(threshold_otsu(values[::3])))
    numbers, count = ndimage.label(excess.excess > high / 2)
    if not count:
        return none
    area = np.bincount(numbers.ravel(), minlength=count + 1) * layer.spacing_mm[0] * layer.spacing_mm[1]
    reaches = np.zeros(count + 1, bool)
    reaches[np.unique(numbers[excess.excess > high])] = True
    kept = (area >= LEAST_MM2) & reaches
    kept[0] = False
    bone: Mask = ndimage.binary_closing(kept[numbers], iterations=2)
    return bone

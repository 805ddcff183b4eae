"""Foreign objects on a radiograph: metal, lead markers and words burned into the image.

Both kinds end within a pixel or two, while calcium ends as bodies do. Words stand at the very end of the grey scale;
metal is denser than whatever lies around it by more than bone is.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.model.image import Floats, Mask, Radiograph
from pipeline.segmentation.field import Field, block_mean

WORD_MM2 = 80.0
"""Largest area of a letter, a ring or a bar of the burned-in layer."""
WORD_STEP = 0.15
"""Least step from a letter to the image beside it, in units of the field's range."""
WORD_FRAME_MM = 1.2
"""Width of the frame beside a letter in which the step is read."""
METAL_EXCESS = 0.35
"""Least excess of metal over its surroundings, in units of the field's range."""
METAL_AROUND_MM = 16.0
"""Width of the opening that stands for the surroundings of metal."""
METAL_EDGE_PER_MM = 0.55
"""Least mean gradient at the outline of metal, as a share of its excess per mm: it rises within two millimetres."""
METAL_MM2 = (1.0, 6_000.0)
GROWN_MM = 0.8
"""Width of the blur beside metal that belongs to it."""


def foreign_objects(radiograph: Radiograph, field: Field) -> Mask:
    """Bool [row, col] of the working grid: metal, markers and words, with the blur beside them."""
    found = _words(radiograph, field) | _metal(field)
    if not found.any():
        return found
    grown: Mask = ndimage.binary_dilation(found, iterations=max(1, round(GROWN_MM / min(field.spacing_mm))))
    return grown


def _words(radiograph: Radiograph, field: Field) -> Mask:
    """Small pieces at the exact end of the grey scale that stand out from what is beside them."""
    found = np.zeros(field.value.shape, bool)
    ends = (radiograph.attenuation.max(), radiograph.attenuation.min())
    for end, sign in zip(ends, (1, -1), strict=True):
        share = block_mean((radiograph.attenuation == end).astype(np.float32), field.factor)
        numbers, count = ndimage.label(share > 0.3, structure=np.ones((3, 3)))
        if not count:
            continue
        small = np.bincount(numbers.ravel(), minlength=count + 1) * field.element_mm2 <= WORD_MM2
        small[0] = False
        steps = 2 * max(1, round(WORD_FRAME_MM / min(field.spacing_mm))) + 1
        frame = np.where(numbers == 0, ndimage.maximum_filter(numbers, steps), 0)
        beside = _means(field.value, frame, count)
        stands_out = sign * (float(end) - beside) >= WORD_STEP
        found |= (small & stands_out)[numbers]
    return found


def _metal(field: Field) -> Mask:
    """Pieces far denser than their surroundings whose outline is sharp."""
    size = [2 * round(METAL_AROUND_MM / s / 2) + 1 for s in field.spacing_mm]
    low = ndimage.grey_erosion(np.where(field.valid, field.value, np.float32(np.inf)), size=size)
    low[~np.isfinite(low)] = -np.inf
    excess = np.where(field.valid, field.value - ndimage.grey_dilation(low, size=size), 0)
    numbers, count = ndimage.label(excess > METAL_EXCESS)
    if not count:
        return np.zeros(field.value.shape, bool)
    rows, cols = np.gradient(field.value, *field.spacing_mm)
    outline = np.where(ndimage.binary_erosion(numbers > 0), 0, numbers)
    edge = _means(np.hypot(rows, cols).astype(np.float32), outline, count)
    height = _means(excess.astype(np.float32), numbers, count)
    area = np.bincount(numbers.ravel(), minlength=count + 1) * field.element_mm2
    metal = (edge >= METAL_EDGE_PER_MM * height) & (area >= METAL_MM2[0]) & (area <= METAL_MM2[1])
    metal[0] = False
    found: Mask = metal[numbers]
    return found


def _means(values: Floats, numbers: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Means of `values` per label 0..count, 0 where a label does not occur."""
    weight = np.bincount(numbers.ravel(), minlength=count + 1)
    total = np.bincount(numbers.ravel(), values.ravel(), count + 1)
    return np.divide(total, weight, out=np.zeros(count + 1), where=weight > 0)

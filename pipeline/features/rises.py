"""Rises of density along gravity, in a patch turned so that gravity runs down its first axis."""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.features.blocks import near_values
from pipeline.features.patch import Patch
from pipeline.model.image import Floats, Mask
from pipeline.model.known import Known

LAYER_MM, LAYER_ELEMENTS = 1.2, 4
"""Height of the layers compared above and below a step: 3 pixels of a radiograph, less than the thinnest sediment."""
ACROSS_MM, ACROSS_ELEMENTS = 1.5, 5
"""Width over which a step is averaged; a tilt of 10 degrees moves it by 0.3 mm in that."""
STRAIGHT_MM, STRAIGHT_ELEMENTS = 0.35, 0.6
"""How far a column may lie from the plane: the blur of a detector or kernel, and a little more than half an element."""
LARGE, SAMPLE = 1_000_000, 40_000
"""Elements of a patch from which rises are read about the lesion alone, and how many tell their spread: to 1 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A patch turned so that its first axis runs down: along the array axis nearest to gravity.

    `gravity` is the unit vector in this frame, `spacing` millimetres (or elements) along its axes.
    `axis` and `flipped` lead back. `noise` is that of a rise.
    """

    raw: Floats
    density: Floats
    visible: Mask
    valid: Mask
    spacing: tuple[float, ...]
    gravity: tuple[float, ...]
    axis: int
    flipped: bool
    layer: int
    across: tuple[int, ...]
    tolerance: float
    noise: float

    def back(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """Indices [point, axis] of this frame as indices of the patch."""
        down = self.raw.shape[0] - 1 - index[:, 0] if self.flipped else index[:, 0]
        return np.insert(index[:, 1:], self.axis, down, axis=1)


def frame(patch: Patch, gravity: tuple[float, ...]) -> Frame:
    """The patch with `gravity` (unit vector) along its first axis."""
    axis = int(np.argmax(np.abs(gravity)))
    flipped = gravity[axis] < 0

    def turn(array: NDArray[np.generic]) -> NDArray[np.generic]:
        moved = np.moveaxis(array, axis, 0)
        return moved[::-1] if flipped else moved

    order = [axis, *(i for i in range(len(gravity)) if i != axis)]
    spacing = tuple(patch.scale[i] for i in order)
    down = tuple(abs(gravity[i]) if i == axis else gravity[i] for i in order)
    layer = patch.elements(LAYER_MM, LAYER_ELEMENTS)[axis]
    sizes = patch.elements(ACROSS_MM, ACROSS_ELEMENTS)
    across = tuple(sizes[i] - 1 + sizes[i] % 2 for i in order[1:])
    tolerance = STRAIGHT_ELEMENTS * spacing[0]
    if isinstance(patch.spacing_mm, Known):
        tolerance = max(STRAIGHT_MM, tolerance)
    return Frame(
        np.asarray(turn(patch.raw), np.float32),
        np.asarray(turn(patch.density), np.float32),
        np.asarray(turn(patch.visible), bool),
        np.asarray(turn(patch.valid), bool),
        spacing,
        down,
        axis,
        bool(flipped),
        max(2, layer),
        across,
        tolerance,
        patch.noise * float(np.sqrt(2 / (max(2, layer) * np.prod(across)))),
    )


def rises(values: Floats, layer: int, across: tuple[int, ...]) -> Floats:
    """Mean of the `layer` elements from an element downward less that of those above it, averaged across."""
    smooth = values
    for axis, size in enumerate(across, 1):
        smooth = ndimage.uniform_filter1d(smooth, size, axis=axis) if size > 1 else smooth
    mean = ndimage.uniform_filter1d(smooth, layer, axis=0, origin=0, mode="nearest")
    below, above = layer // 2, layer - layer // 2
    rows = np.arange(values.shape[0])
    last = values.shape[0] - 1
    found: Floats = mean[np.minimum(rows + below, last)] - mean[np.maximum(rows - above, 0)]
    return found


def rises_and_spread(view: Frame) -> tuple[Floats, float]:
    """Rises, in a large patch those about the lesion alone, and their spread all over the patch, at least the noise."""
    if view.raw.size <= LARGE:
        rise = rises(view.raw, view.layer, view.across)
        some = rise.ravel().astype(np.float64)
    else:
        reach = (2 * view.layer + 1, *view.across)
        near = tuple(view.layer + a + r for a, r in zip((view.layer, *view.across), reach, strict=True))
        rise = near_values(view.visible, near, reach, lambda box: rises(view.raw[box], view.layer, view.across))
        some = _some_rises(view)
    return rise, max(view.noise, 1.4826 * float(np.median(np.abs(some - np.median(some)))))


def _some_rises(view: Frame) -> NDArray[np.float64]:
    """Rises at `SAMPLE` elements all over a patch, as `rises` gives them away from its edges."""
    sides = [np.arange(-(n // 2), n - n // 2) for n in view.across]
    low = np.array([view.layer, *(n // 2 for n in view.across)])
    high = np.array(view.raw.shape) - [view.layer - 1, *(n - n // 2 - 1 for n in view.across)]
    lengths = tuple(np.maximum(high - low, 1).tolist())
    flat = np.linspace(0, math.prod(lengths) - 1, SAMPLE).astype(np.intp)
    at = np.column_stack(np.unravel_index(flat, lengths)) + low
    total = np.zeros(len(flat))
    for way in range(-view.layer, view.layer):
        for side in product(*sides):
            total += (1 if way >= 0 else -1) * view.raw[tuple((at + np.array([way, *side])).T)]
    found: NDArray[np.float64] = total / (view.layer * math.prod(view.across))
    return found

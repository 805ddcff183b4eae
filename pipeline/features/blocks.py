"""Filters on a sparse mask: work is done in boxes about what is there, not on all the empty room between.

A field of grains fills a percent of its box. What a filter gives near the mask depends on what lies within its reach,
so each box is cut with that much around it, and values are those that the whole array would have given.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from pipeline.features.patch import Labels
from pipeline.model.image import Floats, Mask

Box: TypeAlias = tuple[slice, ...]
Reach: TypeAlias = int | tuple[int, ...]
"""Elements, along each axis or along all."""

STEP = {2: 16, 3: 8}
"""Side of the blocks in which elements are looked for, by number of axes."""
LEAST_ELEMENTS = 30_000
"""A filter on fewer elements costs no more than to look for boxes."""
DENSE_SHARE = 0.6
"""Boxes that hold this share of the whole are not worth cutting out one by one."""


def box_of(mask: Mask) -> Box:
    """The box of a mask that is not empty."""
    found = []
    for axis in range(mask.ndim):
        line = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        found.append(slice(int(line[0]), int(line[-1]) + 1))
    return tuple(found)


def widened(box: Box, by: Reach, shape: tuple[int, ...]) -> Box:
    """A box with `by` elements more to each side, inside an array of `shape`."""
    reach = (by,) * len(shape) if isinstance(by, int) else by
    return tuple(slice(max(0, s.start - r), min(n, s.stop + r)) for s, r, n in zip(box, reach, shape, strict=True))


def boxes(mask: Mask) -> tuple[Box, ...]:
    """Boxes that together hold a mask and do not overlap: each piece (all neighbours) lies wholly in one of them."""
    if not mask.any():
        return ()
    whole = box_of(mask)
    inner = mask[whole]
    if inner.size < LEAST_ELEMENTS:
        return (whole,)
    coarse = inner
    for axis in range(mask.ndim):
        coarse = np.logical_or.reduceat(coarse, np.arange(0, inner.shape[axis], STEP[mask.ndim]), axis=axis)
    labels, _ = ndimage.label(coarse, np.ones((3,) * mask.ndim))
    found = [_fine(box, inner.shape, whole) for box in _disjoint(ndimage.find_objects(labels))]
    return tuple(found) if sum(size(box) for box in found) <= DENSE_SHARE * inner.size else (whole,)


def size(box: Box) -> int:
    """Number of elements in a box."""
    return math.prod(s.stop - s.start for s in box)


def _disjoint(found: Sequence[Box]) -> list[Box]:
    """Boxes that overlap made one, until none do."""
    low = np.array([[s.start for s in box] for box in found])
    high = np.array([[s.stop for s in box] for box in found])
    while True:
        common = np.all((low[:, None] < high) & (low < high[:, None]), axis=2)
        count, owner = connected_components(common, directed=False)
        if count == len(low):
            return [
                tuple(slice(a, b) for a, b in zip(*ends, strict=True))
                for ends in zip(low.tolist(), high.tolist(), strict=True)
            ]
        below, above = (
            np.full((count, low.shape[1]), np.iinfo(low.dtype).max),
            np.zeros((count, low.shape[1]), low.dtype),
        )
        np.minimum.at(below, owner, low)
        np.maximum.at(above, owner, high)
        low, high = below, above


def _fine(box: Box, shape: tuple[int, ...], whole: Box) -> Box:
    """A box of blocks as one of elements of the whole array."""
    return tuple(
        slice(w.start + s.start * STEP[len(shape)], w.start + min(n, s.stop * STEP[len(shape)]))
        for s, n, w in zip(box, shape, whole, strict=True)
    )


def cut_out(mask: Mask, near: Reach, reach: Reach) -> Iterator[tuple[Box, Box, Box]]:
    """Boxes about a mask: where to put values, what to compute them from, and the first within the second.

    Values are wanted up to `near` elements from the mask; a value depends on elements up to `reach` away.
    """
    for box in boxes(mask):
        inner = widened(box, near, mask.shape)
        outer = widened(inner, reach, mask.shape)
        yield inner, outer, tuple(slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True))


def near_mask(mask: Mask, near: Reach, reach: Reach, function: Callable[[Box], Mask]) -> Mask:
    """`function` of boxes, put together: right up to `near` elements from the mask, False beyond.

    `function` gets a box of the array and gives values of its shape; they may depend on elements up to `reach` away,
    and with `near` 0 also on the whole piece of the mask (all neighbours) that an element belongs to.
    """
    found = np.zeros(mask.shape, bool)
    for inner, outer, part in cut_out(mask, near, reach):
        found[inner] = function(outer)[part]
    return found


def near_values(mask: Mask, near: Reach, reach: Reach, function: Callable[[Box], Floats]) -> Floats:
    """The same for numbers, 0 beyond."""
    found = np.zeros(mask.shape, np.float32)
    for inner, outer, part in cut_out(mask, near, reach):
        found[inner] = function(outer)[part]
    return found


def filled(mask: Mask) -> Mask:
    """A mask with its holes filled: what the outside does not reach through faces."""
    found = mask.copy()
    for box in boxes(mask):
        outside, count = ndimage.label(np.pad(~mask[box], 1, constant_values=True))
        if count > 1:
            found[box] = (outside != 1)[(slice(1, -1),) * mask.ndim]
    return found


def labelled(mask: Mask, faces_only: bool = False) -> tuple[Labels, NDArray[np.intp]]:
    """Connected pieces of a mask numbered from 1, and the elements of each by its number (0 for what is outside).

    Neighbours touch by a corner, or with `faces_only` by a face.
    """
    structure = None if faces_only else np.ones((3,) * mask.ndim)
    found = np.zeros(mask.shape, np.int32)
    sizes = [np.zeros(1, np.intp)]
    count = 0
    for box in boxes(mask):
        labels, more = ndimage.label(mask[box], structure)
        sizes.append(np.bincount(labels.ravel(), minlength=more + 1)[1:])
        labels[labels > 0] += count
        found[box] = labels
        count += more
    return found, np.concatenate(sizes)


def depth_of(mask: Mask, scale: Sequence[float]) -> Floats:
    """Distance of each element of a mask from the nearest that is not in it, in the unit of `scale`; 0 outside.

    What lies beyond the array is not in the mask.
    """

    def depth(box: Box) -> Floats:
        padded = np.pad(mask[box], 1)
        found = ndimage.distance_transform_edt(padded, sampling=scale)
        return np.asarray(found[(slice(1, -1),) * mask.ndim], np.float32)

    return near_values(mask, 0, 1, depth)

"""How deep inside a sparse mask each voxel lies: exact distances at the cost of the voxels inside, not of the box."""

import numpy as np
from numpy.typing import NDArray

from pipeline.model.image import Floats, Mask

Ints = NDArray[np.int64]


def depths(mask: Mask, spacing_mm: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Distance of each voxel inside to the nearest one outside, mm: in its slice, and in space [slice, row, col].

    The outermost layer of `mask` along every axis must be False. Rows come from runs; columns and slices take the
    lower envelope of parabolas (Felzenszwalb and Huttenlocher 2012), voxel by voxel, and only as far as a voxel's
    distance so far reaches. Equal to scipy's distance_transform_edt.
    """
    inside = np.flatnonzero(mask)
    squared = np.zeros(mask.size, np.float32)
    squared[inside] = (_along_columns(mask, inside) * spacing_mm[2]) ** 2
    _envelope(squared, inside, mask.shape[2], spacing_mm[1])
    plane: Floats = np.sqrt(squared).reshape(mask.shape)
    _envelope(squared, inside, mask.shape[1] * mask.shape[2], spacing_mm[0])
    return plane, np.sqrt(squared, out=squared).reshape(mask.shape)


def _along_columns(mask: Mask, inside: Ints) -> NDArray[np.float32]:
    """Steps to the nearest end of each voxel's run along the last axis."""
    if not len(inside):
        return np.zeros(0, np.float32)
    starts = np.flatnonzero(np.diff(inside, prepend=inside[0] - 2) > 1)
    counts = np.diff(starts, append=len(inside))
    behind = np.arange(len(inside)) - np.repeat(starts, counts) + 1
    ahead = np.repeat(counts, counts) + 1 - behind
    found: NDArray[np.float32] = np.minimum(behind, ahead).astype(np.float32)
    return found


def _envelope(squared: NDArray[np.float32], inside: Ints, stride: int, step_mm: float) -> None:
    """Lower the squared distances of `inside` by what their neighbours `stride`, 2 `stride`, ... away allow."""
    before = squared.copy()
    best = squared[inside]
    active = np.arange(len(inside))
    steps = 0
    while True:
        steps += 1
        reach = np.float32((steps * step_mm) ** 2)
        active = active[best[active] > reach]
        if not len(active):
            break
        here = inside[active]
        for way in (-steps * stride, steps * stride):
            there = before[np.clip(here + way, 0, len(before) - 1)] + reach
            best[active] = np.minimum(best[active], there)
    squared[inside] = best

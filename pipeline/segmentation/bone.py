"""Bone on CT as a coarse mask: cortex and marrow of every dense piece that is no deposit, contrast or metal."""

from collections.abc import Iterable

import numpy as np

from pipeline.model.image import CoarseMask, Mask, Volume
from pipeline.segmentation.pieces import Piece


def paint_pieces(pieces: Iterable[Piece], volume: Volume, factor: tuple[int, ...]) -> CoarseMask:
    """The filled pieces on a grid coarser by `factor`; a coarse element is True where any of its voxels is."""
    coarse = np.zeros([-(-n // f) for n, f in zip(volume.shape, factor, strict=True)], bool)
    for piece in pieces:
        pooled, first = _on_grid(piece.filled, piece.dense.offset, factor)
        box = tuple(slice(a, a + n) for a, n in zip(first, pooled.shape, strict=True))
        coarse[box] |= pooled
    return CoarseMask(coarse, factor, volume.shape)


def _on_grid(mask: Mask, offset: tuple[int, ...], factor: tuple[int, ...]) -> tuple[Mask, tuple[int, ...]]:
    """The mask pooled by `factor` on the grid of the volume, and the coarse index of its first element."""
    before = [o % f for o, f in zip(offset, factor, strict=True)]
    after = [-(b + n) % f for b, n, f in zip(before, mask.shape, factor, strict=True)]
    pooled = np.pad(mask, list(zip(before, after, strict=True)))
    for axis, f in enumerate(factor):
        parts = [pooled[tuple(slice(k, None, f) if i == axis else slice(None) for i in range(3))] for k in range(f)]
        pooled = np.logical_or.reduce(parts)
    return pooled, tuple(o // f for o, f in zip(offset, factor, strict=True))

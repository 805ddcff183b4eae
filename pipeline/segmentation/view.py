"""A piece with its surroundings, cut from the volume: what its appearance is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.model.image import CoarseMask, Floats, Mask, Volume
from pipeline.model.lesion import Crop, box_in, padded_box
from pipeline.segmentation.body import eroded_in_plane
from pipeline.segmentation.noise import Quality, smoothed
from pipeline.segmentation.pieces import Piece

MARGIN_MM = 6.0
"""Surroundings in a view."""
GAS_HU = -300.0
MOST_CROP = 80_000
"""Elements of a crop beyond which it is looked at in steps of two or more voxels."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What all pieces of a volume share.

    `skin` and `gas` find the nearest such point in mm (slice, row, col); `middle_mm` is the middle of the body.
    """

    volume: Volume
    quality: Quality
    skin: cKDTree
    gas: cKDTree | None
    middle_mm: NDArray[np.float64]


def scene_of(volume: Volume, body: CoarseMask, pooled: NDArray[np.int16], quality: Quality) -> Scene:
    """The scene of a volume; `pooled` HU lie on the grid of `body`."""
    cell = np.asarray(volume.spacing_mm) * np.asarray(body.factor)
    rim = body.mask & ~eroded_in_plane(body.mask, 3, 3)
    gas = body.mask & (pooled < GAS_HU) & eroded_in_plane(body.mask, 7, 7)
    points = np.argwhere(gas)
    tree = _tree(points[:: max(1, len(points) // 200_000)] * cell) if len(points) else None
    rim_points = (np.argwhere(rim) if rim.any() else np.zeros((1, 3))) * cell
    middle = (rim_points.min(axis=0) + rim_points.max(axis=0)) / 2
    return Scene(volume, quality, _tree(rim_points), tree, middle)


def _tree(points: NDArray[np.float64]) -> cKDTree:
    return cKDTree(points, balanced_tree=False, compact_nodes=False)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Crop of a piece with surroundings, thinned when large: smoothed HU, masks, spacing in mm.

    `dense` and `filled` are the piece's, `beside` is what pieces next to it fill.
    """

    hu: Floats
    dense: Mask
    filled: Mask
    beside: Mask
    spacing_mm: tuple[float, ...]
    low_hu: float


def view_of(piece: Piece, scene: Scene, others: Sequence[Piece]) -> View:
    """A piece, and others beside it, with `MARGIN_MM` about it."""
    spacing = scene.volume.spacing_mm
    margin = tuple(int(np.ceil(MARGIN_MM / s)) for s in spacing)
    box = padded_box(piece.dense, margin, scene.volume.shape)
    start = tuple(b.start for b in box)
    dense, filled, beside = (np.zeros([b.stop - b.start for b in box], bool) for _ in range(3))
    inner = box_in(piece.dense, start)
    dense[inner], filled[inner] = piece.dense.mask, piece.filled
    for other in others:
        paint(beside, Crop(other.filled, other.dense.offset), start)
    thin = _thinning(dense, spacing)
    layers = smoothed(scene.volume.hu[box][thin[0]], (0.0, *scene.quality.smoothing_px))
    middle = (piece.dense.offset[0] + piece.dense.stop[0]) // 2
    return View(
        layers[:, thin[1], thin[2]],
        dense[thin],
        filled[thin],
        beside[thin],
        tuple(s * (t.step or 1) for s, t in zip(spacing, thin, strict=True)),
        float(scene.quality.low_hu[middle]),
    )


def _thinning(dense: Mask, spacing_mm: tuple[float, ...]) -> tuple[slice, ...]:
    """Steps that leave about `MOST_CROP` elements, finest axes first; none where they would miss the piece."""
    steps = [1, 1, 1]
    while dense.size / np.prod(steps) > MOST_CROP:
        finest = int(np.argmin([s * k for s, k in zip(spacing_mm, steps, strict=True)]))
        steps[finest] += 1
    thin = tuple(slice(None, None, k) for k in steps)
    return thin if dense[thin].any() else (slice(None),) * 3


def paint(mask: Mask, crop: Crop, start: tuple[int, ...]) -> None:
    """Add a crop to a mask whose first element has index `start`; what lies outside is left out."""
    low = [max(o, s) for o, s in zip(crop.offset, start, strict=True)]
    high = [min(e, s + n) for e, s, n in zip(crop.stop, start, mask.shape, strict=True)]
    if all(a < b for a, b in zip(low, high, strict=True)):
        here = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))
        there = tuple(slice(a - o, b - o) for a, b, o in zip(low, high, crop.offset, strict=True))
        mask[here] |= crop.mask[there]

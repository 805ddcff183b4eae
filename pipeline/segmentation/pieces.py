"""Components cut at their necks: so that a deposit can be told from the bone it touches.

A component is made solid, its depth map flooded from the deepest points, and two basins stay apart where the neck
between them is clearly narrower than the smaller one is deep (merging by persistence, as in watershed by dynamics).
What stands out of a basin without a neck becomes a piece of its own too.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label
from skimage.segmentation import watershed

from pipeline.model.image import Floats, Mask
from pipeline.model.lesion import Crop
from pipeline.segmentation.bumps import with_bumps
from pipeline.segmentation.depth import depths
from pipeline.segmentation.solid import margin_px, solid

WHOLE_MM3 = 150.0
"""Smaller components are one piece."""
NECK_MM, NECK_SHARE = 0.45, 0.06
"""A basin is a piece of its own when its depth exceeds its neck's by this and by this share of the depth."""
LEAST_MM3 = 12.0
"""Smaller basins go to the neighbour with which they share most surface."""
MOST_VOXELS = 2_500_000
COARSE_MM = 1.5
"""Components with a larger box, skeletons of a trunk, are cut on a grid of about this size."""

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Contact:
    """Where two pieces of one component meet: index of the other piece, shared surface, half the neck's width."""

    other: int
    area_mm2: float
    neck_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of a component. `dense`: its voxels above the threshold; `filled` (same box): with what they enclose.

    `component` is the index of its component, `depth_mm` the radius of the largest ball inside `filled`.
    """

    component: int
    dense: Crop
    filled: Mask
    depth_mm: float
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """A component with its number, and its basins and depth on a grid coarser by `factor`."""

    component: Crop
    number: int
    factor: tuple[int, ...]
    basins: Ints
    depth: Floats


def cut_components(components: Sequence[Crop], spacing_mm: tuple[float, ...]) -> tuple[Piece, ...]:
    """All pieces of all components; contacts refer to indices in the tuple that comes back."""
    pieces: list[Piece] = []
    for number, component in enumerate(components):
        pieces += _cut(component, number, len(pieces), spacing_mm)
    return tuple(pieces)


def _cut(component: Crop, number: int, first: int, spacing_mm: tuple[float, ...]) -> list[Piece]:
    factor: tuple[int, ...] = (1, 1, 1)
    if component.mask.size > MOST_VOXELS:
        factor = tuple(max(1, round(COARSE_MM / s)) for s in spacing_mm)
    spacing = tuple(s * f for s, f in zip(spacing_mm, factor, strict=True))
    margin = margin_px(spacing)
    mask = np.pad(_thinned(component.mask, factor), [(m, m) for m in margin])
    filled = solid(mask, spacing)
    depth, plane = _depth(filled, spacing)
    basins = np.where(filled, 1, 0).astype(np.int32)
    if np.count_nonzero(filled) * float(np.prod(spacing)) > WHOLE_MM3:
        basins = with_bumps(_basins(depth, filled, spacing), plane, spacing)
    edges = _edges(basins, depth, spacing)
    inner = tuple(slice(m, -m) for m in margin)
    return _pieces(_Cut(component, number, factor, basins[inner], depth[inner]), first, edges)


def _thinned(mask: Mask, factor: tuple[int, ...]) -> Mask:
    """The mask on a grid coarser by `factor`: True where any of its voxels is."""
    if max(factor) == 1:
        return mask
    even = np.pad(mask, [(0, -n % f) for n, f in zip(mask.shape, factor, strict=True)])
    for axis, f in enumerate(factor):
        parts = [even[tuple(slice(k, None, f) if i == axis else slice(None) for i in range(3))] for k in range(f)]
        even = np.logical_or.reduce(parts)
    return even


def _repeated(mask: Mask, factor: tuple[int, ...]) -> Mask:
    """A mask on a grid coarser by `factor` at full resolution."""
    for axis, f in enumerate(factor):
        mask = mask.repeat(f, axis=axis) if f > 1 else mask
    return mask


def _depth(filled: Mask, spacing_mm: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Distance to the outside, mm: the mean of the one in space and the one in plane, and the one in plane.

    In space alone thick slices cap the depth, and necks vanish.
    """
    plane, whole = depths(filled, spacing_mm)
    whole += plane
    whole *= np.float32(0.5)
    return whole, plane


def _basins(depth: Floats, filled: Mask, spacing_mm: tuple[float, ...]) -> Ints:
    """Basins of the depth map, numbered from 1, after those with too little of a neck were joined."""
    peaks, _ = label(_peaks(depth, filled), np.ones((3, 3, 3)))
    flood: Callable[..., NDArray[np.int_]] = watershed  # untyped in scikit-image
    basins = flood(-depth, peaks, mask=filled).astype(np.int32)
    count = int(basins.max())
    height = np.zeros(count + 1, np.float32)
    np.maximum.at(height, basins[filled], depth[filled])
    a, b, _, neck = _edges(basins, depth, spacing_mm)
    root = np.arange(count + 1)
    for i in np.argsort(-neck, kind="stable"):
        low, high = sorted((_find(root, a[i]), _find(root, b[i])), key=lambda r: (height[r], -r))
        if low != high and height[low] - neck[i] < NECK_MM + NECK_SHARE * height[low]:
            root[low] = high
    basins[filled] = np.array([_find(root, n) for n in range(count + 1)], np.int32)[basins[filled]]
    return _without_crumbs(basins, depth, spacing_mm)


def _peaks(depth: Floats, filled: Mask) -> Mask:
    """Voxels of `filled` as deep as any of their 26 neighbours; the border of the array is outside."""
    deep, inside = depth.ravel(), np.flatnonzero(filled)
    for step in itertools.product((-1, 0, 1), repeat=3):
        beside = inside + (step[0] * depth.shape[1] + step[1]) * depth.shape[2] + step[2]
        inside = inside[deep[inside] >= deep[beside]]
    found = np.zeros(depth.shape, bool)
    found.ravel()[inside] = True
    return found


def _find(root: NDArray[np.int_], n: int) -> int:
    while root[n] != n:
        root[n] = root[root[n]]
        n = int(root[n])
    return n


def _without_crumbs(basins: Ints, depth: Floats, spacing_mm: tuple[float, ...]) -> Ints:
    """Basins renumbered from 1, the smallest given to the neighbour with the largest common surface."""
    inside = np.flatnonzero(basins)
    own = basins.ravel()[inside]
    volume = np.bincount(own) * float(np.prod(spacing_mm))
    a, b, area, _ = _edges(basins, depth, spacing_mm)
    best: dict[int, tuple[float, int]] = {}
    for i, j, shared in zip(np.append(a, b), np.append(b, a), np.append(area, area), strict=True):
        if volume[i] < LEAST_MM3 and volume[j] >= LEAST_MM3:
            best[int(i)] = max(best.get(int(i), (0.0, 0)), (float(shared), int(j)))
    target = np.arange(len(volume))
    for crumb, (_, neighbour) in best.items():
        target[crumb] = neighbour
    left = np.zeros(len(volume), bool)
    left[target[np.flatnonzero(volume)]] = True
    found = np.zeros(basins.shape, np.int32)
    found.ravel()[inside] = np.cumsum(left).astype(np.int32)[target[own]]
    return found


def _edges(basins: Ints, depth: Floats, spacing_mm: tuple[float, ...]) -> tuple[Ints, Ints, Floats, Floats]:
    """Pairs of touching basins a < b, their common surface in mm2 and the depth of the widest passage in mm."""
    keys, areas, necks = [], [], []
    base = int(basins.max()) + 1
    flat, deep = basins.ravel(), depth.ravel()
    inside = np.flatnonzero(flat)
    own = flat[inside].astype(np.int64)
    for axis, stride in enumerate((basins.shape[1] * basins.shape[2], basins.shape[2], 1)):
        near = flat[inside + stride]  # the border of the array is outside, so that no line runs into the next
        met = np.flatnonzero((near > 0) & (near != own))
        p, q = own[met], near[met].astype(np.int64)
        keys.append(np.minimum(p, q) * base + np.maximum(p, q))
        areas.append(np.full(len(p), np.prod(spacing_mm) / spacing_mm[axis]))
        necks.append(np.minimum(deep[inside[met]], deep[inside[met] + stride]))
    key, area, neck = np.concatenate(keys), np.concatenate(areas), np.concatenate(necks)
    order = np.argsort(key, kind="stable")
    unique, starts = np.unique(key[order], return_index=True)
    if not len(unique):
        return np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.float32)
    return (
        (unique // base).astype(np.int32),
        (unique % base).astype(np.int32),
        np.add.reduceat(area[order], starts).astype(np.float32),
        np.maximum.reduceat(neck[order], starts).astype(np.float32),
    )


def _pieces(cut: _Cut, first: int, edges: tuple[Ints, Ints, Floats, Floats]) -> list[Piece]:
    """The pieces of a component; the first one's index is `first`."""
    found = {
        n: piece for n, box in enumerate(find_objects(cut.basins), 1) if (piece := _piece(cut, n, box)) is not None
    }
    index = {n: first + i for i, n in enumerate(found)}
    contacts: dict[int, list[Contact]] = {n: [] for n in found}
    for a, b, area, neck in zip(*(e.tolist() for e in edges), strict=True):
        if a in index and b in index:
            contacts[a].append(Contact(index[b], area, neck))
            contacts[b].append(Contact(index[a], area, neck))
    return [replace(piece, contacts=tuple(contacts[n])) for n, piece in found.items()]


def _piece(cut: _Cut, n: int, box: tuple[slice, ...] | None) -> Piece | None:
    """The piece of basin `n` without its contacts; None where none of its voxels is dense."""
    if box is None:
        return None
    own = cut.basins[box] == n
    shape = cut.component.mask.shape
    full = tuple(slice(b.start * f, min(n, b.stop * f)) for b, f, n in zip(box, cut.factor, shape, strict=True))
    filled = _repeated(own, cut.factor)[tuple(slice(b.stop - b.start) for b in full)]
    dense = cut.component.mask[full] & filled
    if not dense.any():
        return None
    offset = tuple(o + b.start for o, b in zip(cut.component.offset, full, strict=True))
    return Piece(cut.number, Crop(dense, offset), filled, float(cut.depth[box][own].max()))

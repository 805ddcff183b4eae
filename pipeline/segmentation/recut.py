"""Pieces in which the network sees calcium and bone side by side are cut where the two meet.

A mass as wide as the bone it is fused with has no neck and is no bump; what differs is the look of its inside.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from pipeline.model.image import Floats, Mask
from pipeline.model.lesion import Crop, crop_of
from pipeline.segmentation.ct_network import MOST_LOG_ODDS, Atlas, figures
from pipeline.segmentation.depth import depths
from pipeline.segmentation.pieces import Contact, Piece

MIXED_SHARE = (0.02, 0.97)
"""Share of a piece's voxels that the network takes for calcium, within which the piece may be two."""
LEAST_MM3 = 40.0
"""Volume of either part."""
LEAST_SHARE = 0.04
"""What is left beside calcium holds at least this share of the piece, else it stays whole."""
SURE_LOG_ODDS = 1.0
"""Calcium that is cut off holds such a place."""


def recut(pieces: tuple[Piece, ...], atlas: Atlas) -> tuple[Piece, ...]:
    """The pieces, those cut that hold calcium beside something else; new ones at the end, contacts renewed."""
    seen = figures(pieces, atlas)
    voxel = float(np.prod(atlas.volume.spacing_mm))
    volume = np.array([np.count_nonzero(p.dense.mask) for p in pieces]) * voxel
    low, high = MIXED_SHARE
    mixed = (seen[:, 3] > low) & (seen[:, 3] < high) & (volume >= 2 * LEAST_MM3)
    chosen = [int(i) for i in np.argsort(-volume * seen[:, 3], kind="stable") if mixed[i]]
    atlas.look((pieces[i] for i in chosen), None)
    found = list(pieces)
    for i in chosen:
        parts = _parts(found[i], atlas)
        if len(parts) > 1:
            _exchange(found, i, parts, atlas.volume.spacing_mm)
    return tuple(found)


def _parts(piece: Piece, atlas: Atlas) -> list[Mask]:
    """Masks in the piece's box: what is left, then each body of calcium; one mask where it stays whole."""
    odds = _odds(piece, atlas)
    voxel = float(np.prod(atlas.volume.spacing_mm))
    numbers, count = label(piece.filled & (odds > 0))
    sizes = np.bincount(numbers[piece.dense.mask], minlength=count + 1) * voxel
    sure = np.zeros(count + 1, np.float32)
    np.maximum.at(sure, numbers.ravel(), odds.ravel())
    kept = [n for n in range(1, count + 1) if sizes[n] >= LEAST_MM3 and sure[n] >= SURE_LOG_ODDS]
    rest = piece.filled & ~np.isin(numbers, kept)
    left = np.count_nonzero(rest & piece.dense.mask) * voxel
    if not kept or left < max(LEAST_MM3, LEAST_SHARE * np.count_nonzero(piece.dense.mask) * voxel):
        return [piece.filled]
    return [rest, *(numbers == n for n in kept)]


def _odds(piece: Piece, atlas: Atlas) -> Floats:
    """Log odds at each voxel of the piece's box, between the slices that were looked at interpolated."""
    shape, offset = piece.filled.shape, piece.dense.offset
    known: dict[int, Floats] = {}
    for k, place in enumerate(atlas.places):
        n = int(place[0]) - offset[0]
        if not 0 <= n < shape[0] or not piece.filled[n].any():
            continue
        rows, columns = np.nonzero(piece.filled[n])
        odds, seen = atlas.values(k, rows + offset[1], columns + offset[2])
        if seen.any():
            plane = known.setdefault(n, np.full(shape[1:], np.nan, np.float32))
            fresh = seen & np.isnan(plane[rows, columns])
            plane[rows[fresh], columns[fresh]] = odds[fresh]
    found = np.full(shape, -MOST_LOG_ODDS, np.float32)
    numbers = sorted(known)
    for n in range(shape[0] if numbers else 0):
        after = int(np.searchsorted(numbers, n))
        a, b = numbers[max(0, after - 1)], numbers[min(after, len(numbers) - 1)]
        if n >= numbers[-1] or n <= numbers[0]:
            a = b = numbers[-1] if n >= numbers[-1] else numbers[0]
        share = (n - a) / (b - a) if b > a else 0.0
        first, second = _spread(known[a]), _spread(known[b])
        found[n] = (1 - share) * first + share * second
    return found


def _spread(plane: Floats) -> Floats:
    """A plane of odds with the nearest known value, along rows, then columns, where none is known."""
    found = plane.copy()
    for turned in (found, found.T):
        for way in (turned, turned[:, ::-1]):
            known = ~np.isnan(way)
            at = np.where(known, np.arange(way.shape[1]), 0)
            np.maximum.accumulate(at, axis=1, out=at)
            filler = np.take_along_axis(way, at, axis=1)
            way[...] = np.where(known, way, filler)
    return np.where(np.isnan(found), -MOST_LOG_ODDS, found)


def _exchange(pieces: list[Piece], i: int, parts: list[Mask], spacing_mm: tuple[float, ...]) -> None:
    """Put `parts` in the place of piece `i`: the first keeps its index, the others come at the end."""
    whole = pieces[i]
    depth = depths(np.pad(whole.filled, 1), spacing_mm)
    mean = (0.5 * (depth[0] + depth[1]))[1:-1, 1:-1, 1:-1]
    indices = [i, *range(len(pieces), len(pieces) + len(parts) - 1)]
    labels = np.zeros(np.array(whole.filled.shape) + 2, np.int32)
    start = tuple(o - 1 for o in whole.dense.offset)
    for contact in whole.contacts:
        _paint(labels, pieces[contact.other], start, contact.other + 1)
    inner = labels[1:-1, 1:-1, 1:-1]
    for index, part in zip(indices, parts, strict=True):
        inner[part] = index + 1
    deep = np.pad(mean, 1)
    old = {c.other: c.neck_mm for c in whole.contacts}
    fresh: dict[int, list[Contact]] = {index: [] for index in indices}
    for a, b, area, neck in _touching(labels, deep, spacing_mm, set(indices)):
        for own, other in ((a, b), (b, a)):
            if own in fresh:
                fresh[own].append(Contact(other, area, old.get(other, neck)))
    for other in old:
        contacts = [c for c in pieces[other].contacts if c.other != i]
        contacts += [Contact(own, c.area_mm2, c.neck_mm) for own in indices for c in fresh[own] if c.other == other]
        pieces[other] = replace(pieces[other], contacts=tuple(contacts))
    for index, part in zip(indices, parts, strict=True):
        made = _piece(whole, part, float(mean[part].max()), tuple(fresh[index]))
        if index == i:
            pieces[i] = made
        else:
            pieces.append(made)


def _piece(whole: Piece, part: Mask, depth_mm: float, contacts: tuple[Contact, ...]) -> Piece:
    filled = crop_of(part, whole.dense.offset)
    box = tuple(slice(a - o, b - o) for a, b, o in zip(filled.offset, filled.stop, whole.dense.offset, strict=True))
    return Piece(
        whole.component, Crop(whole.dense.mask[box] & filled.mask, filled.offset), filled.mask, depth_mm, contacts
    )


def _paint(labels: NDArray[np.int32], piece: Piece, start: tuple[int, ...], number: int) -> None:
    low = [max(o, s) for o, s in zip(piece.dense.offset, start, strict=True)]
    high = [min(e, s + n) for e, s, n in zip(piece.dense.stop, start, labels.shape, strict=True)]
    if all(a < b for a, b in zip(low, high, strict=True)):
        here = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))
        there = tuple(slice(a - o, b - o) for a, b, o in zip(low, high, piece.dense.offset, strict=True))
        labels[here][piece.filled[there]] = number


def _touching(
    labels: NDArray[np.int32], depth: Floats, spacing_mm: tuple[float, ...], own: set[int]
) -> list[tuple[int, int, float, float]]:
    """Index, index, common surface in mm2, depth of the widest passage in mm of touching pieces, one of them `own`."""
    found: dict[tuple[int, int], list[float]] = {}
    face = float(np.prod(spacing_mm))
    for axis in range(3):
        first = labels[tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))]
        second = labels[tuple(slice(1, None) if k == axis else slice(None) for k in range(3))]
        met = np.nonzero((first != second) & (first > 0) & (second > 0))
        shifted = tuple(m + (k == axis) for k, m in enumerate(met))
        passage = np.minimum(depth[met], depth[shifted])
        for a, b, neck in zip(first[met].tolist(), second[met].tolist(), passage.tolist(), strict=True):
            key = (min(a, b) - 1, max(a, b) - 1)
            entry = found.setdefault(key, [0.0, 0.0])
            entry[0] += face / spacing_mm[axis]
            entry[1] = max(entry[1], neck)
    return [(a, b, area, neck) for (a, b), (area, neck) in found.items() if a in own or b in own]

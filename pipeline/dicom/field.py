"""The exposed field of a radiograph as the image shows it: straight unexposed borders and blackened surroundings.

Two kinds of border are told from anatomy. *Unexposed*: the image steps down across a straight line, and is as smooth
outside as scatter alone makes it. *Blackened*: outside a straight line every pixel has one value. The
outline of a limb against air is neither: air attenuates less than the limb, and skin is not straight to a pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.model.image import Floats, Mask

COARSE = 240
"""Pixels of the longer side of the image in which borders are looked for."""
TILTS = np.tan(np.radians(np.linspace(-9.0, 9.0, 37)))
"""Slopes of a border against the image's edge that are tried; collimators are seldom turned by more."""
DEEPEST = 0.42
"""How far into the image, part of its side, a border may lie."""
WINDOW = 3
"""Coarse pixels on each side of a border whose means are compared."""
STEP = 0.06
"""Least step across an unexposed border, part of the image's range from the 1st to the 99th percentile."""
SUPPORT = 0.55
"""Part of a border's length that must show the step."""
SMOOTH = 0.02
"""Largest gradient (90th percentile) outside an unexposed border, part of the range for one coarse pixel: only
scatter reaches there. Measured: 0.003 to 0.012 behind collimators, above 0.04 in limbs and trunks."""
DENSE, DENSE_SMOOTH = 0.85, 0.035
"""Where the outside is nearly the densest of the image, a larger gradient is allowed: two leaves of a collimator."""
NARROW, NARROW_SUPPORT = 0.05, 0.75
"""A strip of up to this mean width, part of the side, is mostly blur: the median of its gradient is judged, but more of
its length must show the step."""
CLEAR = 3.0
"""Coarse pixels next to a border where the gradient is not judged: its own blur."""
BLACK_TOLERANCE = 0.004
"""Largest difference from one value outside a blackened border, part of the range; lossy compression leaves some."""
BLACK_SUPPORT = 0.25
"""Part of a blackened border's length where the image beyond it differs from the blackened value."""
BLACK_STEP = 0.02
"""Least difference just inside a blackened border, part of the range."""
STRAIGHT_PIXELS = 0.8
"""Largest deviation (root mean square) of a blackened border from a straight line, pixels."""
MARGIN = 1.5
"""Coarse pixels by which the field is narrowed at a border: the penumbra."""
BLACK_STRAY = 0.08
"""Part of the rows that may leave the black before a blackened border does: markers, burned-in words."""
PASSES = 2
"""Unexposed borders that are looked for on each side: a collimator's leaf, and a second one or a table behind it."""
LEAST_KEPT = 0.1
"""Least part of the image that borders may leave; less is taken for a misunderstanding."""


@dataclass(frozen=True, slots=True)
class Border:
    """A border line: col = offset + slope * (row - middle), in pixels of an image turned by `side` quarter turns.

    Turned counterclockwise by `side`, the outside lies at the columns below the line.
    """

    side: int
    offset: float
    slope: float
    support: float


def seen_field(attenuation: Floats, inside: Mask | None = None) -> tuple[Mask, tuple[str, ...]]:
    """Bool [row, col], True in the exposed field, with notes.

    `attenuation` [row, col]: larger is more attenuating, any unit. `inside` is what is already known to be open.
    """
    shape = attenuation.shape
    whole = np.ones(shape, bool) if inside is None else inside
    factor = max(1, max(shape) // COARSE)
    if min(shape) < 8 * WINDOW * factor:
        return whole, ()
    coarse = _block_means(attenuation, factor)
    low, high = (float(v) for v in np.percentile(coarse, [1, 99]))
    if high <= low:
        return whole, ()
    known = _block_means(whole, factor) > 0.5 if inside is not None else np.ones(coarse.shape, bool)
    black = _blackened(attenuation, factor, high - low)
    for border in black:
        known &= _open_side(border, coarse.shape, factor, 0.0)
    unexposed = _unexposed((coarse - low) / (high - low), known, factor)
    field = whole.copy()
    for border in (*black, *unexposed):
        field &= _open_side(border, shape, 1, MARGIN * factor)
    if (not black and not unexposed) or field.mean() < LEAST_KEPT * whole.mean():
        return whole, ()
    kinds = [f"{len(found)} {name}" for found, name in ((black, "blackened"), (unexposed, "unexposed")) if found]
    return field, (f"borders of the exposed field seen ({', '.join(kinds)}): outside left out",)


def _block_means(image: NDArray[np.generic], factor: int) -> Floats:
    """Means of blocks of `factor` by `factor` pixels; of large blocks only some rows are read."""
    rows, columns = (n // factor for n in image.shape)
    cut = image[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.asarray(cut[:, :: max(1, factor // 3)].mean(axis=(1, 3), dtype=np.float32))


def _open_side(border: Border, shape: tuple[int, ...], factor: int, margin: float) -> Mask:
    """True on the inner side of a border, `margin` pixels away from it, in an image whose pixels are `factor` wide."""
    turned = shape if border.side % 2 == 0 else shape[::-1]
    rows, columns = (np.arange(n, dtype=np.float32) for n in turned)
    offset = (border.offset + margin) / factor
    line = offset + border.slope * (rows - np.float32((turned[0] - 1) / 2))
    mask: Mask = columns[None, :] >= line[:, None].astype(np.float32)
    return np.rot90(mask, -border.side)


def _unexposed(scaled: Floats, known: Mask, factor: int) -> tuple[Border, ...]:
    """Borders outside which nothing was exposed, strongest first. `known` is the coarse field that is still open."""
    found: list[Border] = []
    still_open = known.copy()
    steepness = np.hypot(*np.gradient(scaled)).astype(np.float32)
    for _ in range(PASSES):
        candidates = [_strongest_step(np.rot90(scaled, side), np.rot90(still_open, side), side) for side in range(4)]
        accepted = [c for c in candidates if c is not None and _is_unexposed_outside(c, scaled, steepness, still_open)]
        for border in accepted:
            still_open &= _open_side(border, scaled.shape, 1, MARGIN)
        found += [Border(b.side, b.offset * factor, b.slope, b.support) for b in accepted]
        if not accepted:
            break
    return tuple(found)


def _strongest_step(image: Floats, still_open: Mask, side: int) -> Border | None:
    """The line near the left edge of `image` along which most rows step down going right, None below `SUPPORT`."""
    rows, columns = image.shape
    last = int(DEEPEST * columns)
    sums = np.concatenate([np.zeros((rows, 1), np.float32), np.cumsum(image, axis=1)], axis=1)
    at = np.arange(1, last)
    start = np.maximum(at - WINDOW, 0)
    outside = (sums[:, at] - sums[:, start]) / (at - start)
    inner = at + 2  # two pixels are left to the penumbra
    inside = (sums[:, np.minimum(inner + WINDOW, columns)] - sums[:, inner]) / WINDOW
    steps = (outside - inside > STEP) & still_open[:, at]
    shifts = np.round(TILTS[:, None] * (np.arange(rows) - (rows - 1) / 2)).astype(int)
    place = np.arange(last - 1)[None, None, :] + shifts[:, :, None]
    within = (place >= 0) & (place < last - 1)
    flat = np.clip(place, 0, last - 2) + (np.arange(rows) * (last - 1))[None, :, None]
    hits = (steps.ravel()[flat] & within).sum(axis=1)
    counted = (np.ascontiguousarray(still_open[:, at]).ravel()[flat] & within).sum(axis=1)
    enough = (counted >= 0.5 * still_open.any(axis=1).sum()) & (hits >= SUPPORT * counted) & (counted > 0)
    if not enough.any():
        return None
    surplus = np.where(enough, 2 * hits - counted, -rows)
    tilt, column = np.unravel_index(int(np.argmax(surplus)), surplus.shape)
    return Border(side, float(column + 2), float(TILTS[tilt]), float(hits[tilt, column] / counted[tilt, column]))


def _is_unexposed_outside(border: Border, scaled: Floats, steepness: Floats, still_open: Mask) -> bool:
    """Whether nothing but scatter lies outside. `steepness` is the size of the gradient of `scaled`."""
    outside = still_open & ~_open_side(border, scaled.shape, 1, 0.0)
    clear = outside & ~_open_side(border, scaled.shape, 1, -CLEAR)
    judged = clear if clear.any() else outside & ~_open_side(border, scaled.shape, 1, -1.0)
    if not judged.any():
        return False
    if np.count_nonzero(outside) <= NARROW * scaled.size:
        return border.support >= NARROW_SUPPORT and float(np.median(steepness[judged])) <= SMOOTH
    allowed = DENSE_SMOOTH if float(np.median(scaled[judged])) >= DENSE else SMOOTH
    return float(np.quantile(steepness[judged], 0.9)) <= allowed


def _blackened(attenuation: Floats, factor: int, span: float) -> tuple[Border, ...]:
    """Borders outside which every pixel has the value that is most frequent along the edges of the image."""
    edges = np.concatenate([attenuation[0], attenuation[-1], attenuation[:, 0], attenuation[:, -1]])
    values, counts = np.unique(edges, return_counts=True)
    if counts.max() < BLACK_SUPPORT / 4 * len(edges):
        return ()
    differs = np.abs(attenuation - values[np.argmax(counts)])
    other = _block_means(differs > BLACK_TOLERANCE * span, factor) > 0
    found = (_black_side(np.rot90(differs, side), np.rot90(other, side), factor, side) for side in range(4))
    return tuple(b for b in found if b is not None and _is_cut_straight(b, np.rot90(differs, b.side), factor, span))


def _black_side(differs: Floats, other: Mask, factor: int, side: int) -> Border | None:
    """The line near the left edge that most rows touch first when they leave the black."""
    rows = len(other)
    touched = other.any(axis=1)
    depth = np.argmax(other, axis=1)
    if np.count_nonzero(touched) < BLACK_SUPPORT * rows:
        return None
    best = (0, 0.0, 0.0)
    centred = np.arange(rows) - (rows - 1) / 2
    for slope in TILTS:
        at = np.round(depth - slope * centred)[touched].astype(int)
        low = int(at.min())
        depths = np.bincount(at - low, minlength=3)
        counts = np.convolve(depths, [1, 1, 1], "same")
        before = np.cumsum(depths) - depths
        counts[before > BLACK_STRAY * len(at)] = 0
        if counts.max() > best[0]:
            best = (int(counts.max()), float(slope), float(np.argmax(counts) + low))
    count, slope, offset = best
    if count < BLACK_SUPPORT * rows or offset < 1:
        return None
    return Border(side, offset * factor, slope, count / rows)


def _is_cut_straight(border: Border, differs: Floats, factor: int, span: float) -> bool:
    """Whether the image ends at the line to the pixel, and at once."""
    rows, columns = differs.shape
    at = np.arange(factor // 2, rows, max(1, factor // 2))
    reach = np.arange(-2 * factor - 1, 3 * factor + 2)
    line = np.round(border.offset + border.slope * (at - (rows - 1) / 2)).astype(int)
    place = np.clip(line[:, None] + reach, 0, columns - 1)
    strip = differs[at[:, None], place]
    leaves = strip > BLACK_TOLERANCE * span
    first = np.argmax(leaves, axis=1)
    usable = leaves.any(axis=1) & (first > 0) & (first < len(reach) - 4)
    if np.count_nonzero(usable) < BLACK_SUPPORT * len(at):
        return False
    x, y = at[usable].astype(float), (line[:, None] + reach)[usable, first[usable]].astype(float)
    for _ in range(3):
        slope, offset = np.polyfit(x, y, 1)
        off = np.abs(y - slope * x - offset)
        kept = off <= max(3 * float(np.median(off)), STRAIGHT_PIXELS)
        x, y = x[kept], y[kept]
    straight = float(np.sqrt(np.mean((y - slope * x - offset) ** 2))) <= STRAIGHT_PIXELS
    inner = strip[usable, first[usable] + 3]
    return straight and len(x) >= BLACK_SUPPORT * len(at) and float(np.mean(inner > BLACK_STEP * span)) >= 0.7

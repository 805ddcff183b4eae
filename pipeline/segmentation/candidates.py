"""Candidates: pieces of the excess maps at several levels, described by what a reader would look at.

A deposit shows as a connected piece of some excess map at some level: specks over narrow openings, masses over wide
ones. All pieces of all maps at all levels are candidates (nested and overlapping); each gets the same features. Which
of them are calcium, and which of the nested ones fits best, is for `component_judgement`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.model.image import Floats, Mask
from pipeline.segmentation.background import ExcessMap, Kind, Layer
from pipeline.segmentation.evidence import CHANNELS, NETWORK, Channels, Crowd

LEVELS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
"""Excess, in units of attenuation, at which pieces are cut: from twice what counts as visible, in steps of two."""
NETWORK_LEVELS = (0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.93)
"""Probabilities at which pieces of a network's map are cut."""
LEVELS_OF = {Kind.NETWORK: NETWORK_LEVELS, Kind.SUSPECTED: LEVELS[1:5]}
"""Levels of the kinds that are cut otherwise than at `LEVELS`."""
SUSPICION = 0.05
"""Least probability that the network must give to some element of a piece that is looked at."""
AREA_MM2 = (1.0, 6_000.0)
"""Least and largest area of a candidate: a 1 mm speck with its blur; a mass of 9 cm."""
MOST_PIECES = 150
"""Pieces kept of one map at one level, those of the greatest contrast times diameter; their numbers fit a byte."""
RING_MM = 2.0
"""Width of the ring around a piece that its surroundings are read from, mm; at least three elements."""
SECTORS = 8
SIBLINGS_MM = 25.0
"""Distance within which pieces of a similar area count as siblings."""

Numbers = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pieces with their features.

    `features` [candidate, feature] in the order of `FEATURE_NAMES`, with a network's map `NETWORK_NAMES` behind. The
    elements of candidate i are `elements[starts[i]:starts[i + 1]]`, flat indices into the grid of the layer with
    stride `strides[i]`.
    """

    features: Floats
    elements: Indices
    starts: Indices
    strides: Indices

    def __len__(self) -> int:
        return len(self.strides)

    def of(self, index: int) -> Indices:
        """Flat indices of candidate `index`."""
        return self.elements[self.starts[index] : self.starts[index + 1]]


SHAPE_NAMES = (
    "log_level",
    "map_scale_mm",
    "map_kind",
    "log_area_mm2",
    "long_axis_mm",
    "short_axis_mm",
    "elongation",
    "ellipse_fill",
    "boundary_excess",
)
READ = tuple(name for name in CHANNELS if not name.startswith("direction"))
"""Channels whose means inside and around are features; directions enter as an alignment alone."""
CONTRAST_NAMES = (
    "own_excess_mean",
    "own_excess_peak",
    "peak_over_mean",
    "contrast",
    "contrast_to_noise",
    "contrast_to_texture",
    "least_sector",
    "second_sector",
    "open_sectors",
    "inner_spread",
    "edge_gradient",
    "sharpness",
    "siblings",
    "axis_alignment",
)
FEATURE_NAMES: tuple[str, ...] = (
    *SHAPE_NAMES,
    *CONTRAST_NAMES,
    *(f"inside_{name}" for name in READ),
    *(f"around_{name}" for name in READ),
)
NETWORK_NAMES: tuple[str, ...] = (
    *(f"inside_{name}" for name in NETWORK),
    *(f"around_{name}" for name in NETWORK),
    "peak_calcium",
    "inside_half",
    "around_half",
    "stronger",
    "image_calcium",
    "image_bone",
)
"""Features that stand behind the others where there is a network's map."""


def candidates(maps: tuple[ExcessMap, ...], layers: tuple[Layer, ...], channels: tuple[Channels, ...]) -> Candidates:
    """All candidates of a field; `layers` and `channels` belong together, one pair a stride."""
    found = []
    for excess_map in maps:
        layer, channel = next((a, b) for a, b in zip(layers, channels, strict=True) if a.stride == excess_map.stride)
        suspected = channel.calcium > SUSPICION if channel.network else layer.valid
        for level in LEVELS_OF.get(excess_map.kind, LEVELS):
            pieces = _pieces(excess_map, level, layer, suspected)
            if pieces is not None:
                features = _describe(pieces, excess_map, level, layer, channel)
                found.append((features, pieces.index, pieces.sizes, layer.stride))
    return _gathered(found, len(FEATURE_NAMES) + (len(NETWORK_NAMES) if channels[0].network else 0))


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Labelled pieces of one map: `index` flat elements sorted by piece, `piece` their number.

    `starts` and `sizes` are where each piece begins in them, and how many elements it has.
    """

    labels: NDArray[np.int32]
    index: Indices
    piece: Indices
    starts: Indices
    sizes: Indices

    @property
    def count(self) -> int:
        return len(self.starts)

    def mean(self, values: NDArray[np.float32] | Numbers) -> Numbers:
        """Means per piece of a full array."""
        return self.mean_of(values.ravel()[self.index])

    def mean_of(self, values: NDArray[np.float32] | Numbers | Indices) -> Numbers:
        """Means per piece of values given per element."""
        return np.asarray(np.bincount(self.piece, values, self.count) / self.sizes)


def _pieces(excess_map: ExcessMap, level: float, layer: Layer, suspected: Mask) -> _Pieces | None:
    """The pieces above `level` whose area is possible and that hold something `suspected`, at most `MOST_PIECES`."""
    above = excess_map.excess > level
    numbers, count = ndimage.label(above, structure=np.ones((3, 3)))
    if not count:
        return None
    flat = numbers.ravel()
    index = np.flatnonzero(flat)
    area = np.bincount(flat[index], minlength=count + 1) * (layer.spacing_mm[0] * layer.spacing_mm[1])
    total = np.bincount(flat[index], excess_map.excess.ravel()[index], count + 1)
    weight = np.where((area >= AREA_MM2[0]) & (area <= AREA_MM2[1]), total / np.sqrt(np.maximum(area, 1e-6)), -1)
    hold = np.zeros(count + 1, bool)
    hold[numbers[suspected]] = True
    weight[~hold] = -1
    weight[0] = -1
    kept = np.argsort(-weight, kind="stable")[:MOST_PIECES]
    kept = np.sort(kept[weight[kept] > 0])
    if not len(kept):
        return None
    renumber = np.zeros(count + 1, np.int32)
    renumber[kept] = np.arange(1, len(kept) + 1)
    labels = renumber[numbers]
    index = index[renumber[flat[index]] > 0]
    piece = labels.ravel()[index].astype(np.intp) - 1
    order = np.argsort(piece.astype(np.uint8), kind="stable")
    sizes = np.bincount(piece, minlength=len(kept))
    return _Pieces(labels, index[order], piece[order], np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)


def _describe(pieces: _Pieces, excess_map: ExcessMap, level: float, layer: Layer, channels: Channels) -> Floats:
    """Features [piece, feature] in the order of `FEATURE_NAMES`."""
    ring = _ring(pieces, layer)
    columns = [*_shape(pieces, excess_map, level, layer)]
    columns += _contrast(pieces, ring, excess_map, layer, channels)
    columns += [pieces.mean(channels.named(name)) for name in READ]
    columns += [ring.mean(channels.named(name)) for name in READ]
    if channels.network:
        calcium = channels.calcium.ravel()[pieces.index]
        columns += [pieces.mean(channel) for channel in channels.network]
        columns += [ring.mean(channel) for channel in channels.network]
        peak = np.maximum.reduceat(calcium, pieces.starts).astype(np.float64)
        columns += [peak, *_fit(pieces, ring, channels, peak), *_crowd(channels.crowd, peak)]
    return np.stack([np.asarray(c, np.float32) for c in columns], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Ring:
    """Elements around the pieces: flat `index`, the number of the `piece` each belongs to, and `sizes` per piece."""

    index: Indices
    piece: Indices
    sizes: Indices

    def mean(self, values: Floats) -> Numbers:
        """Means per piece of a full array, 0 where a piece has nothing around it."""
        return np.asarray(
            np.bincount(self.piece, values.ravel()[self.index], len(self.sizes)) / np.maximum(self.sizes, 1)
        )


def _ring(pieces: _Pieces, layer: Layer) -> _Ring:
    size = [2 * max(3, round(RING_MM / s)) + 1 for s in layer.spacing_mm]
    near = ndimage.maximum_filter(pieces.labels, size)
    index = np.flatnonzero((near > 0) & (pieces.labels == 0) & layer.valid)
    piece = near.ravel()[index].astype(np.intp) - 1
    return _Ring(index, piece, np.bincount(piece, minlength=pieces.count))


def _fit(pieces: _Pieces, ring: _Ring, channels: Channels, peak: Numbers) -> list[Numbers]:
    """Shares of a piece and of its ring where the network's calcium is above half of its peak in the piece."""
    calcium = channels.calcium.ravel()
    inside = calcium[pieces.index] > peak[pieces.piece] / 2
    around = calcium[ring.index] > peak[ring.piece] / 2
    share = np.bincount(ring.piece, around, pieces.count) / np.maximum(ring.sizes, 1)
    return [pieces.mean_of(inside.astype(np.float64)), share]


def _crowd(crowd: Crowd, peak: Numbers) -> list[Numbers]:
    """Per piece how many places of the image the network is surer of; log area, mm2, of its calcium; share of bone."""
    stronger = len(crowd.peaks) - np.searchsorted(crowd.peaks, peak, side="right")
    ones = np.ones(len(peak))
    return [stronger.astype(np.float64), ones * np.log1p(crowd.calcium_mm2), ones * crowd.bone_share]


def _shape(pieces: _Pieces, excess_map: ExcessMap, level: float, layer: Layer) -> list[Numbers]:
    """Columns of `SHAPE_NAMES`."""
    long_mm, short_mm, _ = _axes(pieces, layer)
    area = pieces.sizes * (layer.spacing_mm[0] * layer.spacing_mm[1])
    inner = _is_inner(pieces)
    boundary = np.bincount(pieces.piece, ~inner, pieces.count) * np.sqrt(layer.spacing_mm[0] * layer.spacing_mm[1])
    ones = np.ones(pieces.count)
    return [
        ones * np.log(level),
        ones * excess_map.scale_mm,
        ones * float(excess_map.kind),
        np.log(area),
        long_mm,
        short_mm,
        long_mm / short_mm,
        area / (np.pi / 4 * long_mm * short_mm),
        boundary / np.sqrt(4 * np.pi * area),
    ]


def _axes(pieces: _Pieces, layer: Layer) -> tuple[Numbers, Numbers, Numbers]:
    """Long and short axis of the ellipse of equal second moments, mm, and twice the long axis' angle."""
    rows, cols = (
        p * s for p, s in zip(np.unravel_index(pieces.index, pieces.labels.shape), layer.spacing_mm, strict=True)
    )
    r, c = rows - pieces.mean_of(rows)[pieces.piece], cols - pieces.mean_of(cols)[pieces.piece]
    grain = layer.spacing_mm[0] * layer.spacing_mm[1] / 12
    rr, cc, rc = pieces.mean_of(r * r) + grain, pieces.mean_of(c * c) + grain, pieces.mean_of(r * c)
    middle, half = (rr + cc) / 2, np.sqrt((rr - cc) ** 2 / 4 + rc**2)
    return 4 * np.sqrt(middle + half), 4 * np.sqrt(np.maximum(middle - half, grain / 2)), np.arctan2(2 * rc, cc - rr)


def _is_inner(pieces: _Pieces) -> NDArray[np.bool_]:
    """Per element whether its four neighbours belong to the same piece."""
    labels = np.pad(pieces.labels, 1)
    width = labels.shape[1]
    at = pieces.index + 2 * (pieces.index // pieces.labels.shape[1]) + width + 1
    inner = np.ones(len(at), bool)
    for step in (-width, width, -1, 1):
        inner &= labels.ravel()[at + step] == pieces.piece + 1
    return inner


def _contrast(pieces: _Pieces, ring: _Ring, excess_map: ExcessMap, layer: Layer, channels: Channels) -> list[Numbers]:
    """Columns of `CONTRAST_NAMES`."""
    own = excess_map.excess.ravel()[pieces.index]
    own_mean, own_peak = pieces.mean_of(own), np.maximum.reduceat(own, pieces.starts)
    inside, around = pieces.mean(layer.value), ring.mean(layer.value)
    spread_around = np.sqrt(np.maximum(ring.mean(layer.value**2) - around**2, 0))
    contrast = inside - around
    safe = np.maximum(np.abs(contrast), 0.002)
    least, second, open_share = _sectors(pieces, ring, layer, inside, safe)
    inner = _is_inner(pieces)
    gradient = channels.named("gradient").ravel()[pieces.index]
    edge = np.bincount(pieces.piece, gradient * ~inner, pieces.count) / np.maximum(
        np.bincount(pieces.piece, ~inner, pieces.count), 1
    )
    inner_spread = np.sqrt(np.maximum(pieces.mean(layer.value**2) - inside**2, 0))
    long_mm, short_mm, angle = _axes(pieces, layer)
    aligned = np.cos(angle) * pieces.mean(channels.named("direction_cos"))
    aligned += np.sin(angle) * pieces.mean(channels.named("direction_sin"))
    return [
        own_mean,
        own_peak,
        own_peak / own_mean,
        contrast,
        contrast / max(channels.noise, 1e-4),
        contrast / np.maximum(spread_around, 1e-4),
        least,
        second,
        open_share,
        inner_spread / safe,
        edge,
        edge / np.maximum(own_peak, 1e-4),
        _siblings(pieces, layer),
        aligned * (1 - short_mm / long_mm),
    ]


def _sectors(
    pieces: _Pieces, ring: _Ring, layer: Layer, inside: Numbers, contrast: Numbers
) -> tuple[Numbers, Numbers, Numbers]:
    """Contrast against the eight sectors of the ring over the mean one: least, second least, share not positive."""
    shape = pieces.labels.shape
    rows, cols = np.unravel_index(pieces.index, shape)
    ring_rows, ring_cols = np.unravel_index(ring.index, shape)
    angle = np.arctan2(ring_rows - pieces.mean_of(rows)[ring.piece], ring_cols - pieces.mean_of(cols)[ring.piece])
    sector = np.minimum((angle + np.pi) / (2 * np.pi) * SECTORS, SECTORS - 1).astype(np.intp)
    key, size = ring.piece * SECTORS + sector, pieces.count * SECTORS
    weight = np.bincount(key, minlength=size).reshape(-1, SECTORS)
    total = np.bincount(key, layer.value.ravel()[ring.index], size).reshape(-1, SECTORS)
    mean = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
    step = np.where(np.isnan(mean), 0, inside[:, None] - mean) / contrast[:, None]
    ordered = np.sort(step, axis=1)
    return ordered[:, 0], ordered[:, 1], np.mean(step <= 0.25, axis=1)


def _siblings(pieces: _Pieces, layer: Layer) -> Numbers:
    """Number of other pieces within `SIBLINGS_MM` whose area is within a factor of three."""
    rows, cols = np.unravel_index(pieces.index, pieces.labels.shape)
    at = np.stack([pieces.mean_of(rows) * layer.spacing_mm[0], pieces.mean_of(cols) * layer.spacing_mm[1]], axis=1)
    area = np.log(pieces.sizes)
    near = np.sum((at[:, None] - at[None]) ** 2, axis=2) < SIBLINGS_MM**2
    alike = np.abs(area[:, None] - area[None]) < np.log(3)
    return np.asarray(np.sum(near & alike, axis=1) - 1, np.float64)


def _gathered(found: list[tuple[Floats, Indices, Indices, int]], features: int) -> Candidates:
    """All that was `found`, by map and level: features, elements, how many of them each candidate has, and stride."""
    if not found:
        empty = np.zeros(0, np.intp)
        return Candidates(np.zeros((0, features), np.float32), empty, np.zeros(1, np.intp), empty)
    sizes = np.concatenate([s for _, _, s, _ in found])
    return Candidates(
        features=np.concatenate([f for f, _, _, _ in found]),
        elements=np.concatenate([i for _, i, _, _ in found]),
        starts=np.concatenate(([0], np.cumsum(sizes))).astype(np.intp),
        strides=np.concatenate([np.full(len(s), stride, np.intp) for _, _, s, stride in found]),
    )

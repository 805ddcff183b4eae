"""What a reader looks at in and around a candidate, as arrays on a layer of the working grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.model.image import Floats, Mask
from pipeline.segmentation.background import ExcessMap, Kind, Layer
from pipeline.segmentation.field import Field, block_mean

EXCESS_NAMES = ("over_3mm", "over_7mm", "over_16mm", "over_36mm", "over_mean_5mm", "over_mean_14mm", "over_mean_30mm")
CHANNELS: tuple[str, ...] = (
    *EXCESS_NAMES,
    "quantile",
    "gradient",
    "texture",
    "coherence",
    "direction_cos",
    "direction_sin",
    "top",
    "foreign",
    "skin_mm",
    "edge_mm",
)
"""Names of the channels: excess maps; the place of the value among those of the body (0 to 1); size of the gradient
per mm; spread of fine detail; alignment of structures and its direction (cosine and sine of twice the angle); share
at the upper end of the grey scale; foreign objects; distance to the skin and to the edge of the field, capped."""
NETWORK: tuple[str, ...] = ("calcium", "bone", "metal")
"""Names of the network's maps."""
GRADIENT_MM = 0.4
TEXTURE_MM = (0.8, 3.0)
STRUCTURE_MM = (0.8, 3.0)
SKIN_CAP_MM = 20.0
EDGE_CAP_MM = 6.0
"""Beyond these distances skin and field edge no longer matter; positions in the field are left out on purpose."""
TOP_SHARE = 0.995
"""From this share of the body's range upward the grey scale may be clipped."""


CROWD_LEVEL, LIKELY = 0.3, 0.5
"""Probabilities of places that the network suspects, and of what it takes for calcium."""


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """What the network makes of the whole image, against which a single place is weighed.

    `peaks`: the highest probability of calcium of each place above `CROWD_LEVEL`, ascending; `calcium_mm2`: area of
    what it takes for calcium; `bone_share`: mean probability of bone in the valid field.
    """

    peaks: NDArray[np.float64]
    calcium_mm2: float
    bone_share: float


NO_CROWD = Crowd(np.zeros(0), 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """Arrays [row, col] of one layer in the order of `CHANNELS`, and the `noise` of the working grid.

    `network` are the maps of `NETWORK` and `crowd` their account, empty where there is no network.
    """

    arrays: tuple[Floats, ...]
    noise: float
    network: tuple[Floats, ...] = ()
    crowd: Crowd = NO_CROWD

    def named(self, name: str) -> Floats:
        """The array called `name`."""
        return self.arrays[CHANNELS.index(name)]

    @property
    def calcium(self) -> Floats:
        """The network's map of calcium; there is one."""
        return self.network[NETWORK.index("calcium")]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What was seen before candidates are looked for, on the working grid [row, col].

    `foreign`: foreign objects; `network`: the maps of `NETWORK` or empty.
    """

    foreign: Mask
    network: tuple[Floats, ...] = ()


def channels_of(layer: Layer, maps: tuple[ExcessMap, ...], field: Field, seen: Seen) -> Channels:
    """The channels of a layer."""
    value = layer.value
    coherence, cosine, sine = _structure(layer)
    arrays = (
        *(_on_stride(m.excess, m.stride, layer) for m in maps if m.kind in (Kind.OPENING, Kind.MEAN)),
        _quantile(layer),
        _gradient(layer),
        _texture(layer),
        coherence,
        cosine,
        sine,
        (value >= _top(layer)).astype(np.float32),
        _on_stride(seen.foreign.astype(np.float32), 1, layer),
        _distance(layer.body | ~layer.valid, layer, SKIN_CAP_MM),
        _distance(layer.valid, layer, EDGE_CAP_MM),
    )
    network = tuple(_on_stride(m, 1, layer) for m in seen.network)
    return Channels(arrays, field.noise, network, _crowd(network, layer) if network else NO_CROWD)


def _crowd(network: tuple[Floats, ...], layer: Layer) -> Crowd:
    calcium, bone = (network[NETWORK.index(name)] for name in ("calcium", "bone"))
    numbers, count = ndimage.label(calcium > CROWD_LEVEL, structure=np.ones((3, 3)))
    peaks = np.sort(np.asarray(ndimage.maximum(calcium, numbers, np.arange(1, count + 1)), np.float64).reshape(-1))
    area = np.count_nonzero(calcium > LIKELY) * layer.spacing_mm[0] * layer.spacing_mm[1]
    return Crowd(peaks, float(area), float(bone[layer.valid].mean()) if layer.valid.any() else 0.0)


def _on_stride(values: Floats, stride: int, layer: Layer) -> Floats:
    """An array of another stride on this layer's grid."""
    if stride == layer.stride:
        return values
    if stride < layer.stride:
        return block_mean(values, (layer.stride // stride, layer.stride // stride))
    ratio = stride // layer.stride
    fine: Floats = np.repeat(np.repeat(values, ratio, 0), ratio, 1)[: layer.value.shape[0], : layer.value.shape[1]]
    return fine


def _quantile(layer: Layer) -> Floats:
    inside = layer.value[layer.valid & layer.body]
    if not len(inside):
        return np.zeros_like(layer.value)
    marks = np.quantile(inside[::3], np.linspace(0, 1, 65))
    return np.interp(layer.value, marks, np.linspace(0, 1, 65)).astype(np.float32)


def _top(layer: Layer) -> float:
    inside = layer.value[layer.valid]
    if not len(inside):
        return float("inf")
    low, high = float(np.quantile(inside[::3], 0.02)), float(inside.max())
    return low + TOP_SHARE * (high - low)


def _sigma(length_mm: float, layer: Layer) -> list[float]:
    return [max(0.5, length_mm / s) for s in layer.spacing_mm]


def _gradient(layer: Layer) -> Floats:
    smooth = ndimage.gaussian_filter(layer.value, _sigma(GRADIENT_MM, layer))
    rows, cols = np.gradient(smooth, *layer.spacing_mm)
    size: Floats = np.where(layer.valid, np.hypot(rows, cols), 0).astype(np.float32)
    return size


def _texture(layer: Layer) -> Floats:
    detail = layer.value - ndimage.gaussian_filter(layer.value, _sigma(TEXTURE_MM[0], layer))
    power = ndimage.gaussian_filter(np.minimum(detail**2, 0.01), _sigma(TEXTURE_MM[1], layer))
    spread: Floats = np.sqrt(np.maximum(power, 0)).astype(np.float32)
    return spread


def _structure(layer: Layer) -> tuple[Floats, Floats, Floats]:
    """Coherence 0 to 1, and cosine and sine of twice the angle along structures, from the structure tensor."""
    smooth = ndimage.gaussian_filter(layer.value, _sigma(STRUCTURE_MM[0], layer))
    rows, cols = np.gradient(smooth, *layer.spacing_mm)
    wide = _sigma(STRUCTURE_MM[1], layer)
    rr, cc, rc = (ndimage.gaussian_filter(p, wide, truncate=2.5) for p in (rows * rows, cols * cols, rows * cols))
    total = rr + cc + 1e-9
    cosine, sine = (rr - cc) / total, -2 * rc / total
    return np.hypot(cosine, sine).astype(np.float32), cosine.astype(np.float32), sine.astype(np.float32)


def _distance(inside: Mask, layer: Layer, cap_mm: float) -> Floats:
    """Distance, mm, to where `inside` is False, at most `cap_mm`; by chamfer steps on a coarse grid."""
    factor = tuple(max(1, round(1.2 / s)) for s in layer.spacing_mm)
    coarse = inside[factor[0] // 2 :: factor[0], factor[1] // 2 :: factor[1]]
    spacing = [s * f for s, f in zip(layer.spacing_mm, factor, strict=True)]
    if coarse.all():
        return np.full(layer.value.shape, cap_mm, np.float32)
    away = np.minimum(ndimage.distance_transform_edt(coarse, spacing), cap_mm).astype(np.float32)
    fine = np.repeat(np.repeat(away, factor[0], 0), factor[1], 1)
    missing = [(0, max(0, n - m)) for n, m in zip(layer.value.shape, fine.shape, strict=True)]
    return np.asarray(np.pad(fine, missing, mode="edge")[: layer.value.shape[0], : layer.value.shape[1]])

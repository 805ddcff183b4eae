"""What a radiograph would show without the deposits, and the excess over it.

Two kinds of background answer two questions. Before anything is known, `excess_maps` follows the image from below at
several scales: an opening keeps slopes toward the skin and broad bones, a mean over the body keeps what is broader
than its scale. Once deposits are drawn, `without` fills their place from around them.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from scipy import ndimage

from pipeline.model.image import Floats, Mask
from pipeline.segmentation.field import Field, block_mean

OPENINGS_MM = (3.0, 7.0, 16.0, 36.0)
"""Widths of the openings: specks; grains and vessels; nodules; masses."""
MEANS_MM = (5.0, 14.0, 30.0)
"""Standard deviations of the Gaussian means."""
RELAXATIONS = 12
"""Sweeps of relaxation at each level of the pyramid."""
FINE_LIMIT_MM = 8.0
"""Maps of smaller scale are made on the working grid, others on one of half its resolution."""


class Kind(IntEnum):
    """What a map is an excess over."""

    OPENING = 0
    MEAN = 1
    NETWORK = 2
    SUSPECTED = 3


@dataclass(frozen=True, slots=True, eq=False)
class ExcessMap:
    """Excess of attenuation over a background of one scale, [row, col], zero outside the valid field.

    `stride` is 1 on the working grid and 2 on the one of half its resolution; `kind` says what the background is.
    A network's map of calcium (probability, 0 to 1) is handled alike; its `scale_mm` is 0. `SUSPECTED` maps are
    those of the first two kinds where the network suspects calcium, zero elsewhere.
    """

    excess: Floats
    scale_mm: float
    kind: Kind
    stride: int


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A field at one stride: `value`, `valid` and `body` [row, col], `spacing_mm` (row, col)."""

    value: Floats
    valid: Mask
    body: Mask
    spacing_mm: tuple[float, float]
    stride: int


def layer_of(field: Field, stride: int) -> Layer:
    """The field at `stride` elements of the working grid."""
    if stride == 1:
        return Layer(field.value, field.valid, field.body, field.spacing_mm, 1)
    both = (stride, stride)
    return Layer(
        value=block_mean(field.value, both),
        valid=block_mean(field.valid.astype(np.float32), both) > 0.99,
        body=block_mean(field.body.astype(np.float32), both) > 0.5,
        spacing_mm=(field.spacing_mm[0] * stride, field.spacing_mm[1] * stride),
        stride=stride,
    )


def excess_maps(layers: tuple[Layer, ...]) -> tuple[ExcessMap, ...]:
    """Excess over openings and means of all scales; each on the layer whose resolution fits its scale."""
    fine, coarse = layers[0], layers[-1]
    maps = []
    for width in OPENINGS_MM:
        layer = fine if width < FINE_LIMIT_MM else coarse
        maps.append(ExcessMap(_over_opening(layer, width), width, Kind.OPENING, layer.stride))
    for sigma in MEANS_MM:
        layer = fine if sigma < FINE_LIMIT_MM / 2 else coarse
        maps.append(ExcessMap(_over_mean(layer, sigma), sigma, Kind.MEAN, layer.stride))
    return tuple(maps)


def _over_opening(layer: Layer, width_mm: float) -> Floats:
    """White top-hat of `width_mm`; what is not valid takes no part.

    The image is smoothed by a tenth of the width first, lest the opening follow the noise's lowest values.
    """
    sigma = [max(0.3, 0.06 * width_mm / s) for s in layer.spacing_mm]
    smooth = _smooth(layer, sigma)
    size = [2 * round(width_mm / s / 2) + 1 for s in layer.spacing_mm]
    low = ndimage.grey_erosion(np.where(layer.valid, smooth, np.float32(np.inf)), size=size, mode="nearest")
    low[~np.isfinite(low)] = -np.inf
    opened = ndimage.grey_dilation(low, size=size, mode="nearest")
    excess = np.where(layer.valid & np.isfinite(opened), smooth - opened, 0)
    return np.maximum(excess, 0).astype(np.float32)


def _over_mean(layer: Layer, sigma_mm: float) -> Floats:
    """Excess over the Gaussian mean of the body around."""
    where = (layer.valid & layer.body).astype(np.float32)
    sigma = [sigma_mm / s for s in layer.spacing_mm]
    mean = _wide_mean(layer.value * where, sigma) / np.maximum(_wide_mean(where, sigma), 1e-3)
    smooth = _smooth(layer, [max(0.3, 0.03 * s) for s in sigma])
    return np.where(where > 0, np.maximum(smooth - mean, 0), 0).astype(np.float32)


def _smooth(layer: Layer, sigma: list[float]) -> Floats:
    """Gaussian mean of the valid elements alone."""
    if layer.valid.all():
        smooth: Floats = ndimage.gaussian_filter(layer.value, sigma)
        return smooth
    weight = layer.valid.astype(np.float32)
    mean = ndimage.gaussian_filter(layer.value * weight, sigma) / np.maximum(
        ndimage.gaussian_filter(weight, sigma), 1e-3
    )
    return np.where(layer.valid, mean, 0).astype(np.float32)


def _wide_mean(values: Floats, sigma: list[float]) -> Floats:
    """Gaussian mean; wide ones are taken on a coarser grid."""
    factor = tuple(max(1, int(s / 4)) for s in sigma)
    small = block_mean(values, (factor[0], factor[1]))
    blurred: Floats = ndimage.gaussian_filter(
        small, [s / f for s, f in zip(sigma, factor, strict=True)], mode="constant"
    )
    if factor == (1, 1):
        return blurred
    return enlarged(blurred, (factor[0], factor[1]), values.shape)


def enlarged(values: Floats, factor: tuple[int, int], shape: tuple[int, ...], rows: range | None = None) -> Floats:
    """`values` of blocks of `factor` elements, interpolated linearly to elements of an array of `shape`.

    `rows`: only these rows of that array.
    """
    result: Floats = values
    for axis, wanted in enumerate((rows or range(shape[0]), range(shape[1]))):
        at = (np.arange(wanted.start, wanted.stop) + 0.5) / factor[axis] - 0.5
        low = np.clip(np.floor(at).astype(np.intp), 0, values.shape[axis] - 1)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        share = np.clip(at - low, 0, 1).astype(np.float32)
        share = share[:, None] if axis == 0 else share[None, :]
        result = np.take(result, low, axis) * (1 - share) + np.take(result, high, axis) * share
    return result.astype(np.float32)


def without(value: Floats, hole: Mask, usable: Mask) -> Floats:
    """`value` [row, col] with the elements of `hole` filled from the `usable` ones around it.

    The fill is the smoothest one (Laplace's equation), relaxed from coarse to fine on a pyramid.
    """
    known = usable & ~hole
    filled = _pyramid_fill(np.where(known, value, 0).astype(np.float32), known.astype(np.float32))
    return np.where(hole, filled, value).astype(np.float32)


def _pyramid_fill(weighted: Floats, weight: Floats) -> Floats:
    """Weighted means where there is weight; elsewhere filled from the coarser level and relaxed."""
    if min(weighted.shape) <= 2:
        total = float(weight.sum())
        return np.full_like(weighted, weighted.sum() / total if total > 0 else 0.0)
    two = (2, 2)
    coarse = enlarged(_pyramid_fill(block_mean(weighted, two), block_mean(weight, two)), two, weighted.shape)
    known = weight > 0
    filled = np.divide(weighted, weight, out=coarse, where=known)
    rows, cols = np.nonzero(~known)
    padded = np.pad(filled, 1, mode="edge")
    for _ in range(RELAXATIONS):
        around = (
            padded[rows, cols + 1] + padded[rows + 2, cols + 1] + padded[rows + 1, cols] + padded[rows + 1, cols + 2]
        )
        padded[rows + 1, cols + 1] = around / 4
    relaxed: Floats = padded[1:-1, 1:-1]
    return relaxed

"""Where a small network sees calcium, bone and foreign objects on a radiograph.

The network looks at a 0.4 mm grid through two channels: the grey scale of the whole image and the contrast with the
surroundings. `front_end` makes them, in training and here alike. What the network was trained on and what it
reaches is in `models/radiograph.md`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage, sparse

from pipeline.model.image import Floats, Mask, Radiograph
from pipeline.model.known import Known
from pipeline.model.lesion import ModelDigest
from pipeline.model.vocabulary import Region
from pipeline.segmentation.inference import session

MODEL = Path(__file__).parent / "models" / "radiograph.onnx"
GRID_MM = 0.4
"""Cell of the network's grid, mm: a 1 mm speck still covers several cells."""
ASSUMED_LONG_SIDE_MM = 280.0
"""Long side of an image without spacing: a 24 x 30 cm plate, a little cropped."""
TRUNK_LONG_SIDE_MM = 400.0
"""The same for chest, abdomen and pelvis: a 35 x 43 cm plate."""
TRUNK = frozenset({Region.CHEST, Region.ABDOMEN, Region.PELVIS, Region.SPINE})
PLAUSIBLE_LONG_SIDE_MM = (50.0, 1400.0)
LEAST_TRUNK_MM = 200.0
"""Long sides that a plate or a stitched leg, and a trunk, can have; a spacing that contradicts them is not believed."""
SURROUNDINGS_MM = 8.0
"""Gaussian sigma of the local background."""
SPREAD_MM = 20.0
"""Gaussian sigma of the window in which local contrast is scaled."""
LEAST_SPREAD = 0.015
"""Floor of the local spread, share of the grey scale of the image, so that noise is not blown up."""
COARSE = 5
"""Cells per cell of the grid on which broad Gaussians are taken (2 mm)."""
CLIP = 6.0
"""Channels are cut at plus and minus this."""
TILE = 320
STRIDE = 224
"""Tiles and their distance, cells: 128 mm wide, 38 mm overlap."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassMaps:
    """Probabilities, 0 to 1, that overlap: float32 [row, col] on the grid.

    `step` is image pixels per cell along (row, col); cell i covers pixels i * step to (i + 1) * step.
    """

    calcium: Floats
    bone: Floats
    foreign: Floats
    step: tuple[float, float]
    digest: ModelDigest


def class_maps(radiograph: Radiograph, model: Path | None = None) -> ClassMaps:
    """Class maps of a radiograph, by the network in file `model` (None: the one that comes with the program).

    Raises:
        ConfigurationError: `model` cannot be read as such a network.
    """
    network, digest = session(model or MODEL)
    step = grid_step(radiograph)
    channels = front_end(*to_grid(radiograph.attenuation, radiograph.valid, step))
    calcium, bone, foreign = _both_ways(network, channels)
    return ClassMaps(calcium, bone, foreign, step, digest)


def at_image(grid_map: Floats, maps: ClassMaps, shape: tuple[int, ...]) -> Floats:
    """A map on the grid of `maps`, interpolated to an image of `shape` (rows, cols): float32 [row, col]."""
    rows, columns = (
        interpolation((np.arange(n) + 0.5) / s - 0.5, m)
        for n, s, m in zip(shape, maps.step, grid_map.shape, strict=True)
    )
    return separable(rows, grid_map, columns)


def grid_step(radiograph: Radiograph) -> tuple[float, float]:
    """Image pixels per grid cell along (row, col); where no believable spacing is known, from a usual plate's size."""
    rows, columns = radiograph.shape
    region = radiograph.region.value if isinstance(radiograph.region, Known) else None
    low, high = PLAUSIBLE_LONG_SIDE_MM
    if region in TRUNK:
        low = LEAST_TRUNK_MM
    if isinstance(radiograph.spacing_mm, Known):
        row_mm, column_mm = radiograph.spacing_mm.value
        if low <= max(row_mm * rows, column_mm * columns) <= high:
            return GRID_MM / row_mm, GRID_MM / column_mm
    assumed = TRUNK_LONG_SIDE_MM if region in TRUNK else ASSUMED_LONG_SIDE_MM
    step = GRID_MM * max(rows, columns) / assumed
    return step, step


def to_grid(attenuation: Floats, valid: Mask, step: tuple[float, float]) -> tuple[Floats, Mask]:
    """Image and valid field [row, col] on the grid: means of what is valid where cells are larger than pixels."""
    rows, columns = (_resampling(n, s) for n, s in zip(attenuation.shape, step, strict=True))
    share = separable(rows, valid.astype(np.float32), columns)
    values = separable(rows, np.where(valid, attenuation, np.float32(0)), columns)
    inside = share > 0.5
    grid: Floats = np.where(inside, values / np.maximum(share, np.float32(0.25)), np.float32(0))
    return grid, inside


def front_end(values: Floats, valid: Mask) -> Floats:
    """The network's two channels, float32 [channel, row, col], of an image on the grid; 0 outside `valid`.

    Channel 0: minus the median, over the range from percentile 2 to 99. Channel 1: minus the 8 mm Gaussian, over the
    local spread. Both are free of the scale and offset of `values`. Values at the exact extremes (saturated,
    unexposed) do not count for percentiles.
    """
    if not valid.any():
        return np.zeros((2, *values.shape), np.float32)
    inside = values[valid]
    inner = inside[(inside > inside.min()) & (inside < inside.max())]
    counted = inner if inner.size > inside.size // 4 else inside
    low, middle, high = (np.float32(p) for p in np.percentile(counted, (2, 50, 99)))
    scale = max(high - low, np.float32(1e-6))
    whole = np.where(valid, (values - middle) / scale, np.float32(0))
    weight = valid.astype(np.float32)
    local = (whole - _broad(whole, weight, SURROUNDINGS_MM)) * weight
    spread = np.sqrt(_broad(local * local, weight, SPREAD_MM)) + np.float32(LEAST_SPREAD)
    channels: Floats = np.clip(np.stack([whole * 2, local / spread]), -CLIP, CLIP)
    return channels


def _broad(values: Floats, weight: Floats, sigma_mm: float) -> Floats:
    """Gaussian mean where `weight` is 1, taken on a coarse grid; `values` are 0 where `weight` is."""
    sigma = sigma_mm / GRID_MM / COARSE
    sums = [ndimage.gaussian_filter(_blocks(a), sigma, truncate=3, mode="constant") for a in (values, weight)]
    coarse = sums[0] / np.maximum(sums[1], np.float32(1e-3))
    rows, columns = (
        interpolation((np.arange(n) + 0.5) / COARSE - 0.5, m) for n, m in zip(values.shape, coarse.shape, strict=True)
    )
    return separable(rows, coarse, columns)


def _blocks(values: Floats) -> Floats:
    """Sums over blocks of COARSE x COARSE cells, over their full area at the borders too."""
    rows, columns = (-n % COARSE for n in values.shape)
    padded = np.pad(values, ((0, rows), (0, columns)))
    shape = (padded.shape[0] // COARSE, COARSE, padded.shape[1] // COARSE, COARSE)
    means: Floats = padded.reshape(shape).sum(axis=(1, 3)) / np.float32(COARSE**2)
    return means


def _resampling(pixels: int, step: float) -> Any:
    """Sparse matrix (cells x pixels): overlap of cells with pixels, or interpolation where cells are smaller."""
    cells = max(1, int(np.ceil(pixels / step - 1e-6)))
    if step <= 1:
        return interpolation((np.arange(cells) + 0.5) * step - 0.5, pixels)
    starts = np.arange(cells) * step
    index = np.floor(starts).astype(int)[:, None] + np.arange(int(np.ceil(step)) + 1)
    overlap = np.minimum(index + 1, (starts + step)[:, None]) - np.maximum(index, starts[:, None])
    overlap[index >= pixels] = 0
    overlap = np.maximum(overlap, 0)
    overlap /= overlap.sum(axis=1, keepdims=True)
    return _matrix(overlap, np.minimum(index, pixels - 1), pixels)


def interpolation(positions: np.ndarray[Any, Any], count: int) -> Any:
    """Sparse matrix that interpolates linearly at `positions` between `count` elements, constant beyond the ends."""
    at = np.clip(positions, 0, count - 1)
    left = np.minimum(np.floor(at).astype(int), max(count - 2, 0))
    share = at - left
    index = np.stack([left, np.minimum(left + 1, count - 1)], axis=1)
    return _matrix(np.stack([1 - share, share], axis=1), index, count)


def _matrix(weights: np.ndarray[Any, Any], index: np.ndarray[Any, Any], columns: int) -> Any:
    rows = np.repeat(np.arange(len(index)), index.shape[1])
    entries = (weights.astype(np.float32).ravel(), (rows, index.ravel()))
    return sparse.coo_array(entries, shape=(len(index), columns)).tocsr()


def separable(rows: Any, values: Floats, columns: Any) -> Floats:
    """The product rows @ values @ columns^T: float32 [row, col]."""
    found: Floats = np.ascontiguousarray((columns @ (rows @ values).T).T, dtype=np.float32)
    return found


def _both_ways(network: Any, channels: Floats) -> Floats:
    """Mean maps of the image as it is and mirrored at its second diagonal: what only one look suspects fades."""
    straight = _tiled(network, channels)
    mirrored = _tiled(network, np.ascontiguousarray(channels[:, ::-1, ::-1].transpose(0, 2, 1)))
    mean: Floats = (straight + mirrored.transpose(0, 2, 1)[:, ::-1, ::-1]) / np.float32(2)
    return mean


def _tiled(network: Any, channels: Floats) -> Floats:
    """The network's maps [class, row, col], from overlapping tiles blended by their distance to the tile's border."""
    rows, columns = channels.shape[1:]
    size = tuple(max(n, TILE) for n in (rows, columns))
    padded = np.zeros((2, *size), np.float32)
    padded[:, :rows, :columns] = channels
    ramp = np.minimum(np.arange(TILE) + 1, np.arange(TILE, 0, -1)) / (TILE - STRIDE)
    window = np.minimum(ramp, 1).astype(np.float32)
    weight = window[:, None] * window
    total: Floats = np.zeros((3, *size), np.float32)
    weights: Floats = np.zeros(size, np.float32)
    for top in _starts(size[0]):
        for left in _starts(size[1]):
            box = (slice(top, top + TILE), slice(left, left + TILE))
            maps = network.run(None, {"image": padded[(slice(None), *box)][None]})[0][0]
            total[(slice(None), *box)] += maps * weight
            weights[box] += weight
    total /= weights
    return total[:, :rows, :columns]


def _starts(cells: int) -> list[int]:
    """First cells of the tiles along an axis: evenly spread, no farther apart than STRIDE."""
    count = 1 + -(-(cells - TILE) // STRIDE)
    return [round(i * (cells - TILE) / max(count - 1, 1)) for i in range(count)]

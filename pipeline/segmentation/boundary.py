"""The visible extent of a deposit: voxels that rise by 60 HU above what surrounds it (contract, section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_propagation, distance_transform_edt, gaussian_filter

from pipeline.model.image import Floats, Mask, Volume
from pipeline.model.lesion import Crop, box_in, crop_of, padded_box
from pipeline.segmentation.noise import Quality, smoothed
from pipeline.segmentation.view import paint

VISIBLE_RISE_HU = 60.0
VISIBLE_SIGMAS = 2.5
"""In noise above 24 HU the rise is this multiple of the noise: else grains of noise become calcium."""
REACH_MM = 2.5
"""A deposit's faint border lies within this distance of its voxels above the threshold."""
SPARED_MM = 1.8
"""Blur of an edge: nearer than this to anything dense no background is read."""
BACKGROUND_MM = 4.0
"""Width of the average from which the background is read; fat and muscle alternate over some 10 mm."""
GAS_HU = -300.0
FAR_WEIGHT = 1e-3
"""Weight of the window's mean tissue: it counts only deep inside a mass, beyond the reach of the average."""
MARGIN_MM = 9.0
MOST_VOXELS = 1_500_000
"""Larger windows are measured for distance at half the resolution in plane."""
SMOOTHING_SHARE = 0.5
"""Of the search's smoothing: the outline wants resolution, the search wants little noise."""


@dataclass(frozen=True, slots=True, eq=False)
class _Surroundings:
    """A window of the volume: its box, smoothed HU, the accepted piece and everything else that is dense."""

    box: tuple[slice, ...]
    hu: Floats
    own: Mask
    other: Mask


def visible_extents(
    volume: Volume, quality: Quality, accepted: Sequence[Crop], rejected: Sequence[Crop]
) -> tuple[Crop | None, ...]:
    """The visible extent of each accepted mask, None where nothing rises enough. No voxel is given twice.

    `accepted` and `rejected` are masks above the search threshold; a voxel belongs to the nearest of them, so that the
    border of a deposit never creeps over bone.
    """
    crops = (*accepted, *rejected)
    low = np.array([c.offset for c in crops]).reshape(-1, 3)
    high = np.array([c.stop for c in crops]).reshape(-1, 3)
    margin = _margin(volume)
    found: list[Crop | None] = []
    for i, piece in enumerate(accepted):
        near = np.all((low < np.array(piece.stop) + margin) & (high > np.array(piece.offset) - margin), axis=1)
        others = [crops[j] for j in np.flatnonzero(near) if j != i]
        found.append(_visible(_window(volume, quality, piece, others), volume.spacing_mm, _least_rise(quality, piece)))
    return tuple(found)


def _margin(volume: Volume) -> tuple[int, ...]:
    return tuple(max(1, int(np.ceil(MARGIN_MM / s))) for s in volume.spacing_mm)


def _least_rise(quality: Quality, piece: Crop) -> float:
    noise = float(quality.smooth_noise_hu[(piece.offset[0] + piece.stop[0]) // 2])
    return max(VISIBLE_RISE_HU, VISIBLE_SIGMAS * noise)


def _window(volume: Volume, quality: Quality, piece: Crop, others: Sequence[Crop]) -> _Surroundings:
    box = padded_box(piece, _margin(volume), volume.shape)
    hu = smoothed(volume.hu[box], (0.0, *(SMOOTHING_SHARE * s for s in quality.smoothing_px)))
    own, other = np.zeros(hu.shape, bool), np.zeros(hu.shape, bool)
    start = tuple(b.start for b in box)
    own[box_in(piece, start)] = piece.mask
    for crop in others:
        paint(other, crop, start)
    return _Surroundings(box, hu, own, other & ~own)


def _visible(here: _Surroundings, spacing_mm: tuple[float, ...], least_rise: float) -> Crop | None:
    own = _distance(here.own, spacing_mm)
    other = _distance(here.other, spacing_mm)
    rise = here.hu - _background(here, np.minimum(own, other), spacing_mm)
    allowed = (rise >= least_rise) & (own <= REACH_MM) & (own < other)
    seen: Mask = binary_propagation(here.own & allowed, mask=allowed)
    return crop_of(seen, tuple(b.start for b in here.box)) if seen.any() else None


def _distance(mask: Mask, spacing_mm: tuple[float, ...]) -> Floats:
    """Distance of each voxel to the mask, mm; infinite where the mask is empty."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    if mask.size <= MOST_VOXELS:
        exact: Floats = distance_transform_edt(~mask, sampling=spacing_mm).astype(np.float32)
        return exact
    even = np.pad(mask, [(0, 0), (0, mask.shape[1] % 2), (0, mask.shape[2] % 2)])
    thin = even[:, ::2, ::2] | even[:, 1::2, ::2] | even[:, ::2, 1::2] | even[:, 1::2, 1::2]
    coarse = distance_transform_edt(~thin, sampling=(spacing_mm[0], 2 * spacing_mm[1], 2 * spacing_mm[2]))
    near: Floats = coarse.astype(np.float32).repeat(2, axis=1).repeat(2, axis=2)[:, : mask.shape[1], : mask.shape[2]]
    return near


def _background(here: _Surroundings, distance_mm: Floats, spacing_mm: tuple[float, ...]) -> Floats:
    """Tissue about the deposit, continued over it: a weighted mean of voxels beyond the blur of what is dense."""
    tissue = ((distance_mm > SPARED_MM) & (here.hu > GAS_HU)).astype(np.float32)
    if not tissue.any():
        return np.zeros(here.hu.shape, np.float32)
    widths = [BACKGROUND_MM / 2 / s for s in spacing_mm]
    weight = gaussian_filter(tissue, widths, truncate=3.0) + np.float32(FAR_WEIGHT)
    total = gaussian_filter(tissue * here.hu, widths, truncate=3.0)
    total += FAR_WEIGHT * float(here.hu[tissue > 0].mean())
    found: Floats = (total / weight).astype(np.float32)
    return found

"""Candidates on CT: connected pieces that rise above muscle by more than noise explains."""

from dataclasses import dataclass

import numpy as np

from pipeline.model.image import CoarseMask, Volume
from pipeline.model.lesion import Crop
from pipeline.segmentation.noise import Quality, smoothed
from pipeline.segmentation.runs import Runs, components, crops_of, runs_of

LEAST_VOXELS = 3
MOST_COMPONENTS = 2500
"""Beyond this many the largest count: what is left out are specks of a noisy series."""


@dataclass(frozen=True, slots=True)
class Dense:
    """Components, largest first, and how many were left out for their number."""

    components: tuple[Crop, ...]
    left_out: int


def find_dense(volume: Volume, body: CoarseMask, quality: Quality) -> Dense:
    """Components (26 neighbours) of smoothed HU above the low threshold that reach the high one, inside the body.

    Every slice is smoothed in plane and read once; only runs of dense voxels are kept.
    """
    where = np.nonzero(body.mask.any(axis=0))
    if not len(where[0]):
        return Dense((), 0)
    top, left = (int(w.min()) * f for w, f in zip(where, body.factor[1:], strict=True))
    bottom, right = (
        min((int(w.max()) + 1) * f, n) for w, f, n in zip(where, body.factor[1:], volume.shape[1:], strict=True)
    )
    found, reached = [], []
    low, high = quality.low_hu, quality.high_hu
    for n in range(volume.shape[0]):
        hu = smoothed(volume.hu[n, top:bottom, left:right], quality.smoothing_px)
        if float(hu.max()) <= low[n]:
            continue
        inside = body.mask[n // body.factor[0]].repeat(body.factor[1], axis=0).repeat(body.factor[2], axis=1)
        runs = runs_of((hu > low[n]) & inside[top:bottom, left:right], n, (top, left))
        if len(runs[0]):
            found.append(runs)
            peaks = np.maximum.reduceat(np.append(hu, np.float32(-1024)), _edges(runs, hu.shape[1], (top, left)))[::2]
            reached.append(peaks > high[n])
    if not found:
        return Dense((), 0)
    slices, rows, starts, stops = (np.concatenate([r[i] for r in found]) for i in range(4))
    return _components(Runs(slices, rows, starts, stops, volume.shape), np.concatenate(reached))


def _edges(runs: tuple[np.ndarray, ...], width: int, offset: tuple[int, int]) -> np.ndarray:
    """Flat starts and stops of a slice's runs, alternating, for `reduceat`."""
    line = (runs[1] - offset[0]) * width - offset[1]
    return np.stack([line + runs[2], line + runs[3]], axis=1).ravel()


def _components(runs: Runs, reached: np.ndarray) -> Dense:
    numbers = components(runs)
    count = int(numbers.max()) + 1
    voxels = np.bincount(numbers, runs.stops - runs.starts, minlength=count)
    high = np.bincount(numbers, reached, minlength=count) > 0
    wanted = np.flatnonzero(high & (voxels >= LEAST_VOXELS))
    wanted = wanted[np.argsort(-voxels[wanted], kind="stable")]
    return Dense(crops_of(runs, numbers, wanted[:MOST_COMPONENTS]), max(0, len(wanted) - MOST_COMPONENTS))

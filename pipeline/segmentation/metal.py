"""Metal on CT: found first, never called calcium."""

import numpy as np
from scipy.ndimage import binary_dilation

from pipeline.model.image import CoarseMask, Mask, Volume

METAL_HU = 2800
"""Above enamel (some 2000) and below the 3071 at which 12-bit data clip titanium and steel."""
REACH_MM = 2.0
"""Blur and overshoot about metal."""


def find_metal(volume: Volume, body: CoarseMask) -> CoarseMask:
    """Where metal is, with its blur, on the grid of `body`."""
    pooled = np.zeros(body.mask.shape, bool)
    for n in np.flatnonzero(volume.hu.max(axis=(1, 2)) >= METAL_HU):
        rows, columns = np.nonzero(volume.hu[n] >= METAL_HU)
        pooled[n // body.factor[0], rows // body.factor[1], columns // body.factor[2]] = True
    reach = [round(REACH_MM / (s * f)) for s, f in zip(volume.spacing_mm, body.factor, strict=True)]
    if pooled.any():
        pooled = binary_dilation(pooled, np.ones([2 * max(1, r) + 1 for r in reach], bool))
    return CoarseMask(pooled, body.factor, volume.shape)


def share_of(mask: Mask, offset: tuple[int, ...], metal: CoarseMask) -> float:
    """Share of the voxels of a crop that lie in `metal`."""
    stop = tuple(o + n for o, n in zip(offset, mask.shape, strict=True))
    here = metal.window(offset, stop)
    return float(np.count_nonzero(here & mask)) / max(1, int(np.count_nonzero(mask)))

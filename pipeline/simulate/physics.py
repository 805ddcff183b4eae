"""Attenuation of water, hydroxyapatite and metal; the beam; what a detector sees behind a path.

Mass attenuation coefficients: J. H. Hubbell, S. M. Seltzer, NIST XAAMDI (NISTIR 5632), 40 to 80 keV; hydroxyapatite
is the mass-weighted sum of Ca 0.399, P 0.185, O 0.414, H 0.002.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from pipeline.simulate.fields import Array

WATER_PER_CM = {30: 0.3756, 40: 0.2683, 50: 0.2269, 60: 0.2059, 80: 0.1837}
APATITE_CM2_PER_G = {30: 1.99, 40: 0.936, 50: 0.560, 60: 0.391, 80: 0.252}
APATITE_DENSITY = 3.16
"""g/cm3; mineral displaces as much water."""
METAL_PER_CM = {30: 340.0, 40: 160.0, 50: 89.0, 60: 56.0, 80: 26.0}
"""Lead, as in side markers, filtered by its holder."""
CORTEX_MINERAL = 1.12
"""Mineral of compact bone, g/cm3 (ICRP publication 89: about 1.1)."""
HU_PER_MINERAL = 1330.0
"""HU a g/cm3 of apatite at 70 keV mean: (0.31 / 0.193 - 1 / 3.16) × 1000, rounded."""

TRUNK_BEAM = ((40, 0.26), (50, 0.34), (60, 0.26), (80, 0.14))
"""Share of photons by keV at 75 to 85 kV; an estimate that gives bone and soft tissue their usual contrast."""
LIMB_BEAM = ((30, 0.36), (40, 0.38), (50, 0.26))
"""The same at 50 to 60 kV."""
COARSE = 8


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """Along the ray of every pixel [row, col]: water (cm), bone and each lesion's calcium (g/cm2), metal (cm)."""

    water: Array
    mineral: Array
    calcium: tuple[Array, ...]
    metal: Array


@dataclass(frozen=True, slots=True)
class Exposure:
    """A beam and a detector. `counts` are photons a pixel behind typical tissue; widths in pixels."""

    beam: tuple[tuple[int, float], ...]
    counts: float
    scatter_share: float
    scatter_width: float
    blur: float


def transmission(paths: Paths, beam: tuple[tuple[int, float], ...], *, calcium: tuple[Array, ...]) -> Array:
    """Share of the primary beam behind the body, with the given calcium in it."""
    mineral = paths.mineral
    for extra in calcium:
        mineral = mineral + extra
    water = np.maximum(paths.water, 0)
    total = np.zeros_like(water)
    for energy, weight in beam:
        net = APATITE_CM2_PER_G[energy] - WATER_PER_CM[energy] / APATITE_DENSITY
        exponent = np.float32(WATER_PER_CM[energy]) * water + np.float32(net) * mineral
        total += np.float32(weight) * np.exp(-exponent - np.float32(METAL_PER_CM[energy]) * paths.metal)
    return total


def typical_transmission(primary: Array, paths: Paths, field: Array) -> float:
    """Median behind soft tissue inside the collimated field."""
    body = (paths.water > 0.4 * np.percentile(paths.water[::4, ::4], 90)) & (field > 0.5)
    return float(np.median(primary[body])) if body.any() else float(np.median(primary))


def signal(primary: Array, field: Array, typical: float, exposure: Exposure) -> Array:
    """Mean detector counts: primary and scattered photons inside the field, blurred."""
    beam = primary * field
    small = zoom(np.minimum(beam, 12 * typical), 1 / COARSE, order=1)
    spread = gaussian_filter(small, exposure.scatter_width / COARSE)
    haze = zoom(spread, [n / m for n, m in zip(beam.shape, spread.shape, strict=True)], order=1)
    seen = gaussian_filter(beam, exposure.blur) + np.float32(exposure.scatter_share) * haze
    result: Array = (np.maximum(seen, 1e-7) * np.float32(exposure.counts / typical)).astype(np.float32)
    return result


def noisy(mean: Array, rng: np.random.Generator) -> Array:
    """One exposure: quantum noise, nearly Poisson, a little correlated between neighbours, and read-out noise."""
    quantum = rng.standard_normal(mean.shape, dtype=np.float32) * np.sqrt(mean)
    quantum = gaussian_filter(quantum, 0.5) * np.float32(1.55)
    readout = rng.standard_normal(mean.shape, dtype=np.float32) * np.float32(3.0)
    result: Array = np.maximum(mean + quantum + readout, 1.0)
    return result

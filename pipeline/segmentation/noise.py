"""What a slice of this series looks like where nothing is: muscle, noise, and the thresholds that follow from them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pipeline.model.image import CoarseMask, Floats, Volume

MUSCLE_HU = 52.0
"""Where too little muscle is in the field to be measured; clinical figures are 40 to 70 HU."""
MUSCLE_RANGE_HU = (40, 80)
"""The mode is looked for in this range: edema, effusion or beam hardening do not lower the threshold into marrow."""
SOFT_RANGE_HU = (-160, 130)
"""Pooled tissue in which noise is measured: fat and muscle, no bone, no gas."""
STEP = 3
"""Pixels between the two of a difference: beyond most of the kernel's correlation."""
LEAST_PAIRS = 200
MOST_SLICES = 32
"""Slices in which noise is measured; the others are interpolated."""
NOISE_HU = 12.0
"""Where no slice has enough soft tissue."""
SMOOTHING_MM = 0.6
SMOOTHING_NOISY_MM = 0.9
NOISY_HU = 20.0
LOW_RISE_HU, LOW_SIGMAS = 55.0, 3.2
HIGH_RISE_HU, HIGH_SIGMAS = 80.0, 5.0
"""Rise above muscle that extends and that starts a candidate: fixed floors, or multiples of the noise left after
smoothing where that is more. Calcium of 130 HU (the vascular convention at 120 kVp) lies above both floors."""
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """Muscle in HU, noise (standard deviation, HU) as stored, and a slice's noise after smoothing [slice].

    `smoothing_px` is the standard deviation of the smoothing in rows and columns.
    """

    muscle_hu: float
    noise_hu: float
    smooth_noise_hu: NDArray[np.float32]
    smoothing_px: tuple[float, float]

    @property
    def low_hu(self) -> NDArray[np.float32]:
        """Threshold that extends a candidate, for smoothed values [slice]."""
        found: NDArray[np.float32] = self.muscle_hu + np.maximum(LOW_RISE_HU, LOW_SIGMAS * self.smooth_noise_hu)
        return found

    @property
    def high_hu(self) -> NDArray[np.float32]:
        """Threshold that a candidate must reach somewhere, for smoothed values [slice]."""
        found: NDArray[np.float32] = self.muscle_hu + np.maximum(HIGH_RISE_HU, HIGH_SIGMAS * self.smooth_noise_hu)
        return found

    def note(self) -> str:
        """The threshold in force, in words."""
        sigma = float(np.median(self.smooth_noise_hu))
        high = float(np.median(self.high_hu))
        reason = f"5 x noise {sigma:.0f}" if HIGH_SIGMAS * sigma > HIGH_RISE_HU else f"{HIGH_RISE_HU:.0f}"
        return f"threshold {high:.0f} HU: muscle {self.muscle_hu:.0f} + {reason}"


def measure_quality(volume: Volume, body: CoarseMask, pooled: NDArray[np.int16]) -> Quality:
    """Muscle as the mode of the pooled tissue; noise slice by slice from differences of near pixels in soft tissue.

    `pooled` is [slice, row, col] on the grid of `body`. Noise varies along shoulders and pelvis, so each slice has its
    own, measured in at most `MOST_SLICES` of them as the median absolute difference of pixels `STEP` apart.
    """
    muscle = _muscle_hu(pooled[body.mask])
    soft = body.mask & (pooled > SOFT_RANGE_HU[0]) & (pooled < SOFT_RANGE_HU[1])
    measured = np.unique(np.linspace(0, volume.shape[0] - 1, MOST_SLICES).round().astype(int))
    raw = _over_slices([_noise_of(volume.hu[n], _of_slice(soft, body, n)) for n in measured], measured, volume)
    noise = float(np.median(raw))
    width_mm = SMOOTHING_NOISY_MM if noise > NOISY_HU else SMOOTHING_MM
    smoothing = (width_mm / volume.spacing_mm[1], width_mm / volume.spacing_mm[2])
    smooth = [_noise_of(smoothed(volume.hu[n], smoothing), _of_slice(soft, body, n)) for n in measured]
    return Quality(muscle, noise, _over_slices(smooth, measured, volume), smoothing)


def smoothed(hu: NDArray[np.int16], smoothing_px: tuple[float, ...]) -> Floats:
    """HU float32 after a Gaussian of `smoothing_px` elements an axis, cut at two standard deviations."""
    found: Floats = gaussian_filter(np.maximum(hu, -1024).astype(np.float32), smoothing_px, truncate=2.0)
    return found


def _muscle_hu(hu: NDArray[np.int16]) -> float:
    low, high = MUSCLE_RANGE_HU
    chosen = hu[(hu >= low) & (hu <= high)]
    if chosen.size < LEAST_PAIRS:
        return MUSCLE_HU
    counts = np.convolve(np.bincount(chosen - low, minlength=high - low + 1), np.ones(11), "valid")
    return float(low + 5 + int(np.argmax(counts)))


def _of_slice(soft: NDArray[np.bool_], body: CoarseMask, n: int) -> NDArray[np.bool_]:
    """Soft tissue of slice `n` at image resolution [row, col]."""
    flat = soft[min(n // body.factor[0], len(soft) - 1)]
    return CoarseMask(flat.copy(), body.factor[1:]).window((0, 0), body.shape[1:])


def _noise_of(hu: NDArray[np.int16] | Floats, soft: NDArray[np.bool_]) -> float:
    pairs = soft[::2, STEP:] & soft[::2, :-STEP]
    if np.count_nonzero(pairs) < LEAST_PAIRS:
        return float("nan")
    rows = hu[::2].astype(np.float32)
    change = (rows[:, STEP:] - rows[:, :-STEP])[pairs]
    return float(MAD_TO_SIGMA * np.median(np.abs(change - np.median(change))) / np.sqrt(2))


def _over_slices(values: list[float], measured: NDArray[np.int_], volume: Volume) -> NDArray[np.float32]:
    found = np.asarray(values)
    known = np.isfinite(found)
    if not known.any():
        return np.full(volume.shape[0], NOISE_HU, np.float32)
    every: NDArray[np.float32] = np.interp(np.arange(volume.shape[0]), measured[known], found[known]).astype(np.float32)
    return every

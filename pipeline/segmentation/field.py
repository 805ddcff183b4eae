"""The grid on which a radiograph is searched, its valid field, its body and its noise.

Everything that is looked for is larger than a millimetre, so the search runs on block means of about 0.4 mm; only the
boundary of a deposit is drawn on the stored pixels. A grid element is a whole number of pixels on each axis, so that
masks of the grid are `CoarseMask`s of the image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.model.image import Floats, Mask, Radiograph
from pipeline.model.known import Known

GRID_MM = 0.4
"""Aim of the working grid, mm: half of the smallest deposit that shows in a limb (1 mm, bone-like)."""
LONG_SIDE_MM = 280.0
"""Long side of the field where no spacing is known: between a hand (200) and a chest (400)."""
SPACING_LIMITS_MM = (0.03, 1.2)
"""Pixel spacings outside are taken as unknown: no radiographic detector has them."""
LOG_PER_UNIT = 3.0
"""Change of natural-log signal that one unit of attenuation stands for where processing is unknown; see
`docs/decisions/radiograph-seeing.md`."""
BARE_SPREAD = 0.5
"""Bare beam is even: from its 10th to its 90th percentile it spans at most this share of its distance to the body."""
BARE_BINS, BARE_MOST_BINS, VALLEY_BINS = 64, 20, 16
VALLEY_DEPTH = 0.35
"""Histogram: bare beam is the highest of the first 20 of 64 bins; within 16 more it falls to this share of it."""
LEAST_BARE = 0.01
"""Least share of the field that bare beam takes to be believed."""
COARSE_MM = 1.6
"""Grid on which the silhouette is found, mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A radiograph on its working grid; all arrays [row, col] of the grid.

    `value` is the mean attenuation of a block, `valid` whether all of the block lies in the exposed field, `body`
    whether tissue lies in the beam. `factor` is pixels a grid element, `spacing_mm` the grid's spacing (row, col),
    assumed where `spacing_is_known` is False. `noise` is the standard deviation of `value` in soft tissue,
    `log_per_unit` the change of log signal of one unit of attenuation.
    """

    value: Floats
    valid: Mask
    body: Mask
    factor: tuple[int, int]
    spacing_mm: tuple[float, float]
    spacing_is_known: bool
    noise: float
    log_per_unit: float
    notes: tuple[str, ...] = ()

    def pixels(self, length_mm: float) -> tuple[float, float]:
        """`length_mm` in grid elements along (row, col)."""
        return length_mm / self.spacing_mm[0], length_mm / self.spacing_mm[1]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of the grid."""
        return self.value.shape[0], self.value.shape[1]

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """Spacing (row, col) of the stored pixels, mm; assumed where it is not known."""
        return self.spacing_mm[0] / self.factor[0], self.spacing_mm[1] / self.factor[1]

    @property
    def element_mm2(self) -> float:
        """Area of one grid element, mm2."""
        return self.spacing_mm[0] * self.spacing_mm[1]


def working_field(radiograph: Radiograph) -> Field:
    """The working grid of a radiograph.

    Where spacing is unknown or impossible the long side is taken as `LONG_SIDE_MM`, which only sets the scale of the
    search; a note says so.
    """
    spacing_mm, known, notes = _pixel_spacing(radiograph)
    factor = tuple(max(1, round(GRID_MM / s)) for s in spacing_mm)
    grid_mm = (spacing_mm[0] * factor[0], spacing_mm[1] * factor[1])
    value = block_mean(radiograph.attenuation, (factor[0], factor[1]))
    valid = block_mean(radiograph.valid.astype(np.float32), (factor[0], factor[1])) > 0.999
    log_per_unit = LOG_PER_UNIT
    match radiograph.log_per_unit:
        case Known(value=scale) if scale > 0:
            log_per_unit = scale
        case _:
            notes += (f"processing unknown: one unit of attenuation taken as {LOG_PER_UNIT:g} in log signal",)
    body = _body(value, valid, grid_mm)
    return Field(
        value=value,
        valid=valid,
        body=body,
        factor=(factor[0], factor[1]),
        spacing_mm=grid_mm,
        spacing_is_known=known,
        noise=noise_of(value, body & valid),
        log_per_unit=log_per_unit,
        notes=notes,
    )


def _pixel_spacing(radiograph: Radiograph) -> tuple[tuple[float, float], bool, tuple[str, ...]]:
    """Spacing (row, col) in mm, whether it is known, and a note where it is not."""
    match radiograph.spacing_mm:
        case Known(value=(row, col)) if all(SPACING_LIMITS_MM[0] <= s <= SPACING_LIMITS_MM[1] for s in (row, col)):
            return (row, col), True, ()
    assumed = LONG_SIDE_MM / max(radiograph.shape)
    note = f"spacing not known: searched as if the field were {LONG_SIDE_MM:g} mm long"
    return (assumed, assumed), False, (note,)


def block_mean(values: Floats, factor: tuple[int, int]) -> Floats:
    """Means of blocks of `factor` elements; the last block of an axis may be smaller."""
    if factor == (1, 1):
        return values.copy()
    counts = [np.diff(np.append(np.arange(0, n, f), n)) for n, f in zip(values.shape, factor, strict=True)]
    sums = _block_sums(_block_sums(values, factor[0]).T, factor[1]).T
    means: Floats = (sums / np.multiply.outer(counts[0], counts[1])).astype(np.float32)
    return means


def _block_sums(values: Floats, size: int) -> Floats:
    """Sums of `size` rows after each other, the last of what is left: quicker than numpy's reduceat."""
    sums = values[::size].copy()
    for step in range(1, size):
        more = values[step::size]
        sums[: len(more)] += more
    return sums


def noise_of(value: Floats, where: Mask) -> float:
    """Standard deviation of the noise: spread of second differences along the rows, which slopes do not touch.

    The median absolute difference is taken, for few elements lie on edges. Source: after Immerkaer, CVIU 1996.
    """
    second = value[:, :-2] - 2 * value[:, 1:-1] + value[:, 2:]
    inside = where[:, :-2] & where[:, 1:-1] & where[:, 2:]
    if not inside.any():
        return 0.0
    spread = np.abs(second[inside])[::3]
    median_of_normal = 0.6745
    return float(np.median(spread) / median_of_normal / np.sqrt(6))


def _body(value: Floats, valid: Mask, spacing_mm: tuple[float, float]) -> Mask:
    """Where tissue lies in the beam: everything but the bare beam that reaches the edge of the field."""
    factor = (max(1, round(COARSE_MM / spacing_mm[0])), max(1, round(COARSE_MM / spacing_mm[1])))
    coarse = block_mean(value, factor)
    inside = block_mean(valid.astype(np.float32), factor) > 0.5
    bare = _bare_beam(coarse, inside)
    fine: NDArray[np.bool_] = np.repeat(np.repeat(bare, factor[0], axis=0), factor[1], axis=1)
    return valid & ~fine[: value.shape[0], : value.shape[1]]


def _bare_beam(coarse: Floats, inside: Mask) -> Mask:
    """Dark, even regions that touch the edge of the field; empty where the body fills the field."""
    none = np.zeros_like(inside)
    if np.count_nonzero(inside) < 100:
        return none
    values = coarse[inside]
    cut = _valley(values)
    if cut is None:
        return none
    dark = inside & (coarse < cut)
    edge = inside & ~ndimage.binary_erosion(inside, border_value=0)
    numbers, _ = ndimage.label(dark)
    touching = np.unique(numbers[edge & dark])
    bare = np.isin(numbers, touching[touching > 0])
    if np.count_nonzero(bare) < LEAST_BARE * np.count_nonzero(inside) or not (inside & ~bare).any():
        return none
    low, middle, high = np.percentile(coarse[bare], (10, 50, 90))
    step = float(np.median(coarse[inside & ~bare])) - float(middle)
    return bare if high - low <= BARE_SPREAD * step else none


def _valley(values: Floats) -> float | None:
    """The level between bare beam and tissue, None where no dark mode stands apart.

    The bare beam is the highest peak of the dark end of the histogram; the level is the emptiest place above it.
    """
    low, high = np.percentile(values, (0.5, 99.5))
    if high <= low:
        return None
    counts, edges = np.histogram(values, bins=BARE_BINS, range=(low, high))
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), 1.0)
    first = int(np.argmax(smooth[:BARE_MOST_BINS]))
    valley = first + int(np.argmin(smooth[first : first + VALLEY_BINS]))
    if smooth[valley] > VALLEY_DEPTH * smooth[first]:
        return None
    return float(edges[valley] + (edges[1] - edges[0]) / 2)

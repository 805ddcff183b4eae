"""Straight steps across gravity: where density rises going down, in one plane, inside a lesion.

Two and three dimensions are one path: a step is a set of columns along gravity whose sharpest rise lies in one plane
(a line in a radiograph). What a step must be to count as a fluid level is decided in `fluid_level`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.features.blocks import labelled, near_mask
from pipeline.features.rises import Frame, rises_and_spread
from pipeline.model.image import Floats, Mask

LEAST_NOISES = 1.5
"""A rise is followed from this many times the spread of all rises in the patch; a step must be clearer as a whole."""
FAINT = 0.4
"""Columns that rise by less than this share of their step are its blur beyond the walls."""
STEEPEST_DEG = 20.0
"""Planes tilted more than this against gravity are given up while fitting."""
LEAST_COLUMNS = 6
"""Fewer columns are no step; half of the 10 pixels that a compartment needs."""
ROUNDS = 8
BEYOND = 0.15
BEYOND_COLUMNS = (2, 6)
"""Share of a step's width that is looked at beyond its ends, and the least and most columns."""
BENDING = 3.0
"""The rise goes on beyond the ends of a step when it stays within this many tolerances of its plane. What is cut from
the top of a ball spans two tolerances; 15 % further out on both sides the ball has dropped by 1.4 more, whatever its
size."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Columns whose sharpest rise lies in one plane.

    `edge` intp [point, axis]: the connected edge that the step is part of, `chosen` bool [point] the part, `slope` of
    its plane across gravity. `height` float [point of the part]: where the rise is, elements along the first axis.
    `rise` float [point of the part]: density below less above.
    `tilt_deg` against gravity; `width` the extent across, mm or elements (in a volume the lesser one of two);
    `fill` the share of that extent which the columns fill; `clearness` its rise over the noise of that mean.
    """

    edge: NDArray[np.intp]
    chosen: Mask
    slope: NDArray[np.float64]
    height: NDArray[np.float64]
    rise: NDArray[np.float64]
    tilt_deg: float
    width: float
    fill: float
    clearness: float

    @property
    def row(self) -> NDArray[np.intp]:
        """The element below the rise in each column."""
        found: NDArray[np.intp] = self.edge[self.chosen, 0]
        return found

    @property
    def column(self) -> NDArray[np.intp]:
        """The columns [point, axis across]."""
        found: NDArray[np.intp] = self.edge[self.chosen, 1:]
        return found


def find_steps(view: Frame, least: int = LEAST_COLUMNS) -> Iterator[Step]:
    """All straight steps of a patch, widest of each edge first; edges of fewer than `least` columns are passed over."""
    rise, spread = rises_and_spread(view)
    reach = 2 * max(1, view.layer // 2) + 1
    crest = (rise == ndimage.maximum_filter1d(rise, reach, axis=0)) & (rise > LEAST_NOISES * spread) & _near(view)
    edges, _ = labelled(crest)
    index = np.argwhere(crest)
    owner = edges[tuple(index.T)]
    order = np.argsort(owner, kind="stable")
    for edge in np.split(index[order], np.flatnonzero(np.diff(owner[order])) + 1):
        if len(edge) >= max(least, LEAST_COLUMNS):
            yield from _straight(edge, rise, spread, view)


def _near(view: Frame) -> Mask:
    """Where a rise may belong to the lesion or run on from it."""
    reach = tuple(view.layer + a for a in (view.layer, *view.across))
    size = tuple(2 * r + 1 for r in reach)
    return near_mask(view.visible, reach, reach, lambda box: ndimage.maximum_filter(view.visible[box], size=size))


def _straight(index: NDArray[np.intp], rise: Floats, spread: float, view: Frame) -> Iterator[Step]:
    """Straight steps within one connected edge, widest first."""
    height = _refined(index, rise)
    place = np.column_stack([height, index[:, 1:]]) * view.spacing
    along = place @ np.asarray(view.gravity)
    own = rise[tuple(index.T)].astype(np.float64)
    free = np.ones(len(index), bool)
    while np.count_nonzero(free) >= LEAST_COLUMNS:
        chosen, slope = _plane(place, along, free, view.tolerance)
        if np.count_nonzero(chosen) < LEAST_COLUMNS:
            return
        free &= ~chosen
        strong = own >= FAINT * float(np.median(own[chosen]))
        chosen &= strong
        if np.count_nonzero(chosen) < LEAST_COLUMNS:
            continue
        width, fill = _width(place[chosen, 1:], view.spacing[1:])
        yield Step(
            edge=index[strong],
            chosen=chosen[strong],
            slope=slope,
            height=height[chosen],
            rise=own[chosen],
            tilt_deg=float(np.degrees(np.arctan(np.linalg.norm(slope)))),
            width=width,
            fill=fill,
            clearness=_clearness(own[chosen], spread, view),
        )


def _refined(index: NDArray[np.intp], rise: Floats) -> NDArray[np.float64]:
    """The height of a rise between elements, by a parabola through three; the rise lies above its element."""
    columns = tuple(index[:, 1:].T)
    row = index[:, 0]
    before = rise[(np.maximum(row - 1, 0), *columns)].astype(np.float64)
    here = rise[(row, *columns)].astype(np.float64)
    after = rise[(np.minimum(row + 1, rise.shape[0] - 1), *columns)].astype(np.float64)
    bend = before - 2 * here + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, -1), 0)
    height: NDArray[np.float64] = row + np.clip(shift, -0.5, 0.5) - 0.5
    return height


def _plane(
    place: NDArray[np.float64], along: NDArray[np.float64], free: Mask, tolerance: float
) -> tuple[Mask, NDArray[np.float64]]:
    """The free columns in the best plane nearly across gravity, and the plane's slope."""
    order = np.sort(along[free])
    counts = np.searchsorted(order, order + 2 * tolerance, side="right") - np.arange(len(order))
    middle = order[int(np.argmax(counts))] + tolerance
    across = place[:, 1:] - place[:, 1:].mean(axis=0)
    chosen = free & (np.abs(along - middle) <= tolerance)
    slope = np.zeros(across.shape[1])
    for _ in range(ROUNDS):
        if np.count_nonzero(chosen) < LEAST_COLUMNS:
            break
        design = np.column_stack([np.ones(np.count_nonzero(chosen)), across[chosen]])
        fit = np.linalg.lstsq(design, along[chosen], rcond=None)[0]
        if np.linalg.norm(fit[1:]) > np.tan(np.radians(STEEPEST_DEG)):
            break
        slope = fit[1:]
        better = free & (np.abs(along - fit[0] - across @ slope) <= tolerance)
        if np.array_equal(better, chosen):
            break
        chosen = better
    return chosen, slope


def _width(across: NDArray[np.float64], spacing: tuple[float, ...]) -> tuple[float, float]:
    """Extent of a step, in a volume the lesser of two, and the share of it that its columns fill.

    In a volume extent and share are those of the ellipse with the same moments: 1 for a disc, little for an arc.
    """
    if across.shape[1] == 1:
        columns = len(np.unique(across))
        return float(columns * spacing[0]), float(columns * spacing[0] / (np.ptp(across) + spacing[0]))
    moments = np.linalg.eigvalsh(np.cov(across.T) + np.diag(np.square(spacing)) / 12)
    lesser, greater = 4 * np.sqrt(np.maximum(moments, 0))
    area = len(np.unique(across, axis=0)) * spacing[0] * spacing[1]
    return float(lesser), float(area / (np.pi / 4 * lesser * greater))


def _clearness(rise: NDArray[np.float64], spread: float, view: Frame) -> float:
    """Median rise over the noise of a step: the spread of single rises over the root of how many are independent."""
    independent = max(1.0, len(rise) / float(np.prod(view.across)))
    return float(np.median(rise)) / max(spread, 1e-9) * float(np.sqrt(independent))


def bulge(step: Step, view: Frame) -> float:
    """How far the middle of a step stands above its ends, in tolerances, by a parabola through its columns.

    What is cut from the top of anything round fills the tolerance, so its bulge is about two tolerances; a level's is
    about none, a meniscus' less than none.
    """
    place = np.column_stack([step.height, step.column]) * view.spacing
    along = place @ np.asarray(view.gravity)
    centred = place[:, 1:] - place[:, 1:].mean(axis=0)
    values, axes = np.linalg.eigh(np.atleast_2d(np.cov(centred.T)))
    turned = centred @ axes / np.sqrt(np.maximum(values, 1e-12))
    squares = [turned[:, i] ** 2 for i in range(turned.shape[1])]
    if len(along) < 2 * len(squares) + 2:
        return 2.0 / view.tolerance
    fit = np.linalg.lstsq(np.column_stack([np.ones(len(along)), turned, *squares]), along, rcond=None)[0]
    edge = 3.0 if len(squares) == 1 else 4.0
    return float(edge * fit[1 + turned.shape[1] :].max()) / view.tolerance


def beyond(step: Step, view: Frame) -> tuple[float, float]:
    """Shares of the columns next to a step's ends in which the same rise goes on bending down, and bending up.

    It goes on where the connected edge does, or where density passes the middle of the step close to its plane.
    """
    columns, rows = step.column, step.row
    low, high = columns.min(axis=0), columns.max(axis=0) + 1
    pad = np.clip(np.ceil(BEYOND * (high - low)), *BEYOND_COLUMNS).astype(int)
    foot = np.zeros(tuple(high - low + 2 * pad), bool)
    foot[tuple((columns - low + pad).T)] = True
    ring = ndimage.maximum_filter(foot, size=tuple(2 * pad + 1))
    ring &= ~ndimage.binary_closing(foot, np.ones((3,) * foot.ndim))
    at = np.argwhere(ring) + low - pad
    at = at[np.all((at >= 0) & (at < view.raw.shape[1:]), axis=1)]
    level = np.asarray(view.gravity[1:]) * view.spacing[1:] / (view.gravity[0] * view.spacing[0])
    fall = step.slope * view.spacing[1:] / view.spacing[0] - level
    reach = BENDING * view.tolerance / view.spacing[0]
    middle = rows.mean() + (at - columns.mean(axis=0)) @ fall
    other = step.edge[~step.chosen]
    drop = other[:, 0] - rows.mean() - (other[:, 1:] - columns.mean(axis=0)) @ fall
    down = [at[_crosses(at, middle - 0.5, middle + reach, step, view)], other[(drop > 0) & (drop <= 2 * reach), 1:]]
    up = [at[_crosses(at, middle - reach, middle + 0.5, step, view)], other[(drop < 0) & (drop >= -reach), 1:]]
    return _share(ring, down, pad - low), _share(ring, up, pad - low)


def _share(ring: Mask, columns: list[NDArray[np.intp]], shift: NDArray[np.intp]) -> float:
    """Share of a ring that is among columns."""
    found = np.zeros(ring.shape, bool)
    for some in columns:
        where = some + shift
        where = where[np.all((where >= 0) & (where < ring.shape), axis=1)]
        found[tuple(where.T)] = True
    return int(np.count_nonzero(found & ring)) / max(1, int(np.count_nonzero(ring)))


def _crosses(
    at: NDArray[np.intp], high: NDArray[np.float64], low: NDArray[np.float64], step: Step, view: Frame
) -> Mask:
    """Whether density passes the middle of a step between two heights, in the columns `at`."""
    row, column = step.row, step.column
    limit = (
        np.median(_at(view.density, row - view.layer, column))
        + np.median(_at(view.density, row + view.layer // 2, column))
    ) / 2
    crossed: Mask = (_at(view.density, high, at) < limit) & (_at(view.density, low, at) >= limit)
    return crossed


def _at(values: Floats, row: NDArray[np.generic], column: NDArray[np.intp]) -> Floats:
    """Values at the elements nearest to rows, cut at the ends of the array."""
    near = np.clip(np.rint(row).astype(int), 0, values.shape[0] - 1)
    found: Floats = values[(near, *column.T)]
    return found

"""Deposits to lesions: which pieces of calcium belong to one process, on radiographs and CT alike.

Four reasons tie two deposits, each a distance between their surfaces:

- *near*: within `NEAR_MM`, whatever they look like (fragments of one mass, beads of one wall);
- *large for the gap*: within `GAP_SHARE` of the smaller one's extent (lobes of a mass, the two halves of a ring);
- *one course*: both elongated, each pointing at the other, within `COURSE_MM` (a vessel seen in stretches);
- *one field*: groups of similar extent within `FIELD_MM`, at least `FIELD_GROUPS` of them (grains, cysts, phleboliths).

The first three give groups; the fourth joins groups. The distances were read off the minimum spanning trees of the
deposits of simulated lesions: gaps inside masses, walls and lipomas stay below 9 mm, those of fields have medians of
10 to 40 mm (docs/decisions/005-pieces-on-ct.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pipeline.model.lesion import Deposit

NEAR_MM = 10.0
GAP_SHARE = 0.5
GAP_MOST_MM = 20.0
COURSE_MM = 30.0
COURSE_COSINE = 0.85
"""Cosine of the widest angle, 32 degrees, between a deposit's axis and the way to the next one."""
ELONGATED = 3.0
"""Longest over second axis from which a deposit has a course."""
FIELD_MM = 40.0
FIELD_GROUPS = 3
FIELD_ALIKE = 4.0
"""Largest ratio of extents inside a field."""
FIELD_EXTENT_MM = 60.0
"""Larger groups are masses or vessels of their own, not grains of a field."""
MOST_POINTS = 600
"""Surface points kept a deposit; distances are exact to the spacing of what is left."""


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
    """A deposit in millimetres: surface points [point, axis], its box, extent, main axis and elongation."""

    surface: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    axis: NDArray[np.float64]
    elongation: float

    @property
    def extent_mm(self) -> float:
        return float(np.linalg.norm(self.high - self.low))

    @property
    def centre(self) -> NDArray[np.float64]:
        middle: NDArray[np.float64] = self.surface.mean(axis=0)
        return middle


def group(deposits: Sequence[Deposit], spacing_mm: tuple[float, ...]) -> tuple[tuple[Deposit, ...], ...]:
    """Lesions as groups of deposits, the most confident lesion first, and in a lesion the most confident deposit.

    `spacing_mm` has one figure an axis of the deposits' masks; where spacing is unknown hand in an estimate. A
    lesion is as confident as its most confident deposit; ties keep the order of `deposits`.
    """
    if not deposits:
        return ()
    shapes = tuple(_shape(deposit, np.asarray(spacing_mm)) for deposit in deposits)
    groups = _join_fields(shapes, _components(len(shapes), _tied_pairs(shapes)))
    members: dict[int, list[Deposit]] = {}
    for number, deposit in zip(groups, deposits, strict=True):
        members.setdefault(int(number), []).append(deposit)
    lesions = [tuple(sorted(found, key=lambda d: -d.confidence)) for found in members.values()]
    return tuple(sorted(lesions, key=lambda lesion: -lesion[0].confidence))


def _shape(deposit: Deposit, spacing_mm: NDArray[np.float64]) -> _Shape:
    mask = deposit.crop.mask
    surface = np.argwhere(mask & ~binary_erosion(mask)) + np.asarray(deposit.crop.offset)
    points = surface * spacing_mm
    spread = np.cov(points.T) if len(points) > 1 else np.zeros((mask.ndim, mask.ndim))
    values, vectors = np.linalg.eigh(np.atleast_2d(spread))
    thick = max(float(values[-2]), float(spacing_mm.min()) ** 2 / 12)
    kept = points[:: max(1, len(points) // MOST_POINTS)]
    half = spacing_mm / 2
    return _Shape(kept, points.min(0) - half, points.max(0) + half, vectors[:, -1], float(np.sqrt(values[-1] / thick)))


def _gap_mm(a: _Shape, b: _Shape, within_mm: float) -> float:
    """Distance of two surfaces, infinite when their boxes are farther apart than `within_mm`."""
    apart = np.maximum(0.0, np.maximum(a.low - b.high, b.low - a.high))
    if float(np.linalg.norm(apart)) > within_mm:
        return float("inf")
    few, many = sorted((a.surface, b.surface), key=len)
    return float(cKDTree(many).query(few)[0].min())


def _tied_pairs(shapes: Sequence[_Shape]) -> list[tuple[int, int]]:
    """Pairs tied for being near, large for their gap, or on one course."""
    pairs = []
    reach = max(NEAR_MM, GAP_MOST_MM, COURSE_MM)
    for i, j in _close_boxes(shapes, reach):
        a, b = shapes[i], shapes[j]
        gap = _gap_mm(a, b, reach)
        allowed = max(NEAR_MM, min(GAP_MOST_MM, GAP_SHARE * min(a.extent_mm, b.extent_mm)))
        if gap <= allowed or (gap <= COURSE_MM and _on_one_course(a, b)):
            pairs.append((i, j))
    return pairs


def _on_one_course(a: _Shape, b: _Shape) -> bool:
    if min(a.elongation, b.elongation) < ELONGATED:
        return False
    way = b.centre - a.centre
    way = way / max(float(np.linalg.norm(way)), 1e-9)
    return min(abs(float(way @ a.axis)), abs(float(way @ b.axis))) >= COURSE_COSINE


def _close_boxes(shapes: Sequence[_Shape], within_mm: float) -> list[tuple[int, int]]:
    """Pairs whose boxes are at most `within_mm` apart along every axis."""
    low = np.array([s.low for s in shapes])
    high = np.array([s.high for s in shapes])
    pairs = []
    for i in range(len(shapes) - 1):
        apart = np.maximum(low[i + 1 :] - high[i], low[i] - high[i + 1 :])
        pairs += [(i, i + 1 + int(j)) for j in np.flatnonzero((apart <= within_mm).all(axis=1))]
    return pairs


def _components(count: int, pairs: Sequence[tuple[int, int]]) -> NDArray[np.int32]:
    ends = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    numbers: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return numbers


def _join_fields(shapes: Sequence[_Shape], numbers: NDArray[np.int32]) -> NDArray[np.int32]:
    """Group numbers after groups of similar extent that lie about as a field were joined."""
    groups = [_merged([s for s, n in zip(shapes, numbers, strict=True) if n == k]) for k in range(numbers.max() + 1)]
    pairs = []
    for i, j in _close_boxes(groups, FIELD_MM):
        small, large = sorted((groups[i].extent_mm, groups[j].extent_mm))
        if large <= min(FIELD_EXTENT_MM, FIELD_ALIKE * small) and _gap_mm(groups[i], groups[j], FIELD_MM) <= FIELD_MM:
            pairs.append((i, j))
    fields = _components(len(groups), pairs)
    large_enough = np.bincount(fields) >= FIELD_GROUPS
    kept = [(i, j) for i, j in pairs if large_enough[fields[i]]]
    joined: NDArray[np.int32] = _components(len(groups), kept)[numbers]
    return joined


def _merged(shapes: Sequence[_Shape]) -> _Shape:
    if len(shapes) == 1:
        return shapes[0]
    return _Shape(
        np.concatenate([s.surface for s in shapes]),
        np.min([s.low for s in shapes], axis=0),
        np.max([s.high for s in shapes], axis=0),
        shapes[0].axis,
        1.0,
    )

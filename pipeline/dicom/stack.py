"""Slices in order: which of a series make one even stack, where slices are missing, and its affine."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.dicom.slices import Plane, Slice
from pipeline.errors import GeometryError

LEAST_SLICES = 3
"""Fewer slices than this are no volume."""
SAME_DIRECTION = 2e-3
"""Largest difference of direction cosines within one stack; 0.1 degrees."""
SAME_PIXEL_MM = 1e-3
"""Largest difference of pixel sizes within one stack."""
SAME_PLACE_MM = 0.01
"""Slices closer than this along the normal lie at the same place."""
UNEVEN = 0.1
"""Largest deviation of a distance between slices from a multiple of the usual one, part of the usual one."""
MOST_MISSING = 2
"""Slices that may be missing in a row within one stack; a wider gap parts two stacks."""
SIDEWAYS_MM = 1.0
"""Largest sideways deviation of a slice from the straight line through all."""
TILT_DEG = 0.5
"""Angle between the course of the slices and their normal from which it is called gantry tilt."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Slices in ascending order along the normal.

    `voxel_to_patient` 4x4 maps (slice, row, col, 1) to LPS mm; `gaps` are indices after which slices are missing.
    """

    slices: tuple[Slice, ...]
    voxel_to_patient: NDArray[np.float64]
    gaps: tuple[int, ...]
    notes: tuple[str, ...]


def largest_stack(slices: Iterable[Slice]) -> tuple[tuple[Slice, ...], tuple[tuple[Slice, str], ...]]:
    """The slices of the largest even stack, ascending along the normal, and the others with why they are left out.

    Slices of other matrix, orientation, pixel size or reconstruction are other stacks. Of slices at one place the
    acquisitions are parted; when that does not help, the first by InstanceNumber stays. A stack ends at an uneven
    distance and at a gap of more than `MOST_MISSING` slices.
    """
    groups = _groups(slices)
    runs = [run for group in groups for run in _runs(group)]
    best = max(runs, key=lambda run: (len(run), -run[0].number), default=())
    kept = {id(s) for s in best}
    reason = "belongs to another stack of the series (acquisition, orientation, matrix, spacing or place)"
    places = _places(best) if best else np.zeros(0)
    others = []
    for group in groups:
        for one in group:
            if id(one) not in kept:
                others.append((one, _repeated(one, best, places) or reason))
    return best, tuple(others)


def geometry(slices: Sequence[Slice]) -> Stack:
    """Affine, gaps and notes of slices in order.

    Raises GeometryError for fewer than `LEAST_SLICES`, or when they do not lie along a straight line.
    """
    if len(slices) < LEAST_SLICES:
        raise GeometryError(f"a stack of {len(slices)} is no volume: at least {LEAST_SLICES} slices are needed")
    positions = np.array([s.position for s in slices])
    normal = _normal(slices[0])
    places = positions @ normal
    distances = np.diff(places)
    usual = float(np.median(distances))
    multiples = np.maximum(np.round(distances / usual), 1)
    course = (positions[-1] - positions[0]) / (places[-1] - places[0])
    sideways = positions - positions[0] - np.outer(places - places[0], course)
    if float(np.linalg.norm(sideways, axis=1).max()) > SIDEWAYS_MM:
        raise GeometryError("slices shift sideways without order: ImagePositionPatient is not usable")
    step = course * (places[-1] - places[0]) / multiples.sum()
    gaps = tuple(int(i) for i in np.flatnonzero(multiples > 1))
    return Stack(tuple(slices), _affine(slices[0], step), gaps, tuple(_notes(course, normal, multiples)))


def _groups(slices: Iterable[Slice]) -> list[list[Slice]]:
    """Slices that share a plane, whatever digits their directions differ in; in order of first appearance."""
    groups: list[list[Slice]] = []
    for one in slices:
        for group in groups:
            if _same_plane(one.plane, group[0].plane):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _same_plane(a: Plane, b: Plane) -> bool:
    if (a.rows, a.columns, a.reconstruction) != (b.rows, b.columns, b.reconstruction):
        return False
    mine = (*a.row_direction, *a.column_direction)
    other = (*b.row_direction, *b.column_direction)
    turned = max(abs(x - y) for x, y in zip(mine, other, strict=True))
    stretched = max(abs(x - y) for x, y in zip(a.pixel_mm, b.pixel_mm, strict=True))
    return turned <= SAME_DIRECTION and stretched <= SAME_PIXEL_MM


def _runs(group: list[Slice]) -> list[tuple[Slice, ...]]:
    """Even stacks within one group: all acquisitions together when that is as good as the best of them alone."""
    together = _even_runs(group)
    acquisitions: dict[str, list[Slice]] = defaultdict(list)
    for one in group:
        acquisitions[one.acquisition].append(one)
    if len(acquisitions) == 1:
        return together
    apart = [run for members in acquisitions.values() for run in _even_runs(members)]
    repeated = len(_distinct(group)) < len(group)
    longest_together = max(map(len, together), default=0)
    longest_apart = max(map(len, apart), default=0)
    return apart if longest_apart > longest_together or (repeated and longest_apart >= LEAST_SLICES) else together


def _even_runs(group: list[Slice]) -> list[tuple[Slice, ...]]:
    """Slices at distinct places in order, cut where the distance is uneven or too wide."""
    ordered = _distinct(group)
    if len(ordered) < LEAST_SLICES:
        return [tuple(ordered)]
    distances = np.diff(_places(ordered))
    usual = float(np.median(distances))
    ratio = distances / usual
    uneven = np.abs(ratio - np.maximum(np.round(ratio), 1)) > UNEVEN
    cuts = np.flatnonzero(uneven | (np.round(ratio) > MOST_MISSING + 1)) + 1
    bounds = [0, *(int(c) for c in cuts), len(ordered)]
    return [tuple(ordered[a:b]) for a, b in pairwise(bounds) if b > a]


def _distinct(group: Sequence[Slice]) -> list[Slice]:
    """Slices in order along the normal, the first by InstanceNumber of those at one place."""
    ordered = sorted(group, key=lambda s: (s.number, s.source.name, s.frame))
    places = _places(ordered)
    found: list[Slice] = []
    last = -np.inf
    for index in np.argsort(places, kind="stable"):
        if places[index] - last > SAME_PLACE_MM:
            found.append(ordered[index])
            last = places[index]
    return found


def _places(slices: Sequence[Slice]) -> NDArray[np.float64]:
    """Places along the normal, mm."""
    found: NDArray[np.float64] = np.array([s.position for s in slices]) @ _normal(slices[0])
    return found


def _normal(one: Slice) -> NDArray[np.float64]:
    return np.cross(one.plane.row_direction, one.plane.column_direction)


def _repeated(one: Slice, best: Sequence[Slice], places: NDArray[np.float64]) -> str:
    """Why a slice of the same plane at a place that is taken is left out, "" when its place is free."""
    if not len(places) or one.plane[:2] != best[0].plane[:2]:
        return ""
    at = float(np.array(one.position) @ _normal(best[0]))
    if np.abs(places - at).min() <= SAME_PLACE_MM and one.acquisition == best[0].acquisition:
        return "lies at the same place as another slice, which is used"
    return ""


def _affine(first: Slice, step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns: one slice up, one row down, one column right, origin (PS3.3 C.7.6.2.1.1, with slices)."""
    found = np.eye(4)
    found[:3, 0] = step
    found[:3, 1] = np.array(first.plane.column_direction) * first.plane.pixel_mm[0]
    found[:3, 2] = np.array(first.plane.row_direction) * first.plane.pixel_mm[1]
    found[:3, 3] = first.position
    return found


def _notes(course: NDArray[np.float64], normal: NDArray[np.float64], multiples: NDArray[np.float64]) -> Iterable[str]:
    tilt = float(np.degrees(np.arccos(min(1.0, 1 / float(np.linalg.norm(course))))))
    if tilt > TILT_DEG:
        yield f"gantry tilt {tilt:.1f} degrees: slices are sheared against each other"
    for index in np.flatnonzero(multiples > 1):
        yield f"{int(multiples[index]) - 1} slices missing after slice {int(index) + 1}: nothing is interpolated"

"""Deposits as functions of place, so that one shape can be drawn at any turn, scale and element size.

Each takes coordinates in mm, (axis, ...) from the middle of the shape, first axis down, and the width in mm over which
a border falls off (that of an element), and gives density from 0 to 1.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Shape = Callable[[Points, float], NDArray[np.float32]]


def _inside(distance_mm: NDArray[np.float32], soft_mm: float) -> NDArray[np.float32]:
    """Density of a signed distance, positive inside."""
    found: NDArray[np.float32] = np.clip(0.5 + distance_mm / soft_mm, 0, 1)
    return found


def _thread(at: Points, course: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance to a polyline [point, axis]."""
    best = np.full(at.shape[1:], np.inf, np.float32)
    for start, end in pairwise(course):
        way = end - start
        along = sum((axis - s) * w for axis, s, w in zip(at, start, way, strict=True)) / float(way @ way)
        along = np.clip(along, 0, 1)
        near = [s + along * w for s, w in zip(start, way, strict=True)]
        best = np.minimum(best, np.sqrt(sum((a - n) ** 2 for a, n in zip(at, near, strict=True))))
    return best


def _lobes(axes: int) -> tuple[tuple[float, ...], ...]:
    flat = ((-8.0, -3.0), (-2.0, 8.0), (7.0, 4.0), (6.0, -7.0), (-3.0, -9.0), (0.0, 0.0))
    return tuple((*place, 0.0)[:axes] if axes == 2 else (*place, 2.0 * (n % 3 - 1)) for n, place in enumerate(flat))


def mass(at: Points, soft_mm: float) -> NDArray[np.float32]:
    """Six lobes with thin lucent bands between their cells."""
    centres = _lobes(len(at))
    away = np.sort([np.sqrt(sum((a - c) ** 2 for a, c in zip(at, m, strict=True))) for m in centres], axis=0)
    band = (away[1] - away[0]) < 0.7
    found: NDArray[np.float32] = _inside(6.0 - away[0], soft_mm) * np.where(band & (away[0] > 2.0), 0.35, 1.0)
    return found


def shell(at: Points, soft_mm: float) -> NDArray[np.float32]:
    """A closed rim, 10 mm in radius, 1.6 mm thick, faint inside."""
    away = np.sqrt((at**2).sum(axis=0))
    found: NDArray[np.float32] = np.maximum(
        _inside(0.8 - np.abs(away - 10.0), soft_mm), 0.25 * _inside(10.0 - away, soft_mm)
    )
    return found


def thread(at: Points, soft_mm: float) -> NDArray[np.float32]:
    """A winding line 48 mm across, 1.6 mm wide, with a branch."""
    run = np.linspace(-24, 24, 25)
    course = np.column_stack([4 * np.sin(run / 6), run, *([2 * np.cos(run / 6)] * (len(at) - 2))])
    branch = np.array([[4 * np.sin(1), 6, *([2 * np.cos(1)] * (len(at) - 2))], [16, 14, *([0] * (len(at) - 2))]], float)
    return _inside(0.8 - np.minimum(_thread(at, course), _thread(at, branch)), soft_mm)


def walls(at: Points, soft_mm: float) -> NDArray[np.float32]:
    """Two walls of a vessel, 5 mm apart, 50 mm long."""
    away = np.abs(at[0]) if len(at) == 2 else np.hypot(at[0], at[2])
    found: NDArray[np.float32] = _inside(np.minimum(0.7 - np.abs(away - 2.5), 25 - np.abs(at[1])), soft_mm)
    return found


def grains(at: Points, soft_mm: float) -> NDArray[np.float32]:
    """Nine grains like rice, 6 by 2.4 mm, along one direction."""
    best = np.full(at.shape[1:], -np.inf, np.float32)
    for n in range(9):
        middle = np.array([10.0 * (n % 3 - 1) + 2.0 * (n // 3), 13.0 * (n // 3 - 1), 3.0 * (n % 2)])[: len(at)]
        half = np.array([0.0, 1.8, 0.0])[: len(at)]
        best = np.maximum(best, 1.2 - _thread(at, np.stack([middle - half, middle + half])))
    return _inside(best, soft_mm)


def loculus(at: Points, soft_mm: float) -> NDArray[np.float32]:
    """A round loculus, 10 mm in radius, sediment below a level 1 mm under its middle."""
    away = np.sqrt((at**2).sum(axis=0))
    found: NDArray[np.float32] = _inside(10.0 - away, soft_mm) * (0.3 + 0.7 * _inside(at[0] - 1.0, soft_mm))
    return found


SHAPES: dict[str, Shape] = {
    "lobulated mass": mass,
    "rim": shell,
    "branched line": thread,
    "vessel walls": walls,
    "grains": grains,
    "fluid level": loculus,
}

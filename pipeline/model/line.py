"""A line of points with fewer of them."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Places = NDArray[np.intp]


def simplified(line: Points, tolerance: float) -> Points:
    """A line [point, axis] without the points that lie within `tolerance` of it all the same; its ends stay.

    Douglas and Peucker, Cartographica 1973;10:112, all stretches of a level at once. Not scikit-image's, whose import
    brings all of scipy.stats: 0.5 s.
    """
    kept = np.zeros(len(line), bool)
    kept[[0, -1]] = True
    first, last = np.array([0]), np.array([len(line) - 1])
    while (wide := last - first >= 2).any():
        first, last = first[wide], last[wide]
        middle, away = _farthest(line, first, last)
        bent = away > tolerance
        first, middle, last = first[bent], middle[bent], last[bent]
        kept[middle] = True
        first, last = np.concatenate([first, middle]), np.concatenate([middle, last])
    return line[kept]


def _farthest(line: Points, first: Places, last: Places) -> tuple[Places, NDArray[np.float64]]:
    """Of the points between two others, for each pair: the first that lies farthest from the stretch, and how far."""
    counts = last - first - 1
    begin = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(owner)) + np.repeat(first + 1 - begin, counts)
    away = _distances(line[place], line[first][owner], line[last][owner])
    most = np.maximum.reduceat(away, begin)
    at = np.flatnonzero(away == most[owner])
    foremost = np.flatnonzero(np.diff(owner[at], prepend=-1))
    return place[at[foremost]], most


def _distances(points: Points, start: Points, end: Points) -> NDArray[np.float64]:
    """Distances of points, each from the stretch between its two others, which may be one."""
    way = end - start
    square = (way**2).sum(axis=1)
    share = ((points - start) * way).sum(axis=1) / np.where(square > 0, square, 1)
    found: NDArray[np.float64] = np.linalg.norm(points - start - np.clip(share, 0, 1)[:, None] * way, axis=1)
    return found

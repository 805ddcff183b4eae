"""How a lesion runs through the body: along one course, over a field, or in one clump."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from scipy.spatial.distance import cdist

from pipeline.features.geometry import greatest_extent, indices
from pipeline.features.patch import Patch, Points, Values, known
from pipeline.model.known import Unknown

CELL_MM = 4.0
"""Cells that a course is read on: as wide as a small artery, so that its two walls are one course."""
CLUMP_MM = 2.5
"""Cells whose neighbours belong together: gaps below 5 mm part no clump."""
MOST_CELLS = 600
"""Cells of a course; a lesion with more is read on coarser ones."""
LEAST_CELLS = 4
TOO_SHORT = Unknown("too short for a course: within 16 mm")


def course(patch: Patch) -> Values:
    """The course of a lesion, read on the centres of cells of `CELL_MM`.

    `course_fraction`: longest way through their shortest tree (Prim 1957) over all of the tree, 1 on one line however
    it winds or breaks off, near 0 in a mass. `course_length`: that way. `course_straightness`: its extent over it.
    `clumps`: groups of parts with at least `CLUMP_MM` to twice that between them.
    """
    points = indices(patch.half, patch.scale)
    values: Values = {
        "clumps": known(clumps(points)),
        **dict.fromkeys(("course_fraction", "course_length", "course_straightness"), TOO_SHORT),
    }
    cells = _centres(points, CELL_MM)
    size = CELL_MM
    while len(cells) > MOST_CELLS:
        size *= 1.5
        cells = _centres(points, size)
    if len(cells) < LEAST_CELLS:
        return values
    way, total = _longest_way(cells)
    length = float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum())
    return {
        **values,
        "course_fraction": known(length / total),
        "course_length": known(length + size),
        "course_straightness": known(greatest_extent(way) / max(length, 1e-9)),
    }


def clumps(points: Points) -> int:
    """Connected groups of cells of `CLUMP_MM`, all neighbours."""
    cells = _cells(points, CLUMP_MM)
    cells -= cells.min(axis=0)
    grid = np.zeros(cells.max(axis=0) + 1, bool)
    grid[tuple(cells.T)] = True
    return int(ndimage.label(grid, np.ones((3,) * grid.ndim))[1])


def _cells(points: Points, size: float) -> NDArray[np.intp]:
    """The cell of each point, counted from their middle, so that place and quarter turns change nothing."""
    found: NDArray[np.intp] = np.rint((points - points.mean(axis=0)) / size).astype(np.intp)
    return found


def _centres(points: Points, size: float) -> Points:
    """Centre of what lies in each cell."""
    cells = _cells(points, size)
    cells -= cells.min(axis=0)
    owner = np.ravel_multi_index(tuple(cells.T), tuple(cells.max(axis=0) + 1))
    count = np.bincount(owner)
    some = np.flatnonzero(count)
    sums = [np.bincount(owner, weights=points[:, axis])[some] / count[some] for axis in range(points.shape[1])]
    return np.column_stack(sums)


def _longest_way(cells: Points) -> tuple[Points, float]:
    """The longest way through the shortest tree of points, in order, and the length of the tree."""
    tree = csr_array(minimum_spanning_tree(cdist(cells, cells)))
    first = _farthest(tree, 0)[0]
    last, before = _farthest(tree, first)
    path = [last]
    while path[-1] != first:
        path.append(int(before[path[-1]]))
    return cells[path], float(tree.sum())


def _farthest(tree: csr_array, start: int) -> tuple[int, NDArray[np.int32]]:
    """The point farthest along the tree, and the point before each on the way there."""
    ways, before = dijkstra(tree, directed=False, indices=start, return_predecessors=True)
    return int(np.argmax(np.where(np.isfinite(ways), ways, -1))), before

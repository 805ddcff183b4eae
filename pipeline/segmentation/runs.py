"""Connected components of a sparse 3-D mask, from its runs along the columns: a fraction of the cost of labelling."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.model.image import Mask
from pipeline.model.lesion import Crop

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Stretches of True along the last axis, in the order of slices, rows, columns.

    `slices`, `rows`, `starts`, `stops` hold one figure a run; `shape` is that of the volume.
    """

    slices: Ints
    rows: Ints
    starts: Ints
    stops: Ints
    shape: tuple[int, ...]


def runs_of(mask: Mask, number: int, offset: tuple[int, int]) -> tuple[Ints, Ints, Ints, Ints]:
    """Slices, rows, starts and stops of the runs of one slice `mask` [row, col] whose first pixel is `offset`."""
    width = mask.shape[1] + 2
    framed = np.zeros((mask.shape[0], width), bool)
    framed[:, 1:-1] = mask
    edges = np.flatnonzero(framed.ravel()[1:] != framed.ravel()[:-1])
    rows, starts = np.divmod(edges[::2], width)
    return np.full(len(rows), number), rows + offset[0], starts + offset[1], edges[1::2] % width + offset[1]


def components(runs: Runs) -> Ints:
    """The component's number of each run; elements that share a corner are connected (26 neighbours)."""
    width = runs.shape[2] + 2
    height = runs.shape[1] + 2
    line = runs.slices * height + runs.rows + 1
    first, last = line * width + runs.starts + 1, line * width + runs.stops + 1
    ends: list[Ints] = []
    for lines_back in (1, height - 1, height, height + 1):
        low = np.searchsorted(last, first - lines_back * width, side="left")
        high = np.searchsorted(first, last - lines_back * width, side="right")
        counts = np.maximum(high - low, 0)
        ends.append(np.stack([np.repeat(np.arange(len(line)), counts), _ranges(low, counts)]))
    pairs = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(pairs.shape[1], np.int8), (pairs[0], pairs[1])), shape=(len(line), len(line)))
    found: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return found


def crops_of(runs: Runs, numbers: Ints, wanted: Ints) -> tuple[Crop, ...]:
    """One crop for each component in `wanted`, in that order."""
    order = np.argsort(numbers, kind="stable")
    edges = np.searchsorted(numbers[order], np.stack([wanted, wanted + 1]))
    return tuple(_painted(runs, order[a:b]) for a, b in edges.T)


def _painted(runs: Runs, chosen: Ints) -> Crop:
    s, r, a, b = runs.slices[chosen], runs.rows[chosen], runs.starts[chosen], runs.stops[chosen]
    low = (int(s.min()), int(r.min()), int(a.min()))
    shape = (int(s.max()) + 1 - low[0], int(r.max()) + 1 - low[1], int(b.max()) - low[2])
    mask = np.zeros(shape, bool)
    flat = ((s - low[0]) * shape[1] + (r - low[1])) * shape[2] + (a - low[2])
    mask.ravel()[_ranges(flat, b - a)] = True
    return Crop(mask, low)


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """The concatenation of start, start + 1, ... of each start, `counts` of them."""
    total = int(counts.sum())
    if not total:
        return np.zeros(0, np.int64)
    steps = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    found: Ints = np.repeat(starts, counts) + steps
    return found

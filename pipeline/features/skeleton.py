"""The skeleton of a mask as a graph: points in millimetres, edges with lengths, branches pruned and counted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize

from pipeline.features.blocks import Box, depth_of, labelled, near_mask
from pipeline.features.patch import Points
from pipeline.features.thinning import thinned
from pipeline.model.image import Floats, Mask

SMOOTHING = 3
"""Rounds in which each point moves to the mean of its neighbours: the stairs of a digital line make it 5 % too long."""
PRUNE_WIDTHS = 0.75
"""Twigs shorter than this many local widths come from a rough outline and are cut."""
PRUNE_ROUNDS = 3
GRAIN_ELEMENTS = 16
"""Pieces that extend over fewer elements are grains."""
LARGE = 50_000
"""Elements of a plane from which its border alone is followed; in smaller ones to look at all of them is quicker."""


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """Points [point, axis], the width of the mask at each (both in the unit of `scale`), and the graph between them.

    `tree` is symmetric, its entries are lengths; `piece` numbers the connected pieces from 0.
    """

    points: Points
    widths: NDArray[np.float64]
    tree: csr_matrix
    piece: NDArray[np.int32]

    @property
    def length(self) -> float:
        """Total length."""
        return float(self.tree.sum() / 2)

    @property
    def degree(self) -> NDArray[np.int64]:
        """Number of neighbours of each point."""
        return np.asarray(np.diff(self.tree.indptr), np.int64)


def skeleton_of(mask: Mask, scale: tuple[float, ...]) -> Skeleton:
    """The pruned skeleton of a mask, at least one point a piece."""
    padded = np.pad(mask, 1)
    thin = _thinned(padded)
    depth = depth_of(padded, scale)
    thin |= _deepest_of_lost(padded, thin, depth)
    index = np.argwhere(thin)
    widths = 2 * depth[tuple(index.T)].astype(np.float64) - min(scale)
    keep = np.ones(len(index), bool)
    for _ in range(PRUNE_ROUNDS):
        graph = _tree(index[keep] * np.asarray(scale), scale)
        twigs = _twigs(graph, widths[keep])
        if not twigs.any():
            break
        keep[np.flatnonzero(keep)[twigs]] = False
    places = index[keep]
    graph = _tree(places * np.asarray(scale), scale)
    points = _smooth((places - 1) * np.asarray(scale, float), graph)
    rows, cols = graph.nonzero()
    lengths = np.linalg.norm(points[rows] - points[cols], axis=1)
    tree = csr_matrix((np.maximum(lengths, 1e-9), (rows, cols)), shape=graph.shape)
    _, piece = connected_components(tree, directed=False)
    return Skeleton(points, np.maximum(widths[keep], min(scale)), tree, piece.astype(np.int32))


def _thinned(mask: Mask) -> Mask:
    """Middle lines. In the plane Zhang's method erases slanted even bars whole, Lee's shortens small grains."""
    labels, _ = labelled(mask)
    extents = [max(s.stop - s.start for s in box) for box in ndimage.find_objects(labels)]
    small = np.array([False, *(extent < GRAIN_ELEMENTS for extent in extents)])[labels]

    def thin(box: Box) -> Mask:
        lines = _lines(mask[box] & ~small[box])
        grains: Mask = mask[box] & small[box]
        return lines | (skeletonize(grains) > 0) if grains.any() else lines

    return near_mask(mask, 0, 1, thin)


def _lines(mask: Mask) -> Mask:
    """The middle lines of a mask by Lee's method."""
    if mask.ndim == 2 and mask.size >= LARGE:
        return thinned(mask)
    lines: Mask = skeletonize(mask, method="lee") > 0
    return lines


def _deepest_of_lost(mask: Mask, thin: Mask, depth: Floats) -> Mask:
    """The deepest element of each piece of which thinning left nothing, as it does of small even blocks."""
    labels, sizes = labelled(mask)
    left = np.bincount(labels[thin], minlength=len(sizes)) > 0
    lost = ~left[labels] & mask
    found = np.zeros_like(mask)
    at = np.flatnonzero(lost)
    order = np.argsort(depth.ravel()[at], kind="stable")[::-1]
    _, first = np.unique(labels.ravel()[at][order], return_index=True)
    found.ravel()[at[order][first]] = True
    return found


def longest_path(skeleton: Skeleton, piece: int) -> Points:
    """The points along the longest path within a piece, end to end."""
    inside = np.flatnonzero(skeleton.piece == piece)
    tree = skeleton.tree[inside][:, inside]
    far = dijkstra(tree, directed=False, indices=0)
    distance, before = dijkstra(tree, directed=False, indices=int(np.argmax(far)), return_predecessors=True)
    at = int(np.argmax(distance))
    path = [at]
    while before[at] >= 0:
        at = int(before[at])
        path.append(at)
    found: Points = skeleton.points[inside[path]]
    return found


def _tree(points: Points, scale: tuple[float, ...]) -> csr_matrix:
    """Symmetric minimum spanning forest over neighbouring points."""
    if len(points) < 2:
        return csr_matrix((len(points), len(points)))
    reach = float(np.linalg.norm(scale)) * 1.001
    pairs = cKDTree(points).query_pairs(reach, output_type="ndarray")
    near = np.all(np.abs(points[pairs[:, 0]] - points[pairs[:, 1]]) <= np.asarray(scale) * 1.001, axis=1)
    pairs = pairs[near]
    lengths = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    graph = coo_matrix((lengths, (pairs[:, 0], pairs[:, 1])), shape=(len(points),) * 2).tocsr()
    tree = minimum_spanning_tree(graph)
    return (tree + tree.T).tocsr()


def _twigs(tree: csr_matrix, widths: NDArray[np.float64]) -> Mask:
    """Points of branches from an end to a junction that are shorter than the mask is wide there."""
    degree = np.diff(tree.indptr)
    junction = degree >= 3
    found = np.zeros(len(widths), bool)
    if not junction.any():
        return found
    free = np.flatnonzero(~junction)
    branches, owner = connected_components(tree[free][:, free], directed=False)
    ends = np.bincount(owner, weights=degree[free] <= 1, minlength=branches)
    inner = np.asarray(tree[free][:, free].sum(axis=1)).ravel()
    outer = np.asarray(tree[free].sum(axis=1)).ravel() - inner
    length = np.bincount(owner, weights=inner / 2 + outer, minlength=branches)
    attached = np.bincount(owner, weights=outer, minlength=branches) > 0
    near = np.zeros(branches)
    rows, cols = tree[free].nonzero()
    touching = junction[cols]
    np.maximum.at(near, owner[rows[touching]], widths[cols[touching]])
    short = attached & (ends == 1) & (length < PRUNE_WIDTHS * near)
    found[free] = short[owner]
    return found


def _smooth(points: Points, graph: csr_matrix) -> Points:
    """Points moved toward their neighbours; ends stay."""
    degree = np.diff(graph.indptr)
    link = graph.astype(bool).astype(float)
    mean = diags(1 / np.maximum(degree, 1)) @ link
    inner = degree >= 2
    for _ in range(SMOOTHING):
        moved = points / 2 + (mean @ points) / 2
        points = np.where(inner[:, None], moved, points)
    return points

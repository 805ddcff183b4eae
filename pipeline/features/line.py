"""Lines: how long, how wide, how winding; and whether two of them run side by side as the walls of a vessel do."""

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pipeline.features.blocks import box_of
from pipeline.features.geometry import greatest_extent, indices, voxel
from pipeline.features.patch import Patch, Points, Values, known
from pipeline.features.skeleton import Skeleton, longest_path, skeleton_of
from pipeline.model.image import Mask
from pipeline.model.known import Known

WINDOW_WIDTHS = 2.5
"""Linearity is read in a window of this many widths to each side."""
SAMPLE, CLOUD = 100, 10_000
"""Points of a skeleton at which it is read, and elements of the lesion that are looked at."""
PINHOLE_MM, PINHOLE_ELEMENTS = 2.0, 6
"""Side of the largest hole that is noise and not the lumen of a loop."""
TRACK_POINTS = 800
"""Points of a skeleton that are searched for a parallel wall."""
CALIBRE_MM = (1.5, 12.0)
"""Distance of the walls of an artery (finding `in_artery`: 2 to 12 mm)."""
PARALLEL = 0.9
"""Least cosine between the courses of two walls: 25 degrees."""
ACROSS = 0.35
"""Greatest cosine between a wall and the way to the other."""
TRACK_CALIBRES = 2.5
"""A wall is at least this many calibres long; a ring is one calibre across."""
NEIGHBOURS = 6
"""Points to each side from which the course of a line is read."""
PATH_PIECES = 20
"""Longest pieces whose winding is measured."""


def line(patch: Patch) -> Values:
    """The line features of a patch, on the skeleton of its half-maximum outline with pinholes filled.

    Width and length to width are those of capsules: per piece with the length of its skeleton and its area (volume),
    averaged over pieces by area. `tortuosity` is the longest path over its greatest extent (pi for a closed ring),
    averaged over pieces by length. `linearity` is the mean of (first less second) over first moment of the lesion
    within a window about the skeleton: 1 on a line however it winds, 0 in a disc or ball. `tram_track_fraction` is
    the share of the skeleton with a parallel wall at the calibre of an artery and a lucent gap between.
    """
    mask = _solid(patch)
    skeleton = skeleton_of(mask, patch.scale)
    lengths, contents = _pieces(mask, skeleton, patch.scale)
    widths = np.array([_capsule_width(c, n, mask.ndim) for c, n in zip(contents, lengths, strict=True)])
    weight = contents / contents.sum()
    width = float(weight @ widths)
    return {
        "skeleton_length": known(skeleton.length),
        "mean_width": known(width),
        "width_variation": known(float(skeleton.widths.std() / skeleton.widths.mean())),
        "length_to_width": known(float(weight @ (lengths / widths))),
        "tortuosity": known(_tortuosity(skeleton)),
        "branches": known(_junctions(skeleton)),
        "linearity": known(_linearity(mask, skeleton, width, patch.scale)),
        "tram_track_fraction": known(_tracks(patch, skeleton)),
    }


def _solid(patch: Patch) -> Mask:
    """The half-maximum outline without pinholes; the lumen of a loop stays open."""
    box = box_of(patch.half)
    holes, count = ndimage.label(np.pad(~patch.half[box], 1, constant_values=True))
    if count <= 1:
        return patch.half
    least = float(np.prod(patch.elements(PINHOLE_MM, PINHOLE_ELEMENTS)))
    small = np.bincount(holes.ravel(), minlength=count + 1) < least
    small[:2] = False
    solid = patch.half.copy()
    solid[box] |= small[holes][(slice(1, -1),) * solid.ndim]
    return solid


def _pieces(
    mask: Mask, skeleton: Skeleton, scale: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Length of the skeleton and area (volume) of each connected piece of a mask."""
    box = box_of(mask)
    labels, count = ndimage.label(np.pad(mask[box], 1), np.ones((3,) * mask.ndim))
    contents = np.bincount(labels.ravel(), minlength=count + 1)[1:] * voxel(scale)
    at = np.rint(skeleton.points / np.asarray(scale)).astype(int) - [s.start - 1 for s in box]
    steps = product((-1, 0, 1), repeat=mask.ndim)
    owner = np.max([labels[tuple((at + step).T)] for step in steps], axis=0)
    per_point = np.asarray(skeleton.tree.sum(axis=1), np.float64).ravel() / 2
    lengths = np.bincount(owner, weights=per_point, minlength=count + 1)[1:]
    return np.asarray(lengths, np.float64), np.asarray(contents, np.float64)


def _capsule_width(content: float, length: float, axes: int) -> float:
    """Width of a capsule with this area (volume) and this length of its axis."""
    if axes == 2:
        return float((np.sqrt(length**2 + np.pi * content) - length) * 2 / np.pi)
    roots = np.roots([np.pi / 6, np.pi / 4 * length, 0, -content])
    return float(roots[np.abs(roots.imag) <= 1e-6 * np.abs(roots).max()].real.max())


def _tortuosity(skeleton: Skeleton) -> float:
    sizes = np.bincount(skeleton.piece)
    total, weight = 0.0, 0.0
    for piece in np.argsort(-sizes, kind="stable")[:PATH_PIECES]:
        path = longest_path(skeleton, int(piece))
        length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
        if length > 0:
            total += length * length / max(greatest_extent(path), 1e-9)
            weight += length
    return total / weight if weight else 1.0


def _junctions(skeleton: Skeleton) -> int:
    """Places where three or more lines meet."""
    at = np.flatnonzero(skeleton.degree >= 3)
    if not len(at):
        return 0
    return int(connected_components(skeleton.tree[at][:, at], directed=False)[0])


def _linearity(mask: Mask, skeleton: Skeleton, width: float, scale: tuple[float, ...]) -> float:
    points = indices(mask, scale)
    points = points[:: len(points) // CLOUD + 1]
    tree = cKDTree(points)
    centres = skeleton.points[:: len(skeleton.points) // SAMPLE + 1]
    reach = max(WINDOW_WIDTHS * width, 2.5 * max(scale))
    shares = []
    for near in tree.query_ball_point(centres, reach):
        if len(near) >= 3:
            values = np.linalg.eigvalsh(np.cov(points[near].T) + np.diag(np.square(scale)) / 12)[::-1]
            shares.append((values[0] - values[1]) / values[0])
    return float(np.mean(shares)) if shares else 0.0


def _courses(points: Points, piece: NDArray[np.int32]) -> Points:
    """Unit vector along the line at each point, from its neighbours in the same piece."""
    found = np.zeros_like(points)
    tree = cKDTree(points)
    count = min(2 * NEIGHBOURS + 1, len(points))
    _, near = tree.query(points, k=count)
    own = piece[near] == piece[:, None]
    sizes = own.sum(axis=1)
    for size in np.unique(sizes[sizes >= 3]):
        some = sizes == size
        mine = points[near[some][own[some]]].reshape(-1, size, points.shape[1])
        found[some] = np.linalg.svd(mine - mine.mean(axis=1, keepdims=True), full_matrices=False)[2][:, 0]
    return found


def _tracks(patch: Patch, skeleton: Skeleton) -> float:
    chosen = np.arange(0, len(skeleton.points), len(skeleton.points) // TRACK_POINTS + 1)
    points, piece = skeleton.points[chosen], skeleton.piece[chosen]
    if len(points) < 2 * NEIGHBOURS:
        return 0.0
    course = _courses(points, piece)
    extents = _extents(skeleton)[skeleton.piece[chosen]]
    physical = isinstance(patch.spacing_mm, Known)
    least, most = CALIBRE_MM if physical else tuple(c * float(np.median(skeleton.widths)) for c in (1.5, 10.0))
    pairs = cKDTree(points).query_pairs(most, output_type="ndarray")
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    way = points[pairs[:, 1]] - points[pairs[:, 0]]
    gap = np.linalg.norm(way, axis=1)
    unit = way / np.maximum(gap, 1e-9)[:, None]
    first, second = course[pairs[:, 0]], course[pairs[:, 1]]
    good = (gap >= least) & (np.abs((first * second).sum(axis=1)) >= PARALLEL)
    good &= (np.abs((first * unit).sum(axis=1)) <= ACROSS) & (np.abs((second * unit).sum(axis=1)) <= ACROSS)
    good &= (extents[pairs[:, 0]] >= TRACK_CALIBRES * gap) & (extents[pairs[:, 1]] >= TRACK_CALIBRES * gap)
    middle = np.rint((points[pairs[:, 0]] + points[pairs[:, 1]]) / 2 / np.asarray(patch.scale)).astype(int)
    good &= ~_dense(patch, middle)
    return float(len(np.unique(pairs[good, 0])) / len(points))


def _dense(patch: Patch, index: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether elements are as dense as the deposit."""
    excess = patch.density[tuple(index.T)] - patch.level
    found: NDArray[np.bool_] = patch.half[tuple(index.T)] & (
        excess > 0.5 * (float(np.median(patch.density[patch.half])) - patch.level)
    )
    return found


def _extents(skeleton: Skeleton) -> Points:
    """Diagonal of the box of each piece."""
    pieces = int(skeleton.piece.max()) + 1
    low = np.full((pieces, skeleton.points.shape[1]), np.inf)
    high = -low
    np.minimum.at(low, skeleton.piece, skeleton.points)
    np.maximum.at(high, skeleton.piece, skeleton.points)
    found: Points = np.linalg.norm(high - low, axis=1)
    return found

"""Geometry that several families share: surface points, hulls, moments, outlines. Plain arrays in, numbers out."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from pipeline.features.blocks import box_of, filled, labelled
from pipeline.features.patch import Patch, Points
from pipeline.model.image import Mask

CLOSE_SHARE = 0.05
"""Gaps narrower than twice this share of a lesion's extent are bridged when its outline is drawn."""
CLOSE_ELEMENTS = 24
"""At most so many elements are bridged, so that an outline costs no more than a filter."""


@dataclass(frozen=True, slots=True, eq=False)
class Hull:
    """A convex hull: its corners [point, axis], outward planes [facet, axis + 1], and its volume (or area)."""

    corners: Points
    planes: Points
    volume: float


def surface_points(mask: Mask, scale: tuple[float, ...]) -> Points:
    """Middles of the faces between a mask and what is not in it, in the unit of `scale` [point, axis].

    They are the vertices of the surface mesh at 0.5 of the mask.
    """
    box = box_of(mask)
    padded = np.pad(mask[box], 1)
    inner = ~ndimage.binary_erosion(padded) & padded
    index = np.argwhere(inner)
    origin = np.array([s.start for s in box]) - 1.0
    flat = np.ravel_multi_index(tuple(index.T), padded.shape)
    strides = np.array(padded.strides) // padded.itemsize
    found = []
    for axis in range(mask.ndim):
        for step in (-1, 1):
            faces = index[~padded.ravel()[flat + step * strides[axis]]] + origin
            faces[:, axis] += 0.5 * step
            found.append(faces)
    points: Points = np.concatenate(found) * scale
    return points


@lru_cache(maxsize=2)
def surface(patch: Patch) -> Points:
    """Surface points of the half-maximum outline of a patch."""
    return surface_points(patch.half, patch.scale)


@lru_cache(maxsize=2)
def extent(patch: Patch) -> float:
    """Greatest extent of the half-maximum outline of a patch."""
    return _span(surface(patch), half_hull(patch))


@lru_cache(maxsize=2)
def half_hull(patch: Patch) -> Hull | None:
    """Convex hull of the half-maximum outline of a patch."""
    return hull_of(surface(patch))


def hull_of(points: Points) -> Hull | None:
    """The convex hull of points; None when they lie in a plane (or line, or are too few)."""
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):
        return None
    return Hull(points[hull.vertices], hull.equations, float(hull.volume))


def greatest_extent(points: Points) -> float:
    """Largest distance between two of the points."""
    return _span(points, hull_of(points))


def _span(points: Points, hull: Hull | None) -> float:
    corners = points if hull is None else hull.corners
    if len(corners) > 2000:
        corners = corners[:: len(corners) // 2000 + 1]
    return float(pdist(corners).max()) if len(corners) > 1 else 0.0


def least_extent(points: Points, hull: Hull | None) -> float:
    """Distance of the closest two parallel lines (planes) that hold all points, with this hull, between them."""
    if hull is None:
        return float(np.ptp(points, axis=0).min())
    normals = hull.planes[:, :-1]
    along = hull.corners @ normals.T
    return float(np.ptp(along, axis=0).min())


def moments(points: Points) -> tuple[Points, Points]:
    """Eigenvalues, greatest first, and eigenvectors (columns) of the covariance of points, with N - 1 as in IBSI."""
    if len(points) < 2:
        return np.zeros(points.shape[1]), np.eye(points.shape[1])
    values, axes = np.linalg.eigh(np.atleast_2d(np.cov(points.T)))
    return np.maximum(values[::-1], 0), axes[:, ::-1]


def cell_moments(points: Points, scale: tuple[float, ...]) -> tuple[Points, Points]:
    """Moments of elements with their size: a single element has those of a box, so that ratios are finite."""
    covariance = np.diag(np.square(scale)) / 12
    if len(points) > 1:
        covariance = covariance + np.atleast_2d(np.cov(points.T, bias=True))
    values, axes = np.linalg.eigh(covariance)
    return values[::-1], axes[:, ::-1]


@lru_cache(maxsize=2)
def outline(patch: Patch) -> Mask:
    """The lesion as a whole: gaps in its half-maximum outline bridged, holes filled."""
    box = box_of(patch.half)
    extents = [(s.stop - s.start) * m for s, m in zip(box, patch.scale, strict=True)]
    reach = [min(CLOSE_ELEMENTS, round(CLOSE_SHARE * max(extents) / m)) for m in patch.scale]
    padded = np.pad(patch.half[box], [(r + 1, r + 1) for r in reach])
    size = tuple(2 * r + 1 for r in reach)
    closed = ndimage.minimum_filter(ndimage.maximum_filter(padded, size=size), size=size)
    whole = filled(closed | padded)
    found = np.zeros_like(patch.half)
    found[box] = whole[tuple(slice(r + 1, -r - 1) for r in reach)]
    return found


def largest(mask: Mask) -> Mask:
    """The largest connected piece of a mask, all neighbours."""
    labels, sizes = labelled(mask)
    return mask if len(sizes) <= 2 else labels == int(np.argmax(sizes))


def indices(mask: Mask, scale: tuple[float, ...]) -> Points:
    """Centres of the elements of a mask in the unit of `scale` [point, axis]."""
    found: Points = np.argwhere(mask) * np.asarray(scale)
    return found


def voxel(scale: tuple[float, ...]) -> float:
    """Area or volume of an element."""
    return float(np.prod(scale))


def sorted_labels(labels: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Indices [point, axis] of all labelled elements and their labels, ordered by label."""
    index = np.argwhere(labels)
    owner = labels[tuple(index.T)]
    order = np.argsort(owner, kind="stable")
    return index[order], owner[order]

"""Size, with the morphological features of IBSI-1 (chapter 3.1) on the half-maximum outline of a CT lesion.

Source of the definitions: Zwanenburg et al., Radiology 2020;295:328, and the IBSI reference manual. The mesh is that
of marching cubes (Lorensen) at 0.5 of the padded mask.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from skimage.measure import marching_cubes, mesh_surface_area, perimeter_crofton

from pipeline.features.blocks import box_of
from pipeline.features.geometry import (
    extent,
    greatest_extent,
    half_hull,
    indices,
    least_extent,
    moments,
    sorted_labels,
    surface,
    voxel,
)
from pipeline.features.patch import Patch, Points, Values, known
from pipeline.model.image import Floats, Mask
from pipeline.model.known import Unknown

DIRECTIONS = 4
"""Directions of the Crofton formula; with 4 the perimeter of a disc of 20 pixels is right to 1 %."""
MOST_PARTS = 500
"""Parts of a lesion that are measured one by one."""
FLAT = Unknown("too thin for a volume")


def flat_size(patch: Patch) -> Values:
    """Size of a deposit on a radiograph."""
    step = float(np.sqrt(voxel(patch.scale)))
    return {
        "area": known(np.count_nonzero(patch.half) * voxel(patch.scale)),
        "perimeter": known(perimeter_crofton(np.pad(patch.half[box_of(patch.half)], 1), DIRECTIONS) * step),
        "maximum_2d_diameter": known(extent(patch)),
    }


def extents(patch: Patch) -> Values:
    """Extents of a lesion and of its parts, on either kind of image."""
    sizes = part_extents(patch)
    greatest = known(extent(patch))
    return {
        "largest_extent": greatest,
        "field_extent": greatest,
        "least_extent": known(least_extent(surface(patch), half_hull(patch))),
        "median_part_extent": known(float(np.median(sizes))) if len(sizes) else Unknown("no part of three elements"),
    }


def parts(patch: Patch) -> Values:
    """How many connected pieces the label has (all neighbours, at least 3 elements)."""
    return {"parts": known(patch.count)}


@lru_cache(maxsize=2)
def part_extents(patch: Patch) -> Points:
    """Largest extent of each part, of the largest `MOST_PARTS`."""
    index, owner = sorted_labels(np.where(patch.pieces <= MOST_PARTS, patch.pieces, 0))
    if not len(index):
        return np.zeros(0)
    ends = _ends_of_rows(index, owner)
    index, owner = index[ends], owner[ends]
    half = np.asarray(patch.scale) / 2
    pieces = np.split(index * np.asarray(patch.scale), np.flatnonzero(np.diff(owner)) + 1)
    corners = np.concatenate([np.eye(len(half)) * half, -np.eye(len(half)) * half])
    return np.array([greatest_extent((p[:, None] + corners).reshape(-1, len(half))) for p in pieces])


def _ends_of_rows(index: NDArray[np.intp], owner: NDArray[np.int32]) -> NDArray[np.intp]:
    """Which of the elements [point, axis] of pieces, ordered by piece and place, are first or last of a piece's row.

    No corner of a piece's convex hull lies on another.
    """
    new = np.any(np.diff(index[:, :-1], axis=0) != 0, axis=1) | (np.diff(owner) != 0)
    return np.flatnonzero(np.append(True, new) | np.append(new, True))


def counted(patch: Patch) -> Values:
    """The volume of the voxels of a CT lesion."""
    return {"volume_voxel_counting": known(np.count_nonzero(patch.half) * voxel(patch.scale))}


def morphology(patch: Patch) -> Values:
    """The morphological features of IBSI-1 of a CT lesion."""
    volume, area = mesh(patch.half, patch.scale)
    hull = half_hull(patch)
    sphere = (36 * np.pi * volume**2) ** (1 / 3)
    compact = 36 * np.pi * volume**2 / area**3
    return {
        "volume_mesh": known(volume),
        "surface_area_mesh": known(area),
        "surface_to_volume_ratio": known(area / volume),
        "compactness_1": known(volume / (np.sqrt(np.pi) * area**1.5)),
        "compactness_2": known(compact),
        "spherical_disproportion": known(area / sphere),
        "sphericity": known(sphere / area),
        "asphericity": known(compact ** (-1 / 3) - 1),
        "centre_of_mass_shift": known(_shift(patch.half, patch.density, patch.scale)),
        "maximum_3d_diameter": known(extent(patch)),
        "volume_density_convex_hull": FLAT if hull is None else known(volume / hull.volume),
        **_axes(indices(patch.half, patch.scale)),
    }


def mesh(mask: Mask, scale: tuple[float, ...]) -> tuple[float, float]:
    """Volume and surface area of the mesh of a mask [slice, row, col]."""
    vertices, faces, _, _ = marching_cubes(
        np.pad(mask[box_of(mask)], 1).astype(np.uint8), 0.5, spacing=scale, method="lorensen"
    )
    corners = vertices[faces].astype(np.float64)
    volume = abs(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum()) / 6
    return float(volume), float(mesh_surface_area(vertices, faces))


def _shift(mask: Mask, density: Floats, scale: tuple[float, ...]) -> float:
    """Distance between the centre of a mask and that of its density, mm."""
    weight = density[mask].astype(np.float64)
    points = indices(mask, scale)
    if weight.sum() == 0:
        return float("nan")
    return float(np.linalg.norm(weight @ points / weight.sum() - points.mean(axis=0)))


def _axes(points: Points) -> Values:
    """Axes of the ellipsoid with the moments of a lesion, and their ratios."""
    values, _ = moments(points)
    major, minor, least = 4 * np.sqrt(values)
    return {
        "major_axis_length": known(major),
        "minor_axis_length": known(minor),
        "least_axis_length": known(least),
        "elongation": known(minor / major) if major else FLAT,
        "flatness": known(least / major) if major else FLAT,
    }

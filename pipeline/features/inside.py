"""The inside of a lesion: septa, compartments, holes, rings, evenness."""

import numpy as np
from scipy import ndimage

from pipeline.features.blocks import Box, box_of, filled, labelled, near_mask
from pipeline.features.geometry import outline, voxel
from pipeline.features.patch import LEAST_ELEMENTS, Patch, Values, known
from pipeline.model.image import Floats, Mask
from pipeline.model.known import Unknown

SEPTUM_MM, SEPTUM_ELEMENTS = 3.0, 9
"""Widest lucent band that is a septum and not a compartment (finding `septate`: 0.5 to 3 mm)."""
LEAST_OCTAGON = 7
"""Elements across below which an octagon is no rounder than a box."""
OCTAGON_SHARE = 0.414
"""Side of a regular octagon over its width."""
SEPTUM_DEPTH = 0.15
"""How much a septum is less dense than its sides, as a share of the lesion's density."""
NOISES = 3.0
"""... and at least so many times the noise."""
DENSE_QUANTILE = 90
DENSE_SHARE = 0.5
"""An element is filled when it reaches half of the density of the densest tenth."""
COMPARTMENT_ELEMENTS = 10
"""A compartment has at least so many elements in the plane of the image (finding `septate`)."""
RING_ELEMENTS = 3
"""A hole of fewer elements is noise."""
CM2_MM2 = 100.0


def inside(patch: Patch) -> Values:
    """How the inside of the outline is filled.

    `septum_fraction`: share of the outline in narrow lucent bands. `compartments`: pieces that remain without them.
    `filled_fraction`: share that is at least half as dense as the densest tenth. `coefficient_of_variation`: standard
    deviation over mean of the excess, one element within the outline.
    """
    whole = outline(patch)
    excess = (patch.density - patch.level).astype(np.float32)
    top = float(np.percentile(excess[whole], DENSE_QUANTILE))
    septa = _septa(patch, excess, whole, top)
    box = box_of(whole)
    whole, septa, excess = whole[box], septa[box], excess[box]
    deep = ndimage.binary_erosion(whole, np.ones((3,) * whole.ndim))
    values = excess[deep] if np.count_nonzero(deep) >= LEAST_ELEMENTS else excess[whole]
    return {
        "septum_fraction": known(np.count_nonzero(septa) / np.count_nonzero(whole)),
        "compartments": known(_compartments(whole & ~septa)),
        "filled_fraction": known(float(np.mean(excess[whole] >= DENSE_SHARE * top))),
        "coefficient_of_variation": known(float(values.std() / max(abs(float(values.mean())), 1e-9))),
    }


def holes(patch: Patch) -> Values:
    """Holes in the half-maximum outline as its planes show them: a radiograph, or the slices of a CT."""
    box = box_of(patch.half)
    planes, valid, pieces = (a[box].reshape(-1, *a[box].shape[-2:]) for a in (patch.half, patch.valid, patch.pieces))
    dense = _solid(patch)[box].reshape(planes.shape)
    cell = voxel(patch.scale[-2:])
    areas: list[int] = []
    objects, area, rings = 0, 0, set[int]()
    for number in np.flatnonzero(planes.any(axis=(1, 2)) & valid.any(axis=(1, 2))):
        plane = dense[number]
        whole = filled(plane)
        labels, count = ndimage.label(whole & ~plane)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        kept = np.flatnonzero(sizes[1:] >= RING_ELEMENTS) + 1
        areas += sizes[kept].tolist()
        objects += int(ndimage.label(plane, np.ones((3, 3)))[1])
        area += int(np.count_nonzero(whole))
        if len(kept):
            around = ndimage.maximum_filter(np.where(plane, pieces[number], 0), size=3)
            highest = np.zeros(count + 1, np.int32)
            np.maximum.at(highest, labels[labels > 0], around[labels > 0])
            rings |= set(highest[kept].tolist())
    density = (objects - len(areas)) / (area * cell / CM2_MM2) if area else float("nan")
    return {
        "euler_number_density": known(density),
        "hole_diameter": known(float(np.sqrt(np.median(areas) * cell * 4 / np.pi)))
        if areas
        else Unknown("no hole seen"),
        "rings": known(len(rings - {0})),
    }


def _solid(patch: Patch) -> Mask:
    """Elements above half of the density near by, lucent insides left out."""
    reach = patch.elements(SEPTUM_MM, SEPTUM_ELEMENTS)
    size = tuple(2 * r + 1 for r in reach)

    def dense(box: Box) -> Mask:
        excess = patch.density[box] - patch.level
        top = ndimage.maximum_filter(np.where(patch.half[box], excess, 0), size=size)
        found: Mask = patch.half[box] & (ndimage.gaussian_filter(excess, 0.5) >= DENSE_SHARE * top)
        return found

    return near_mask(patch.half, 0, tuple(max(r, 2) for r in reach), dense)


def _septa(patch: Patch, excess: Floats, whole: Mask, top: float) -> Mask:
    """Narrow bands inside a lesion that are less dense than both sides."""
    size = patch.elements(SEPTUM_MM, SEPTUM_ELEMENTS)
    least = max(SEPTUM_DEPTH * top, NOISES * patch.noise)

    def bands(box: Box) -> Mask:
        smooth = ndimage.gaussian_filter(np.where(whole[box], excess[box], 0), 0.7)
        found: Mask = whole[box] & (_closed(smooth, size) - smooth > least)
        return found

    return near_mask(whole, 0, tuple(s + 3 for s in size), bands)


def _closed(values: Floats, size: tuple[int, ...]) -> Floats:
    """Closing by a box of `size`; in a fine plane by an octagon as wide, so that a band counts however it lies."""
    if values.ndim != 2 or min(size) < LEAST_OCTAGON:
        plain: Floats = ndimage.grey_closing(values, size=size)
        return plain
    box = tuple(round(OCTAGON_SHARE * s) | 1 for s in size)
    rounds = (min(size) - min(box)) // 2
    cross = ndimage.generate_binary_structure(2, 1)
    found: Floats = ndimage.maximum_filter(values, size=box)
    for _ in range(rounds):
        found = ndimage.maximum_filter(found, footprint=cross)
    found = ndimage.minimum_filter(found, size=box)
    for _ in range(rounds):
        found = ndimage.minimum_filter(found, footprint=cross)
    return found


def _compartments(mask: Mask) -> int:
    """Pieces of a mask that hold at least `COMPARTMENT_ELEMENTS`, after thin bridges are cut; at least 1."""
    structure = np.ones((3,) * mask.ndim)
    opened = near_mask(mask, 0, 2, lambda box: ndimage.binary_opening(mask[box], structure))
    _, sizes = labelled(opened, faces_only=True)
    return max(1, int(np.count_nonzero(sizes >= COMPARTMENT_ELEMENTS)))

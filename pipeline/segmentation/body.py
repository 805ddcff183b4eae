"""The patient on CT: what is inside the skin, without table, mattress and clothes."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from pipeline.model.image import CoarseMask, Mask, Volume

AIR_HU = -300
"""Between lung or skin's partial volume and fat."""
COARSE_MM = 1.6
"""Voxels are pooled up to about this size along each axis; a finger has five of them across."""
OPENING_MM = 6.0
"""In plane: thicker than a sheet, a table's shell or a tube; thinner than a finger."""
PART_SHARE = 0.08
"""A second part (arm, other leg) holds at least this share of the largest."""
MIDDLE_HU = -150
"""Below the mean of any limb (fat is -120 to -60), above foam and carbon shells."""


def coarse_factor(spacing_mm: tuple[float, ...]) -> tuple[int, ...]:
    """How many voxels are pooled along each axis so that a pooled one measures about `COARSE_MM`."""
    return tuple(max(1, round(COARSE_MM / s)) for s in spacing_mm)


def pooled_hu(volume: Volume) -> NDArray[np.int16]:
    """Means of blocks of `coarse_factor` voxels, HU int16 [slice, row, col]; the last block repeats its border."""
    factor = coarse_factor(volume.spacing_mm)
    slices, rows, columns = (-(-n // f) for n, f in zip(volume.shape, factor, strict=True))
    missing = ((0, rows * factor[1] - volume.shape[1]), (0, columns * factor[2] - volume.shape[2]))
    pooled = np.empty((slices, rows, columns), np.int16)
    for i in range(slices):
        total = np.zeros((rows, columns), np.int32)
        layers = volume.hu[i * factor[0] : (i + 1) * factor[0]]
        for layer in layers:
            whole = np.pad(np.maximum(layer, -1024), missing, mode="edge")
            for a in range(factor[1]):
                for b in range(factor[2]):
                    total += whole[a :: factor[1], b :: factor[2]]
        pooled[i] = total // (len(layers) * factor[1] * factor[2])
    return pooled


def find_body(volume: Volume, pooled: NDArray[np.int16]) -> CoarseMask:
    """Soft tissue, bone, gas and all else inside the skin, on the grid of `pooled` (from `pooled_hu`).

    Pooled voxels above `AIR_HU`, opened in plane by `OPENING_MM`; the largest connected part and others of at least
    `PART_SHARE` of it that are dense enough to be a limb; holes filled slice by slice. Where nothing is left after
    the opening (a finger, a specimen) the unopened mask counts.
    """
    factor = coarse_factor(volume.spacing_mm)
    tissue = pooled > AIR_HU
    size = tuple(max(1, round(OPENING_MM / (s * f))) for s, f in zip(volume.spacing_mm, factor, strict=True))
    opened = _opened_in_plane(tissue, size)
    parts = _patient_parts(opened if opened.any() else tissue, pooled)
    grown = _widest_in_plane(parts, 3, 3, 0) & tissue
    return CoarseMask(_filled_in_plane(grown), factor, volume.shape)


def grown(mask: Mask, structure: Mask) -> Mask:
    """The mask grown by a structure of odd sides about its middle: shifts of the whole, far quicker than a filter."""
    found = np.zeros_like(mask)
    for steps in (np.argwhere(structure) - np.asarray(structure.shape) // 2).tolist():
        common = [max(0, n - abs(k)) for k, n in zip(steps, mask.shape, strict=True)]
        here = tuple(slice(max(0, k), max(0, k) + n) for k, n in zip(steps, common, strict=True))
        there = tuple(slice(max(0, -k), max(0, -k) + n) for k, n in zip(steps, common, strict=True))
        found[here] |= mask[there]
    return found


def eroded_in_plane(mask: Mask, rows: int, columns: int) -> Mask:
    """The mask less what lies near its outside, by a window of rows and columns; the border of the field is inside."""
    return ~_widest_in_plane(~mask, rows, columns, 0)


def _widest_in_plane(mask: Mask, rows: int, columns: int, even: int) -> Mask:
    """The mask grown by a window of rows and columns; `even` is the shift of a window of even size."""
    return _widest(_widest(mask, rows, 1, even), columns, 2, even)


def _widest(mask: Mask, size: int, axis: int, even: int) -> Mask:
    """Whether any of `size` elements about each along `axis` is in the mask; an even window reaches further back."""
    found = mask.copy()
    first = -(size // 2) - (0 if size % 2 else even)
    for step in range(first, first + size):
        here, there = [slice(None)] * mask.ndim, [slice(None)] * mask.ndim
        here[axis] = slice(max(0, -step), mask.shape[axis] - max(0, step))
        there[axis] = slice(max(0, step), mask.shape[axis] - max(0, -step))
        if step and abs(step) < mask.shape[axis]:
            found[tuple(here)] |= mask[tuple(there)]
    return found


def _opened_in_plane(mask: Mask, size: tuple[int, ...]) -> Mask:
    """The mask opened by a rectangle of `size` elements; what lies at the border of the field counts as inside."""
    # an even window is off centre: the way back has to be off the other way
    return _widest_in_plane(eroded_in_plane(mask, size[1], size[2]), size[1], size[2], -1) & mask


def _patient_parts(mask: Mask, hu: NDArray[np.int16]) -> Mask:
    numbers, count = label(mask)
    if not count:
        return mask
    inside = numbers[mask]
    voxels = np.bincount(inside, minlength=count + 1)[1:]
    mean_hu = np.bincount(inside, hu[mask], minlength=count + 1)[1:] / voxels
    large = (voxels >= PART_SHARE * voxels.max()) & ((mean_hu > MIDDLE_HU) | (voxels == voxels.max()))
    kept: Mask = np.concatenate([[False], large])[numbers]
    return kept


def _filled_in_plane(mask: Mask) -> Mask:
    """The mask with what it encloses in each slice; gas that reaches the border of the field stays outside."""
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[1, 1, :] = in_plane[1, :, 1] = True
    numbers, count = label(~mask, in_plane)
    outside = np.zeros(count + 1, bool)
    for edge in (numbers[:, 0], numbers[:, -1], numbers[:, :, 0], numbers[:, :, -1]):
        outside[edge.ravel()] = True
    outside[0] = False
    filled: Mask = ~outside[numbers]
    return filled

"""What the network for CT is shown: parallel planes about a place, on a grid of millimetres, in two windows.

Planes follow the slices. Values are tent-weighted means, so that thin slices and small pixels are averaged and thick
ones interpolated; beyond the field the outermost slice, row or column goes on, so that a field's end tells nothing.
"""

import numpy as np

from pipeline.model.image import Floats, Volume

GRID_MM = 1.5
"""Cell in plane: grains of 2 mm cover a cell or more."""
CELLS = 96
"""Cells along a side: 144 mm, a thigh or half a trunk."""
PLANE_STEP_MM, PLANES = 3.0, 5
WINDOWS_HU = ((-150.0, 350.0), (0.0, 1600.0))
"""Soft tissue, and bone with calcium; each becomes -1 to 1."""

Place = tuple[float, float, float]


def planes_about(volume: Volume, place: Place, grid_mm: float = GRID_MM) -> Floats:
    """Channels float32 [window and plane, row, col] about `place` (slice, row, col, in indices); windows first."""
    axes = [
        _tent(place[0] + _offsets(PLANES) * PLANE_STEP_MM / volume.spacing_mm[0], volume.shape[0], _half(volume, 0)),
        *(
            _tent(place[k] + _offsets(CELLS) * grid_mm / volume.spacing_mm[k], volume.shape[k], _half(volume, k))
            for k in (1, 2)
        ),
    ]
    box = tuple(slice(first, first + weights.shape[1]) for weights, first in axes)
    hu = np.maximum(volume.hu[box], -1024).astype(np.float32)
    slices, rows, columns = (weights for weights, _ in axes)
    planes = np.tensordot(slices, hu, 1)
    planes = rows @ planes @ columns.T
    return np.concatenate([_window(planes, *w) for w in WINDOWS_HU])


def cells_of(place: Place, spacing_mm: tuple[float, ...], grid_mm: float = GRID_MM) -> tuple[Floats, Floats]:
    """Rows and columns, in indices, of the cells about `place`."""
    rows, columns = (place[k] + _offsets(CELLS) * grid_mm / spacing_mm[k] for k in (1, 2))
    return rows, columns


def _offsets(count: int) -> Floats:
    return (np.arange(count) - (count - 1) / 2).astype(np.float32)


def _half(volume: Volume, axis: int) -> float:
    """Half the tent's foot, in elements: a cell of the grid, or a voxel where that is larger."""
    return max(1.0, GRID_MM / volume.spacing_mm[axis])


def _tent(positions: Floats, count: int, half: float) -> tuple[Floats, int]:
    """Weights [position, element] over the elements that take part, and the first such element."""
    at = np.clip(positions, 0, count - 1)
    first = max(0, int(np.floor(at.min() - half)))
    last = min(count - 1, int(np.ceil(at.max() + half)))
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(first, last + 1)) / half)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights.astype(np.float32), first


def _window(hu: Floats, low: float, high: float) -> Floats:
    found: Floats = np.clip((hu - np.float32(low)) * np.float32(2 / (high - low)) - 1, -1, 1)
    return found

"""How one patient differs from the mean."""

from dataclasses import dataclass

import numpy as np

from pipeline.simulate.fields import Grid


@dataclass(frozen=True, slots=True)
class Build:
    """Skeleton scale, share of spongy mineral, fat on the hip (mm), girth scale."""

    scale: float = 1.0
    mineral: float = 1.0
    fat_mm: float = 22.0
    girth: float = 1.0


def mirrored(grid: Grid, side: int, scale: float) -> Grid:
    """The mesh with x measured laterally and all lengths in units of the mean skeleton."""
    x, y, z = (axis * np.float32(factor / scale) for axis, factor in zip(grid, (side, 1, 1), strict=True))
    return x, y, z

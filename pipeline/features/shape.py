"""Shape of a lesion's outline: its gaps bridged and its holes filled."""

import numpy as np
from skimage.measure import perimeter_crofton

from pipeline.features.blocks import box_of
from pipeline.features.geometry import cell_moments, hull_of, indices, largest, outline, surface_points, voxel
from pipeline.features.patch import Patch, Values, known
from pipeline.features.size import DIRECTIONS, FLAT, mesh
from pipeline.model.image import Mask


def shape(patch: Patch) -> Values:
    """Circularity, aspect ratio and solidity of the largest connected piece of the outline.

    Circularity is 4 pi area / perimeter squared, 1 for a disc; in a volume it is the sphericity of the filled outline
    (area of the ball of the same volume over its own), 1 for a ball. Aspect ratio is the longest over the shortest
    axis of the ellipse (ellipsoid) with the same moments. Solidity is the share of the convex hull that is filled.
    """
    whole = largest(outline(patch))
    filled = np.count_nonzero(whole) * voxel(patch.scale)
    values, _ = cell_moments(indices(whole, patch.scale), patch.scale)
    hull = hull_of(surface_points(whole, patch.scale))
    return {
        "circularity": known(_roundness(whole, patch.scale)),
        "aspect_ratio": known(np.sqrt(values[0] / values[-1])),
        "solidity": FLAT if hull is None else known(min(1.0, filled / hull.volume)),
    }


def _roundness(mask: Mask, scale: tuple[float, ...]) -> float:
    if mask.ndim == 3:
        volume, area = mesh(mask, scale)
        return float((36 * np.pi * volume**2) ** (1 / 3) / area)
    step = np.sqrt(voxel(scale))
    area = np.count_nonzero(mask) * voxel(scale)
    perimeter = perimeter_crofton(np.pad(mask[box_of(mask)], 1), DIRECTIONS) * step
    return float(min(1.0, 4 * np.pi * area / perimeter**2))

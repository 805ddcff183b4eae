"""Margin of a lesion: lobules, the notches between them, and how sharply density ends."""

import numpy as np
from scipy import ndimage
from skimage.measure import label
from skimage.morphology import local_maxima, reconstruction

from pipeline.features.blocks import Box, boxes, depth_of, filled, labelled, near_mask, near_values, size, widened
from pipeline.features.geometry import greatest_extent, hull_of, largest, surface_points
from pipeline.features.patch import Patch, Values, known
from pipeline.model.image import Floats, Mask
from pipeline.model.known import Known

SMOOTH_MM, SMOOTH_ELEMENTS = 0.7, 2.0
"""Blur before domes are counted: half of the smallest wall between lobules."""
DOME_SHARE = 0.01
"""A lobule stands out of its surroundings by this share of the highest dome ..."""
NOISES = 3.0
"""... by so many times the noise that the blur leaves ..."""
STAIR_ELEMENTS = 0.35
"""... and by what an error of the depth by a third of an element, the stairs of an outline, makes of it."""
MOST_POINTS = 4_000
"""Points of an outline that are held against its hull."""
MOST_ELEMENTS = 1_000_000
"""Larger outlines are thinned out before their domes are counted."""
EDGE_MM, EDGE_ELEMENTS = 1.0, 3
"""How far inside and outside of the outline density is read for its sharpness."""


def margin(patch: Patch) -> Values:
    """Lobules, depth of the notches as a share of the greatest extent, and sharpness of the edge.

    Sharpness is the share of the deposit's density that
    is gained from just outside to just inside its half-maximum outline: about 1 for a step, small for a cloud.
    """
    return {
        "lobules": known(lobules(patch)),
        "notch_depth_fraction": known(_notch(largest(filled(patch.half)), patch.scale)),
        "edge_sharpness": known(_sharpness(patch)),
    }


def lobules(patch: Patch) -> int:
    """Number of domes of density times the root of the depth within the label, at least 1.

    In a solid mass the depth alone makes the domes, in sediment and in walled loculi density. On a radiograph lobules
    before one another are one.
    """
    whole = filled(patch.visible)
    stride = 1
    while sum(size(box) for box in boxes(whole)) > MOST_ELEMENTS * stride**whole.ndim:
        stride += 1
    thin = (slice(None, None, stride),) * whole.ndim
    density, whole = patch.density[thin], whole[thin]
    spacing = [s * stride for s in patch.scale]
    width = SMOOTH_MM if isinstance(patch.spacing_mm, Known) else SMOOTH_ELEMENTS
    blur = [width / s for s in spacing]
    reach = tuple(int(4 * b + 0.5) + 1 for b in blur)

    def smooth(box: Box) -> Floats:
        within = np.where(whole[box], np.maximum(density[box] - patch.level, 0), 0)
        found: Floats = ndimage.gaussian_filter(within, blur)
        return found

    excess = near_values(whole, 0, reach, smooth)
    depth = np.sqrt(depth_of(whole, spacing))
    noise = patch.noise * float(np.prod([min(1.0, (2 * np.pi**0.5 * b) ** -0.5) for b in blur]))
    domes = excess * depth
    stairs = STAIR_ELEMENTS * min(spacing) / 2 * excess / np.maximum(depth, min(spacing) ** 0.5)
    least = np.maximum(stairs, max(DOME_SHARE * float(domes.max()), NOISES * noise * float(depth.max())))
    return max(1, _count_domes(domes, whole, least))


def _count_domes(domes: Floats, whole: Mask, least: Floats) -> int:
    """Maxima that stand out by `least` there. Pieces do not see one another, so each is looked at in its own box."""
    labels, _ = labelled(whole)
    found = 0
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        around = widened(box, 1, whole.shape)
        mine = labels[around] == number
        own = np.where(mine, domes[around], 0).astype(np.float64)
        highest = own.max()
        if highest >= least[around][own == highest].min(initial=np.inf):
            tops = mine & local_maxima(reconstruction(own - least[around], own), connectivity=whole.ndim)
            found += int(label(tops, return_num=True, connectivity=whole.ndim)[1])
    return found


def _notch(mask: Mask, scale: tuple[float, ...]) -> float:
    """Greatest distance of the outline from its convex hull, as a share of the greatest extent."""
    points = surface_points(mask, scale)
    hull = hull_of(points)
    if hull is None:
        return 0.0
    points = points[:: len(points) // MOST_POINTS + 1]
    depth = -np.max(points @ hull.planes[:, :-1].T + hull.planes[:, -1], axis=1)
    return float(max(depth.max(), 0.0) / greatest_extent(hull.corners))


def _sharpness(patch: Patch) -> float:
    """Density just inside the outline less that just outside, over the density within."""
    reach = patch.elements(EDGE_MM, EDGE_ELEMENTS)
    size = tuple(2 * r + 1 for r in reach)
    half = patch.half
    inside = near_mask(half, 0, reach, lambda b: half[b] & ~ndimage.minimum_filter(half[b], size=size))
    outside = near_mask(half, reach, reach, lambda b: ndimage.maximum_filter(half[b], size=size))
    outside &= ~half & patch.valid & ~patch.bone
    if not outside.any():
        return float("nan")
    excess: Floats = patch.density - patch.level
    top = float(np.percentile(excess[patch.half], 75))
    return float(np.clip((np.mean(excess[inside]) - np.mean(excess[outside])) / max(top, 1e-9), 0, 1))

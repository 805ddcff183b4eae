"""What stands out of a rounded body: bumps that no disc of about the body's own width reaches, slice by slice.

A deposit that sits broadly on a shaft has no neck to be cut at, but it is no part of the shaft's smooth course either:
opening the body in each slice by most of its own radius leaves the course and gives up the bump.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects, label

from pipeline.model.image import Floats, Mask

OPENING_SHARE = 0.7
"""Radius of the disc, as a share of the body's largest inscribed disc in that slice: ovals of two to one stay whole."""
LEAST_BODY_MM = 4.0
"""Bodies of which no slice holds a disc of this radius are not searched: fingers, ribs, grains."""
LEAST_HEIGHT_MM = 2.5
LEAST_MM3 = 80.0
"""Height and volume of a bump; smaller ones are roughness and corners."""
MOST_HEIGHT_SHARE = 2.5
"""A bump is at most this many times as high as it is deep inside: what is longer is a tail, a process or a wing."""
MOST_LENGTH_SHARE = 4.5
"""A bump is at most this many times as long as it is high: what is longer is a crest."""

Ints = NDArray[np.int32]


def with_bumps(basins: Ints, plane_depth: Floats, spacing_mm: tuple[float, ...]) -> Ints:
    """`basins` [slice, row, col], numbered from 1, with bumps as basins of their own, numbered on.

    `plane_depth` is each voxel's distance to the outside in its slice, mm.
    """
    found = basins.copy()
    count = int(basins.max())
    for n, box in enumerate(find_objects(basins), 1):
        if box is None or float(plane_depth[box].max()) < LEAST_BODY_MM:
            continue
        own = basins[box] == n
        for place, bump in _bumps(own, np.where(own, plane_depth[box], 0), spacing_mm):
            count += 1
            found[box][place][bump] = count
    return found


def _bumps(own: Mask, depth: Floats, spacing_mm: tuple[float, ...]) -> list[tuple[tuple[slice, ...], Mask]]:
    """Box and mask in that box of each bump of the body `own`."""
    radius = OPENING_SHARE * depth.max(axis=(1, 2), keepdims=True)
    if float(radius.max()) < OPENING_SHARE * LEAST_BODY_MM:
        return []
    in_plane = (1e6, *spacing_mm[1:])  # slices this far apart do not see each other
    height = distance_transform_edt(depth < radius, sampling=in_plane) - radius
    numbers, _ = label(own & (height > 0.5 * min(spacing_mm[1:])))
    found = []
    for k, box in enumerate(find_objects(numbers), 1):
        inside = numbers[box] == k
        length_mm = float(np.linalg.norm([(b.stop - b.start) * s for b, s in zip(box, spacing_mm, strict=True)]))
        high, deep = float(height[box][inside].max()), float(depth[box][inside].max())
        large = np.count_nonzero(inside) * float(np.prod(spacing_mm)) >= LEAST_MM3 and high >= LEAST_HEIGHT_MM
        if large and high <= MOST_HEIGHT_SHARE * deep and length_mm <= MOST_LENGTH_SHARE * high:
            found.append((box, inside))
    return found

"""Dense shells made solid: what a cortex or a rim encloses belongs to it, slice by slice."""

import numpy as np
from scipy.ndimage import label

from pipeline.model.image import Mask
from pipeline.segmentation.body import grown

CLOSING_MM = 1.5
"""Gaps of a shell up to twice this are bridged, in plane alone: across thick slices a deposit would weld to bone."""
MOST_HOLE_CM2 = 25.0
"""Section of the largest marrow (femoral head, vertebra, iliac wing); a thorax between ribs is larger."""


def solid(mask: Mask, spacing_mm: tuple[float, ...]) -> Mask:
    """`mask` [slice, row, col] with its enclosed insides, at least as large as `mask`.

    Closed in plane by `CLOSING_MM`, holes up to `MOST_HOLE_CM2` filled in each slice, eroded back. Of what that adds
    only insides count; notches of the outline stay open, since deposits are told from bone by them. The mask must not
    touch its array's border in plane.
    """
    disc = _disc(spacing_mm)
    closed = grown(mask, disc)
    filled = _fill_in_plane(closed, spacing_mm)
    whole = ~grown(~filled, disc) | mask
    added = whole & ~mask
    numbers, count = label(added, _in_plane())
    inside = np.ones(count + 1, bool)
    inside[numbers[added & grown(~whole, _in_plane())]] = False
    inside[numbers[added & ~closed]] = True
    inside[0] = False
    found: Mask = mask | inside[numbers]
    return found


def margin_px(spacing_mm: tuple[float, ...]) -> tuple[int, int, int]:
    """Elements of border that `solid` needs around a mask."""
    return 1, round(CLOSING_MM / spacing_mm[1]) + 2, round(CLOSING_MM / spacing_mm[2]) + 2


def _disc(spacing_mm: tuple[float, ...]) -> Mask:
    reach = [max(1, round(CLOSING_MM / s)) for s in spacing_mm[1:]]
    rows, columns = np.ogrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    found: Mask = ((rows / (reach[0] + 0.3)) ** 2 + (columns / (reach[1] + 0.3)) ** 2 <= 1)[None]
    return found


def _in_plane() -> Mask:
    plane = np.zeros((3, 3, 3), bool)
    plane[1, 1, :] = plane[1, :, 1] = True
    return plane


def _fill_in_plane(mask: Mask, spacing_mm: tuple[float, ...]) -> Mask:
    numbers, count = label(~mask, _in_plane())
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    hole = sizes * (spacing_mm[1] * spacing_mm[2] / 100.0) <= MOST_HOLE_CM2
    for edge in (numbers[:, 0], numbers[:, -1], numbers[:, :, 0], numbers[:, :, -1]):
        hole[edge.ravel()] = False
    hole[0] = True
    found: Mask = hole[numbers]
    return found

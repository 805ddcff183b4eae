"""A lesion as one closed line on one frame, for readers that draw coordinates and nothing else."""

import numpy as np
from scipy.ndimage import label
from skimage.measure import find_contours
from skimage.morphology import convex_hull_image

from pipeline.model.lesion import Lesion
from pipeline.model.line import Points, simplified

TOLERANCE_PX = 0.4
"""Largest distance of the simplified line from the outline, elements."""


def best_frame(lesion: Lesion) -> int:
    """Index along the first axis of the slice with most of a lesion in a volume."""
    return lesion.crop.offset[0] + int(lesion.crop.mask.sum(axis=(1, 2)).argmax())


def closed_outline(lesion: Lesion, frame: int | None = None) -> Points:
    """Outline [point, (column, row)] on a frame; the last point repeats the first (PS3.3 C.18.6.1.2).

    Coordinates count from the top left corner of the top left element. A lesion in several pieces is one line around
    them all: its convex hull.
    """
    mask = lesion.crop.mask if frame is None else lesion.crop.mask[frame - lesion.crop.offset[0]]
    row, column = lesion.crop.offset[-2:]
    if label(mask, np.ones((3, 3)))[1] > 1:
        mask = convex_hull_image(mask)
    padded = np.pad(mask, 1).astype(np.uint8)
    line = max(find_contours(padded, 0.5), key=len) - 1
    line = simplified(line, TOLERANCE_PX)
    found: Points = np.stack([line[:, 1] + column + 0.5, line[:, 0] + row + 0.5], axis=1)
    found[-1] = found[0]
    return found

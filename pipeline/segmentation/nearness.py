"""What lies within a few millimetres of a small mask: a ball moved over it, line by line, at the cost of the mask."""

from functools import lru_cache

import numpy as np
from scipy.ndimage import find_objects

from pipeline.model.image import Mask

Widths = tuple[tuple[int, ...], ...]


def within(reach_mm: float, mask: Mask, spacing_mm: tuple[float, ...]) -> Mask:
    """Elements [slice, row, col] not farther than `reach_mm` from one of `mask`, those of the mask among them.

    Equal to comparing scipy's distance_transform_edt; quicker where the mask fills little of its array.
    """
    found = np.zeros(mask.shape, bool)
    boxes = find_objects(mask.view(np.uint8))
    if not boxes:
        return found
    ball = _ball(reach_mm, spacing_mm)
    reach = (len(ball) - 1, len(ball[0]) - 1, ball[0][0])
    wide = _moved(mask[boxes[0]], ball, reach)
    here, there = [], []
    for b, r, n in zip(boxes[0], reach, mask.shape, strict=True):
        low, high = max(0, b.start - r), min(n, b.stop + r)
        here.append(slice(low, high))
        there.append(slice(low - b.start + r, high - b.start + r))
    found[tuple(here)] = wide[tuple(there)]
    return found


def _moved(mask: Mask, ball: Widths, reach: tuple[int, ...]) -> Mask:
    """Where the ball reaches from the mask, in its box grown by `reach` to every side.

    Nothing moves farther than the frame is wide, so that moves along the flat array do not run into other lines.
    """
    framed = np.zeros([n + 2 * r for n, r in zip(mask.shape, reach, strict=True)], bool)
    framed[tuple(slice(r, r + n) for n, r in zip(mask.shape, reach, strict=True))] = mask
    row, layer = framed.shape[2], framed.shape[1] * framed.shape[2]
    lines = [framed.ravel()]
    for k in range(1, reach[2] + 1):
        lines.append(lines[-1].copy())
        _add(lines[-1], lines[0], k)
    found = np.zeros_like(lines[0])
    for up, widths in enumerate(ball):
        disc = np.zeros_like(found)
        for aside, width in enumerate(widths):
            if width >= 0:
                _add(disc, lines[width], aside * row)
        _add(found, disc, up * layer)
    return found.reshape(framed.shape)


def _add(found: Mask, flat: Mask, step: int) -> None:
    """Add a flat mask moved by `step` elements either way, in place."""
    found[step:] |= flat[: len(flat) - step]
    found[: len(flat) - step] |= flat[step:]


@lru_cache(maxsize=32)
def _ball(reach_mm: float, spacing_mm: tuple[float, ...]) -> Widths:
    """Half the elements along a line of the ball, by slices and rows away from its middle; -1 beyond it."""
    axes = [np.arange(int(reach_mm / s) + 2) * s for s in spacing_mm]
    distance = np.sqrt(axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2)
    widths = np.count_nonzero(distance <= reach_mm, axis=2) - 1
    inside = widths[widths[:, 0] >= 0][:, widths[0] >= 0]
    return tuple(tuple(line) for line in inside.tolist())

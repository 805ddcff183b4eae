"""Lines round lesions, and where their numbers stand."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_fill_holes
from skimage.measure import find_contours

from pipeline.model.image import Mask
from pipeline.model.line import simplified
from pipeline.report.planes import Piece, Point

FINEST = 900
"""Elements of the longer side of the grid on which lines are traced; a page shows no more."""
SHOWN_PX = 640
"""Width at which a picture is usually seen, CSS pixels."""
SHOWN_TALL_PX = 585
"""Most height at which a picture is usually seen, CSS pixels: 65% of a window of 900."""
GAP_PX = 2.0
"""Distance of a line from what it surrounds at that width, so that it hides nothing."""
TOLERANCE = 0.35
"""How far a line may leave its course to have fewer corners, elements of the grid."""
TAG_PX = (24.0, 19.0)
"""Width and height of a number, CSS pixels."""
MOST_TAGS = 60
"""Numbers on one picture; more would cover it."""


def outline(piece: Piece, shape: tuple[int, ...], aspect: float = 1.0) -> str:
    """An SVG path just outside a lesion, in elements of the plane; y is multiplied by `aspect`.

    `shape` is that of the plane. Holes are not traced.
    """
    step = max(1, int(np.ceil(max(shape) / FINEST)))
    gap = round(GAP_PX * shape[1] / SHOWN_PX / step)
    box, first = _coarse(piece, step, gap + 2)
    if gap:
        box = binary_dilation(box, iterations=gap)
    digits = 0 if max(shape) > 1200 else 1
    lines = []
    for line in find_contours(binary_fill_holes(box).astype(np.uint8), 0.5):
        corners = simplified(line, TOLERANCE)
        if len(corners) >= 4:
            lines.append(_path((corners + 0.5 + first) * step, aspect, digits))
    return "".join(lines)


def tags(pieces: Sequence[Piece], shape: tuple[int, ...], aspect: float = 1.0) -> dict[int, Point]:
    """Where the number of each lesion stands: its middle as shares (x, y) of the picture's width and height.

    Beside the lesion, where it covers neither another number nor a lesion if there is such a place.
    """
    height, width = shape[0] * aspect, shape[1]
    size = np.array([width, height]) * min(SHOWN_PX / width, SHOWN_TALL_PX / height)
    boxes = {p.lesion: _box(p, shape) * np.tile(size, 2) for p in pieces}
    taken: list[NDArray[np.float64]] = []
    placed: dict[int, Point] = {}
    for lesion, box in list(boxes.items())[:MOST_TAGS]:
        others = [b for key, b in boxes.items() if key != lesion]
        best = min(_places(box, size), key=lambda tag: 4 * _covered(tag, taken) + _covered(tag, [*others, box]))
        taken.append(best)
        placed[lesion] = (float((best[0] + best[2]) / 2 / size[0]), float((best[1] + best[3]) / 2 / size[1]))
    return placed


def _coarse(piece: Piece, step: int, margin: int) -> tuple[Mask, NDArray[np.intp]]:
    """The mask on a grid of `step` elements with a margin, True where any element is; and the grid's first index."""
    points = (np.argwhere(piece.mask) + np.asarray(piece.offset)) // step
    first = points.min(axis=0) - margin
    box = np.zeros(points.max(axis=0) - first + margin + 1, bool)
    box[tuple((points - first).T)] = True
    return box, first


def _path(corners: NDArray[np.float64], aspect: float, digits: int) -> str:
    """M and L commands of a closed line of (row, col)."""
    scaled = np.round(corners[:, ::-1] * [1.0, aspect], digits)
    words = [f"{x:g} {y:g}" for x, y in scaled[:-1]]
    return "M" + "L".join(words) + "Z"


def _box(piece: Piece, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """(left, top, right, bottom) as shares of the plane."""
    (top, left), (height, width) = piece.offset, piece.mask.shape
    return np.array([left / shape[1], top / shape[0], (left + width) / shape[1], (top + height) / shape[0]])


def _places(box: NDArray[np.float64], size: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Boxes that a number may take round a lesion's box, best first, moved into the picture."""
    width, height = TAG_PX
    left, top, right, bottom = box
    gap = 3.0
    corners = [
        (right + gap, top - height),
        (left - width - gap, top - height),
        (right + gap, bottom),
        (left - width - gap, bottom),
        (right + gap, (top + bottom - height) / 2),
        (left - width - gap, (top + bottom - height) / 2),
        ((left + right - width) / 2, top - height - gap),
        ((left + right - width) / 2, bottom + gap),
        (right + width + gap, top - height),
        (right + gap, top - 2 * height),
        (left - 2 * width - gap, top - height),
    ]
    inside = np.clip(corners, 0, np.maximum(size - TAG_PX, 0))
    return [np.array([x, y, x + width, y + height]) for x, y in inside]


def _covered(tag: NDArray[np.float64], boxes: Sequence[NDArray[np.float64]]) -> float:
    """Area that a number's box shares with others, square CSS pixels."""
    if not boxes:
        return 0.0
    others = np.array(boxes)
    low, high = np.maximum(others[:, :2], tag[:2]), np.minimum(others[:, 2:], tag[2:])
    return float(np.prod(np.clip(high - low, 0, None), axis=1).sum())

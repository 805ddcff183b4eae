"""Pictures of an image with what was found on it: outlines, numbers, levels, the way down."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from scipy.ndimage import binary_dilation

from pipeline.model.image import Image, Radiograph, Volume
from pipeline.model.lesion import Lesion
from pipeline.model.measure import Measurement
from pipeline.report.encoding import Grey, dimmed_outside, stretched
from pipeline.report.planes import (
    Levels,
    Piece,
    Plane,
    Point,
    best_slice,
    projection_plane,
    radiograph_plane,
    slice_plane,
)

LONGEST_PX = 1400
"""Longest side of a picture; a report of four radiographs stays below 3 MB."""
SHORTEST_PX = 480
"""Smaller slices are enlarged by whole factors to at least this."""
CT_WINDOW_HU = (-150.0, 850.0)
"""Shows fat, fluid, sediment and cortex apart."""
RADIOGRAPH_PERCENTILES = (1.0, 99.7)
"""Of the valid field; the window a reader would choose."""
MOST_SLICES = 8
"""Slices of a CT that get a picture, those with most lesion area first."""
COLOURS = ((255, 176, 0), (0, 200, 255), (255, 96, 160), (120, 230, 90), (190, 150, 255), (255, 110, 60))
"""Outline colours, in turn; all reach a contrast of 3:1 on dark grey."""
LEVEL_COLOUR = (0, 255, 255)
GRAVITY_COLOUR = (255, 255, 255)
SHADE = (0, 0, 0)
LABEL_SIZE_PX = 22
THUMBNAIL_PX = 96
"""Longest side of a thumbnail."""
COLOURFUL = 80
"""Difference of the strongest and the weakest channel from which a pixel is a line and no grey."""
MOST_NUMBERS = 40
"""Numbers drawn on one picture; more would cover it."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture: `name` for its file, `caption`, and two RGB pictures of the same size, with and without outlines."""

    name: str
    caption: str
    marked: Picture.Image
    plain: Picture.Image


def views(image: Image, lesions: Sequence[Lesion], measurements: Sequence[Measurement]) -> tuple[View, ...]:
    """Pictures of one image: the radiograph, or the slices of a CT with most lesion and a coronal projection."""
    levels = {x.id: m.levels for x, m in zip(lesions, measurements, strict=True)}
    match image:
        case Radiograph():
            return (_view(image.identity.stem, "Radiograph", radiograph_plane(image, lesions, levels)),)
        case Volume():
            return _volume_views(image, lesions, levels)


def _volume_views(volume: Volume, lesions: Sequence[Lesion], levels: Levels) -> tuple[View, ...]:
    stem = volume.identity.stem
    made = [_view(f"{stem}-coronal", "Coronal projection", projection_plane(volume, 1, lesions))]
    for index in _best_slices(volume, lesions):
        plane = slice_plane(volume, index, lesions, levels)
        made.append(_view(f"{stem}-{index + 1:04d}", f"Slice {index + 1} of {volume.shape[0]}", plane))
    return tuple(made)


def _best_slices(volume: Volume, lesions: Sequence[Lesion]) -> list[int]:
    """The best slice of each lesion, largest lesions first, in order of the stack; the middle when there is none."""
    if not lesions:
        return [volume.shape[0] // 2]
    best: dict[int, int] = {}
    for index, area in map(best_slice, lesions):
        best[index] = max(best.get(index, 0), area)
    return sorted(sorted(best, key=lambda i: -best[i])[:MOST_SLICES])


def _shown(plane: Plane) -> Grey:
    """Grey of a plane: HU in the window for calcium, a radiograph between its own percentiles, dimmed outside."""
    if plane.valid is None:
        return stretched(plane.values, *CT_WINDOW_HU)
    inside = plane.values[plane.valid]
    low, high = np.percentile(inside[::7], RADIOGRAPH_PERCENTILES) if inside.size else (0.0, 1.0)
    return dimmed_outside(stretched(plane.values, low, high), plane.valid)


def _view(name: str, caption: str, plane: Plane) -> View:
    scale_row, scale_col = _scale(plane)
    size = (max(1, round(plane.values.shape[1] * scale_col)), max(1, round(plane.values.shape[0] * scale_row)))
    plain = Picture.fromarray(_shown(plane)).resize(
        size, Picture.Resampling.BOX if scale_col < 1 else Picture.Resampling.BICUBIC
    )
    plain = plain.convert("RGB")
    marked = Picture.fromarray(_outlined(np.asarray(plain), plane.pieces, (scale_row, scale_col)))
    draw = ImageDraw.Draw(marked)
    for start, end in plane.levels:
        _draw_level(draw, start, end, (scale_row, scale_col))
    _draw_numbers(draw, plane.pieces, (scale_row, scale_col))
    if plane.gravity is not None:
        _draw_gravity(draw, plane.gravity, size)
    return View(name, caption, marked, plain)


def _scale(plane: Plane) -> Point:
    """Pixels of the picture per element of the plane, (row, col), with square millimetres."""
    height, width = plane.values.shape[0] * plane.aspect, float(plane.values.shape[1])
    factor = LONGEST_PX / max(height, width)
    if factor >= 1:
        factor = max(1.0, min(np.floor(factor), np.ceil(SHORTEST_PX / min(height, width))))
    return float(factor * plane.aspect), float(factor)


def _outlined(rgb: NDArray[np.uint8], pieces: Sequence[Piece], scale: Point) -> NDArray[np.uint8]:
    """The picture with a two-pixel line round every lesion."""
    out = rgb.copy()
    for piece in pieces:
        start, box = _display_mask(piece, scale, out.shape[:2])
        line = binary_dilation(box, iterations=3) & ~binary_dilation(box, iterations=1)
        part = out[start[0] : start[0] + line.shape[0], start[1] : start[1] + line.shape[1]]
        part[line[: part.shape[0], : part.shape[1]]] = colour_of(piece.lesion)
    return out


def _display_mask(piece: Piece, scale: Point, shape: tuple[int, ...]) -> tuple[tuple[int, int], NDArray[np.bool_]]:
    """The mask at display resolution with a margin for the line, and where it begins."""
    margin = 4
    points = np.argwhere(piece.mask) + np.asarray(piece.offset)
    first, last = points.min(axis=0), points.max(axis=0)
    low = [max(0, int(a * s) - margin) for a, s in zip(first, scale, strict=True)]
    high = [min(n, int((a + 1) * s) + margin + 1) for a, s, n in zip(last, scale, shape, strict=True)]
    box = np.zeros((max(1, high[0] - low[0]), max(1, high[1] - low[1])), bool)
    reach = [max(1, int(np.ceil(s))) for s in scale]
    for dr in range(reach[0]):
        for dc in range(reach[1]):
            r = (points[:, 0] * scale[0]).astype(int) + dr - low[0]
            c = (points[:, 1] * scale[1]).astype(int) + dc - low[1]
            keep = (r >= 0) & (c >= 0) & (r < box.shape[0]) & (c < box.shape[1])
            box[r[keep], c[keep]] = True
    return (low[0], low[1]), box


def colour_of(lesion_id: int) -> tuple[int, int, int]:
    """The outline colour of a lesion."""
    return COLOURS[(lesion_id - 1) % len(COLOURS)]


def thumbnail(rgb: NDArray[np.uint8]) -> Picture.Image:
    """A small picture of RGB [row, col, 3] with few colours, for a list; thin coloured lines stay to be seen."""
    step = -(-max(rgb.shape[:2]) // THUMBNAIL_PX)
    rows, cols = (max(1, n // step) for n in rgb.shape[:2])
    cut = rgb[: rows * step, : cols * step]
    cells = cut.reshape(rows, -1, cols, cut.shape[1] // cols, 3).swapaxes(1, 2).reshape(rows, cols, -1, 3)
    red, green, blue = (cells[..., i] for i in range(3))
    colourful = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    strongest = np.take_along_axis(cells, colourful.argmax(axis=2)[..., None, None], axis=2)[:, :, 0]
    small = np.where(colourful.max(axis=2, keepdims=True) > COLOURFUL, strongest, cells.mean(axis=2).astype(np.uint8))
    return Picture.fromarray(small.astype(np.uint8)).quantize(64)


def _draw_numbers(draw: ImageDraw.ImageDraw, pieces: Sequence[Piece], scale: Point) -> None:
    font = ImageFont.load_default(LABEL_SIZE_PX)
    for piece in pieces[:MOST_NUMBERS]:
        where = np.argwhere(piece.mask) + np.asarray(piece.offset)
        row, col = where[:, 0].min() * scale[0], where[:, 1].max() * scale[1]
        at = (float(col) + 6, max(2.0, float(row) - LABEL_SIZE_PX))
        colour = colour_of(piece.lesion)
        draw.text(at, str(piece.lesion), font=font, fill=colour, stroke_width=2, stroke_fill=(0, 0, 0))


def _draw_level(draw: ImageDraw.ImageDraw, start: Point, end: Point, scale: Point) -> None:
    line = [(p[1] * scale[1], p[0] * scale[0]) for p in (start, end)]
    draw.line(line, fill=LEVEL_COLOUR, width=3)
    for col, row in line:
        draw.line([(col, row - 6), (col, row + 6)], fill=LEVEL_COLOUR, width=3)


def _draw_gravity(draw: ImageDraw.ImageDraw, gravity: Point, size: tuple[int, int]) -> None:
    """An arrow in the upper left corner that points down as the patient was held."""
    centre, half = np.array([46.0, 46.0]), 22.0
    way = np.array([gravity[1], gravity[0]])
    side = np.array([-way[1], way[0]])
    tip = centre + half * way
    draw.line([tuple(centre - (half + 2) * way), tuple(tip)], fill=SHADE, width=7)
    draw.polygon(
        [tuple(tip + 8 * way), tuple(tip - 12 * way + 10 * side), tuple(tip - 12 * way - 10 * side)], fill=SHADE
    )
    draw.line([tuple(centre - half * way), tuple(tip)], fill=GRAVITY_COLOUR, width=3)
    draw.polygon(
        [tuple(tip + 4 * way), tuple(tip - 10 * way + 7 * side), tuple(tip - 10 * way - 7 * side)], fill=GRAVITY_COLOUR
    )
    draw.text(
        (10, 78), "gravity", font=ImageFont.load_default(15), fill=GRAVITY_COLOUR, stroke_width=1, stroke_fill=(0, 0, 0)
    )

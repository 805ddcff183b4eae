"""Pictures of an image with what was found on it: outlines, numbers, levels, the way down."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from scipy.ndimage import binary_dilation

from pipeline.model.image import Image, Radiograph, Volume
from pipeline.model.known import Known
from pipeline.model.lesion import Lesion, box_in
from pipeline.model.measure import Level, Measurement

Grey = NDArray[np.uint8]
Point = tuple[float, float]

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
OUTSIDE_DIMMED = 0.25
"""What lies outside the valid field is darkened to this share, so that white borders do not dazzle."""
LABEL_SIZE_PX = 22
MOST_NUMBERS = 40
"""Numbers drawn on one picture; more would cover it."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture: `name` for its file, `caption`, and two RGB pictures of the same size, with and without outlines."""

    name: str
    caption: str
    marked: Picture.Image
    plain: Picture.Image


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """A 2-D cut: grey [row, col], labels [row, col], levels as ends (row, col), gravity (row, col) or None."""

    grey: Grey
    labels: NDArray[np.uint16]
    levels: tuple[tuple[Point, Point], ...]
    gravity: Point | None
    aspect: float = 1.0


def views(image: Image, lesions: Sequence[Lesion], measurements: Sequence[Measurement]) -> tuple[View, ...]:
    """Pictures of one image: the radiograph, or the slices of a CT with most lesion and a coronal projection."""
    levels = {x.id: m.levels for x, m in zip(lesions, measurements, strict=True)}
    match image:
        case Radiograph():
            return (_view(image.identity.stem, "Radiograph", _radiograph_plane(image, lesions, levels), lesions),)
        case Volume():
            return _volume_views(image, lesions, levels)


def _volume_views(volume: Volume, lesions: Sequence[Lesion], levels: dict[int, tuple[Level, ...]]) -> tuple[View, ...]:
    made = [_view(f"{volume.identity.stem}-coronal", "Coronal projection", _coronal(volume, lesions), lesions)]
    for index in _best_slices(volume, lesions):
        caption = f"Slice {index + 1} of {volume.shape[0]}"
        plane = _slice_plane(volume, index, lesions, levels)
        made.append(_view(f"{volume.identity.stem}-{index + 1:04d}", caption, plane, lesions))
    return tuple(made)


def _best_slices(volume: Volume, lesions: Sequence[Lesion]) -> list[int]:
    """The best slice of each lesion, largest lesions first, in order of the stack; the middle when there is none."""
    if not lesions:
        return [volume.shape[0] // 2]
    best: dict[int, int] = {}
    for lesion in lesions:
        area = lesion.crop.mask.sum(axis=(1, 2))
        index = int(np.argmax(area)) + lesion.crop.offset[0]
        best[index] = max(best.get(index, 0), int(area.max()))
    return sorted(sorted(best, key=lambda i: -best[i])[:MOST_SLICES])


def _radiograph_plane(image: Radiograph, lesions: Sequence[Lesion], levels: dict[int, tuple[Level, ...]]) -> _Plane:
    inside = image.attenuation[image.valid]
    low, high = np.percentile(inside[::7], RADIOGRAPH_PERCENTILES) if inside.size else (0.0, 1.0)
    labels = np.zeros(image.shape, np.uint16)
    for lesion in lesions:
        labels[box_in(lesion.crop, (0, 0))][lesion.crop.mask] = lesion.id
    ends = tuple(_ends(level) for found in levels.values() for level in found)
    grey = _grey(image.attenuation, low, high)
    shown = np.where(image.valid, grey, (grey * OUTSIDE_DIMMED).astype(np.uint8))
    return _Plane(shown, labels, ends, _down(image.gravity))


def _slice_plane(volume: Volume, index: int, lesions: Sequence[Lesion], levels: dict[int, tuple[Level, ...]]) -> _Plane:
    labels = np.zeros(volume.shape[1:], np.uint16)
    for lesion in lesions:
        depth = index - lesion.crop.offset[0]
        if 0 <= depth < lesion.crop.mask.shape[0]:
            rows, cols = box_in(lesion.crop, (0, 0, 0))[1:]
            labels[rows, cols][lesion.crop.mask[depth]] = lesion.id
    ends = tuple(
        _ends(level)
        for found in levels.values()
        for level in found
        if min(level.start[0], level.end[0]) - 1 <= index <= max(level.start[0], level.end[0]) + 1
    )
    spacing = volume.spacing_mm
    return _Plane(_grey(volume.hu[index], *CT_WINDOW_HU), labels, ends, _down(volume.gravity), spacing[1] / spacing[2])


def _coronal(volume: Volume, lesions: Sequence[Lesion]) -> _Plane:
    """Maximum along the rows, head end up."""
    projection = volume.hu.max(axis=1)
    labels = np.zeros(projection.shape, np.uint16)
    for lesion in lesions:
        slices, _, cols = box_in(lesion.crop, (0, 0, 0))
        flat = lesion.crop.mask.any(axis=1)
        labels[slices, cols][flat] = lesion.id
    flip = slice(None, None, -1) if volume.voxel_to_patient[2, 0] > 0 else slice(None)
    spacing = volume.spacing_mm
    return _Plane(_grey(projection[flip], *CT_WINDOW_HU), labels[flip], (), None, spacing[0] / spacing[2])


def _ends(level: Level) -> tuple[Point, Point]:
    return (level.start[-2], level.start[-1]), (level.end[-2], level.end[-1])


def _down(gravity: object) -> Point | None:
    """The in-plane part of gravity where most of it lies in the plane."""
    if not isinstance(gravity, Known):
        return None
    row, col = gravity.value[-2:]
    length = float(np.hypot(row, col))
    return (row / length, col / length) if length > 0.7 else None


def _grey(values: NDArray[np.generic], low: float, high: float) -> Grey:
    span = max(float(high) - float(low), 1e-6)
    grey: Grey = (np.clip((values.astype(np.float32) - low) / span, 0, 1) * 255).astype(np.uint8)
    return grey


def _view(name: str, caption: str, plane: _Plane, lesions: Sequence[Lesion]) -> View:
    scale_row, scale_col = _scale(plane)
    size = (max(1, round(plane.grey.shape[1] * scale_col)), max(1, round(plane.grey.shape[0] * scale_row)))
    plain = Picture.fromarray(plane.grey).resize(
        size, Picture.Resampling.BOX if scale_col < 1 else Picture.Resampling.BICUBIC
    )
    plain = plain.convert("RGB")
    marked = Picture.fromarray(_outlined(np.asarray(plain), plane.labels, lesions, (scale_row, scale_col)))
    draw = ImageDraw.Draw(marked)
    for start, end in plane.levels:
        _draw_level(draw, start, end, (scale_row, scale_col))
    _draw_numbers(draw, plane.labels, lesions, (scale_row, scale_col))
    if plane.gravity is not None:
        _draw_gravity(draw, plane.gravity, size)
    return View(name, caption, marked, plain)


def _scale(plane: _Plane) -> tuple[float, float]:
    """Pixels of the picture per element of the plane, (row, col), with square millimetres."""
    height, width = plane.grey.shape[0] * plane.aspect, float(plane.grey.shape[1])
    factor = LONGEST_PX / max(height, width)
    if factor >= 1:
        factor = max(1.0, min(np.floor(factor), np.ceil(SHORTEST_PX / min(height, width))))
    return float(factor * plane.aspect), float(factor)


def _outlined(
    rgb: NDArray[np.uint8], labels: NDArray[np.uint16], lesions: Sequence[Lesion], scale: Point
) -> NDArray[np.uint8]:
    """The picture with a two-pixel line round every lesion."""
    out = rgb.copy()
    for lesion in lesions:
        where = labels == lesion.id
        if not where.any():
            continue
        rows, cols = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
        start, box = _display_mask(where, rows, cols, scale, out.shape[:2])
        line = binary_dilation(box, iterations=3) & ~binary_dilation(box, iterations=1)
        part = out[start[0] : start[0] + line.shape[0], start[1] : start[1] + line.shape[1]]
        part[line[: part.shape[0], : part.shape[1]]] = colour_of(lesion.id)
    return out


def _display_mask(
    where: NDArray[np.bool_], rows: NDArray[np.intp], cols: NDArray[np.intp], scale: Point, shape: tuple[int, ...]
) -> tuple[tuple[int, int], NDArray[np.bool_]]:
    """The mask's box at display resolution with a margin for the line, and where it begins."""
    margin = 4
    low = [max(0, int(axis[0] * s) - margin) for axis, s in zip((rows, cols), scale, strict=True)]
    high = [min(n, int((axis[-1] + 1) * s) + margin + 1) for axis, s, n in zip((rows, cols), scale, shape, strict=True)]
    box = np.zeros((max(1, high[0] - low[0]), max(1, high[1] - low[1])), bool)
    points = np.argwhere(where)
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


def _draw_numbers(
    draw: ImageDraw.ImageDraw, labels: NDArray[np.uint16], lesions: Sequence[Lesion], scale: Point
) -> None:
    font = ImageFont.load_default(LABEL_SIZE_PX)
    for lesion in lesions[:MOST_NUMBERS]:
        where = np.argwhere(labels == lesion.id)
        if not len(where):
            continue
        row, col = where[:, 0].min() * scale[0], where[:, 1].max() * scale[1]
        at = (float(col) + 6, max(2.0, float(row) - LABEL_SIZE_PX))
        draw.text(at, str(lesion.id), font=font, fill=colour_of(lesion.id), stroke_width=2, stroke_fill=(0, 0, 0))


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

"""What the page shows of an image: pictures without marks, and the marks as lines that lie over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image as Picture

from pipeline.model.image import Image, Radiograph, Volume
from pipeline.model.lesion import Lesion
from pipeline.model.measure import Level, Measurement
from pipeline.report.encoding import Grey, data_uri, fitted, grey_of
from pipeline.report.outlines import outline, tags
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
"""Longest side of a radiograph on the page; four of them stay below 3 MB."""
SLICE_PX = 384
"""Widest slice or projection of a stack."""
KEY_SLICE_PX = 640
"""Widest slice of the first screen."""
MOST_SLICES = 80
"""Slices of a CT on the page, those with lesions first."""
CROP_PX = 340
"""Longest side of a lesion's own picture."""
CROP_LEAST_MM = 30.0
"""Smallest width of what a lesion's picture shows: a speck needs its surroundings."""
MOST_CROPS = 24
"""Lesions with a picture of their own, the surest first."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A lesion on a picture: its outline as an SVG path, and where its number stands (shares of width and height)."""

    lesion: int
    path: str
    tag: Point | None


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture and what lies over it, in elements of the plane: x to the right, y down, y times the aspect.

    `source` is a data URI. `width` and `height` are the extent of the coordinates; `aspect` is height over width of
    an element. `levels` are (x, y, x, y); `down_deg` is the direction of gravity, 0 downwards, clockwise, None where it
    is not in the plane. `index` is the slice's in its volume, None of what is no slice. `corner` is the element at the
    upper left.
    """

    caption: str
    source: str
    width: int
    height: float
    aspect: float
    marks: tuple[Mark, ...]
    levels: tuple[tuple[float, ...], ...] = ()
    down_deg: float | None = None
    index: int | None = None
    corner: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Shown:
    """All pictures of one image. `single` is the radiograph, or the slice with most lesion; `crops` go by lesion id.

    `slices` and `projections` are empty for a radiograph.
    """

    single: Scene
    crops: Mapping[int, Scene]
    slices: tuple[Scene, ...] = ()
    projections: tuple[Scene, ...] = ()
    of: int = 0
    """Slices of the whole stack."""
    best: Mapping[int, int] = field(default_factory=dict)
    """The slice that holds most of a lesion, by lesion id."""


def scenes(image: Image, lesions: Sequence[Lesion], measurements: Sequence[Measurement]) -> Shown:
    """Pictures of one image with its lesions; `measurements` belong to `lesions`, one each."""
    levels = {x.id: m.levels for x, m in zip(lesions, measurements, strict=True)}
    surest = sorted(lesions, key=lambda x: -x.confidence)
    match image:
        case Radiograph():
            plane = radiograph_plane(image, surest, levels)
            single = _scene("Radiograph", plane, widest=LONGEST_PX)
            known = image.spacing_mm
            spacing = getattr(known, "value", (0.0, 0.0))[1]
            grey = grey_of(plane)
            crops = {x.id: _crop(plane, grey, x.id, spacing) for x in surest[:MOST_CROPS]}
            return Shown(single, crops)
        case Volume():
            return _volume_scenes(image, surest, levels)


def _volume_scenes(volume: Volume, lesions: Sequence[Lesion], levels: Levels) -> Shown:
    best = {x.id: best_slice(x) for x in lesions}
    key = max(best.values(), key=lambda found: found[1])[0] if best else volume.shape[0] // 2
    single = _slice(volume, key, lesions, levels, widest=KEY_SLICE_PX)
    slices = tuple(
        _slice(volume, index, lesions, levels) for index in chosen_slices(volume.shape[0], lesions, MOST_SLICES)
    )
    projections = (
        _scene("Coronal maximum projection", projection_plane(volume, 1, lesions), widest=SLICE_PX),
        _scene("Sagittal maximum projection", projection_plane(volume, 2, lesions), widest=SLICE_PX),
    )
    planes = {x.id: slice_plane(volume, best[x.id][0], lesions, levels) for x in lesions[:MOST_CROPS]}
    crops = {lesion: _crop(p, grey_of(p), lesion, volume.spacing_mm[2]) for lesion, p in planes.items()}
    return Shown(single, crops, slices, projections, volume.shape[0], {i: found[0] for i, found in best.items()})


def chosen_slices(count: int, lesions: Sequence[Lesion], most: int) -> tuple[int, ...]:
    """Up to `most` of `count` slices in order: the best of each lesion, others with lesion, then evenly the rest."""
    first = list(dict.fromkeys(best_slice(x)[0] for x in lesions))
    held = sorted({i for x in lesions for i in range(x.crop.offset[0], x.crop.stop[0])} - set(first))
    rest = sorted(set(range(count)) - set(first) - set(held))
    chosen = first[:most]
    for pool in (held, rest):
        chosen += _evenly(pool, most - len(chosen))
    return tuple(sorted(chosen))


def _evenly(pool: Sequence[int], most: int) -> list[int]:
    """At most `most` of `pool`, evenly spread."""
    if len(pool) <= most:
        return list(pool)
    return [pool[int(i)] for i in np.linspace(0, len(pool) - 1, max(most, 0)).round()]


def _slice(
    volume: Volume, index: int, lesions: Sequence[Lesion], levels: Mapping[int, Sequence[Level]], widest: int = SLICE_PX
) -> Scene:
    plane = slice_plane(volume, index, lesions, levels)
    return _scene(f"Slice {index + 1} of {volume.shape[0]}", plane, widest=widest, index=index)


def _scene(caption: str, plane: Plane, *, widest: int, index: int | None = None) -> Scene:
    picture = fitted(grey_of(plane), plane.aspect, widest=widest, longest=max(widest, 2 * SLICE_PX))
    shape = plane.values.shape
    places = tags(plane.pieces, shape, plane.aspect)
    marks = tuple(Mark(p.lesion, outline(p, shape, plane.aspect), places.get(p.lesion)) for p in plane.pieces)
    return Scene(
        caption=caption,
        source=data_uri(picture),
        width=shape[1],
        height=round(shape[0] * plane.aspect, 2),
        aspect=plane.aspect,
        marks=marks,
        levels=tuple((a[1], a[0] * plane.aspect, b[1], b[0] * plane.aspect) for a, b in plane.levels),
        down_deg=None if plane.gravity is None else float(np.degrees(np.arctan2(-plane.gravity[1], plane.gravity[0]))),
        index=index,
    )


def _crop(plane: Plane, whole: Grey, lesion: int, spacing_mm: float) -> Scene:
    """The lesion with its surroundings, from the image's own elements."""
    piece = next(p for p in plane.pieces if p.lesion == lesion)
    side = max(*(1.5 * n for n in piece.mask.shape), CROP_LEAST_MM / spacing_mm if spacing_mm > 0 else 160.0, 24.0)
    low, high = [], []
    for offset, extent, count in zip(piece.offset, piece.mask.shape, plane.values.shape, strict=True):
        start = int(np.clip(offset + (extent - side) / 2, 0, max(0, count - side)))
        low.append(start)
        high.append(min(count, start + int(np.ceil(side))))
    grey = whole[low[0] : high[0], low[1] : high[1]]
    shape = grey.shape
    moved = Piece(lesion, piece.mask, (piece.offset[0] - low[0], piece.offset[1] - low[1]))
    picture: Picture.Image = fitted(grey, plane.aspect, widest=CROP_PX, longest=CROP_PX)
    return Scene(
        caption=f"Lesion {lesion}",
        source=data_uri(picture),
        width=shape[1],
        height=round(shape[0] * plane.aspect, 2),
        aspect=plane.aspect,
        marks=(Mark(lesion, outline(moved, shape, plane.aspect), None),),
        corner=(low[0], low[1]),
    )

"""Flat cuts of an image, with what was found in them: the radiograph, a slice, a projection of a volume."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.model.image import Mask, Radiograph, Volume
from pipeline.model.known import Known
from pipeline.model.lesion import Lesion
from pipeline.model.measure import Level

Point = tuple[float, float]
Levels = Mapping[int, Sequence[Level]]
"""Fluid levels by the id of their lesion."""

IN_PLANE = 0.7
"""Least share of gravity that must lie in a plane for its direction to be drawn."""
HEAD_END = 2
"""Index of the patient axis that points to the head (DICOM: left, posterior, superior)."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What of lesion `lesion` lies in a plane: bool [row, col], whose first element has index `offset`."""

    lesion: int
    mask: Mask
    offset: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A cut: `values` [row, col] in units of the image, the `pieces` of lesions in it, and what is drawn besides.

    `levels` are ends of fluid levels, (row, col); `gravity` is a unit vector (row, col), None where most of it does
    not lie in the plane. `aspect` is the height of an element over its width, mm. `valid` is None or bool [row, col]:
    where the radiograph was exposed.
    """

    values: NDArray[Any]
    pieces: tuple[Piece, ...]
    levels: tuple[tuple[Point, Point], ...] = ()
    gravity: Point | None = None
    aspect: float = 1.0
    valid: Mask | None = None


def radiograph_plane(image: Radiograph, lesions: Sequence[Lesion], levels: Levels) -> Plane:
    """The whole radiograph."""
    pieces = tuple(Piece(x.id, x.crop.mask, (x.crop.offset[0], x.crop.offset[1])) for x in lesions)
    ends = tuple(_ends(level) for found in levels.values() for level in found)
    spacing = image.spacing_mm.value if isinstance(image.spacing_mm, Known) else (1.0, 1.0)
    return Plane(image.attenuation, pieces, ends, _down(image.gravity), spacing[0] / spacing[1], image.valid)


def slice_plane(volume: Volume, index: int, lesions: Sequence[Lesion], levels: Levels) -> Plane:
    """Slice `index` of a volume, rows and columns as stored."""
    pieces = []
    for lesion in lesions:
        depth = index - lesion.crop.offset[0]
        if 0 <= depth < lesion.crop.mask.shape[0] and lesion.crop.mask[depth].any():
            pieces.append(Piece(lesion.id, lesion.crop.mask[depth], (lesion.crop.offset[1], lesion.crop.offset[2])))
    ends = tuple(
        _ends(level)
        for found in levels.values()
        for level in found
        if min(level.start[0], level.end[0]) - 1 <= index <= max(level.start[0], level.end[0]) + 1
    )
    spacing = volume.spacing_mm
    return Plane(volume.hu[index], tuple(pieces), ends, _down(volume.gravity), spacing[1] / spacing[2])


def projection_plane(volume: Volume, axis: int, lesions: Sequence[Lesion]) -> Plane:
    """Maximum along the rows (`axis` 1: coronal) or the columns (2: sagittal); slices run down, head end up."""
    other = 3 - axis
    flip = volume.voxel_to_patient[HEAD_END, 0] > 0
    values = volume.hu.max(axis=axis)
    pieces = []
    for lesion in lesions:
        mask: Mask = np.any(lesion.crop.mask, axis=axis, keepdims=False)
        first = volume.shape[0] - lesion.crop.stop[0] if flip else lesion.crop.offset[0]
        pieces.append(Piece(lesion.id, mask[::-1] if flip else mask, (first, lesion.crop.offset[other])))
    spacing = volume.spacing_mm
    return Plane(values[::-1] if flip else values, tuple(pieces), aspect=spacing[0] / spacing[other])


def best_slice(lesion: Lesion) -> tuple[int, int]:
    """The slice that holds most of a lesion of a volume, and how many elements it holds there."""
    area = lesion.crop.mask.sum(axis=(1, 2))
    return int(np.argmax(area)) + lesion.crop.offset[0], int(area.max())


def _ends(level: Level) -> tuple[Point, Point]:
    return (level.start[-2], level.start[-1]), (level.end[-2], level.end[-1])


def _down(gravity: object) -> Point | None:
    """The in-plane part of gravity where most of it lies in the plane."""
    if not isinstance(gravity, Known):
        return None
    row, col = gravity.value[-2:]
    length = float(np.hypot(row, col))
    return (row / length, col / length) if length > IN_PLANE else None

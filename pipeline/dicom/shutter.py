"""The part of a radiograph that its header leaves open: collimators and shutters (PS3.3 C.8.7.3, C.7.6.11)."""

from collections.abc import Iterator

import numpy as np
from pydicom import Dataset

from pipeline.dicom.headers import numbers, texts
from pipeline.model.image import Mask

LEAST_OPEN = 0.04
"""Least part of the image inside a stated shutter; below it the numbers are taken for a mistake."""
_KINDS = ("Shutter", "Collimator")
_POLYGONS = {"Shutter": "VerticesOfThePolygonalShutter", "Collimator": "VerticesOfThePolygonalCollimator"}


def stated_field(ds: Dataset, shape: tuple[int, int]) -> tuple[Mask | None, tuple[str, ...]]:
    """Bool [row, col], True inside every stated collimator and shutter, with notes; None when nothing is shut.

    A statement that leaves less than `LEAST_OPEN` of the image is not followed and noted.
    """
    field: Mask | None = None
    notes: tuple[str, ...] = ()
    for kind in _KINDS:
        for mask in _openings(ds, kind, shape):
            if mask.mean() < LEAST_OPEN:
                notes += (f"{kind}Shape leaves almost nothing open and was not followed",)
            elif not mask.all():
                field = mask if field is None else field & mask
                notes += (f"outside of {kind}Shape left out",)
    return field, notes


def _openings(ds: Dataset, kind: str, shape: tuple[int, int]) -> Iterator[Mask]:
    shapes = {value.upper() for value in texts(ds, f"{kind}Shape")}
    if "RECTANGULAR" in shapes:
        yield from _rectangle(ds, kind, shape)
    if "CIRCULAR" in shapes:
        yield from _circle(ds, kind, shape)
    if "POLYGONAL" in shapes:
        yield from _polygon(ds, kind, shape)


def _rectangle(ds: Dataset, kind: str, shape: tuple[int, int]) -> Iterator[Mask]:
    """Edges are columns and rows counted from 1, themselves shut."""
    names = ("UpperHorizontalEdge", "LowerHorizontalEdge", "LeftVerticalEdge", "RightVerticalEdge")
    found = [numbers(ds, f"{kind}{name}") for name in names]
    if not all(len(values) == 1 for values in found):
        return
    upper, lower, left, right = (int(values[0]) for values in found)
    mask = np.zeros(shape, bool)
    if lower > upper and right > left:
        mask[max(upper, 0) : max(lower - 1, 0), max(left, 0) : max(right - 1, 0)] = True
        if _almost_whole(upper, lower, shape[0]) and _almost_whole(left, right, shape[1]):
            mask[...] = True
    yield mask


def _almost_whole(low: int, high: int, size: int) -> bool:
    """Edges on the outermost row or column shut nothing; writers differ on whether those pixels count."""
    return low <= 1 and high >= size


def _circle(ds: Dataset, kind: str, shape: tuple[int, int]) -> Iterator[Mask]:
    """Centre (row, column) counted from 1, radius in pixels along a row."""
    centre, radius = numbers(ds, f"CenterOfCircular{kind}"), numbers(ds, f"RadiusOfCircular{kind}")
    if len(centre) == 2 and len(radius) == 1 and radius[0] > 0:
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        yield (rows + 1 - centre[0]) ** 2 + (columns + 1 - centre[1]) ** 2 <= radius[0] ** 2


def _polygon(ds: Dataset, kind: str, shape: tuple[int, int]) -> Iterator[Mask]:
    """Vertices as row, column pairs counted from 1. Inside, a ray to the right crosses an odd number of edges."""
    values = numbers(ds, _POLYGONS[kind])
    if len(values) < 6 or len(values) % 2:
        return
    vertices = np.reshape(values, (-1, 2)) - 1
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, bool)
    for (row, column), (next_row, next_column) in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        if row != next_row:
            crosses = (row > rows) != (next_row > rows)
            at = column + (rows - row) * (next_column - column) / (next_row - row)
            mask ^= crosses & (columns < at)
    yield mask

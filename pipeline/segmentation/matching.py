"""The same lesion on two radiographs of one study is one lesion.

Two views of one region are framed alike: a lesion keeps its height in the field, and on the same view its place, to
`PLACE_SHARE` of the field; its extent keeps within a factor of `EXTENT_RATIO`. Nearest pairs are taken first, one to
one. Without a common region or with contradictory sides nothing is matched: two lesions are then the safer reading.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from pipeline.model.image import Image, Radiograph
from pipeline.model.known import Known
from pipeline.model.lesion import Lesion

PLACE_SHARE = 0.15
"""Largest change of place between views, as a share of the field; own estimate, half the height of a mass of 60 mm."""
EXTENT_RATIO = 2.5
"""Largest ratio of extents along the rows; a flat deposit seen end-on exceeds it and stays two."""


def match_views(lesions: tuple[Lesion, ...], images: tuple[Image, ...]) -> tuple[Lesion, ...]:
    """The lesions with `same_as` filled; ids, order and all else unchanged."""
    partners: dict[int, set[int]] = {lesion.id: set() for lesion in lesions}
    for a, b in combinations(range(len(images)), 2):
        if not _comparable(images[a], images[b]):
            continue
        taken: set[int] = set()
        for _, first, second in sorted(_pairs(lesions, images, a, b)):
            if first not in taken and second not in taken:
                taken |= {first, second}
                partners[first].add(second)
                partners[second].add(first)
    return tuple(replace(lesion, same_as=tuple(sorted(partners[lesion.id]))) for lesion in lesions)


def _comparable(a: Image, b: Image) -> bool:
    if not (isinstance(a, Radiograph) and isinstance(b, Radiograph)):
        return False
    if not (isinstance(a.region, Known) and isinstance(b.region, Known) and a.region.value == b.region.value):
        return False
    sides = {x.laterality.value for x in (a, b) if isinstance(x.laterality, Known)}
    return len(sides) <= 1


def _pairs(lesions: tuple[Lesion, ...], images: tuple[Image, ...], a: int, b: int) -> Iterator[tuple[float, int, int]]:
    """(change of place, id on a, id on b) of all pairs that could be the same."""
    axes = 2 if _same_view(images[a], images[b]) else 1
    for first in (x for x in lesions if x.image == a):
        for second in (x for x in lesions if x.image == b):
            change = np.abs(_place(first, images[a]) - _place(second, images[b]))[:axes].max()
            ratio = _height(first, images[a]) / _height(second, images[b])
            if change <= PLACE_SHARE and 1 / EXTENT_RATIO <= ratio <= EXTENT_RATIO:
                yield float(change), first.id, second.id


def _same_view(a: Image, b: Image) -> bool:
    return isinstance(a.view, Known) and isinstance(b.view, Known) and a.view.value == b.view.value


def _place(lesion: Lesion, image: Image) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Centroid as a share of the field, (row, col)."""
    return np.asarray(lesion.crop.points().mean(axis=0) / image.shape, dtype=np.float64)


def _height(lesion: Lesion, image: Image) -> float:
    return float(lesion.crop.mask.shape[0] / image.shape[0])

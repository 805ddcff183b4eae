"""Deposits and lesions: masks on crops, never of full size."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.model.image import CoarseMask, Floats, Mask, freeze
from pipeline.model.known import Maybe, Unknown
from pipeline.model.vocabulary import Laterality, Region


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A mask cut to its box: bool [row, col] or [slice, row, col]; `offset` is the index of its first element."""

    mask: Mask
    offset: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.mask.dtype != np.bool_ or self.mask.ndim != len(self.offset):
            raise ValueError("mask must be bool with one offset an axis")
        freeze(self.mask)

    @property
    def stop(self) -> tuple[int, ...]:
        """The index one past the last element, per axis."""
        return tuple(o + n for o, n in zip(self.offset, self.mask.shape, strict=True))

    def points(self) -> NDArray[np.intp]:
        """Image indices of the mask's elements [point, axis]."""
        found: NDArray[np.intp] = np.argwhere(self.mask) + np.asarray(self.offset)
        return found


def crop_of(mask: Mask, offset: tuple[int, ...] | None = None) -> Crop:
    """The smallest crop that holds `mask`, whose first element has index `offset`. An empty mask is an error."""
    start = offset or (0,) * mask.ndim
    where = np.nonzero(mask)
    if not len(where[0]):
        raise ValueError("an empty mask has no crop")
    low = tuple(int(w.min()) for w in where)
    high = tuple(int(w.max()) + 1 for w in where)
    cut = mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].copy()
    return Crop(cut, tuple(a + o for a, o in zip(low, start, strict=True)))


def union(crops: Iterable[Crop]) -> Crop:
    """One crop with all elements of `crops`."""
    pieces = tuple(crops)
    low = tuple(min(c.offset[i] for c in pieces) for i in range(len(pieces[0].offset)))
    high = tuple(max(c.stop[i] for c in pieces) for i in range(len(low)))
    mask = np.zeros(tuple(b - a for a, b in zip(low, high, strict=True)), bool)
    for piece in pieces:
        mask[box_in(piece, low)] |= piece.mask
    return Crop(mask, low)


def label_array(shape: tuple[int, ...], lesions: Iterable["Lesion"]) -> NDArray[np.uint16]:
    """uint16 of `shape`: 0, or the `label` of the lesion there."""
    labels = np.zeros(shape, np.uint16)
    for lesion in lesions:
        labels[box_in(lesion.crop, (0,) * labels.ndim)][lesion.crop.mask] = lesion.label
    return labels


def box_in(crop: Crop, origin: tuple[int, ...]) -> tuple[slice, ...]:
    """Slices of the crop's box in an array whose first element has index `origin`."""
    return tuple(slice(o - z, o - z + n) for o, z, n in zip(crop.offset, origin, crop.mask.shape, strict=True))


def padded_box(crop: Crop, margin: tuple[int, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Slices of the crop's box, grown by `margin` elements and cut at an image of `shape`."""
    return tuple(
        slice(max(0, o - m), min(n, e + m)) for o, e, m, n in zip(crop.offset, crop.stop, margin, shape, strict=True)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Deposit:
    """One connected piece of calcific density; `crop` is its visible extent, `confidence` 0 to 1."""

    crop: Crop
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """Deposits that belong to one process on one image.

    `id` counts through the study from 1, `image` is the index of its image, `label` its value in the label image.
    `crop` is the union of its deposits. `same_as` are ids of the same lesion on other views.
    """

    id: int
    image: int
    label: int
    deposits: tuple[Deposit, ...]
    crop: Crop
    confidence: float
    region: Maybe[Region] = Unknown("region not stated")
    laterality: Maybe[Laterality] = Unknown("side not stated")
    same_as: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelDigest:
    """A learned part that took part: its name and the SHA-256 of its file."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """What was seen on one image.

    `lesions`: groups of deposits, most confident first. `body`: soft tissue, bone and all inside the skin, without
    table and clothes. `bone`, `foreign` (metal, markers, burned-in words): what is not calcium. `background`
    float32, same shape as a radiograph's attenuation: the image as it would be without deposits; None for CT.
    `noise` is the standard deviation of the image in soft tissue (HU, or units of attenuation).
    `notes` name what limits the search ("threshold 137 HU: muscle 52 + 5 x noise 17").
    """

    lesions: tuple[tuple[Deposit, ...], ...]
    body: CoarseMask
    bone: CoarseMask
    foreign: CoarseMask
    noise: float
    background: Floats | None = None
    models: tuple[ModelDigest, ...] = ()
    notes: tuple[str, ...] = field(default=())

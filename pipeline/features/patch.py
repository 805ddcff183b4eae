"""What every feature function gets: one lesion cut out of its image, with margin, in physical units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.model.image import Floats, Mask
from pipeline.model.known import Known, Maybe, Unknown

Kind: TypeAlias = Literal["radiograph", "ct"]
Values: TypeAlias = Mapping[str, Maybe[float]]
Points: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.int32]

MEASURED = "measured"
"""Source of a value that was measured on the image."""
LEAST_ELEMENTS = 3
"""A connected piece counts from this many elements (contract, section 3)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Place in the box of the body: `offset` -1 to 1 from the middle to the left, `depth` 0 front to 1 back."""

    offset: float
    depth: float


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What lies about a lesion, at up to some thousand of its elements.

    `index` intp [point, axis] are elements of the patch; `depth_mm` [point] is their distance from the skin,
    `bone_mm` [point] that from bone, at most `place.FARTHEST_MM`. `bone_level` is what the density reaches in bone,
    `mineral` what the bone of the whole image holds, `place` where in the body's box the lesion lies.
    """

    index: NDArray[np.intp]
    depth_mm: Maybe[Points]
    bone_mm: Maybe[Points]
    bone_level: Maybe[float]
    mineral: Maybe[float] = Unknown("no bone seen")
    place: Maybe[Place] = Unknown("the body is not seen")


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """One lesion with its margin. All arrays have one shape, [row, col] or [slice, row, col].

    `visible`: the label. `half`: its half-maximum outline. `core`: elements of `half` whose neighbours all are in it.
    `pieces`: int32, the connected pieces of the label from 1 to `count`, all neighbours, smaller ones 0.
    `raw`: attenuation or HU. `density`: excess over the background (radiograph) or HU (CT); `level` is its value in
    the tissue around the deposit, `noise` its standard deviation. `valid`: where the image shows anything.
    `spacing_mm` and `gravity` (unit vector pointing down) follow the axes. `offset` is the index of the first element
    in the image. `at_border`: the lesion touches the edge of what was imaged.
    """

    kind: Kind
    visible: Mask
    half: Mask
    core: Mask
    pieces: Labels
    count: int
    raw: Floats
    density: Floats
    level: float
    noise: float
    bone: Mask
    valid: Mask
    spacing_mm: Maybe[tuple[float, ...]]
    gravity: Maybe[tuple[float, ...]]
    offset: tuple[int, ...]
    at_border: bool
    around: Surroundings

    @property
    def scale(self) -> tuple[float, ...]:
        """Millimetres an element along each axis; ones where spacing is not known, for ratios."""
        return self.spacing_mm.value if isinstance(self.spacing_mm, Known) else (1.0,) * self.visible.ndim

    def elements(self, length_mm: float, otherwise: int) -> tuple[int, ...]:
        """A length as elements along each axis, at least 1; `otherwise` elements where spacing is not known."""
        return elements(self.spacing_mm, length_mm, otherwise, self.visible.ndim)


def elements(spacing_mm: Maybe[tuple[float, ...]], length_mm: float, otherwise: int, axes: int) -> tuple[int, ...]:
    """A length as elements along each of `axes` axes, at least 1; `otherwise` elements where spacing is not known."""
    if isinstance(spacing_mm, Unknown):
        return (otherwise,) * axes
    return tuple(max(1, round(length_mm / s)) for s in spacing_mm.value)


def known(value: float) -> Maybe[float]:
    """A measured number; what is not finite is unknown."""
    number = float(value)
    return Known(number, MEASURED) if np.isfinite(number) else Unknown("cannot be computed on this lesion")

"""Images that travel between the stages, with their axes, units and what is known of them."""

from dataclasses import dataclass, field
from functools import reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.model.identity import ImageIdentity
from pipeline.model.known import Maybe, Unknown
from pipeline.model.vocabulary import Laterality, Posture, Region

Mask: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float32]


def freeze(array: NDArray[np.generic]) -> None:
    """Make an array read-only in place: values that travel are not changed."""
    array.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """One projection.

    `attenuation` float32 [row, col] in stored orientation: larger is more attenuating, on a logarithmic scale. It is
    normalised per image so that the 2nd and 98th percentile of the valid field are 0 and 1.
    `log_per_unit` is the change of natural-log signal that one unit of `attenuation` stands for, where the processing
    is known (FOR PROCESSING data). `valid` bool [row, col]: inside collimation, exposed, no padding.
    `spacing_mm` is (row, col) in the plane of the patient where magnification is known, else at the detector (noted).
    `gravity` is a unit vector (row, col) pointing down, Unknown also when gravity runs along the beam.
    """

    attenuation: Floats
    valid: Mask
    log_per_unit: Maybe[float]
    spacing_mm: Maybe[tuple[float, float]]
    gravity: Maybe[tuple[float, ...]]
    posture: Maybe[Posture]
    view: Maybe[str]
    laterality: Maybe[Laterality]
    region: Maybe[Region]
    identity: ImageIdentity
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.attenuation.ndim != 2 or self.attenuation.dtype != np.float32:
            raise ValueError("attenuation must be float32 [row, col]")
        if self.valid.shape != self.attenuation.shape or self.valid.dtype != np.bool_:
            raise ValueError("valid must be bool, of the shape of attenuation")
        freeze(self.attenuation)
        freeze(self.valid)

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, cols)."""
        return self.attenuation.shape


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """One CT stack.

    `hu` int16 [slice, row, col]; slices ascend along the normal (cross product of the row and column directions).
    `voxel_to_patient` float64 4x4 maps (slice, row, col, 1) of a voxel's centre to patient LPS millimetres; with gantry
    tilt its columns are not orthogonal. `gaps` are slice indices after which slices are missing. `padding` is True
    where the file holds no measurement. `gravity` is a unit vector (slice, row, col) pointing down.
    `contrast` is whether a contrast agent was given, from ContrastBolusAgent.
    """

    hu: NDArray[np.int16]
    voxel_to_patient: NDArray[np.float64]
    gravity: Maybe[tuple[float, ...]]
    posture: Maybe[Posture]
    region: Maybe[Region]
    identity: ImageIdentity
    view: Maybe[str] = Unknown("a CT has no view")
    laterality: Maybe[Laterality] = Unknown("side not stated")
    contrast: Maybe[bool] = Unknown("ContrastBolusAgent absent")
    slice_thickness_mm: Maybe[float] = Unknown("SliceThickness absent")
    gaps: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.hu.ndim != 3 or self.hu.dtype != np.int16:
            raise ValueError("hu must be int16 [slice, row, col]")
        if self.voxel_to_patient.shape != (4, 4):
            raise ValueError("voxel_to_patient must be 4 x 4")
        freeze(self.hu)
        freeze(self.voxel_to_patient)

    @property
    def shape(self) -> tuple[int, ...]:
        """(slices, rows, cols)."""
        return self.hu.shape

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along slice, row, col, mm."""
        columns = np.linalg.norm(self.voxel_to_patient[:3, :3], axis=0)
        return float(columns[0]), float(columns[1]), float(columns[2])


Image: TypeAlias = Radiograph | Volume


@dataclass(frozen=True, slots=True, eq=False)
class CoarseMask:
    """A mask on a coarser grid: element i covers elements factor*i .. factor*i + factor - 1 of the image, per axis."""

    mask: Mask
    factor: tuple[int, ...]
    shape: tuple[int, ...] = field(default=())

    def __post_init__(self) -> None:
        freeze(self.mask)

    def at(self, index: NDArray[np.intp]) -> Mask:
        """Values at image indices `index` [point, axis]; outside the mask False."""
        coarse = index // np.asarray(self.factor)
        inside = np.all((coarse >= 0) & (coarse < self.mask.shape), axis=1)
        values = np.zeros(len(index), bool)
        values[inside] = self.mask[tuple(coarse[inside].T)]
        return values

    def window(self, start: tuple[int, ...], stop: tuple[int, ...]) -> Mask:
        """The mask at image resolution in the box start <= index < stop; outside the mask False."""
        axes = [np.arange(a, b) for a, b in zip(start, stop, strict=True)]
        coarse = [axis // f for axis, f in zip(axes, self.factor, strict=True)]
        inside = [(c >= 0) & (c < n) for c, n in zip(coarse, self.mask.shape, strict=True)]
        clipped = [np.clip(c, 0, n - 1) for c, n in zip(coarse, self.mask.shape, strict=True)]
        known = reduce(np.logical_and.outer, inside)
        found: Mask = self.mask[np.ix_(*clipped)] & known
        return found

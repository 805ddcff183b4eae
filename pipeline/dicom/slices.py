"""CT slices as records of their headers: where each frame lies, how it is scaled and what it belongs with.

Classic objects hold one frame; an enhanced object holds many, with shared and per-frame functional groups
(DICOM PS3.3 C.7.6.16). Both give the same records.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from pydicom import Dataset

from pipeline.dicom.files import SourceFile
from pipeline.dicom.headers import items, number, numbers, single_item, text, texts, uid
from pipeline.dicom.pixels import rescale
from pipeline.errors import GeometryError
from pipeline.model.identity import SourceFrame
from pipeline.model.known import Known, Unknown

UNIT_TOLERANCE = 0.01
"""Largest error of the length of a direction cosine vector; rounding to 4 digits leaves 0.0002."""
PLAUSIBLE_PIXEL_MM = (0.005, 20.0)
"""Pixel sizes of CT, from specimens to maps of dose, mm."""
FARTHEST_MM = 1e5
"""No patient lies farther from the origin of a scanner's coordinates."""
RIGHT_ANGLE_TOLERANCE = 0.01
"""Largest cosine between the row and the column direction."""
HOUNSFIELD = ("HU", "HU_MOD", "")
"""Rescale types whose values are Hounsfield units; absent means HU for a CT (PS3.3 C.8.2.1.1.2)."""
NOT_SLICES = (
    "LOCALIZER",
    "SCOUT",
    "TOPOGRAM",
    "SCREEN SAVE",
    "SCREEN",
    "DOSE_INFO",
    "PROJECTION IMAGE",
    "3D",
    "MIP",
    "VR",
)
"""Values of ImageType whose pixels are no slice of the patient."""

Vector = tuple[float, float, float]


class Plane(NamedTuple):
    """What slices of one stack share: matrix, directions (patient LPS), pixel size (row, col) mm, reconstruction."""

    rows: int
    columns: int
    row_direction: Vector
    column_direction: Vector
    pixel_mm: tuple[float, float]
    reconstruction: str


@dataclass(frozen=True, slots=True)
class Slice:
    """One frame of a CT. `position` is the centre of its first pixel, patient LPS mm; `frame` counts from 0.

    `scale` is (slope, intercept) to HU. `acquisition` and `number` tell frames at one place apart.
    """

    source: SourceFrame
    frame: int
    plane: Plane
    position: Vector
    scale: tuple[float, float]
    acquisition: str
    number: float
    thickness_mm: float | None


def slices_of(ds: Dataset, file: SourceFile) -> Iterator[Slice | GeometryError]:
    """The slices of one header, each a record or the error why it is none."""
    if number(ds, "NumberOfFrames") in (None, 1.0) and not items(ds, "PerFrameFunctionalGroupsSequence"):
        yield _guarded(ds, (), file, 0)
        return
    shared = single_item(ds, "SharedFunctionalGroupsSequence") or Dataset()
    groups = items(ds, "PerFrameFunctionalGroupsSequence")
    if not groups:
        yield GeometryError("several frames without functional groups: their places are not known")
    elif len(groups) != (number(ds, "NumberOfFrames") or 1):
        yield GeometryError(f"{len(groups):,} functional groups for another number of frames")
        return
    for frame, own in enumerate(groups):
        yield _guarded(ds, (own, shared), file, frame)


def _guarded(ds: Dataset, groups: tuple[Dataset, ...], file: SourceFile, frame: int) -> Slice | GeometryError:
    try:
        return _slice(ds, groups, file, frame)
    except GeometryError as error:
        return error


def _slice(ds: Dataset, groups: tuple[Dataset, ...], file: SourceFile, frame: int) -> Slice:
    """One frame. `groups` are its functional groups, own before shared; none for a classic object."""
    measures = _part(ds, groups, "PixelMeasuresSequence")
    content = _part(ds, groups, "FrameContentSequence")
    _refuse_projection(ds, _part(ds, groups, "CTImageFrameTypeSequence"))
    directions = _directions(_part(ds, groups, "PlaneOrientationSequence"))
    spacing = numbers(measures, "PixelSpacing")
    if len(spacing) != 2 or min(spacing) <= 0:
        raise GeometryError("PixelSpacing is absent or not positive")
    if min(spacing) < PLAUSIBLE_PIXEL_MM[0] or max(spacing) > PLAUSIBLE_PIXEL_MM[1]:
        raise GeometryError(f"PixelSpacing of {spacing[0]:.3g} × {spacing[1]:.3g} mm is not plausible")
    plane = Plane(
        rows=int(number(ds, "Rows") or 0),
        columns=int(number(ds, "Columns") or 0),
        row_direction=directions[0],
        column_direction=directions[1],
        pixel_mm=(spacing[0], spacing[1]),
        reconstruction=_reconstruction(ds, groups, content),
    )
    thickness = number(measures, "SliceThickness")
    return Slice(
        source=SourceFrame(file.path, file.name, uid(ds, "SOPInstanceUID") or file.sop_instance_uid, frame + 1),
        frame=frame,
        plane=plane,
        position=_position(_part(ds, groups, "PlanePositionSequence")),
        scale=_scale(_part(ds, groups, "PixelValueTransformationSequence")),
        acquisition=text(content, "FrameAcquisitionNumber") or text(ds, "AcquisitionNumber"),
        number=number(ds, "InstanceNumber") or float(frame),
        thickness_mm=thickness if thickness and thickness > 0 else None,
    )


def _part(ds: Dataset, groups: tuple[Dataset, ...], keyword: str) -> Dataset:
    """The functional group `keyword` of a frame; the data set itself for a classic object."""
    for group in groups:
        found = single_item(group, keyword)
        if found is not None:
            return found
    return ds


def _refuse_projection(ds: Dataset, frame_type: Dataset) -> None:
    kinds = {value.upper() for value in (*texts(ds, "ImageType"), *texts(frame_type, "FrameType"))}
    for kind in NOT_SLICES:
        if kind in kinds:
            raise GeometryError(f"no slice but {kind} (ImageType): listed, not analysed as CT")


def _directions(source: Dataset) -> tuple[Vector, Vector]:
    """Unit row and column directions, checked."""
    cosines = numbers(source, "ImageOrientationPatient")
    if len(cosines) != 6:
        raise GeometryError("ImageOrientationPatient is absent or not six numbers")
    vectors = np.reshape(cosines, (2, 3))
    lengths = np.linalg.norm(vectors, axis=1)
    if np.any(np.abs(lengths - 1) > UNIT_TOLERANCE):
        raise GeometryError("ImageOrientationPatient has directions that are not of length 1")
    if abs(float(vectors[0] @ vectors[1])) > RIGHT_ANGLE_TOLERANCE:
        raise GeometryError("ImageOrientationPatient has directions that are not at right angles")
    row, column = (tuple(float(v) for v in vector) for vector in vectors / lengths[:, None])
    return (row[0], row[1], row[2]), (column[0], column[1], column[2])


def _position(source: Dataset) -> Vector:
    found = numbers(source, "ImagePositionPatient")
    if len(found) != 3 or not all(math.isfinite(v) for v in found):
        raise GeometryError("ImagePositionPatient is absent or not three numbers")
    if max(map(abs, found)) > FARTHEST_MM:
        raise GeometryError("ImagePositionPatient lies more than 100 m away: impossible")
    return found[0], found[1], found[2]


def _scale(source: Dataset) -> tuple[float, float]:
    kind = text(source, "RescaleType").upper()
    if kind not in HOUNSFIELD and kind != "US":
        raise GeometryError(f"RescaleType {kind[:16]}: values are not Hounsfield units")
    found = rescale(source)
    match found:
        case Known(value=value):
            return value
        case Unknown(reason=reason):
            raise GeometryError(f"no Hounsfield units: {reason}")


def _reconstruction(ds: Dataset, groups: tuple[Dataset, ...], content: Dataset) -> str:
    """What tells two reconstructions or phases of one scan apart within a series."""
    kernel = _part(ds, groups, "CTReconstructionSequence")
    stated = (
        text(kernel, "ConvolutionKernel"),
        text(ds, "FrameOfReferenceUID"),
        text(ds, "TemporalPositionIdentifier"),
        text(content, "TemporalPositionIndex"),
        text(content, "StackID"),
    )
    return "|".join(stated)

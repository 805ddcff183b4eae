"""CT series to volumes: slices ordered by place, in Hounsfield units, in one int16 array that is allocated once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from pipeline.dicom.files import SeriesFiles
from pipeline.dicom.headers import items, source_label, text, uid
from pipeline.dicom.pixels import padding_mask, read_dataset, stored_values
from pipeline.dicom.pose import volume_pose
from pipeline.dicom.reading import read_header
from pipeline.dicom.slices import Slice, slices_of
from pipeline.dicom.stack import LEAST_SLICES, Stack, geometry, largest_stack
from pipeline.errors import GeometryError, InputError, LimitError, PixelError
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.context import ClinicalContext
from pipeline.model.identity import ImageIdentity
from pipeline.model.image import Volume
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.result import Skipped

AIR_HU = -1024
"""Value of padding, and of everything below it."""
HIGHEST_HU = 32767
_NO_AGENT = ("", "NONE", "NO", "WITHOUT", "NATIVE")


@dataclass(frozen=True, slots=True, eq=False)
class _Headers:
    """Slices of a series, one header that stands for all, and files left out."""

    slices: tuple[Slice, ...]
    example: Dataset | None
    skipped: tuple[Skipped, ...]


def read_volumes(
    series: SeriesFiles, context: ClinicalContext, limits: DicomSettings
) -> tuple[tuple[Volume, ...], tuple[Skipped, ...]]:
    """The largest stack of a CT series as a volume, if it makes one, and all that was left out with the reason."""
    headers = _read_headers(series, limits)
    chosen, others = largest_stack(headers.slices)
    skipped = [*headers.skipped, *(Skipped(source_label(one.source), reason) for one, reason in others)]
    if headers.example is None or not chosen:
        return (), tuple(skipped)
    try:
        _check_size(chosen, limits)
        volume, broken = _read_volume(chosen, headers.example, context, limits)
    except InputError as error:
        return (), (*skipped, *(Skipped(source_label(one.source), str(error)) for one in chosen))
    left_out = len({s.path for s in skipped})
    notes = (*series.notes, *volume.notes)
    if left_out:
        notes += (f"{left_out} files of the series are not part of this volume",)
    return (replace(volume, notes=notes),), (*skipped, *broken)


def _read_headers(series: SeriesFiles, limits: DicomSettings) -> _Headers:
    slices: list[Slice] = []
    skipped: list[Skipped] = []
    example: Dataset | None = None
    for file in series.files:
        try:
            header = read_header(file.path, limits)
            if text(header.dataset, "AnatomicalOrientationType").upper() == "QUADRUPED":
                raise PixelError("an animal's image (AnatomicalOrientationType QUADRUPED): not analysed")
        except InputError as error:
            skipped.append(Skipped(file.name, str(error)))
            continue
        found = tuple(slices_of(header.dataset, file))
        slices += [one for one in found if isinstance(one, Slice)]
        wrong = [one for one in found if isinstance(one, GeometryError)]
        if wrong:
            several = f" ({len(wrong)} of {len(found)} frames)" if len(found) > 1 else ""
            skipped.append(Skipped(file.name, f"{wrong[0]}{several}"))
        if example is None and len(wrong) < len(found):
            example = header.dataset
    return _Headers(tuple(slices), example, tuple(skipped))


def _check_size(slices: tuple[Slice, ...], limits: DicomSettings) -> None:
    if len(slices) < LEAST_SLICES:
        raise GeometryError(f"a stack of {len(slices)} is no volume: at least {LEAST_SLICES} slices are needed")
    if len(slices) > limits.max_frames:
        raise LimitError(f"{len(slices):,} slices, at most {limits.max_frames:,} (max_frames)")
    plane = slices[0].plane
    size = 2 * len(slices) * plane.rows * plane.columns
    if size > limits.max_study_bytes:
        raise LimitError(f"{size:,} bytes of voxels, at most {limits.max_study_bytes:,} (max_study_bytes)")


def _read_volume(
    slices: tuple[Slice, ...], example: Dataset, context: ClinicalContext, limits: DicomSettings
) -> tuple[Volume, tuple[Skipped, ...]]:
    """The volume of `slices` in order; frames that cannot be decoded are left out and listed."""
    plane = slices[0].plane
    hu = np.empty((len(slices), plane.rows, plane.columns), np.int16)
    wrong = dict(_decode(slices, hu, limits))
    good = [n for n in range(len(slices)) if n not in wrong]
    for place, n in enumerate(good):
        if place != n:
            hu[place] = hu[n]
    stack = geometry([slices[n] for n in good])
    broken = tuple(Skipped(source_label(slices[n].source), reason) for n, reason in wrong.items())
    return _volume(stack, hu[: len(good)], example, context), broken


def _decode(slices: tuple[Slice, ...], hu: NDArray[np.int16], limits: DicomSettings) -> Iterator[tuple[int, str]]:
    """Fill `hu` [slice, row, col]; yields the index and the reason of each slice that could not be decoded."""
    by_file: dict[str, list[int]] = {}
    for n, one in enumerate(slices):
        by_file.setdefault(one.source.name, []).append(n)
    for members in by_file.values():
        try:
            ds = read_dataset(slices[members[0]].source.path, limits)
            stored = stored_values(ds)
            for n in members:
                frame = stored[slices[n].frame] if stored.ndim == 3 else stored
                _to_hounsfield(frame, ds, slices[n].scale, out=hu[n])
        except InputError as error:
            for n in members:
                yield n, str(error)


def _to_hounsfield(
    stored: NDArray[np.generic], ds: Dataset, scale: tuple[float, float], *, out: NDArray[np.int16]
) -> None:
    """Write one frame [row, col] in HU into `out`; padding and all below air become air."""
    if stored.shape != out.shape:
        raise PixelError("a frame has another shape than its header says")
    slope, intercept = scale
    padding = padding_mask(ds, stored) if "PixelPaddingValue" in ds else None
    low, high = int(stored.min()), int(stored.max())
    whole = slope == 1 and intercept == int(intercept)
    if whole and min(low, low + intercept) >= -HIGHEST_HU and max(high, high + intercept) <= HIGHEST_HU:
        np.add(stored.astype(np.int16, copy=False), np.int16(intercept), out=out)
        if low + intercept < AIR_HU:
            np.maximum(out, np.int16(AIR_HU), out=out)
    else:
        values = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
        np.clip(np.rint(values, out=values), AIR_HU, HIGHEST_HU, out=values)
        out[...] = values
    if padding is not None:
        out[padding] = AIR_HU


def _volume(stack: Stack, hu: NDArray[np.int16], example: Dataset, context: ClinicalContext) -> Volume:
    pose = volume_pose(example, context, stack.voxel_to_patient)
    thickness = stack.slices[0].thickness_mm
    identity = ImageIdentity(
        study_instance_uid=uid(example, "StudyInstanceUID"),
        series_instance_uid=uid(example, "SeriesInstanceUID"),
        sop_instance_uid=None,
        modality=text(example, "Modality"),
        sources=tuple(one.source for one in stack.slices),
    )
    return Volume(
        hu=hu,
        voxel_to_patient=stack.voxel_to_patient,
        gravity=pose.gravity,
        posture=pose.posture,
        region=pose.region,
        identity=identity,
        view=pose.view,
        laterality=pose.laterality,
        contrast=_contrast(example),
        slice_thickness_mm=Known(thickness, "SliceThickness") if thickness else Unknown("SliceThickness absent"),
        gaps=stack.gaps,
        notes=(*_unit_notes(example), *stack.notes, *pose.notes),
    )


def _contrast(ds: Dataset) -> Maybe[bool]:
    """Whether a contrast agent was given, as far as the header says."""
    if items(ds, "ContrastBolusAgentSequence"):
        return Known(True, "ContrastBolusAgentSequence")
    if "ContrastBolusAgent" not in ds:
        return Unknown("ContrastBolusAgent absent")
    agent = text(ds, "ContrastBolusAgent").upper()
    return Known(agent not in _NO_AGENT, "ContrastBolusAgent") if agent else Unknown("ContrastBolusAgent empty")


def _unit_notes(ds: Dataset) -> Iterable[str]:
    if text(ds, "RescaleType").upper() == "US":
        yield "RescaleType US (not specified): taken as Hounsfield units"

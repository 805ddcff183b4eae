"""Of the images of one study, those to analyse: one patient, no copies, no conflicts, one image an exposure."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from pipeline.dicom.description import Described, Exposure
from pipeline.dicom.digests import pixel_digests
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.result import Skipped


@dataclass(frozen=True, slots=True)
class Selection:
    """Images to analyse, the rest with reasons, and whether something was refused that should have been analysed."""

    images: tuple[Described, ...]
    skipped: tuple[Skipped, ...] = ()
    refused: bool = False


def select(files: Sequence[Described], limits: DicomSettings) -> Selection:
    """Decide what of the files of one study is analysed."""
    if len({file.patient_id for file in files if file.patient_id}) > 1:
        reason = "the study mixes files of two or more PatientIDs: separate them at the sender"
        return Selection((), tuple(_skipped(file, reason) for file in files), refused=True)
    listed = [f for f in files if f.classification.kind is None]
    start = Selection(
        tuple(f for f in files if f.classification.kind is not None),
        tuple(_skipped(f, f.classification.reason) for f in listed),
        any(f.refused for f in listed),
    )
    return _within_limits(_one_an_exposure(_without_copies(start, limits)), limits)


def _without_copies(selection: Selection, limits: DicomSettings) -> Selection:
    """True copies counted once; objects of one SOP Instance UID with different pixels all refused."""
    kept: list[Described] = []
    skipped = list(selection.skipped)
    refused = selection.refused
    groups = tuple(_by_instance(selection.images))
    conflicts = _conflicts(groups, limits)
    for same in groups:
        first, *others = same
        if first.sop_instance_uid in conflicts:
            reason = f"SOPInstanceUID occurs {len(same)} times with different pixels: none of them is used"
            skipped.extend(_skipped(file, reason) for file in same)
            refused = True
            continue
        kept.append(first)
        skipped.extend(_skipped(file, f"a copy of {first.found.name}, counted once") for file in others)
    return Selection(tuple(kept), tuple(skipped), refused)


def _one_an_exposure(selection: Selection) -> Selection:
    """Where FOR PROCESSING and FOR PRESENTATION show one exposure, the one of them that measures better.

    FOR PROCESSING stands in a stated relation to dose (PixelIntensityRelationship LIN or LOG, PS3.3 C.8.11.3.1.2) and
    is then used; without the statement the image made for reading is.
    """
    films = [(f, f.exposure) for f in selection.images if f.exposure is not None]
    ready = [(f, e) for f, e in films if not e.for_processing]
    listed: dict[Path, str] = {}
    notes: dict[Path, str] = {}
    for image, exposure in films:
        twins = [f for f, e in ready if exposure.for_processing and _same_exposure(exposure, e, image.sop_instance_uid)]
        if not twins:
            continue
        if exposure.relation_known:
            used, left = image, twins
            words = "FOR PROCESSING used, FOR PRESENTATION of the same exposure listed"
        else:
            used, left = twins[0], [image]
            words = "FOR PRESENTATION used, FOR PROCESSING of the same exposure listed"
        notes[used.found.path] = words
        listed |= {other.found.path: f"the same exposure as {used.found.name}: {words}" for other in left}
    images = tuple(
        replace(f, notes=(*f.notes, notes[f.found.path])) if f.found.path in notes else f
        for f in selection.images
        if f.found.path not in listed
    )
    left_out = (_skipped(f, listed[f.found.path]) for f in selection.images if f.found.path in listed)
    return Selection(images, (*selection.skipped, *left_out), selection.refused)


def _within_limits(selection: Selection, limits: DicomSettings) -> Selection:
    """Refuse series of more files than max_frames, and those that take the study past max_study_bytes."""
    kept: list[Described] = []
    skipped = list(selection.skipped)
    total = 0
    for _, series in groupby(sorted(selection.images, key=_series_key), key=_series_key):
        files = tuple(series)
        size = sum(file.decoded_bytes for file in files)
        if len(files) > limits.max_frames:
            reason = f"a series of {len(files):,} files, at most {limits.max_frames:,} (max_frames)"
        elif total + size > limits.max_study_bytes:
            reason = f"the study's pixels exceed {limits.max_study_bytes:,} bytes with this series (max_study_bytes)"
        else:
            total += size
            kept.extend(files)
            continue
        skipped.extend(_skipped(file, reason) for file in files)
    refused = selection.refused or len(kept) < len(selection.images)
    return Selection(tuple(kept), tuple(skipped), refused)


def _series_key(file: Described) -> tuple[str, str]:
    return file.series_instance_uid, file.classification.kind or ""


def _by_instance(files: Iterable[Described]) -> Iterable[tuple[Described, ...]]:
    groups: dict[str, list[Described]] = {}
    for file in files:
        groups.setdefault(file.sop_instance_uid, []).append(file)
    return (tuple(group) for group in groups.values())


def _conflicts(groups: Sequence[tuple[Described, ...]], limits: DicomSettings) -> frozenset[str]:
    """SOP Instance UIDs whose files are neither equal byte for byte nor in all their decoded pixels."""
    unlike = [group for group in groups if len(group) > 1 and not _are_equal(group)]
    digests = iter(pixel_digests([file.found.path for group in unlike for file in group], limits) if unlike else ())
    found = {group[0].sop_instance_uid: {next(digests) for _ in group} for group in unlike}
    return frozenset(uid for uid, values in found.items() if len(values) > 1 or None in values)


def _are_equal(files: Sequence[Described]) -> bool:
    try:
        return len({_file_digest(file.found.path) for file in files}) == 1
    except OSError:
        return False


def _file_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _same_exposure(raw: Exposure, ready: Exposure, raw_uid: str) -> bool:
    if raw_uid in ready.sources:
        return True
    if raw.event and ready.event:
        return raw.event == ready.event
    return raw.moment != "" and raw.moment == ready.moment


def _skipped(file: Described, reason: str) -> Skipped:
    return Skipped(file.found.name, reason)

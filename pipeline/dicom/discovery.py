"""Folders, files and zips in; studies and series out, told apart by their headers; everything else with its reason."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from pipeline.dicom.assignment import CONTEXT_NAME, assign_contexts
from pipeline.dicom.description import Described, Unreadable, describe
from pipeline.dicom.files import Discovery, SeriesFiles, SourceFile, StudyFiles
from pipeline.dicom.inventory import Found, find_files
from pipeline.dicom.selection import Selection, select
from pipeline.dicom.subject import agreed_subject
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.result import Skipped


def discover(inputs: Sequence[Path], limits: DicomSettings, scratch: Path) -> Discovery:
    """All studies below `inputs`, in order of their first file.

    Every file is in a series of a study, or a Skipped of its study, or a Skipped of the discovery; a context.json is
    its study's `context` or a Skipped. Only headers are read, but for files that share a SOP Instance UID. Zips are
    unpacked below `scratch`, which the caller deletes when the studies are done. Raises nothing for what files hold.
    """
    contexts: list[Found] = []
    skipped: list[Skipped] = []
    described: list[Described] = []
    unreadable: list[Unreadable] = []
    for entry in find_files(inputs, limits, scratch):
        if isinstance(entry, Skipped):
            skipped.append(entry)
        elif entry.path.name == CONTEXT_NAME:
            contexts.append(entry)
        else:
            match describe(entry, limits):
                case Unreadable() as broken:
                    unreadable.append(broken)
                case Described(study_instance_uid="") as homeless:
                    skipped.append(Skipped(homeless.found.name, homeless.classification.reason))
                case Described() as file:
                    described.append(file)
    studies = _by_study(described)
    lost, orphans = _adopted(unreadable, studies)
    skipped.extend(Skipped(file.found.name, file.reason) for file in orphans)
    places = {uid: _paths(files, lost[uid]) for uid, files in studies.items()}
    applied, unused = assign_contexts(contexts, places, limits)
    return Discovery(
        tuple(_study(files, lost[uid], applied.get(uid), limits) for uid, files in studies.items()),
        (*skipped, *unused),
    )


def _by_study(files: Sequence[Described]) -> Mapping[str, Sequence[Described]]:
    studies: dict[str, list[Described]] = defaultdict(list)
    for file in files:
        studies[file.study_instance_uid].append(file)
    return studies


def _adopted(
    unreadable: Sequence[Unreadable], studies: Mapping[str, Sequence[Described]]
) -> tuple[Mapping[str, list[Unreadable]], tuple[Unreadable, ...]]:
    """Broken DICOM files given to the only study of their folder; the rest, and what is no DICOM, apart."""
    residents: dict[Path, set[str]] = defaultdict(set)
    for uid, files in studies.items():
        for file in files:
            residents[file.found.path.parent].add(uid)
    adopted: dict[str, list[Unreadable]] = defaultdict(list)
    orphans: list[Unreadable] = []
    for lost in unreadable:
        here = residents.get(lost.found.path.parent, set())
        if lost.is_dicom and len(here) == 1:
            adopted[next(iter(here))].append(lost)
        else:
            orphans.append(lost)
    return adopted, tuple(orphans)


def _study(
    files: Sequence[Described], lost: Sequence[Unreadable], context: Path | None, limits: DicomSettings
) -> StudyFiles:
    selection = select(files, limits)
    broken = tuple(Skipped(file.found.name, file.reason) for file in lost)
    return StudyFiles(
        study_instance_uid=files[0].study_instance_uid,
        series=_series(selection, files),
        skipped=(*selection.skipped, *broken),
        context=context,
        root=Path(os.path.commonpath([path.parent for path in _paths(files, lost)])),
        refused=selection.refused or bool(broken),
        subject=agreed_subject([file.subject for file in files]),
    )


def _paths(files: Sequence[Described], lost: Sequence[Unreadable]) -> list[Path]:
    return [file.found.path for file in files] + [file.found.path for file in lost]


def _series(selection: Selection, files: Sequence[Described]) -> tuple[SeriesFiles, ...]:
    """The images grouped by series and kind, in order of those two."""
    order = sorted(selection.images, key=_series_key)
    missing: dict[str, int] = defaultdict(int)
    for file in files:
        missing[file.series_instance_uid] += file.refused
    return tuple(_one_series(tuple(group), missing) for _, group in groupby(order, key=_series_key))


def _series_key(file: Described) -> tuple[str, str]:
    return file.series_instance_uid, file.classification.kind or ""


def _one_series(images: Sequence[Described], missing: Mapping[str, int]) -> SeriesFiles:
    first = images[0]
    kind = first.classification.kind
    if kind is None:
        raise ValueError("an image to analyse has a kind")
    lost = missing[first.series_instance_uid]
    return SeriesFiles(
        series_instance_uid=first.series_instance_uid,
        modality=first.modality,
        kind=kind,
        files=tuple(_source(image) for image in images),
        notes=(f"{lost} of the series' files could not be used",) if lost else (),
    )


def _source(file: Described) -> SourceFile:
    return SourceFile(file.found.path, file.found.name, file.sop_instance_uid, file.sop_class_uid, file.notes)

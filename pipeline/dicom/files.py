"""Records of what was found: studies, series and files, told apart by their headers alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.model.known import Maybe, Unknown
from pipeline.model.result import Skipped

Kind: TypeAlias = Literal["radiograph", "ct"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One DICOM file to be analysed. `name` is its path relative to the input, fit for print; `notes` are remarks."""

    path: Path
    name: str
    sop_instance_uid: str
    sop_class_uid: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeriesFiles:
    """The usable files of one series, in order of their names; `notes` tell of files of the series that are missing.

    A series that holds radiographs and CT slices is two records with one UID.
    """

    series_instance_uid: str
    modality: str
    kind: Kind
    files: tuple[SourceFile, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose study it is, and when it was made.

    `key` is a digest of what names the patient, the same for all studies of one patient; it is not written anywhere.
    `made` is date and time as DICOM writes them (YYYYMMDDHHMMSS, the time may be missing); later is larger.
    """

    key: str
    made: str


@dataclass(frozen=True, slots=True)
class StudyFiles:
    """One study. `root` is the deepest folder that holds all its files; `context` is its context.json.

    `refused` is whether a radiograph or CT, or a file that cannot be told from one, was left out although it should
    have been analysed. With no series left the study failed if `refused`, else it rightly had nothing to analyse.
    """

    study_instance_uid: str
    series: tuple[SeriesFiles, ...]
    skipped: tuple[Skipped, ...]
    context: Path | None
    root: Path
    refused: bool = False
    subject: Maybe[Subject] = Unknown("PatientID was not read")


@dataclass(frozen=True, slots=True)
class Discovery:
    """All that the inputs hold. `skipped` are the files that belong to no study; no study means nothing was DICOM."""

    studies: tuple[StudyFiles, ...]
    skipped: tuple[Skipped, ...]

"""Studies of one patient that lie in the store: when one is analysed, all are compared anew."""

from functools import lru_cache
from pathlib import Path

from pipeline.batch.following import Finished, compare_group
from pipeline.dicom.files import Subject
from pipeline.dicom.reading import read_header
from pipeline.dicom.subject import read_subject
from pipeline.errors import InputError
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.known import Known
from pipeline.worker.store import Store

MOST_KEPT = 100_000
"""Patients that are remembered by study, so that a header is read once."""


def compare_in_store(store: Store, study: str, limits: DicomSettings) -> int:
    """Compare the studies of the patient of `study`; returns how many of them tell something new.

    Whichever came first, each then tells of the latest earlier one that is still kept.
    """
    own = _subject(store.incoming(study), limits)
    if own is None:
        return 0
    group: list[Finished] = []
    for folder in sorted((store.root / "incoming").iterdir()):
        results = store.root / "results" / folder.name / "studies" / folder.name
        subject = _subject(folder, limits) if (results / "results.json").is_file() else None
        if subject is not None and subject.key == own.key:
            group.append((subject, results))
    return len(compare_group(group)) if len(group) > 1 else 0


def _subject(folder: Path, limits: DicomSettings) -> Subject | None:
    """Patient and moment of the study whose images lie in `folder`, by its first image."""
    first = min(folder.glob("*.dcm"), default=None)
    return None if first is None else _read(first, limits)


@lru_cache(maxsize=MOST_KEPT)
def _read(path: Path, limits: DicomSettings) -> Subject | None:
    try:
        found = read_subject(read_header(path, limits).dataset)
    except (InputError, OSError, ValueError):
        return None
    return found.value if isinstance(found, Known) else None

"""What a child needs to know to analyse one study."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.dicom.files import StudyFiles
from pipeline.knowledge.settings import Settings


@dataclass(frozen=True, slots=True)
class Job:
    """One study to analyse. `folder` is where its results go; `context` a context.json that the caller named."""

    study: StudyFiles
    folder: Path
    settings: Settings
    profile: str
    fingerprint: str
    context: Path | None = None

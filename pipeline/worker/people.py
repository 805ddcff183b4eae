"""Whom a study on the status page is of, as far as `report.identify` lets it be shown."""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from pipeline.dicom.patient import shown_identity_in
from pipeline.knowledge.settings import Settings
from pipeline.worker.store import Store

REMEMBERED = 1000
"""Headers kept in memory: ten pages of studies."""
Who = Callable[[str], str]
"""What is shown of the patient of a study, by its UID; "" where nothing is known."""


def people(store: Store, settings: Settings) -> Who | None:
    """What the status page may say of patients: None where the settings show UIDs alone."""
    if settings.report.identify == "none":
        return None

    @lru_cache(maxsize=REMEMBERED)
    def read(path: Path, changed_ns: int) -> str:
        return shown_identity_in(path, settings.report, settings.dicom)

    def who(study: str) -> str:
        try:
            with os.scandir(store.incoming(study)) as files:
                first = next(files, None)
                return "" if first is None else read(Path(first.path), first.stat().st_mtime_ns)
        except OSError:
            return ""

    return who

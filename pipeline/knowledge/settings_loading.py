"""A settings file becomes `Settings`; what it does not name keeps its default."""

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import ConfigurationError
from pipeline.knowledge.reading import Mistakes, Table, read_yaml
from pipeline.knowledge.settings import (
    BatchSettings,
    DicomSettings,
    ReportSettings,
    SegmentationSettings,
    Settings,
    WorkerSettings,
)

Section = TypeVar("Section", DicomSettings, SegmentationSettings, BatchSettings, ReportSettings, WorkerSettings)
LIMITS: dict[str, tuple[float, float]] = {
    "ct_confidence": (0, 1),
    "radiograph_confidence": (0, 1),
    "timeout_s": (1, 86_400),
    "memory_gb": (0.25, 1_000),
    "max_zip_ratio": (1, 100_000),
    "max_nesting": (1, 500),
    "port": (0, 65_535),
    "peer_port": (1, 65_535),
    "status_port": (0, 65_535),
    "quiet_s": (0, 86_400),
    "min_free_bytes": (0, 1e15),
    "watch_s": (0.1, 86_400),
    "keep_days": (0, 36_500),
    "keep_free_bytes": (0, 1e15),
}
"""What a number may be, by key; other numbers from 1 to `MOST`."""
MOST = 1e15
WORDS = {"identify": ("none", "pseudonym", "full")}
"""Allowed words, by key."""
SHORTEST_KEY = 16
"""Characters of report.pseudonym_key: with fewer all patient numbers could be tried."""


def load_settings(path: Path) -> Settings:
    """The settings of a YAML file. Raises ConfigurationError that names file, line and key of every mistake."""
    mistakes = Mistakes()
    settings = read_settings(read_yaml(path, mistakes))
    if mistakes.told:
        raise ConfigurationError("\n".join(mistakes.told))
    return settings


def read_settings(top: Table) -> Settings:
    """The settings of a table; mistakes are noted in it."""
    top.only("dicom", "segmentation", "batch", "report", "worker")
    return Settings(
        dicom=_section(DicomSettings(), top.table("dicom")),
        segmentation=_section(SegmentationSettings(), top.table("segmentation")),
        batch=_section(BatchSettings(), top.table("batch")),
        report=_report(top.table("report")),
        worker=_section(WorkerSettings(), top.table("worker")),
    )


def _report(table: Table) -> ReportSettings:
    found = _section(ReportSettings(), table)
    if found.identify == "pseudonym" and len(found.pseudonym_key or "") < SHORTEST_KEY:
        table.wrong("pseudonym_key", f"identify: pseudonym needs a secret of {SHORTEST_KEY} characters or more")
    return found


def _section(default: Section, table: Table) -> Section:
    """The defaults with what the table names."""
    names = [f.name for f in fields(default)]
    table.only(*names)
    values: dict[str, Any] = {name: getattr(default, name) for name in names}
    for name in names:
        if table.has(name):
            values[name] = _value(values[name], name, table)
    return type(default)(**values)


def _value(default: object, name: str, table: Table) -> object:
    """The value at `name`, of the kind of its default."""
    if name in WORDS:
        return table.choice(name, WORDS[name], "word")
    if isinstance(default, bool):
        return table.flag(name, default)
    if isinstance(default, int | float):
        low, high = LIMITS.get(name, (1, MOST))
        number = table.number(name, low, high)
        if isinstance(default, int) and number == number:
            if number != int(number):
                table.wrong(name, f"{number:g} is not a whole number; give one")
            return int(number)
        return number
    if isinstance(default, tuple):
        return table.texts(name)
    return table.text(name)

"""What is finished and unchanged is not done again."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.dicom.files import SourceFile, StudyFiles
from pipeline.report.study_folder import FINGERPRINT

_GONE = "gone"
"""Stands for a file that vanished after it was found."""


def fingerprint(study: StudyFiles, software: Iterable[str], context: Path | None, unpacked: Path) -> str:
    """SHA-256 over a study's files, its context and what analyses it.

    A file counts by name, size and modification time; one unpacked from an archive (below `unpacked`) by its content,
    since unpacking makes it new each time.
    """
    digest = hashlib.sha256("\x1f".join(software).encode())
    files = sorted((f for series in study.series for f in series.files), key=lambda f: f.name)
    for file in files:
        digest.update(_trace(file, unpacked).encode())
    for path in (study.context, context):
        digest.update(_content(path).encode() if path is not None else b"-")
    digest.update("\x1f".join(f"{s.path}\x1e{s.reason}" for s in study.skipped).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def finished(folder: Path, expected: str) -> dict[str, Any] | None:
    """The results in `folder` when they are whole and were made of what `expected` says, else None."""
    try:
        if (folder / FINGERPRINT).read_text() != expected:
            return None
        results: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return results


def _trace(file: SourceFile, unpacked: Path) -> str:
    if file.path.is_relative_to(unpacked):
        return f"{file.sop_instance_uid}\x1f{_content(file.path)}"
    try:
        status = file.path.stat()
    except OSError:
        return _GONE
    return f"{file.sop_instance_uid}\x1f{file.name}\x1f{status.st_size}\x1f{status.st_mtime_ns}"


def _content(path: Path) -> str:
    """The digest of a file's content; a word where it has vanished or cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return _GONE

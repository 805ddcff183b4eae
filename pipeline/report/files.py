"""The output folder: complete files or none (contract, section 3)."""

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import OutputError
from pipeline.report import staging

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so would be run as a formula by a spreadsheet."""
SUMMARY_COLUMNS = (
    "study_instance_uid",
    "status",
    "region",
    "images",
    "lesions",
    "top_entity",
    "probability",
    "second_entity",
    "second_probability",
    "fluid_level",
    "skipped",
    "seconds",
    "reason",
)


def prepare_output(out: Path) -> None:
    """Make the output folder, rid it of what killed runs left, and prove that it can be written.

    OutputError says why it cannot.
    """
    try:
        (out / "studies").mkdir(parents=True, exist_ok=True)
        for folder in (out, out / "studies"):
            staging.sweep(folder)
        with staging.private_folder(out, ".probe") as probe:
            (probe / "full").write_bytes(b"x" * 4096)
    except OSError as error:
        raise cannot_write(out, error) from error


def cannot_write(path: Path, error: OSError) -> OutputError:
    """An OutputError that names the place and the system's reason."""
    return OutputError(
        f"{path}: cannot be written ({error.strerror or type(error).__name__}): free space or choose another"
    )


def write_text(path: Path, text: str) -> None:
    """Write a file completely or not at all: aside, synced, then renamed."""
    try:
        with (
            staging.staged_file(path) as handle,
            os.fdopen(os.dup(handle), "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
        ):
            file.write(text)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """JSON, UTF-8, two spaces; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


@contextlib.contextmanager
def staged_folder(final: Path) -> Iterator[Path]:
    """A new folder beside `final` that takes its place when the block ends well, and vanishes when it does not."""
    try:
        with staging.staged_folder(final) as staged:
            yield staged
    except OSError as error:
        raise cannot_write(final, error) from error


def summary_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line a study; a cell that a spreadsheet would run as a formula gets a leading apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SUMMARY_COLUMNS)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in SUMMARY_COLUMNS])
    return text.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

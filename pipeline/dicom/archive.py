"""A zip unpacked into a folder, under limits; nothing is written outside the folder, nothing is trusted."""

import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from pipeline.errors import LimitError, UnreadableFileError
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.result import Skipped

_CHUNK_BYTES: Final = 2**20
_SLACK_BYTES: Final = 16 * 2**20
"""A zip may always unpack to this size; small text files compress well and harm nobody."""
_ENCRYPTED: Final = 0x1
_LONGEST_PART_BYTES: Final = 255
_DEEPEST: Final = 64
_FOREIGN_SIGNS: Final = ("\\", "\0", ":")
"""They separate folders, end names or name drives elsewhere."""
_REGULAR: Final = frozenset({0, stat.S_IFREG})


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The folder that holds the contents, and the entries that were refused, with their names in the archive."""

    folder: Path
    skipped: tuple[Skipped, ...]


def unpack(archive: Path, folder: Path, limits: DicomSettings) -> Unpacked:
    """Unpack `archive` into `folder`, which must not exist.

    Raises UnreadableFileError for what is no zip or is broken, LimitError where count (max_files), ratio
    (max_zip_ratio), total (max_study_bytes) or the disk forbid it; nothing is left behind then.
    """
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            return Unpacked(folder, tuple(_unpack_all(opened, folder, archive.stat().st_size, limits)))
    except (UnreadableFileError, LimitError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except Exception as error:  # zipfile raises anything on broken archives
        shutil.rmtree(folder, ignore_errors=True)
        raise UnreadableFileError(f"broken zip ({type(error).__name__}): send it again") from None


def _unpack_all(opened: zipfile.ZipFile, folder: Path, packed_bytes: int, limits: DicomSettings) -> Iterator[Skipped]:
    entries = opened.infolist()
    if len(entries) > limits.max_files:
        raise LimitError(f"a zip of {len(entries):,} files, at most {limits.max_files:,} (max_files)")
    allowed = min(
        int(limits.max_zip_ratio * packed_bytes) + _SLACK_BYTES,
        limits.max_study_bytes,
        shutil.disk_usage(folder).free,
    )
    claimed = sum(entry.file_size for entry in entries)
    if claimed > allowed:
        raise LimitError(f"a zip that unpacks to {claimed:,} bytes, at most {allowed:,} (max_zip_ratio): refused")
    for entry in entries:
        if entry.is_dir():
            continue
        reason = _complaint(entry)
        target = None if reason else _target(folder, entry.filename)
        if target is None:
            yield Skipped(entry.filename, reason or "a name used twice within the zip: not unpacked")
            continue
        with opened.open(entry) as source:
            allowed -= _copy(source, target, min(allowed, limits.max_file_bytes))


def _complaint(entry: zipfile.ZipInfo) -> str:
    """Why an entry is not unpacked; "" when it is."""
    name = PurePosixPath(entry.filename)
    if name.is_absolute() or ".." in name.parts or any(sign in entry.filename for sign in _FOREIGN_SIGNS):
        return "a path that leads out of the zip: not unpacked"
    if len(name.parts) > _DEEPEST or any(len(os.fsencode(part)) > _LONGEST_PART_BYTES for part in name.parts):
        return "a path that is too long: not unpacked"
    if stat.S_IFMT(entry.external_attr >> 16) not in _REGULAR:
        return "a symbolic link or special file: not unpacked"
    if entry.flag_bits & _ENCRYPTED:
        return "encrypted: unpack it first"
    if name.suffix.lower() == ".zip":
        return "a zip within a zip: unpack it first"
    return ""


def _target(folder: Path, name: str) -> Path | None:
    """The file to write, its folder made; None where something of that name exists."""
    target = folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        return None
    return None if target.exists() else target


def _copy(source: IO[bytes], target: Path, allowed: int) -> int:
    """Copy, counting what really arrives: sizes in a zip may lie. Returns the bytes written."""
    written = 0
    with target.open("xb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > allowed:
                raise LimitError("a zip that unpacks to more than it says or the limits allow: refused")
            file.write(chunk)
    return written

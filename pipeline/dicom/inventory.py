"""Every file below the inputs: folders searched to the bottom, zips unpacked; links and special files never touched."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.dicom.archive import unpack
from pipeline.errors import InputError
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.result import Skipped

_ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file and its name: the path relative to the input, fit for print."""

    path: Path
    name: str


def find_files(inputs: Sequence[Path], limits: DicomSettings, scratch: Path) -> Iterator[Found | Skipped]:
    """All regular files below `inputs`, in order of input and name, and what could not be looked at.

    A zip, given as input or met in a folder, is unpacked into a new folder below `scratch`. Past `max_files` files the
    search ends with a Skipped that says so.
    """
    count = 0
    for entry in _all(inputs, limits, scratch):
        if isinstance(entry, Found):
            count += 1
            if count > limits.max_files:
                yield Skipped(entry.name, f"more than {limits.max_files:,} files (max_files): the rest is not read")
                return
        yield entry


def printable(name: str) -> str:
    """A file name as one line of valid text: no control characters, no bytes that are not UTF-8."""
    valid = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in valid)


def _all(inputs: Sequence[Path], limits: DicomSettings, scratch: Path) -> Iterator[Found | Skipped]:
    zips = _Numbered(scratch)
    for given in inputs:
        name = printable(given.name or str(given))
        path = given.resolve()
        if path.is_dir():
            yield from _folder(path, "", limits, zips)
        elif not path.exists():
            yield Skipped(name, "does not exist")
        elif not path.is_file():
            yield Skipped(name, "no regular file: not opened")
        elif _is_zip(path):
            yield from _zip(Found(path, name), limits, zips)
        else:
            yield Found(path, name)


class _Numbered:
    """New folders below a scratch folder, one a zip."""

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._count = scratch, 0

    def new(self) -> Path:
        """A path that is not taken."""
        while True:
            self._count += 1
            path = self._scratch / f"unpacked{self._count:04}"
            if not path.exists():
                return path


def _folder(top: Path, prefix: str, limits: DicomSettings, zips: _Numbered | None) -> Iterator[Found | Skipped]:
    """Files below `top`, depth first. `zips` is None within a zip, where another one is not unpacked."""
    waiting: list[tuple[Path, str]] = [(top, prefix)]
    while waiting:
        folder, name = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda e: os.fsencode(e.name))
        except OSError as error:
            yield Skipped(name.rstrip("/") or printable(folder.name), f"folder cannot be read: {error.strerror}")
            continue
        deeper: list[tuple[Path, str]] = []
        for entry in entries:
            shown = name + printable(entry.name)
            if entry.is_dir(follow_symlinks=False):
                deeper.append((Path(entry.path), shown + "/"))
            else:
                yield from _entry(entry, shown, limits, zips)
        waiting.extend(reversed(deeper))


def _entry(
    entry: os.DirEntry[str], shown: str, limits: DicomSettings, zips: _Numbered | None
) -> Iterator[Found | Skipped]:
    if entry.is_symlink():
        yield Skipped(shown, "a symbolic link: not followed")
    elif not entry.is_file(follow_symlinks=False):
        yield Skipped(shown, "a pipe, socket or device: not opened")
    elif not entry.name.lower().endswith(".zip"):
        yield Found(Path(entry.path), shown)
    elif zips is None:
        yield Skipped(shown, "a zip within a zip: unpack it first")
    else:
        yield from _zip(Found(Path(entry.path), shown), limits, zips)


def _zip(archive: Found, limits: DicomSettings, zips: _Numbered) -> Iterator[Found | Skipped]:
    try:
        unpacked = unpack(archive.path, zips.new(), limits)
    except InputError as error:
        yield Skipped(archive.name, str(error))
        return
    for refused in unpacked.skipped:
        yield Skipped(f"{archive.name}/{printable(refused.path)}", refused.reason)
    yield from _folder(unpacked.folder, archive.name + "/", limits, None)


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    except OSError:
        return False

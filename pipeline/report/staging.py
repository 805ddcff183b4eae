"""What is being made: private, locked while its maker lives, swept away when that has died.

A lock (flock) ends with its process, however that ends, so that what a killed run left behind is told from what another
run is just making, whatever process numbers and clocks say.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_WHOLE: Final = "whole"
_REPLACED: Final = "replaced"
"""Within a staging folder: what is made, and the result of before, for the moment of the exchange."""


@contextlib.contextmanager
def private_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder below `parent` that only its owner may enter, removed at the end. OSError where it cannot be made.

    Folders of the same prefix whose makers died are removed first.
    """
    sweep(parent, prefix)
    handle, folder = _locked_folder(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


@contextlib.contextmanager
def staged_folder(final: Path) -> Iterator[Path]:
    """A new folder that becomes `final`, in place of what is there, when the block ends well, and vanishes otherwise.

    OSError where it cannot be written.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, staging = _locked_folder(final.parent, f".{final.name}")
    try:
        whole = staging / _WHOLE
        whole.mkdir()
        yield whole
        if final.exists():
            final.rename(staging / _REPLACED)
        whole.rename(final)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        os.close(handle)


@contextlib.contextmanager
def staged_file(final: Path) -> Iterator[int]:
    """The handle of a new file that becomes `final` when the block ends well, synced, and vanishes otherwise.

    OSError where it cannot be written.
    """
    aside = final.with_name(_name(f".{final.name}"))
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        _lock(handle)
        yield handle
        os.fsync(handle)
        aside.replace(final)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def sweep(parent: Path, prefix: str = ".") -> int:
    """Remove what starts with `prefix` below `parent` and whose maker on this machine has died; returns how many.

    A result whose maker died while it was exchanged is put back. What cannot be removed stays.
    """
    mark = _name("")[: -len(secrets.token_hex(4))]
    swept = 0
    with contextlib.suppress(OSError):
        with os.scandir(parent) as entries:
            names = sorted(entry.name for entry in entries if entry.name.startswith(prefix) and mark in entry.name)
        for name in names:
            swept += _swept(parent / name, parent / name.rsplit(mark, 1)[0].removeprefix("."))
    return swept


def _swept(left: Path, final: Path) -> int:
    """1 where nobody held `left` and it was removed."""
    try:
        handle = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        status = os.fstat(handle)
        if status.st_uid != os.geteuid():
            return 0
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISREG(status.st_mode):
            left.unlink()
        else:
            if (left / _REPLACED).exists() and not final.exists():
                (left / _REPLACED).rename(final)
            shutil.rmtree(left, ignore_errors=True)
    except OSError:
        return 0
    finally:
        os.close(handle)
    return 1


def _locked_folder(parent: Path, prefix: str) -> tuple[int, Path]:
    """A new folder that only its owner may enter, and the handle that locks it."""
    while True:
        folder = parent / _name(prefix)
        folder.mkdir(mode=0o700)
        with contextlib.suppress(FileNotFoundError):  # a sweep came between the two
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            _lock(handle)
            if folder.exists():
                return handle, folder
            os.close(handle)


def _lock(handle: int) -> None:
    with contextlib.suppress(OSError):  # a file system without locks: nothing is swept there either
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _name(prefix: str) -> str:
    """A new name; machines may share a folder without sharing locks, so it names the machine."""
    return f"{prefix}.{os.uname().nodename}-{secrets.token_hex(4)}"

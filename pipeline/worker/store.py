"""Received instances on disk: complete and synced before anybody is told that they are here."""

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.model.identity import file_stem
from pipeline.worker.spool import Spool

PARTIAL = ".part"
Identify = Callable[[bytes], tuple[str, str]]
"""Study and SOP Instance UID of a DICOM file's bytes; ValueError when they have none."""


@dataclass(frozen=True, slots=True)
class Store:
    """The folders of a worker: incoming/<study>/<instance>.dcm, results/<study>/, spool.sqlite."""

    root: Path

    @property
    def database(self) -> Path:
        """Where the spool's database lies."""
        return self.root / "spool.sqlite"

    def incoming(self, study: str) -> Path:
        """Folder of a study's images."""
        return self.root / "incoming" / file_stem(study)

    def results(self, study: str) -> Path:
        """Folder of a study's results, an output of `calcinosis run` of its own."""
        return self.root / "results" / file_stem(study)

    def keep(self, study: str, instance: str, content: bytes) -> str:
        """Write an instance durably under its final name; returns its digest. OSError when it cannot be written."""
        folder = self.incoming(study)
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if new:
            _sync_folder(folder.parent)
        final = folder / f"{file_stem(instance)}.dcm"
        partial = final.with_name(f".{final.name}.{os.getpid()}{PARTIAL}")
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(final)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(folder)
        return hashlib.sha256(content).hexdigest()

    def free_bytes(self) -> int:
        """Bytes left for an ordinary user on the spool's file system."""
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    def tidy(self) -> int:
        """Remove what an ended worker left half-written; returns how many files."""
        left = list((self.root / "incoming").rglob(f"*{PARTIAL}")) if (self.root / "incoming").is_dir() else []
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


def adopt(store: Store, spool: Spool, identify: Identify) -> int:
    """Register files that lie in the store without a row: a crash came between the two. Returns how many are news."""
    news = 0
    for path in sorted((store.root / "incoming").rglob("*.dcm")) if (store.root / "incoming").is_dir() else ():
        with contextlib.suppress(OSError, ValueError):
            content = path.read_bytes()
            study, instance = identify(content)
            news += spool.received(study, instance, hashlib.sha256(content).hexdigest())
    return news


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

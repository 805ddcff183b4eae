"""Received instances on disk: complete and synced before anybody is told that they are here."""

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.model.identity import file_stem
from pipeline.worker.spool import Spool

Identify = Callable[[bytes], tuple[str, str]]
"""Study and SOP Instance UID of a DICOM file's bytes; ValueError when they have none."""


@dataclass(frozen=True, slots=True)
class Store:
    """The folders of a worker: incoming/<study>/<instance>.dcm, results/<study>/, spool.sqlite.

    Files are written in partial/ and removed through trash/, so that a study's folders hold whole files alone.
    """

    root: Path
    durable: bool = True

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

    def image(self, study: str, instance: str) -> Path:
        """File of an image."""
        return self.incoming(study) / f"{file_stem(instance)}.dcm"

    def keep(self, study: str, instance: str, content: bytes) -> None:
        """Write an instance durably under its final name. OSError when it cannot be written."""
        final = self.image(study, instance)
        partial = self.root / "partial" / uuid.uuid4().hex
        partial.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                if self.durable:
                    os.fsync(file.fileno())
            if not final.parent.is_dir():
                final.parent.mkdir(parents=True, exist_ok=True)
                self._sync(final.parent.parent)
            partial.replace(final)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        self._sync(final.parent)

    def remove(self, study: str) -> None:
        """Take a study's folders out of sight at once; `tidy` removes them. OSError when they cannot be moved."""
        for folder in (self.incoming(study), self.results(study)):
            if folder.exists():
                hidden = self.root / "trash" / uuid.uuid4().hex
                hidden.parent.mkdir(exist_ok=True)
                folder.rename(hidden)

    def free_bytes(self) -> int:
        """Bytes left for an ordinary user on the spool's file system."""
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    def tidy(self) -> int:
        """Remove what an ended worker left half-written, and the trash; returns how many files were half-written."""
        left = list((self.root / "partial").glob("*"))
        for path in left:
            path.unlink(missing_ok=True)
        self.empty_trash()
        return len(left)

    def empty_trash(self) -> None:
        """Free the space of what was removed."""
        shutil.rmtree(self.root / "trash", ignore_errors=True)

    def _sync(self, folder: Path) -> None:
        if not self.durable:
            return
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def adopt(store: Store, spool: Spool, identify: Identify) -> int:
    """Register files that lie in the store without a row: a crash came between the two. Returns how many are news."""
    noted = {store.image(study, instance) for study, instance in spool.rows("SELECT study, uid FROM instance")}
    news = 0
    for path in sorted(set((store.root / "incoming").rglob("*.dcm")) - noted):
        with contextlib.suppress(OSError, ValueError):
            content = path.read_bytes()
            study, instance = identify(content)
            news += spool.received(study, instance, hashlib.sha256(content).hexdigest())
    return news

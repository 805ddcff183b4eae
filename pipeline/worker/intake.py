"""One way in for every image, however it comes: looked at, kept on disk, noted in the spool."""

import hashlib
import io
import struct
import threading
import zlib
from dataclasses import dataclass, field
from typing import Literal

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    SecondaryCaptureImageStorage,
)

from pipeline.dicom.headers import CONVERSION_ERRORS, text
from pipeline.errors import OutputError
from pipeline.knowledge.settings import WorkerSettings
from pipeline.model.identity import MANUFACTURER, is_uid
from pipeline.worker.spool import Spool
from pipeline.worker.store import Store

SOP_CLASSES = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    SecondaryCaptureImageStorage,
)
"""What is analysed."""
HEADER_TAGS = ["StudyInstanceUID", "SOPInstanceUID", "Manufacturer"]
BROKEN = (*CONVERSION_ERRORS, InvalidDicomError, EOFError, OSError, RecursionError, struct.error, zlib.error)
"""What pydicom raises for bytes that are no DICOM."""
Outcome = Literal["stored", "known", "own", "full", "unreadable"]


@dataclass(slots=True)
class Tally:
    """What the node has done since it started; `watching` says how the watched archive is, empty where none is."""

    stored: int = 0
    known: int = 0
    own: int = 0
    refused: int = 0
    watching: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str) -> None:
        """Count one instance."""
        with self.lock:
            setattr(self, name, getattr(self, name) + 1)


@dataclass(frozen=True, slots=True)
class Intake:
    """Where images go."""

    settings: WorkerSettings
    store: Store
    spool: Spool
    tally: Tally

    def take(self, content: bytes) -> Outcome:
        """Take one file: own results are dropped, everything else is on disk before this returns."""
        outcome = self._take(content)
        self.tally.add("refused" if outcome in ("full", "unreadable") else outcome)
        return outcome

    def room_for(self, size: int) -> bool:
        """Whether an instance of `size` bytes may come in."""
        return size <= self.settings.max_instance_bytes and self.store.free_bytes() >= self.settings.min_free_bytes

    def _take(self, content: bytes) -> Outcome:
        if not self.room_for(len(content)):
            return "full"
        try:
            header = _header(content)
        except ValueError:
            return "unreadable"
        digest = hashlib.sha256(content).hexdigest()
        try:
            # an archive may have changed the manufacturer, the UID it keeps
            if is_own(header.manufacturer) or self.spool.made(header.instance):
                return "own"
            return "stored" if self._noted(header.study, header.instance, digest, content) else "known"
        except (OSError, OutputError):
            return "full"

    def _noted(self, study: str, instance: str, digest: str, content: bytes) -> bool:
        """Whether it was news. The row comes after the file; one that was removed between the two is written again."""
        path = self.store.image(study, instance)
        if path.exists() and self.spool.knows(study, instance, digest):
            return False
        self.store.keep(study, instance, content)
        news = self.spool.received(study, instance, digest)
        if not path.exists():
            self.store.keep(study, instance, content)
        return news


@dataclass(frozen=True, slots=True)
class Header:
    """What is read of a file before it is kept: both UIDs valid, the manufacturer "" where there is none."""

    study: str
    instance: str
    manufacturer: str


def identified(content: bytes) -> tuple[str, str]:
    """Study and SOP Instance UID of a file's bytes, both valid. ValueError where they are not."""
    header = _header(content)
    return header.study, header.instance


def is_own(manufacturer: object) -> bool:
    """Whether an object was written by this program."""
    return str(manufacturer or "").strip().casefold() == MANUFACTURER.casefold()


def _header(content: bytes) -> Header:
    """ValueError for bytes that are no DICOM, and for UIDs that are none."""
    try:
        read = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=list(HEADER_TAGS))
    except BROKEN as error:
        raise ValueError("not DICOM") from error
    header = Header(*(text(read, tag) for tag in HEADER_TAGS))
    if not (is_uid(header.study) and is_uid(header.instance)):
        raise ValueError("no valid StudyInstanceUID or SOPInstanceUID")
    return header

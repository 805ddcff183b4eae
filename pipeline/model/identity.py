"""UIDs: checked, derived from content, and turned into file names."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_UID = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*")
MANUFACTURER = "Calcinosis"
"""Manufacturer of every DICOM object that the program writes; what bears it is never analysed."""


def is_uid(text: str) -> bool:
    """Whether `text` is a valid DICOM UID (PS3.5 section 9)."""
    return 0 < len(text) <= 64 and _UID.fullmatch(text) is not None


def is_uid_like(text: str) -> bool:
    """Whether `text` has only the characters of a UID, so that it is safe as a file name; leading zeros pass."""
    return re.fullmatch(r"[0-9](?:[0-9.]{0,62}[0-9])?", text) is not None and ".." not in text


def derived_uid(*parts: str) -> str:
    """A UID that depends on `parts` alone: 2.25 and the first 128 bits of their SHA-256 (PS3.5 annex B.2)."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def file_stem(uid: str) -> str:
    """A file name for `uid`: itself when it looks like a UID, else its SHA-256."""
    return uid if is_uid_like(uid) else hashlib.sha256(uid.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """One stored frame that an image was made of. `frame` counts from 1; `name` is the path relative to the input."""

    path: Path
    name: str
    sop_instance_uid: str
    frame: int = 1


@dataclass(frozen=True, slots=True)
class ImageIdentity:
    """Where an image comes from. `sources` follow the first axis of a volume; a radiograph has one.

    `series_instance_uid` is as stored; `sop_instance_uid` is None for a volume.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str | None
    modality: str
    sources: tuple[SourceFrame, ...]

    @property
    def stem(self) -> str:
        """File name (no ending) for things about this image: its SOP or series UID, checked."""
        return file_stem(self.sop_instance_uid or self.series_instance_uid)

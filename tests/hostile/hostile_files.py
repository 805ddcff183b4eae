"""Small valid studies with canaries in every identifying attribute, to be spoilt; nothing here is of a patient."""

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from made_dicom import changed, image
from pydicom import Dataset, uid
from pydicom.filebase import DicomBytesIO

CANARY_NAME, CANARY_ID, CANARY_BIRTH = "QUETZALCOATLUS^ZEBEDEE", "MRN77310042", "19230517"
CANARIES = ("quetzalcoatlus", "zebedee", CANARY_ID.lower(), CANARY_BIRTH)
"""What no log, message, file name or result but a report may hold, in lower case."""
STUB = b"\0" * 128 + b"DICM"
"""Preamble and prefix of a file that holds nothing yet."""
NEVER_COPIED = b"MZ\x90\0 bytes that no output holds"
"""Within preambles and private elements: what a program that copies them would carry on."""
FILM = (96, 72)
SLICES, SLICE = 5, (24, 24)


def study_uid(name: str) -> str:
    """A study UID that depends on `name` alone."""
    return f"2.25.{int.from_bytes(hashlib.sha256(name.encode()).digest()[:12], 'big')}"


@functools.cache
def limb() -> np.ndarray[Any, Any]:
    """A smooth limb with a bone: 12-bit values [row, col] that hold no deposit."""
    columns = np.linspace(-1, 1, FILM[1])[None, :] * np.ones((FILM[0], 1))
    signal = 0.8 * np.sqrt(np.clip(1 - (columns / 0.85) ** 2, 0, None))
    signal += 0.5 * np.sqrt(np.clip(1 - (columns / 0.2) ** 2, 0, None))
    return np.asarray(signal / 1.4 * 4000 + 20, np.uint16)


def identified(ds: Dataset, study: str, number: int = 1) -> Dataset:
    """`ds` as an instance of a study whose patient is the canary."""
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = study, f"{study}.1", f"{study}.1.{number}"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = CANARY_NAME, CANARY_ID, CANARY_BIRTH
    ds.PatientSex, ds.PatientAge, ds.StudyDate, ds.InstanceNumber = "F", "060Y", "20210102", number
    return ds


def film(study: str, number: int = 1, **changes: Any) -> Dataset:
    """A radiograph of 96 x 72 pixels of 1.5 mm; a keyword sets an element, None deletes it."""
    ds = identified(image(limb()), study, number)
    ds.BitsStored, ds.HighBit = 12, 11
    ds.ImagerPixelSpacing, ds.BodyPartExamined, ds.ViewPosition = [1.5, 1.5], "THIGH", "AP"
    return changed(ds, **changes)


def body(place: int) -> np.ndarray[Any, Any]:
    """One slice of a round limb, stored values with intercept -1024."""
    rows, columns = np.mgrid[-1 : 1 : SLICE[0] * 1j, -1 : 1 : SLICE[1] * 1j]
    from_axis = np.hypot(rows, columns)
    return np.where(from_axis < 0.2, 2000, np.where(from_axis < 0.8, 1080 + place % 3, 24)).astype(np.uint16)


def slices(study: str, count: int = SLICES, **changes: Any) -> list[Dataset]:
    """A CT of `count` slices of 24 x 24 pixels of 4 mm, 3 mm apart."""
    return [changed(_slice(study, place), **changes) for place in range(count)]


def _slice(study: str, place: int) -> Dataset:
    ds = identified(image(body(place)), study, place + 1)
    ds.SOPClassUID, ds.Modality, ds.ImageType = uid.CTImageStorage, "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [-48, -48, 3.0 * place], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness, ds.PatientPosition, ds.KVP = [4, 4], 3, "HFS", 120
    ds.BodyPartExamined, ds.FrameOfReferenceUID, ds.BitsStored, ds.HighBit = "THIGH", f"{study}.9", 12, 11
    return ds


def encoded(ds: Dataset, syntax: str | None = None) -> bytes:
    """The bytes of a DICOM file."""
    if syntax:
        ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID") or "1.2.3"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID") or "1.2.3"
    buffer = DicomBytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return bytes(buffer.getvalue())


def write(folder: Path, *files: Dataset | bytes) -> None:
    """Write files into `folder`, numbered."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(files):
        (folder / f"{number:05}.dcm").write_bytes(one if isinstance(one, bytes) else encoded(one))


def element(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """One explicit little endian element; `length` overrides the true one."""
    said = len(value) if length is None else length
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode("latin-1")
    if vr in ("OB", "OD", "OF", "OL", "OW", "SQ", "UC", "UN", "UR", "UT"):
        return head + b"\0\0" + said.to_bytes(4, "little") + value
    return head + said.to_bytes(2, "little") + value


def with_element(content: bytes, added: bytes) -> bytes:
    """`content` with an encoded element put before the first one behind it in order of tags, up to group 7FE0."""
    wanted = _order(added)
    at = 144 + int.from_bytes(content[140:144], "little")
    while at < len(content) and _order(content[at:]) < wanted:
        at = after(content, at)
    return content[:at] + added + content[at:]


def boundaries(content: bytes) -> list[int]:
    """The byte at which each element of the data set starts, and its value."""
    at, found = 144 + int.from_bytes(content[140:144], "little"), []
    while at < len(content):
        found += [at, _value(content, at)]
        at = after(content, at)
    return found


def _order(encoded_element: bytes) -> tuple[int, int]:
    return int.from_bytes(encoded_element[:2], "little"), int.from_bytes(encoded_element[2:4], "little")


def is_long(content: bytes, at: int) -> bool:
    return content[at + 4 : at + 6] in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"OF", b"OD", b"OL", b"UR")


def _value(content: bytes, at: int) -> int:
    return at + (12 if is_long(content, at) else 8)


def after(content: bytes, at: int) -> int:
    start = _value(content, at)
    size = 4 if is_long(content, at) else 2
    length = int.from_bytes(content[start - size : start], "little")
    return len(content) if length == 0xFFFFFFFF else start + length


def nested(depth: int, *, undefined: bool = True) -> bytes:
    """ReferencedStudySequence that holds itself `depth` times over."""
    head = b"\x08\0\x10\x11SQ\0\0"
    if undefined:
        item = b"\xfe\xff\0\xe0\xff\xff\xff\xff"
        ends = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        return (head + b"\xff\xff\xff\xff" + item) * depth + ends * depth
    inner = b""
    for _ in range(depth):
        item = b"\xfe\xff\0\xe0" + len(inner).to_bytes(4, "little") + inner
        inner = head + len(item).to_bytes(4, "little") + item
    return inner


def texts(words: Sequence[str], keyword: str, study: str) -> list[Dataset]:
    """One radiograph for each word, with it in an attribute."""
    return [film(study, n + 1, **{keyword: word}) for n, word in enumerate(words)]


def spoilt(content: bytes, keyword: str, text: str) -> bytes:
    """A decimal string put as it is into every value of an element."""
    ds = Dataset()
    setattr(ds, keyword, "1")
    tag = ds[keyword].tag
    head = tag.group.to_bytes(2, "little") + tag.elem.to_bytes(2, "little") + b"DS"
    at = content.index(head)
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    values = content[at + 8 : at + 8 + length].count(b"\\") + 1
    new = "\\".join([text] * values).encode()
    new += b" " * (len(new) % 2)
    return content[: at + 6] + len(new).to_bytes(2, "little") + new + content[at + 8 + length :]

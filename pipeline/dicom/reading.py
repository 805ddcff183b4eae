"""One file to a pydicom data set, guarded: nothing is allocated that is not there, no error but our own escapes."""

import io
import logging
import os
import stat
import struct
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from pydicom import Dataset, config
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset as read_elements
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from pipeline.dicom.structure import (
    PIXEL_DATA,
    UNDEFINED_LENGTH,
    Encoding,
    Structure,
    file_meta,
    walk,
)
from pipeline.errors import InputError, LimitError, UnreadableFileError
from pipeline.knowledge.settings import DicomSettings

PREAMBLE_BYTES: Final = 128
_MAGIC: Final = b"DICM"
_BUFFER_BYTES: Final = 16384
"""One read holds the header of most files."""
_FIRST_GROUP: Final = 0x0008
_LONGEST_FIRST_ELEMENT: Final = 2**16
_DEFLATE_SLACK_BYTES: Final = 64 * 2**20
"""A deflated data set may always grow to this size; beyond it max_zip_ratio holds."""
_DEFLATE_CHUNK_BYTES: Final = 2**20
_IN_MEMORY_BYTES: Final = 64 * 2**20
_JPIP: Final = frozenset(f"1.2.840.10008.1.2.4.{last}" for last in (94, 95, 204, 205))
"""Transfer syntaxes whose pixels lie at a network address (PS3.6 annex A)."""
_FOREIGN_PREAMBLES: Final = (b"MZ", b"\x7fELF", b"PK\x03\x04", b"#!")
_PREAMBLE_NOTE: Final = "the preamble looks like another file type; it is ignored and never copied"
_NO_SYNTAX: Final = "no transfer syntax stated; read as implicit little endian"
_NO_META: Final = "no file meta information; read as implicit little endian"
_HTML: Final = (b"<!doctype", b"<html", b"<?xml")


def _is_told(_record: logging.LogRecord) -> bool:
    """Whether a line of pydicom's log is told: never, for it quotes headers, which name patients."""
    return False


logging.getLogger("pydicom").addFilter(_is_told)
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
config.settings.reading_validation_mode = config.IGNORE
"""pydicom logs and warns of header values, which may be patient data; here values are checked where they are used."""


class NotDicomError(UnreadableFileError):
    """The file is something else than DICOM."""


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """A data set without its pixels, the pixel data that the file holds, and remarks on the file."""

    dataset: Dataset
    structure: Structure
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Body:
    """Where the data set starts and ends within `file`, and how it is written."""

    file: BinaryIO
    start: int
    size: int
    encoding: Encoding
    syntax: str
    notes: tuple[str, ...]


def read_header(path: Path, limits: DicomSettings) -> Header:
    """The data set of the file at `path` up to its pixel data.

    Raises NotDicomError, UnreadableFileError or LimitError; never follows a symbolic link, never opens what is no
    regular file.
    """
    with _guarded(), _opened(path, limits) as file:
        body = _located(file, limits)
        structure = _walked(body, limits)
        return Header(_parsed(body, structure), structure, body.notes)


def read_whole(path: Path, limits: DicomSettings) -> Header:
    """The data set of the file at `path` with its pixel data, compressed as it is. Errors as `read_header`."""
    with _guarded(), _opened(path, limits) as file:
        body = _located(file, limits)
        structure = _walked(body, limits)
        return Header(_with_pixels(_parsed(body, structure), body, structure), structure, body.notes)


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn whatever parsing raises into our errors; silence warnings, which quote values."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except RecursionError:
        raise LimitError("sequences nested too deep to be read: the file is refused") from None
    except OSError as error:
        raise UnreadableFileError(f"cannot be opened: {error.strerror or type(error).__name__}") from None
    except Exception as error:  # parsers raise anything on broken bytes
        raise UnreadableFileError(f"broken DICOM ({type(error).__name__}): ask the sender to send it again") from None


@contextmanager
def _opened(path: Path, limits: DicomSettings) -> Iterator[BinaryIO]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=_BUFFER_BYTES) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError("no regular file: not opened")
        if status.st_size > limits.max_file_bytes:
            raise LimitError(f"{status.st_size:,} bytes, at most {limits.max_file_bytes:,} (max_file_bytes)")
        yield file


def _located(file: BinaryIO, limits: DicomSettings) -> _Body:
    """Find the data set; a deflated one comes inflated, as a file of its own."""
    size = os.fstat(file.fileno()).st_size
    head = file.read(PREAMBLE_BYTES + len(_MAGIC))
    if head[PREAMBLE_BYTES:] != _MAGIC:
        return _without_preamble(file, head, size)
    syntax, start = file_meta(file, len(head), size)
    if syntax in _JPIP:
        raise UnreadableFileError("pixels are not in the file but at a JPIP address, which is never opened")
    notes = (_PREAMBLE_NOTE,) if head.startswith(_FOREIGN_PREAMBLES) else ()
    if syntax == DeflatedExplicitVRLittleEndian:
        inflated = _inflated(file, start, size, limits)
        return _Body(inflated, 0, inflated.tell(), Encoding(False), syntax, notes)
    if not syntax:
        _must_look_implicit(file, start, "states no transfer syntax and is not implicit little endian")
        return _Body(file, start, size, Encoding(True), ImplicitVRLittleEndian, (*notes, _NO_SYNTAX))
    encoding = Encoding(syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian)
    return _Body(file, start, size, encoding, syntax, notes)


def _without_preamble(file: BinaryIO, head: bytes, size: int) -> _Body:
    """The old form without preamble, accepted when it starts as implicit little endian does."""
    if not head:
        raise NotDicomError("empty file")
    if head.lstrip().lower().startswith(_HTML):
        raise NotDicomError("not DICOM but a web page or XML: the download probably failed")
    _must_look_implicit(file, 0, "not DICOM")
    return _Body(file, 0, size, Encoding(True), ImplicitVRLittleEndian, (_NO_META,))


def _must_look_implicit(file: BinaryIO, start: int, complaint: str) -> None:
    """Check that the first element is of group 0008 with a length that implicit encoding gives."""
    file.seek(start)
    first = file.read(8)
    if len(first) == 8:
        group, _, length = struct.unpack("<2HL", first)
        if group == _FIRST_GROUP and length < _LONGEST_FIRST_ELEMENT:
            return
    raise NotDicomError(complaint)


def _inflated(file: BinaryIO, start: int, size: int, limits: DicomSettings) -> BinaryIO:
    """The deflated rest of the file, inflated under a cap (PS3.5 annex A.5), as a file without name, at its end.

    A large one lies on disk and not in memory; the system removes it with the process, however that ends.
    """
    by_ratio = max(_DEFLATE_SLACK_BYTES, int(limits.max_zip_ratio * (size - start)))
    cap, name = min((by_ratio, "max_zip_ratio"), (limits.max_file_bytes, "max_file_bytes"))
    file.seek(start)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    whole = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  closed with the last reference
    while not inflater.eof and (packed := inflater.unconsumed_tail or file.read(_DEFLATE_CHUNK_BYTES)):
        whole.write(inflater.decompress(packed, _DEFLATE_CHUNK_BYTES))
        if whole.tell() > cap:
            raise LimitError(f"inflates to more than {cap:,} bytes ({name}): the file is refused")
    if not inflater.eof:
        raise UnreadableFileError("cut off within the deflated data set: ask the sender to send it again")
    return cast(BinaryIO, whole)


def _walked(body: _Body, limits: DicomSettings) -> Structure:
    return walk(body.file, body.start, body.size, body.encoding, limits=limits)


def _parsed(body: _Body, structure: Structure) -> Dataset:
    """The data set up to its pixel data. Its bytes are at hand before parsing, so that no length can ask for more."""
    body.file.seek(body.start)
    dataset = read_elements(
        io.BytesIO(body.file.read(structure.header_end - body.start)),
        is_implicit_VR=structure.encoding.implicit,
        is_little_endian=structure.encoding.little_endian,
    )
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(body.syntax)
    return dataset


def _with_pixels(dataset: Dataset, body: _Body, structure: Structure) -> Dataset:
    place = structure.pixels
    if place is None:
        return dataset
    body.file.seek(place.start)
    dataset[PIXEL_DATA] = RawDataElement(
        tag=BaseTag(PIXEL_DATA),
        VR=place.vr or None,
        length=UNDEFINED_LENGTH if place.encapsulated else place.length,
        value=body.file.read(place.length),
        value_tell=place.start,
        is_implicit_VR=structure.encoding.implicit,
        is_little_endian=structure.encoding.little_endian,
    )
    return dataset

"""A light walk over the elements of a DICOM data set, before anything parses it.

It reads element headers alone and never recurses, so that lengths that lie and sequences nested by the thousand are
met with an error instead of memory or stack. What it cannot follow, it leaves to the parser.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple, NoReturn

from pydicom._dicom_dict import DicomDictionary

from pipeline.errors import LimitError, UnreadableFileError
from pipeline.knowledge.settings import DicomSettings

UNDEFINED_LENGTH: Final = 0xFFFFFFFF
PIXEL_DATA: Final = 0x7FE00010
_FIRST_PIXEL_TAG: Final = 0x7FE00000
_META_GROUP: Final = 2
_TRANSFER_SYNTAX: Final = 0x00020010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DELIMITERS: Final = frozenset({_ITEM, _ITEM_END, _SEQUENCE_END})
_ITEM_BYTES: Final = b"\xfe\xff\x00\xe0"
_LONG_VRS: Final = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_SHORT_VRS: Final = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN"}
    | {b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
)
_VRS: Final = _LONG_VRS | _SHORT_VRS
_TRAILING_ZEROS: Final = 4096
"""Padding after the data set up to a block's end is tolerated, bytes."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are written."""

    implicit: bool
    little_endian: bool = True


@dataclass(frozen=True, slots=True)
class PixelPlace:
    """Where the value of PixelData lies: first byte and bytes there; as compressed fragments when `encapsulated`.

    `content_bytes` are those of the fragments alone, or all.
    """

    vr: str
    start: int
    length: int
    encapsulated: bool
    content_bytes: int
    fragments: int = 0


@dataclass(frozen=True, slots=True)
class Structure:
    """What the walk found: the byte where pixel data or the file ends the header, and the pixel data, if any."""

    header_end: int
    pixels: PixelPlace | None
    encoding: Encoding


class _Element(NamedTuple):
    tag: int
    vr: bytes
    length: int
    value: int


class _Level(NamedTuple):
    """An open sequence or item: where it ends (None: at its delimiter), and its encoding."""

    end: int | None
    encoding: Encoding
    is_sequence: bool


def walk(file: BinaryIO, start: int, size: int, encoding: Encoding, *, limits: DicomSettings) -> Structure:
    """Follow the data set from byte `start` to byte `size`, or to the end of its pixel data.

    Raises UnreadableFileError where an element reaches past the end, LimitError where sequences nest too deep, or
    elements are too many or too long for a header.
    """
    encoding = _actual(file, start, encoding)
    levels = [_Level(None, encoding, False)]
    at, header_end, elements = start, size, 0
    while at < size:
        level = levels[-1]
        if level.end is not None and at >= level.end:
            levels.pop()
            continue
        element = _read_element(file, at, size, level.encoding)
        if element is None:
            if len(levels) > 1 or not _is_padding(file, at, size):
                _cut_off(at, size)
            return Structure(min(header_end, at), None, encoding)
        if len(levels) == 1 and element.tag >= _FIRST_PIXEL_TAG and element.tag not in _DELIMITERS:
            header_end = min(header_end, at)
            if element.tag == PIXEL_DATA:
                return Structure(header_end, _pixels(file, element, size, limits), encoding)
        at = _step(file, element, levels, size)
        elements += 1
        _within(limits, levels, elements, min(header_end, at) - start)
    if any(level.end is None for level in levels[1:]):
        raise UnreadableFileError("cut off within a sequence: ask the sender to send it again")
    return Structure(header_end, None, encoding)


def file_meta(file: BinaryIO, start: int, size: int) -> tuple[str, int]:
    """The transfer syntax of the file meta information ("" when not stated) and the byte where the data set starts.

    Group 0002 is always explicit little endian (PS3.10 section 7.1). Raises UnreadableFileError where it is broken.
    """
    syntax, at = "", start
    while element := _read_element(file, at, size, Encoding(False)):
        if element.tag >> 16 != _META_GROUP:
            break
        if element.vr not in _VRS:
            raise UnreadableFileError("the file meta information is broken: ask the sender to send it again")
        end = element.value + element.length
        if end > size:
            _cut_off(element.value, size, element.length)
        if element.tag == _TRANSFER_SYNTAX:
            file.seek(element.value)
            syntax = file.read(min(element.length, 64)).decode("ascii", "replace").strip("\0 ")
        at = end
    return syntax, at


def _within(limits: DicomSettings, levels: list[_Level], elements: int, length: int) -> None:
    deepest = limits.max_nesting
    if len(levels) > deepest and sum(level.is_sequence for level in levels) > deepest:
        raise LimitError(f"sequences nested deeper than {deepest} (max_nesting): the file is refused")
    if elements > limits.max_elements:
        raise LimitError(f"more than {limits.max_elements:,} elements (max_elements): the file is refused")
    if length > limits.max_header_bytes:
        raise LimitError(f"a header of more than {limits.max_header_bytes:,} bytes (max_header_bytes): refused")


def _step(file: BinaryIO, element: _Element, levels: list[_Level], size: int) -> int:
    """Open or close levels for `element`; returns the byte where the walk goes on."""
    if element.tag in (_ITEM_END, _SEQUENCE_END):
        if len(levels) > 1:
            levels.pop()
        return element.value
    encoding = levels[-1].encoding
    end = None if element.length == UNDEFINED_LENGTH else element.value + element.length
    if end is not None and end > size:
        _cut_off(element.value, size, element.length)
    if element.tag == _ITEM:
        levels.append(_Level(end, encoding, False))
        return element.value
    if end is None or _is_sequence(file, element, encoding):
        # A UN of undefined length holds implicit little endian (PS3.5 section 6.2.2, note 2).
        inside = Encoding(True) if element.vr == b"UN" else encoding
        levels.append(_Level(end, inside, True))
        return element.value
    return end


def _read_element(file: BinaryIO, at: int, size: int, encoding: Encoding) -> _Element | None:
    """The element header at byte `at`, None where fewer bytes are left than it needs."""
    if at + 8 > size:
        return None
    file.seek(at)
    head = file.read(8)
    if len(head) < 8:
        return None
    order = "<" if encoding.little_endian else ">"
    group, number = struct.unpack_from(order + "2H", head)
    tag = group << 16 | number
    if encoding.implicit or tag in _DELIMITERS:
        return _Element(tag, b"", struct.unpack_from(order + "L", head, 4)[0], at + 8)
    vr = head[4:6]
    if vr in _SHORT_VRS:
        return _Element(tag, vr, struct.unpack_from(order + "H", head, 6)[0], at + 8)
    rest = file.read(4)
    if len(rest) < 4 or at + 12 > size:
        return None
    return _Element(tag, vr, struct.unpack(order + "L", rest)[0], at + 12)


def _is_sequence(file: BinaryIO, element: _Element, encoding: Encoding) -> bool:
    if not element.length:
        return False
    if not encoding.implicit:
        return element.vr == b"SQ"
    if DicomDictionary.get(element.tag, ("",))[0] != "SQ":
        return False
    file.seek(element.value)
    return file.read(4) == _ITEM_BYTES


def _actual(file: BinaryIO, start: int, encoding: Encoding) -> Encoding:
    """The encoding that the first element shows; some files are declared explicit and written implicit."""
    file.seek(start)
    vr = file.read(6)[4:6]
    return Encoding(vr not in _VRS, encoding.little_endian) if len(vr) == 2 else encoding


def _pixels(file: BinaryIO, element: _Element, size: int, limits: DicomSettings) -> PixelPlace:
    vr = element.vr.decode("ascii", "replace")
    if element.length != UNDEFINED_LENGTH:
        there = min(element.length, size - element.value)
        return PixelPlace(vr, element.value, there, False, there)
    at, total, fragments = element.value, 0, -1  # the first item is the offset table
    while item := _read_element(file, at, size, Encoding(False)):
        end = item.value + item.length
        if item.tag == _SEQUENCE_END:
            return PixelPlace(vr, element.value, at - element.value, True, total, max(fragments, 0))
        if item.tag != _ITEM:
            raise UnreadableFileError("the compressed pixel data is no chain of fragments: ask for the file again")
        if end > size:
            break
        fragments += 1
        if fragments > limits.max_elements:
            raise LimitError(f"more than {limits.max_elements:,} fragments (max_elements): the file is refused")
        total += item.length if fragments else 0
        at = end
    if at == size and fragments > 0:  # only the closing delimiter is missing
        return PixelPlace(vr, element.value, at - element.value, True, total, fragments)
    raise UnreadableFileError("cut off within the compressed pixel data: ask the sender to send it again")


def _is_padding(file: BinaryIO, at: int, size: int) -> bool:
    file.seek(at)
    return size - at <= _TRAILING_ZEROS and not file.read(size - at).strip(b"\0")


def _cut_off(at: int, size: int, length: int = 0) -> NoReturn:
    wanted = f"an element of {length:,} bytes starts at byte {at:,}" if length else f"an element starts at byte {at:,}"
    raise UnreadableFileError(f"cut off: {wanted} of {size:,}; ask the sender to send it again")

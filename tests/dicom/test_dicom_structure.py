import io
import struct
from dataclasses import replace

import pytest
from made_dicom import LIMITS, meta

from pipeline.dicom.reading import read_header
from pipeline.dicom.structure import Encoding, walk
from pipeline.errors import InputError, LimitError, UnreadableFileError

ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
UNDEFINED = b"\xff\xff\xff\xff"
SEQUENCE_TAG = b"\x08\x00\x40\x11"  # ReferencedImageSequence


def explicit(data: bytes, **limits: int):
    return walk(io.BytesIO(data), 0, len(data), Encoding(False), limits=replace(LIMITS, **limits))


def open_sequences(depth: int) -> bytes:
    start = SEQUENCE_TAG + b"SQ\0\0" + UNDEFINED + ITEM + UNDEFINED
    return start * depth + (ITEM_END + SEQUENCE_END) * depth


def closed_sequences(depth: int, *, implicit: bool) -> bytes:
    inside = b""
    for _ in range(depth):
        item = ITEM + struct.pack("<L", len(inside)) + inside
        inside = SEQUENCE_TAG + (b"" if implicit else b"SQ\0\0") + struct.pack("<L", len(item)) + item
    return inside


def test_nesting_up_to_the_limit_passes():
    assert explicit(open_sequences(64)).pixels is None


@pytest.mark.parametrize("depth", [65, 250, 2_000, 100_000])
def test_deeper_nesting_is_refused_without_recursion(depth):
    with pytest.raises(LimitError, match="max_nesting"):
        explicit(open_sequences(depth))


@pytest.mark.parametrize("implicit", [True, False])
def test_nesting_with_stated_lengths_is_refused_too(implicit):
    data = closed_sequences(300, implicit=implicit)
    with pytest.raises(LimitError):
        walk(io.BytesIO(data), 0, len(data), Encoding(implicit), limits=LIMITS)


def test_a_hundred_thousand_levels_in_a_file_end_in_one_line(tmp_path):
    path = tmp_path / "deep.dcm"
    path.write_bytes(meta() + open_sequences(100_000))
    with pytest.raises(LimitError) as caught:
        read_header(path, LIMITS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [0xFFFFFFFE, 4_000_000_001, 200])
def test_an_element_longer_than_the_file_is_cut_off(length):
    with pytest.raises(UnreadableFileError, match="cut off"):
        explicit(b"\x08\x00\x05\x00OB\0\0" + struct.pack("<L", length) + b"abcd")


def test_a_sequence_that_never_closes_is_cut_off():
    with pytest.raises(UnreadableFileError, match="cut off"):
        explicit(SEQUENCE_TAG + b"SQ\0\0" + UNDEFINED + ITEM + UNDEFINED)


def test_zeros_after_the_data_set_are_tolerated():
    data = b"\x08\x00\x60\x00CS\x02\0CR"
    assert explicit(data + b"\0" * 7).header_end >= len(data)


def test_a_header_declared_explicit_and_written_implicit_is_followed():
    data = b"\x08\x00\x60\x00\x02\0\0\0CR"
    assert explicit(data).encoding.implicit


def test_the_pixel_data_behind_its_group_length_is_found():
    data = b"\xe0\x7f\0\0UL\4\0\0\0\0\0" + b"\xe0\x7f\x10\0OW\0\0\4\0\0\0abcd"
    found = explicit(data)
    assert found.header_end == 0
    assert found.pixels is not None
    assert found.pixels.content_bytes == 4


def test_fragments_are_counted_without_the_offset_table():
    fragments = ITEM + b"\0\0\0\0" + (ITEM + b"\4\0\0\0abcd") * 3
    data = b"\xe0\x7f\x10\0OB\0\0" + UNDEFINED + fragments
    for ending in (SEQUENCE_END, b""):
        pixels = explicit(data + ending).pixels
        assert pixels is not None
        assert (pixels.fragments, pixels.content_bytes, pixels.length) == (3, 12, len(fragments))


def test_a_fragment_longer_than_the_file_is_cut_off():
    data = b"\xe0\x7f\x10\0OB\0\0" + UNDEFINED + ITEM + b"\0\0\0\0" + ITEM + b"\0\1\0\0abcd"
    with pytest.raises(InputError):
        explicit(data)

import contextlib
import os
import resource
import tracemalloc
import zlib
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_dicom import LIMITS, image, meta, saved
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pipeline.dicom.pixels import read_dataset, stored_values
from pipeline.dicom.reading import NotDicomError, read_header
from pipeline.errors import InputError, LimitError, UnreadableFileError


def written(path, content: bytes):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian],
)
def test_the_header_is_read_without_the_pixels(tmp_path, syntax):
    header = read_header(saved(image(), tmp_path / "a.dcm", syntax), LIMITS)
    assert header.dataset.Rows == 12
    assert "PixelData" not in header.dataset
    assert header.structure.pixels is not None
    assert header.structure.pixels.content_bytes == 384


@pytest.mark.parametrize("size", [0, 1, 131, 4096])
def test_what_is_no_dicom_is_called_so(tmp_path, size):
    with pytest.raises(NotDicomError):
        read_header(written(tmp_path / "a.dcm", b"\0" * size), LIMITS)


def test_a_web_page_is_called_a_web_page(tmp_path):
    with pytest.raises(NotDicomError, match="web page"):
        read_header(written(tmp_path / "a.dcm", b"\n<!DOCTYPE html><html>404</html>"), LIMITS)


def test_an_implicit_file_without_preamble_is_read_with_a_note(tmp_path):
    path = saved(image(), tmp_path / "a.dcm", ImplicitVRLittleEndian)
    content = path.read_bytes()
    start = content.index(b"\x08\x00\x08\x00")
    header = read_header(written(tmp_path / "b.dcm", content[start:]), LIMITS)
    assert header.dataset.Modality == "CR"
    assert "no file meta information" in header.notes[0]


def test_an_explicit_file_without_preamble_is_refused(tmp_path):
    content = saved(image(), tmp_path / "a.dcm").read_bytes()
    start = content.index(b"\x08\x00\x08\x00CS")
    with pytest.raises(NotDicomError):
        read_header(written(tmp_path / "b.dcm", content[start:]), LIMITS)


def test_a_foreign_preamble_is_noted(tmp_path):
    path = saved(image(), tmp_path / "a.dcm")
    content = path.read_bytes()
    assert "preamble" in read_header(written(path, b"MZ" + content[2:]), LIMITS).notes[0]


def test_a_four_gigabyte_length_in_a_small_file_costs_nothing(tmp_path):
    path = written(tmp_path / "a.dcm", meta() + b"\x08\x00\x05\x00OB\0\0\xf0\xff\xff\xff")
    tracemalloc.start()
    with pytest.raises(UnreadableFileError, match="cut off"):
        read_header(path, LIMITS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_a_deflate_bomb_is_stopped_by_its_output(tmp_path):
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = b"\0" * 2**20
    packed = b"".join(deflater.compress(zeros) for _ in range(80)) + deflater.flush()
    path = written(tmp_path / "a.dcm", meta(DeflatedExplicitVRLittleEndian) + packed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LimitError, match="inflates"):
        read_header(path, LIMITS)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


@pytest.mark.parametrize("last", [94, 95, 204, 205])
def test_pixels_at_a_network_address_are_refused(tmp_path, last):
    with pytest.raises(UnreadableFileError, match="JPIP"):
        read_header(written(tmp_path / "a.dcm", meta(f"1.2.840.10008.1.2.4.{last}")), LIMITS)


def test_links_and_pipes_are_not_opened(tmp_path):
    target = saved(image(), tmp_path / "a.dcm")
    (tmp_path / "link").symlink_to(target)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(UnreadableFileError):
            read_header(tmp_path / name, LIMITS)


def test_a_file_beyond_the_size_limit_is_refused(tmp_path):
    path = saved(image(), tmp_path / "a.dcm")
    with pytest.raises(LimitError, match="max_file_bytes"):
        read_header(path, replace(LIMITS, max_file_bytes=100))


def test_a_broken_file_meta_is_refused(tmp_path):
    broken = b"\0" * 128 + b"DICM" + b"\x02\0\x10\0ZZ\x04\x001.2.3"
    with pytest.raises(UnreadableFileError):
        read_header(written(tmp_path / "a.dcm", broken), LIMITS)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_a_file_cut_anywhere_is_refused(tmp_path, syntax):
    content = saved(image(), tmp_path / "a.dcm", syntax).read_bytes()
    for end in range(0, len(content) - 1, 13):
        with pytest.raises(InputError):
            read_dataset(written(tmp_path / "b.dcm", content[:end]), LIMITS)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]),
    flips=st.lists(st.tuples(st.integers(0, 1_100), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_flipped_bytes_end_in_our_errors_or_an_image(tmp_path, syntax, flips):
    ds = image()
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = ds.PixelData[::-1]
        ds.set_original_encoding(False, False)
    content = bytearray(saved(ds, tmp_path / "a.dcm", syntax).read_bytes())
    for at, value in flips:
        content[at % len(content)] = value
    with contextlib.suppress(InputError):
        stored_values(read_dataset(written(tmp_path / "b.dcm", bytes(content)), LIMITS))

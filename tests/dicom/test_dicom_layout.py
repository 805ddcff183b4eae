from dataclasses import replace

import pytest
from made_dicom import LIMITS, compressed, image, saved
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLosslessSV1, RLELossless

from pipeline.dicom.layout import pixel_layout
from pipeline.dicom.pixels import read_dataset
from pipeline.errors import InputError, LimitError, PixelError


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "BitsAllocated"])
def test_a_missing_size_is_named(keyword):
    with pytest.raises(PixelError, match=f"{keyword} is missing"):
        pixel_layout(image(**{keyword: None}))


@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
def test_a_size_of_zero_is_impossible(keyword):
    with pytest.raises(PixelError, match=keyword):
        pixel_layout(image(**{keyword: 0}))


@pytest.mark.parametrize("vr", ["UL", "LO", "SS", "DS"])
def test_a_size_in_another_form_than_prescribed_is_refused(vr):
    ds = image()
    ds.pop("Rows")
    ds.add_new("Rows", vr, {"LO": "12", "DS": "12"}.get(vr, 12))
    with pytest.raises(PixelError, match="Rows"):
        pixel_layout(ds)


@pytest.mark.parametrize(
    "changes",
    [
        {"Rows": [12, 12]},
        {"BitsStored": 17},
        {"BitsStored": 0},
        {"BitsAllocated": 12},
        {"HighBit": 16},
        {"SamplesPerPixel": 2},
        {"PixelRepresentation": 2},
        {"NumberOfFrames": 0},
        {"NumberOfFrames": -3},
        {"PhotometricInterpretation": "PALETTE COLOR"},
    ],
)
def test_an_impossible_layout_is_refused(changes):
    with pytest.raises(PixelError):
        pixel_layout(image(**changes))


def test_absent_frames_samples_and_sign_mean_one_grey_unsigned_frame():
    layout = pixel_layout(image(SamplesPerPixel=None, PixelRepresentation=None, HighBit=None))
    assert (layout.frames, layout.samples, layout.signed, layout.high_bit) == (1, 1, False, 11)


def test_fewer_bytes_than_claimed_are_told_with_both_numbers(tmp_path):
    path = saved(image(Rows=13), tmp_path / "a.dcm")
    with pytest.raises(PixelError, match="384 bytes of pixels, 416 expected"):
        read_dataset(path, LIMITS)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"Rows": 65535, "Columns": 65535}, "max_pixels"),
        ({"NumberOfFrames": 1_000_000}, "max_frames"),
    ],
)
def test_a_huge_claim_in_a_small_file_meets_a_limit(tmp_path, changes, word):
    with pytest.raises(LimitError, match=word):
        read_dataset(saved(image(**changes), tmp_path / "a.dcm"), LIMITS)


def test_all_frames_together_meet_a_limit(tmp_path):
    with pytest.raises(LimitError, match="max_study_bytes"):
        read_dataset(saved(image(), tmp_path / "a.dcm"), replace(LIMITS, max_study_bytes=383))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLosslessSV1, JPEG2000Lossless])
def test_compressed_bytes_that_cannot_hold_the_image_are_refused(tmp_path, syntax):
    ds = compressed(image(Rows=10_000, Columns=10_000), syntax, b"\xff\xd8" + b"\0" * 60)
    with pytest.raises(PixelError, match="cannot hold"):
        read_dataset(saved(ds, tmp_path / "a.dcm"), LIMITS)


def test_fewer_fragments_than_frames_are_refused(tmp_path):
    ds = compressed(image(NumberOfFrames=3), RLELossless, b"\0" * 200)
    with pytest.raises(PixelError, match="fragments"):
        read_dataset(saved(ds, tmp_path / "a.dcm"), LIMITS)


def test_no_pixel_data_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no pixel data"):
        read_dataset(saved(image(PixelData=None), tmp_path / "a.dcm", ExplicitVRLittleEndian), LIMITS)

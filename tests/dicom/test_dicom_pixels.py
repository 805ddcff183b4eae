import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from made_dicom import LIMITS, ct, image, saved
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from pipeline.dicom.pixels import grey, modality_values, padding_mask, read_dataset, rescale, stored_values
from pipeline.errors import PixelError
from pipeline.model.known import Known, Unknown


def test_plain_pixels_come_back_as_they_are():
    values = np.arange(192, dtype=np.uint16).reshape(12, 16) * 21
    np.testing.assert_array_equal(stored_values(image()), values)


def test_big_endian_gives_the_same_as_its_little_endian_twin(tmp_path):
    ds = image()
    expected = stored_values(ds)
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds.PixelData = expected.astype(">u2").tobytes()
    path = saved(ds, tmp_path / "a.dcm")
    np.testing.assert_array_equal(stored_values(read_dataset(path, LIMITS)), expected)


def test_run_length_coding_gives_the_same_as_its_plain_twin(tmp_path):
    ds = image()
    expected = stored_values(ds)
    ds.compress(RLELossless)
    np.testing.assert_array_equal(stored_values(read_dataset(saved(ds, tmp_path / "a.dcm"), LIMITS)), expected)


@given(
    values=arrays.arrays(np.uint16, (6, 8), elements=st.integers(0, 4095)),
    dirt=arrays.arrays(np.uint16, (6, 8), elements=st.integers(0, 15)),
)
def test_dirty_upper_bits_change_nothing(values, dirt):
    values[0, 0] |= 1
    dirty = image(values | dirt << 12, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(stored_values(dirty), values)


@given(arrays.arrays(np.int16, (6, 8), elements=st.integers(-2048, 2047)), st.sampled_from([0, 0x0FFF, 0xFFFF]))
def test_signed_values_of_twelve_bits_keep_their_sign(values, kept):
    """Whether or not the writer extended the sign into the upper four bits."""
    bits = values.view(np.uint16) & (kept or 0x0FFF)
    ds = image(bits, BitsStored=12, HighBit=11, PixelRepresentation=1)
    np.testing.assert_array_equal(stored_values(ds), values)


@pytest.mark.parametrize("high_bit", [11, 15, 8, 13])
def test_a_wrong_high_bit_over_right_aligned_values_changes_nothing(high_bit):
    values = np.arange(1, 193, dtype=np.int16).reshape(12, 16) * 10 - 1001
    ds = image(values, BitsStored=12, HighBit=high_bit)
    np.testing.assert_array_equal(stored_values(ds), values)


def test_values_packed_at_the_top_are_brought_down():
    values = np.arange(192, dtype=np.uint16).reshape(12, 16) * 21
    ds = image(values << 4, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(stored_values(ds), values)


def test_pixels_of_a_palette_are_refused():
    with pytest.raises(PixelError, match="PALETTE"):
        stored_values(image(PhotometricInterpretation="PALETTE COLOR"))


def test_an_unknown_transfer_syntax_is_named():
    ds = image()
    ds.file_meta.TransferSyntaxUID = "1.2.3.4.5"
    with pytest.raises(PixelError, match=r"1\.2\.3\.4\.5"):
        stored_values(ds)


def test_a_video_is_refused_by_name():
    ds = image()
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
    with pytest.raises(PixelError, match="MPEG2"):
        stored_values(ds)


def test_a_grey_film_stored_in_colour_becomes_grey():
    plain = np.random.default_rng(1).integers(0, 255, (12, 16, 1)).astype(np.uint8).repeat(3, axis=2)
    ds = image(plain[..., 0], SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    ds.PixelData = plain.tobytes()
    np.testing.assert_array_equal(grey(stored_values(ds)), plain[..., 0])


def test_a_picture_in_colours_is_no_radiograph():
    with pytest.raises(PixelError, match="colour"):
        grey(np.random.default_rng(1).integers(0, 255, (12, 16, 3)).astype(np.uint8))


def test_rescale_gives_hounsfield_units():
    values = np.array([[0, 1024, 2048]], np.uint16)
    np.testing.assert_array_equal(modality_values(ct(values), values), [[-1024, 0, 1024]])


@pytest.mark.parametrize(
    "changes",
    [
        {"RescaleSlope": 0},
        {"RescaleSlope": None},
        {"RescaleSlope": None, "RescaleIntercept": None},
    ],
)
def test_a_ct_without_a_possible_rescale_is_refused_and_a_radiograph_is_not(changes):
    values = np.array([[0, 1024]], np.uint16)
    with pytest.raises(PixelError, match="no Hounsfield units"):
        modality_values(ct(values, **changes), values)
    np.testing.assert_array_equal(modality_values(ct(values, **changes, Modality="CR"), values), values)


@pytest.mark.parametrize("slope", [b"NaN", b"1,0 ", b"inf", b"", b"one "])
def test_a_slope_that_is_no_number_is_unknown(tmp_path, slope):
    content = saved(ct(RescaleSlope="777"), tmp_path / "a.dcm").read_bytes()
    at = content.index(b"777 ")
    (tmp_path / "b.dcm").write_bytes(content[:at] + slope.ljust(4) + content[at + 4 :])
    assert isinstance(rescale(read_dataset(tmp_path / "b.dcm", LIMITS)), Unknown)


def test_each_frame_has_its_own_rescale():
    values = np.ones((2, 3, 4), np.uint16)
    ds = ct(values, RescaleSlope=None, RescaleIntercept=None)
    ds.PerFrameFunctionalGroupsSequence = Sequence([transformation(2, 0), transformation(1, -5)])
    np.testing.assert_array_equal(modality_values(ds, values)[:, 0, 0], [2, -4])


def test_the_shared_rescale_stands_for_frames_without_their_own():
    values = np.ones((2, 3, 4), np.uint16)
    ds = ct(values, RescaleSlope=None, RescaleIntercept=None)
    ds.SharedFunctionalGroupsSequence = Sequence([transformation(1, -1000)])
    ds.PerFrameFunctionalGroupsSequence = Sequence([Dataset(), transformation(1, 0)])
    np.testing.assert_array_equal(modality_values(ds, values)[:, 0, 0], [-999, 1])


def transformation(slope: float, intercept: float) -> Dataset:
    inner, outer = Dataset(), Dataset()
    inner.RescaleSlope, inner.RescaleIntercept = slope, intercept
    outer.PixelValueTransformationSequence = Sequence([inner])
    return outer


@pytest.mark.parametrize("vr", ["US", "OW"])
def test_a_modality_table_is_looked_up_and_clipped_at_its_ends(vr):
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [3, 10, 16])
    entries = [100, 200, 400]
    table.add_new("LUTData", vr, entries if vr == "US" else np.array(entries, "<u2").tobytes())
    ds = image(ModalityLUTSequence=Sequence([table]))
    stored = np.array([[0, 10, 11, 12, 500]], np.uint16)
    np.testing.assert_array_equal(modality_values(ds, stored), [[100, 100, 200, 400, 400]])


def test_a_modality_table_that_is_too_short_is_refused():
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [300, 0, 16])
    table.add_new("LUTData", "US", [1, 2])
    with pytest.raises(PixelError, match="300 expected"):
        modality_values(image(ModalityLUTSequence=Sequence([table])), np.zeros((2, 2), np.uint16))


def test_padding_is_masked_by_value():
    values = np.array([[-2000, 5, -2000, 7]], np.int16)
    ds = ct(values)
    ds.add_new("PixelPaddingValue", "SS", -2000)
    np.testing.assert_array_equal(padding_mask(ds, stored_values(ds)), values == -2000)


def test_padding_is_masked_by_range_whichever_end_comes_first():
    values = np.array([[0, 5, 9, 100]], np.uint16)
    for low, high in ((0, 9), (9, 0)):
        ds = image(values)
        ds.add_new("PixelPaddingValue", "US", low)
        ds.add_new("PixelPaddingRangeLimit", "US", high)
        np.testing.assert_array_equal(padding_mask(ds, stored_values(ds)), values <= 9)


def test_padding_written_with_the_wrong_sign_is_found():
    values = np.array([[-2000, 5]], np.int16)
    ds = ct(values)
    ds.add_new("PixelPaddingValue", "US", 63536)
    np.testing.assert_array_equal(padding_mask(ds, stored_values(ds)), [[True, False]])


def test_padding_beyond_the_stored_bits_is_no_tissue():
    values = np.array([[-2000, 2096, 5]], np.int16)
    ds = ct(values.view(np.uint16), BitsStored=12, HighBit=11)
    ds.add_new("PixelPaddingValue", "US", 63536)
    stored = stored_values(ds)
    np.testing.assert_array_equal(padding_mask(ds, stored), [[True, False, False]])
    assert stored[0, 1] == 2096


def test_without_padding_nothing_is_masked():
    assert not padding_mask(image(), stored_values(image())).any()


def test_rescale_names_its_source():
    assert rescale(ct()) == Known((1.0, -1024.0), "RescaleSlope, RescaleIntercept")

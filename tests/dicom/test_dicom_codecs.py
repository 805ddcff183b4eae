import struct

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_dicom import LIMITS, compressed, image, saved
from pydicom import uid

from pipeline.dicom.codecs import CHAINS, claimed_shape
from pipeline.dicom.pixels import read_dataset, stored_values
from pipeline.errors import PixelError


def noise(bits: int, *, signed: bool = False) -> np.ndarray:
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    kind = np.dtype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")
    return np.random.default_rng(bits).integers(low, high, (40, 56)).astype(kind)


def jpeg_lossless(values: np.ndarray, bits: int) -> bytes:
    return imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits)


def j2k(values: np.ndarray, bits: int) -> bytes:
    return imagecodecs.jpeg2k_encode(values, level=0, codecformat="j2k", reversible=True, bitspersample=bits)


LOSSLESS = {
    uid.JPEGLossless: jpeg_lossless,
    uid.JPEGLosslessSV1: lambda values, bits: imagecodecs.ljpeg_encode(values, bitspersample=bits),
    uid.JPEGLSLossless: lambda values, bits: imagecodecs.jpegls_encode(values),
    uid.JPEGLSNearLossless: lambda values, bits: imagecodecs.jpegls_encode(values),
    uid.JPEG2000Lossless: j2k,
    uid.JPEG2000: j2k,
    uid.HTJ2KLossless: lambda values, bits: imagecodecs.htj2k_encode(values, reversible=True),
    uid.HTJ2KLosslessRPCL: lambda values, bits: imagecodecs.htj2k_encode(values, reversible=True),
    uid.HTJ2K: lambda values, bits: imagecodecs.htj2k_encode(values, reversible=True),
}


def test_every_compressed_syntax_has_a_chain():
    assert set(LOSSLESS) | {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit} == set(CHAINS)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_pixels_come_back_exactly(tmp_path, syntax, bits):
    values = noise(bits)
    ds = compressed(image(values, BitsStored=bits, HighBit=bits - 1), syntax, LOSSLESS[syntax](values, bits))
    found = stored_values(read_dataset(saved(ds, tmp_path / "a.dcm"), LIMITS))
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("syntax", [uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.RLELossless])
def test_signed_pixels_coded_as_plain_bits_come_back_with_their_sign(tmp_path, syntax):
    values = noise(16, signed=True)
    ds = image(values)
    if syntax == uid.RLELossless:
        ds.compress(uid.RLELossless)
    else:
        ds = compressed(ds, syntax, LOSSLESS[syntax](values.view(np.uint16), 16))
    np.testing.assert_array_equal(stored_values(read_dataset(saved(ds, tmp_path / "a.dcm"), LIMITS)), values)


@pytest.mark.parametrize("as_signed", [True, False])
def test_a_signed_image_survives_whatever_sign_the_codestream_states(tmp_path, as_signed):
    values = noise(16, signed=True)
    coded = j2k(values if as_signed else values.view(np.uint16), 16)
    ds = compressed(image(values), uid.JPEG2000Lossless, coded)
    np.testing.assert_array_equal(stored_values(read_dataset(saved(ds, tmp_path / "a.dcm"), LIMITS)), values)


@pytest.mark.parametrize(("syntax", "bits"), [(uid.JPEGBaseline8Bit, 8), (uid.JPEGExtended12Bit, 12)])
def test_lossy_jpeg_comes_back_nearly(tmp_path, syntax, bits):
    rows, columns = np.mgrid[:64, :80]
    values = ((rows + columns) * ((1 << bits) - 1) // 142).astype(np.uint8 if bits == 8 else np.uint16)
    coded = imagecodecs.jpeg8_encode(values, level=98, bitspersample=bits)
    ds = compressed(image(values, BitsStored=bits, HighBit=bits - 1), syntax, coded)
    found = stored_values(read_dataset(saved(ds, tmp_path / "a.dcm"), LIMITS))
    assert np.abs(found.astype(int) - values).max() <= (1 << bits) // 64


def test_frames_keep_their_order(tmp_path):
    values = np.stack([noise(12) // (n + 1) for n in range(5)])
    frames = [imagecodecs.jpegls_encode(frame) for frame in values]
    ds = compressed(image(values), uid.JPEGLSLossless, *frames)
    np.testing.assert_array_equal(stored_values(read_dataset(saved(ds, tmp_path / "a.dcm"), LIMITS)), values)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_the_claimed_shape_is_read_from_the_codestream(syntax):
    assert claimed_shape(LOSSLESS[syntax](noise(12), 12)) == (40, 56)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_a_codestream_of_another_size_than_the_header_is_refused_before_decoding(syntax):
    values = noise(12)
    coded = bytearray(LOSSLESS[syntax](values, 12))
    at = coded.find(b"\xff\x4f\xff\x51")
    if at >= 0:
        struct.pack_into(">2I", coded, at + 8, 65535, 65535)
    else:
        struct.pack_into(">2H", coded, coded.index(struct.pack(">2H", 40, 56)), 65535, 65535)
    ds = compressed(image(values), syntax, bytes(coded))
    with pytest.raises(PixelError, match="65535 × 65535"):
        stored_values(ds)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_codestream_cut_off_is_refused_and_not_filled(syntax, share):
    values = noise(12)
    coded = LOSSLESS[syntax](values, 12)
    with pytest.raises(PixelError):
        stored_values(compressed(image(values), syntax, coded[: int(share * len(coded))]))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(LOSSLESS)), st.data())
def test_broken_codestreams_end_in_a_pixel_error_or_an_image(syntax, data):
    coded = bytearray(LOSSLESS[syntax](noise(12), 12))
    for at in data.draw(st.lists(st.integers(0, len(coded) - 1), min_size=1, max_size=4)):
        coded[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        assert stored_values(compressed(image(noise(12)), syntax, bytes(coded))).shape == (40, 56)
    except PixelError as error:
        assert uid.UID(syntax).name in str(error)  # noqa: PT017


@given(st.binary(max_size=200))
def test_any_bytes_have_a_claimed_shape_or_none(source):
    assert claimed_shape(b"\xff\xd8" + source) is None or claimed_shape(b"\xff\xd8" + source)

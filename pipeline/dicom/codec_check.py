"""Whether the decoders of this installation work: a small image of each transfer syntax is coded and read back."""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate

from pipeline.dicom.pixels import stored_values

_Encode = Callable[[NDArray[Any]], bytes]
_BITS: Final = 12
_LOSS: Final = 64
"""Largest error of a lossy syntax, of 4096 grey values: a smooth image at the best quality loses a few."""


@dataclass(frozen=True, slots=True)
class CodecState:
    """A transfer syntax and why it cannot be read; `reason` is "" where it can."""

    syntax: str
    uid: str
    reason: str


def codec_states() -> Iterator[CodecState]:
    """Try every compressed transfer syntax that is read, one after the other."""
    for syntax, encode in _ENCODERS.items():
        yield CodecState(uid.UID(syntax).name, syntax, _trial(syntax, encode))


def _trial(syntax: str, encode: _Encode) -> str:
    bits = 8 if syntax == uid.JPEGBaseline8Bit else _BITS
    values = _ramp(bits)
    try:
        found = stored_values(_coded(values, syntax, encode, bits)).astype(np.int64)
    except Exception as error:  # codecs raise anything; the check goes on with the next
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}"
    worst = int(np.abs(found - values).max())
    return "" if worst <= (_LOSS if syntax in _LOSSY else 0) else f"decodes wrongly, by up to {worst} grey values"


def _ramp(bits: int) -> NDArray[Any]:
    """A smooth image of 16 x 24 pixels that uses all bits."""
    values = np.arange(16 * 24).reshape(16, 24) * ((1 << bits) - 1) // 383
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def _coded(values: NDArray[Any], syntax: str, encode: _Encode, bits: int) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid.UID(syntax)
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = *values.shape, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 * values.dtype.itemsize, bits, bits - 1
    ds.PixelRepresentation = 0
    frame = encode(values)
    ds.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
    ds["PixelData"].VR = "OB"
    return ds


def _jpeg(values: NDArray[Any]) -> bytes:
    bits = 8 if values.dtype == np.uint8 else _BITS
    return bytes(imagecodecs.jpeg8_encode(values, level=100, bitspersample=bits))


def _lossless_jpeg(values: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=_BITS))


def _jpeg_ls(values: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.jpegls_encode(values))


def _jpeg_2000(values: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(values, level=0, codecformat="j2k", reversible=True, bitspersample=_BITS))


def _high_throughput(values: NDArray[Any]) -> bytes:
    return bytes(imagecodecs.htj2k_encode(values, reversible=True))


def _run_lengths(values: NDArray[Any]) -> bytes:
    """RLE of PS3.5 annex G with literal runs alone: a segment for each byte of a value, a run for each row."""
    planes = [values >> 8, values & 0xFF]
    segments = [b"".join(bytes([row.size - 1]) + row.astype(np.uint8).tobytes() for row in plane) for plane in planes]
    padded = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    return struct.pack("<16I", 2, 64, 64 + len(padded[0]), *[0] * 13) + b"".join(padded)


_LOSSY: Final = frozenset({uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit})
_ENCODERS: Final[Mapping[str, _Encode]] = {
    uid.JPEGBaseline8Bit: _jpeg,
    uid.JPEGExtended12Bit: _jpeg,
    uid.JPEGLossless: _lossless_jpeg,
    uid.JPEGLosslessSV1: _lossless_jpeg,
    uid.JPEGLSLossless: _jpeg_ls,
    uid.JPEGLSNearLossless: _jpeg_ls,
    uid.JPEG2000Lossless: _jpeg_2000,
    uid.JPEG2000: _jpeg_2000,
    uid.HTJ2KLossless: _high_throughput,
    uid.HTJ2KLosslessRPCL: _high_throughput,
    uid.HTJ2K: _high_throughput,
    uid.RLELossless: _run_lengths,
}

"""Decoders of imagecodecs as a plug-in of pydicom, and the size that a codestream itself claims.

imagecodecs (BSD-3) decodes every JPEG-family syntax, 12-bit extended JPEG and HTJ2K too. It is used for one sample a
pixel alone: for colour it returns RGB where pydicom would convert once more.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels.decoders.base import DecodeRunner, get_decoder

LABEL: Final = "imagecodecs"

_Decode = Callable[[bytes], NDArray[Any]]
_JPEG: Final[tuple[_Decode, ...]] = (imagecodecs.jpeg8_decode,)
_LOSSLESS_JPEG: Final[tuple[_Decode, ...]] = (imagecodecs.jpeg8_decode, imagecodecs.ljpeg_decode)
_JPEG_LS: Final[tuple[_Decode, ...]] = (imagecodecs.jpegls_decode,)
_JPEG_2000: Final[tuple[_Decode, ...]] = (imagecodecs.jpeg2k_decode,)

CHAINS: Final[Mapping[str, tuple[_Decode, ...]]] = {
    uid.JPEGBaseline8Bit: _JPEG,
    uid.JPEGExtended12Bit: _JPEG,
    uid.JPEGLossless: _LOSSLESS_JPEG,
    uid.JPEGLosslessSV1: _LOSSLESS_JPEG,
    uid.JPEGLSLossless: _JPEG_LS,
    uid.JPEGLSNearLossless: _JPEG_LS,
    uid.JPEG2000Lossless: _JPEG_2000,
    uid.JPEG2000: _JPEG_2000,
    uid.HTJ2KLossless: _JPEG_2000,
    uid.HTJ2KLosslessRPCL: _JPEG_2000,
    uid.HTJ2K: _JPEG_2000,
}
"""Transfer syntax to decoders, tried in order.

HTJ2K goes through OpenJPEG, not the faster OpenJPH: htj2k_decode of imagecodecs 2026.3 returns an image of arbitrary
values for a broken codestream.
"""

DECODER_DEPENDENCIES: Final = dict.fromkeys(CHAINS, ("numpy", "imagecodecs>=2026.3.6"))
"""Read by pydicom when the plug-in is added."""

_START_OF_IMAGE: Final = b"\xff\xd8"
_END_OF_IMAGE: Final = b"\xff\xd9"
_LONGEST_PADDING_BYTES: Final = 64
_START_OF_CODESTREAM: Final = b"\xff\x4f\xff\x51"
_FRAME_MARKERS: Final = (frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {0xF7}
"""Start-of-frame markers of JPEG (ITU-T T.81 table B.1) and JPEG-LS (T.87, SOF55)."""
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_TILE_PART: Final = 0x90
_JP2_HEADER_BYTES: Final = 1024
"""Where a JPEG 2000 codestream starts at the latest, should boxes stand before it."""


def is_available(uid: str) -> bool:
    """Whether the plug-in decodes transfer syntax `uid`; asked by pydicom."""
    return uid in CHAINS


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """The pixels of one frame, little endian; called by pydicom. Raises what the last decoder of the chain raised."""
    if runner.samples_per_pixel != 1:
        raise ValueError("more than one sample a pixel")
    values = _first_success(source, CHAINS[runner.transfer_syntax])
    if values.shape != (runner.rows, runner.columns):
        raise ValueError(f"the codestream holds {values.shape}, the header says {(runner.rows, runner.columns)}")
    runner.set_option("bits_allocated", 8 * values.dtype.itemsize)
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def register() -> None:
    """Add the plug-in to pydicom's decoders; a second call changes nothing."""
    for syntax in CHAINS:
        decoder = get_decoder(syntax)
        if LABEL not in decoder.available_plugins:
            decoder.add_plugin(LABEL, (__name__, "decode_frame"))


def claimed_shape(source: bytes) -> tuple[int, int] | None:
    """(rows, columns) that a JPEG, JPEG-LS or JPEG 2000 codestream claims, None when its head cannot be followed.

    Read before decoding, since decoders allocate what the codestream claims, whatever the DICOM header says.
    """
    if source.startswith(_START_OF_IMAGE):
        return _jpeg_shape(source)
    start = source.find(_START_OF_CODESTREAM, 0, _JP2_HEADER_BYTES)
    if start < 0 or len(source) < start + 24:
        return None
    width, height, left, top = struct.unpack_from(">4I", source, start + 8)
    return height - top, width - left


def is_complete(source: bytes) -> bool:
    """Whether the codestream ends in its end marker, FFD9 in all of the JPEG family.

    libjpeg fills what is missing of a cut-off image and says nothing. The marker cannot occur within coded data;
    writers pad behind it with bytes of any value.
    """
    return _END_OF_IMAGE in source[-_LONGEST_PADDING_BYTES:]


def missing_tiles(source: bytes) -> int:
    """How many tiles of a JPEG 2000 codestream have no part in it (ITU-T T.800, A.4 and A.5.1); 0 of another format.

    OpenJPEG leaves them at 0 and says nothing.
    """
    start = source.find(_START_OF_CODESTREAM, 0, _JP2_HEADER_BYTES)
    if source.startswith(_START_OF_IMAGE) or start < 0 or len(source) < start + 40:
        return 0
    right, bottom, _, _, width, height, left, top = struct.unpack_from(">8I", source, start + 8)
    if not width or not height:
        return 1
    tiles = -(-(right - left) // width) * -(-(bottom - top) // height)
    return max(0, int(tiles) - len(set(_tile_parts(source, start + 2))))


def _tile_parts(source: bytes, at: int) -> Iterator[int]:
    """The number of the tile of each tile-part."""
    while at + 12 <= len(source) and source[at] == 0xFF:
        if source[at + 1] == _TILE_PART:
            tile, length = struct.unpack_from(">HI", source, at + 4)
            yield tile
            if not length:
                return
            at += length
        else:
            at += 2 + int(struct.unpack_from(">H", source, at + 2)[0])


def _first_success(source: bytes, chain: tuple[_Decode, ...]) -> NDArray[Any]:
    for decode in chain[:-1]:
        try:
            return np.asarray(decode(source))
        except Exception:  # codecs raise anything; the last one's error is told
            continue
    return np.asarray(chain[-1](source))


def _jpeg_shape(source: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(source):
        if source[at] != 0xFF:
            return None
        marker = source[at + 1]
        if marker in _FRAME_MARKERS:
            rows, columns = struct.unpack_from(">2H", source, at + 5)
            return rows, columns
        if marker == 0xFF:
            at += 1
        elif marker in _BARE_MARKERS:
            at += 2
        else:
            at += 2 + int(struct.unpack_from(">H", source, at + 2)[0])
    return None

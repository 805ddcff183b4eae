"""What a header says of its pixels, checked against itself, the limits and the bytes that are there."""

from dataclasses import dataclass
from typing import Final

from pydicom import Dataset
from pydicom.uid import (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    RLELossless,
)

from pipeline.dicom import codes
from pipeline.dicom.headers import CONVERSION_ERRORS
from pipeline.dicom.structure import PixelPlace, Structure
from pipeline.errors import LimitError, PixelError
from pipeline.knowledge.settings import DicomSettings

_LARGEST_US: Final = 65535
_ALLOCATED: Final = (8, 16, 32)
_DENSEST: Final = {RLELossless: 64.0, JPEGLossless: 8.0, JPEGLosslessSV1: 8.0} | dict.fromkeys(
    (JPEGBaseline8Bit, JPEGExtended12Bit), 256.0
)
"""Most samples that one compressed byte can hold. RLE repeats 128 bytes in two (PS3.5 annex G), lossless JPEG spends
at least a bit a sample, DCT two bits a block of 64 (ITU-T T.81)."""
_DENSEST_OTHERWISE: Final = 2_000.0
_ALWAYS_VALUES: Final = 4_000_000
"""JPEG-LS and JPEG 2000 code a constant image of any size in a few hundred bytes, and decoding it takes as long as if
it were full. Images of the body need 0.3 bits a sample and more; small ones are let through."""


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """The Image Pixel module. Bits of one sample; `signed` is PixelRepresentation."""

    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str

    @property
    def values(self) -> int:
        """Samples of all frames."""
        return self.rows * self.columns * self.frames * self.samples

    @property
    def decoded_bytes(self) -> int:
        """Bytes of all frames when decoded."""
        return self.values * self.bits_allocated // 8


def pixel_layout(ds: Dataset) -> PixelLayout:
    """The layout that the header of `ds` states. Raises PixelError where it is missing or impossible."""
    allocated = _whole(ds, "BitsAllocated", range(1, 65))
    if allocated not in _ALLOCATED:
        raise PixelError(f"BitsAllocated is {allocated}: only 8, 16 and 32 are read")
    stored = _whole(ds, "BitsStored", range(1, allocated + 1), default=allocated)
    photometric = codes.code(ds, "PhotometricInterpretation").upper()
    if photometric == "PALETTE COLOR":
        raise PixelError("PALETTE COLOR: indices into a colour table are no measurement")
    samples = _whole(ds, "SamplesPerPixel", range(1, 5), default=1)
    if samples not in (1, 3):
        raise PixelError(f"SamplesPerPixel is {samples}: only grey and three-colour images are read")
    return PixelLayout(
        rows=_whole(ds, "Rows", range(1, _LARGEST_US + 1)),
        columns=_whole(ds, "Columns", range(1, _LARGEST_US + 1)),
        frames=_whole(ds, "NumberOfFrames", range(1, 2**31), default=1),
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=_whole(ds, "HighBit", range(allocated), default=stored - 1),
        signed=_whole(ds, "PixelRepresentation", range(2), default=0) == 1,
        photometric=photometric,
    )


def check_pixels(ds: Dataset, structure: Structure, limits: DicomSettings) -> PixelLayout:
    """The layout of `ds`, after it was held against `limits` and the pixel bytes of `structure`.

    Raises PixelError or LimitError; nothing is allocated.
    """
    place = structure.pixels
    if place is None or not place.content_bytes:
        raise PixelError("no pixel data: ask the sender for the image")
    layout = pixel_layout(ds)
    _within_limits(layout, limits)
    if place.encapsulated:
        _compressed_enough(ds, layout, place)
        return layout
    wanted = layout.decoded_bytes
    if layout.photometric == "YBR_FULL_422":
        wanted = wanted * 2 // 3
    if place.content_bytes < wanted:
        raise PixelError(
            f"{place.content_bytes:,} bytes of pixels, {wanted:,} expected (Rows × Columns × frames × bits): "
            "ask the sender to send it again"
        )
    return layout


def _within_limits(layout: PixelLayout, limits: DicomSettings) -> None:
    pixels = layout.rows * layout.columns
    if pixels > limits.max_pixels:
        raise LimitError(f"{layout.rows} × {layout.columns} pixels, at most {limits.max_pixels:,} (max_pixels)")
    if layout.frames > limits.max_frames:
        raise LimitError(f"{layout.frames:,} frames, at most {limits.max_frames:,} (max_frames)")
    if layout.decoded_bytes > limits.max_study_bytes:
        raise LimitError(
            f"{layout.decoded_bytes:,} bytes of pixels, at most {limits.max_study_bytes:,} (max_study_bytes)"
        )


def _compressed_enough(ds: Dataset, layout: PixelLayout, place: PixelPlace) -> None:
    """Refuse compressed data that is too short to hold what the header claims."""
    if place.fragments < layout.frames:
        raise PixelError(f"{place.fragments:,} compressed fragments, {layout.frames:,} frames claimed")
    syntax = ds.file_meta.TransferSyntaxUID
    least = _ALWAYS_VALUES if syntax not in _DENSEST else 0
    if layout.values > max(least, _DENSEST.get(syntax, _DENSEST_OTHERWISE) * place.content_bytes):
        raise PixelError(
            f"{place.content_bytes:,} compressed bytes cannot hold "
            f"{layout.rows} × {layout.columns} × {layout.frames} pixels"
        )


def _whole(ds: Dataset, keyword: str, allowed: range, *, default: int | None = None) -> int:
    """One whole number of the header; `default` stands where it is absent or empty."""
    found = codes.short(ds, keyword)
    try:
        value = found if found is not None else ds.get(keyword)
        if value is None or value == "":
            if default is not None:
                return default
            raise PixelError(f"{keyword} is missing")
        if found is None and (isinstance(value, str | bytes) or ds[keyword].VR not in ("US", "IS")):
            raise PixelError(f"{keyword} is no number of the form that DICOM prescribes")
        found = int(value)
    except CONVERSION_ERRORS:
        raise PixelError(f"{keyword} is no number") from None
    if found not in allowed:
        raise PixelError(f"{keyword} is {found}: impossible")
    return found

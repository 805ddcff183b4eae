"""Section B of the catalogue: pixels."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from hostile_cases import ANALYSED, EITHER, NOT_ANALYSED, REFUSED, case
from hostile_files import FILM, element, encoded, film, identified, limb, slices, spoilt, write
from made_dicom import changed, compressed, image
from pydicom import uid
from pydicom.dataset import Dataset

MONOCHROME = ("1", "2")
CODECS: Mapping[str, tuple[str, Any]] = {
    "JPEG": (uid.JPEGExtended12Bit, lambda v: imagecodecs.jpeg8_encode(v, bitspersample=12, level=90)),
    "lossless JPEG": (uid.JPEGLosslessSV1, lambda v: imagecodecs.ljpeg_encode(v, bitspersample=12)),
    "JPEG-LS": (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
    "JPEG 2000": (uid.JPEG2000Lossless, lambda v: imagecodecs.jpeg2k_encode(v, codecformat="j2k", reversible=True)),
    "HTJ2K": (uid.HTJ2KLossless, lambda v: imagecodecs.htj2k_encode(v, reversible=True)),
}


def _coded(name: str, study: str) -> tuple[Dataset, bytes]:
    syntax, encode = CODECS[name]
    frame = bytes(encode(limb()))
    return compressed(film(study), syntax, frame), frame


def _with_size(name: str, frame: bytes, rows: int, columns: int) -> bytes:
    """The codestream claiming another size."""
    if "2" in name:
        at = frame.index(b"\xff\x51") + 6
        return frame[:at] + struct.pack(">2I", columns, rows) + frame[at + 8 :]
    marker = next(m for m in (b"\xff\xc3", b"\xff\xc1", b"\xff\xc0", b"\xff\xf7") if m in frame)
    at = frame.index(marker) + 5
    return frame[:at] + struct.pack(">2H", rows, columns) + frame[at + 4 :]


@case("B1", "65535 by 65535", REFUSED, "max_pixels")
def _huge(folder: Path, study: str) -> None:
    write(folder, film(study, Rows=65535, Columns=65535))


@case("B1", "a million frames", REFUSED, "max_frames|frames")
def _frames(folder: Path, study: str) -> None:
    many = slices(study, 1, SOPClassUID=uid.EnhancedCTImageStorage, NumberOfFrames=1_000_000)
    write(folder, *many)


@case("B1", "a product beyond 32 bits", REFUSED, "bytes|max_")
def _product(folder: Path, study: str) -> None:
    write(folder, *slices(study, 1, Rows=8192, Columns=8192, NumberOfFrames=4096))


for _name, _vr, _value in (
    ("as UL", "UL", b"\x60\0\0\0"),
    ("as text", "LO", b"96"),
    ("zero", "US", b"\0\0"),
    ("negative", "SS", b"\xff\xff"),
    ("empty", "US", b""),
    ("two values", "US", b"\x60\0\x48\0"),
    ("of three bytes", "US", b"\x60\0\0"),
):

    @case("B2", f"Rows {_name}", REFUSED, "Rows|broken|representation")
    def _rows(folder: Path, study: str, vr: str = _vr, value: bytes = _value) -> None:
        content = encoded(film(study))
        write(folder, content.replace(element(0x00280010, "US", b"\x60\0"), element(0x00280010, vr, value), 1))


@case("B2", "no Rows", REFUSED, "Rows")
def _no_rows(folder: Path, study: str) -> None:
    write(folder, film(study, Rows=None))


for _name in CODECS:

    @case("B3", f"{_name} that is whole", ANALYSED)
    def _whole(folder: Path, study: str, name: str = _name) -> None:
        write(folder, _coded(name, study)[0])

    @case("B3", f"{_name} that claims 60000 by 60000", REFUSED, "codestream|cannot")
    def _claims(folder: Path, study: str, name: str = _name) -> None:
        ds, frame = _coded(name, study)
        syntax = ds.file_meta.TransferSyntaxUID
        write(folder, compressed(ds, syntax, _with_size(name, frame, 60000, 60000)))

    @case("B3", f"{_name} and header that both claim 10000 by 10000", REFUSED, "cannot|codestream|hold")
    def _both_claim(folder: Path, study: str, name: str = _name) -> None:
        ds, frame = _coded(name, study)
        ds = changed(ds, Rows=10_000, Columns=10_000)
        write(folder, compressed(ds, ds.file_meta.TransferSyntaxUID, _with_size(name, frame, 10_000, 10_000)))

    @case("B3", f"{_name} cut off", REFUSED, "cut off|cannot hold")
    def _cut(folder: Path, study: str, name: str = _name) -> None:
        ds, frame = _coded(name, study)
        write(folder, compressed(ds, ds.file_meta.TransferSyntaxUID, frame[: len(frame) // 2]))

    @case("B3", f"{_name} of noise", EITHER)
    def _noise(folder: Path, study: str, name: str = _name) -> None:
        ds, frame = _coded(name, study)
        broken = frame[:80] + np.random.default_rng(3).bytes(len(frame) - 82) + frame[-2:]
        write(folder, compressed(ds, ds.file_meta.TransferSyntaxUID, broken))


@case("B3", "RLE that repeats for ever", REFUSED)
def _rle(folder: Path, study: str) -> None:
    head = struct.pack("<16I", 2, 64, 64, *[0] * 13)
    write(folder, compressed(film(study), uid.RLELossless, head + b"\x81\0" * 40))


@case("B3", "RLE of segments outside", REFUSED)
def _rle_outside(folder: Path, study: str) -> None:
    head = struct.pack("<16I", 15, *[0xFFFFFFF0] * 15)
    write(folder, compressed(film(study), uid.RLELossless, head + b"\x81\0" * 400))


@case("B3", "RLE of a few bytes that claims 10000 by 10000", REFUSED)
def _rle_claims(folder: Path, study: str) -> None:
    head = struct.pack("<16I", 2, 64, 66, *[0] * 13)
    write(folder, compressed(film(study, Rows=10_000, Columns=10_000), uid.RLELossless, head + b"\x81\0" * 2))


for _name, _size in {"of no length": 0, "that leads back to its own start": 2**32 - 12, "of 12 bytes": 12}.items():

    @case("B3", f"JPEG 2000 with a tile part {_name}", EITHER)
    def _tile_part(folder: Path, study: str, size: int = _size) -> None:
        ds, frame = _coded("JPEG 2000", study)
        at = frame.index(b"\xff\x90") + 6  # Psot, the length of a tile part (ISO/IEC 15444-1 annex A.4.2)
        round_and_round = frame[:at] + struct.pack(">I", size) + frame[at + 4 :]
        write(folder, compressed(ds, ds.file_meta.TransferSyntaxUID, round_and_round))


@case("B3", "JPEG with segments of no length", REFUSED)
def _no_length(folder: Path, study: str) -> None:
    ds, frame = _coded("JPEG", study)
    write(folder, compressed(ds, ds.file_meta.TransferSyntaxUID, frame[:2] + b"\xff\xe1\0\0" * 400 + frame[2:]))


@case("B4", "PALETTE COLOR without a table", REFUSED, "PALETTE")
def _no_palette(folder: Path, study: str) -> None:
    write(folder, film(study, PhotometricInterpretation="PALETTE COLOR"))


@case("B4", "PALETTE COLOR beyond its table", REFUSED, "PALETTE")
def _palette(folder: Path, study: str) -> None:
    ds = film(study, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(ds, f"{colour}PaletteColorLookupTableData", bytes(8))
    write(folder, ds)


for _last in ("94", "95"):

    @case("B5", f"JPIP {_last}", REFUSED, "JPIP")
    def _jpip(folder: Path, study: str, last: str = _last) -> None:
        ds = film(study, PixelData=None, PixelDataProviderURL="http://127.0.0.1:9/never")
        write(folder, encoded(ds, f"1.2.840.10008.1.2.4.{last}"))


@case("B6", "MONOCHROME1 and 2, dirty bits, wrong high bit, padding", ANALYSED)
def _twins(folder: Path, study: str) -> None:
    dirty = film(study, 3)
    dirty.PixelData = (limb() | np.uint16(0xA000)).tobytes()
    padded = film(study, 5, PixelPaddingValue=63536, PixelRepresentation=0)
    one = film(study, 1)
    inverse = film(study, 2, PhotometricInterpretation="MONOCHROME1")
    inverse.PixelData = (4095 - limb()).astype(np.uint16).tobytes()
    write(folder, one, inverse, dirty, film(study, 4, HighBit=15), padded)


@case("B6", "signed with dirty bits", ANALYSED)
def _signed(folder: Path, study: str) -> None:
    values = (limb().astype(np.int16) - 2000).view(np.uint16) & np.uint16(0x0FFF)
    write(folder, changed(film(study, PixelRepresentation=1), PixelData=values.tobytes()))


@case("B6", "CT padded with -2000 around", ANALYSED)
def _padded_ct(folder: Path, study: str) -> None:
    files = slices(study, PixelRepresentation=1, RescaleIntercept=0, BitsStored=16, HighBit=15, PixelPaddingValue=0)
    for ds in files:
        values = np.frombuffer(ds.PixelData, np.uint16).reshape(24, 24).astype(np.int16) - 1024
        values[:2] = values[-2:] = -2000
        ds.PixelData = values.tobytes()
        ds.add_new(0x00280120, "SS", -2000)
    write(folder, *files)


for _name, _changes in {
    "slope 0": {"RescaleSlope": 0},
    "no rescale": {"RescaleSlope": None, "RescaleIntercept": None},
}.items():

    @case("B7", f"CT with {_name}", REFUSED, "Hounsfield|Rescale")
    def _rescale(folder: Path, study: str, changes: Any = _changes) -> None:
        write(folder, *slices(study, **changes))


for _name, _text in {"NaN": "NaN", "a comma": "1,0", "infinity": "inf", "1e999": "1e999"}.items():

    @case("B7", f"CT with a slope of {_name}", REFUSED, "Hounsfield|Rescale")
    def _slope(folder: Path, study: str, text: str = _text) -> None:
        write(folder, *(spoilt(encoded(ds), "RescaleSlope", text) for ds in slices(study)))


@case("B7", "CT clipped at 3071 by metal", ANALYSED, "metal in the field")
def _metal(folder: Path, study: str) -> None:
    files = slices(study)
    for ds in files:
        values = np.frombuffer(ds.PixelData, np.uint16).reshape(24, 24).copy()
        values[10:13, 4:8] = 4095
        ds.PixelData = values.tobytes()
    write(folder, *files)


@case("B8", "a colour capture", NOT_ANALYSED, "colour")
def _colour(folder: Path, study: str) -> None:
    ds = film(study, SOPClassUID=uid.SecondaryCaptureImageStorage, Modality="OT", SamplesPerPixel=3)
    ds = changed(ds, PhotometricInterpretation="RGB", PlanarConfiguration=0, BitsAllocated=8, BitsStored=8, HighBit=7)
    write(folder, changed(ds, PixelData=bytes(96 * 72 * 3)))


@case("B8", "a screen shot of a CT", NOT_ANALYSED)
def _screen(folder: Path, study: str) -> None:
    write(folder, film(study, SOPClassUID=uid.SecondaryCaptureImageStorage, Modality="OT", ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"], SeriesDescription="CT screen shot"))  # fmt: skip # noqa: E501


@case("B8", "a capture of many frames", NOT_ANALYSED)
def _cine(folder: Path, study: str) -> None:
    ds = film(study, SOPClassUID="1.2.840.10008.5.1.4.1.1.7.2", Modality="OT", NumberOfFrames=3)
    write(folder, changed(ds, PixelData=limb().tobytes() * 3))


@case("B8", "a report page with burned-in names", NOT_ANALYSED)
def _burned_in(folder: Path, study: str) -> None:
    page = {"ImageType": ["DERIVED", "SECONDARY"], "BurnedInAnnotation": "YES", "SeriesDescription": "Report page"}
    write(folder, film(study, SOPClassUID=uid.SecondaryCaptureImageStorage, Modality="OT", **page))


@case("B8", "a grey radiograph stored as a capture", ANALYSED, "capture")
def _capture(folder: Path, study: str) -> None:
    write(folder, film(study, SOPClassUID=uid.SecondaryCaptureImageStorage, Modality="CR"))


for _name, _value in {"zero": 0, "constant": 700, "full": 4095}.items():

    @case("B9", f"all {_name}", ANALYSED)
    def _flat(folder: Path, study: str, value: int = _value) -> None:
        write(folder, changed(film(study), PixelData=np.full(FILM, value, np.uint16).tobytes()))


for _shape in ((1, 1), (1, 72), (96, 1), (2, 2), (3, 500)):

    @case("B9", f"{_shape[0]} by {_shape[1]}", EITHER)
    def _tiny(folder: Path, study: str, shape: tuple[int, int] = _shape) -> None:
        write(folder, identified(image(np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)), study))


@case("B9", "20000 by 20000", REFUSED, "max_pixels", whole_only=True)
def _large(folder: Path, study: str) -> None:
    write(folder, identified(image(np.zeros((20_000, 20_000), np.uint8)), study))


@case("B9", "CT of one value", EITHER)
def _flat_ct(folder: Path, study: str) -> None:
    write(folder, *slices(study, PixelData=bytes(2 * 24 * 24)))


@case("B10", "FOR PROCESSING beside FOR PRESENTATION", ANALYSED, "FOR PRE?[A-Z]+ used|same exposure")
def _both(folder: Path, study: str) -> None:
    same = {"AcquisitionTime": "101500", "IrradiationEventUID": f"{study}.7"}
    raw = film(study, 1, SOPClassUID=uid.DigitalXRayImageStorageForProcessing, Modality="DX", **same)
    shown = film(study, 2, SOPClassUID=uid.DigitalXRayImageStorageForPresentation, Modality="DX", **same)
    write(folder, raw, shown)


for _keyword, _values in {
    "BitsAllocated": (0, 1, 7, 12, 24, 64, 65535),
    "BitsStored": (0, 1, 17, 65535),
    "HighBit": (0, 16, 65535),
    "SamplesPerPixel": (0, 2, 3, 4, 65535),
    "PixelRepresentation": (2, 65535),
    "NumberOfFrames": (0, 2, -1, 2**31 - 1),
    "Columns": (0, 1, 71, 73, 65535),
    "PlanarConfiguration": (7,),
}.items():
    for _value in _values:

        @case("B11", f"{_keyword} {_value}", EITHER)
        def _contradiction(folder: Path, study: str, keyword: str = _keyword, value: int = _value) -> None:
            write(folder, film(study, **{keyword: value}))

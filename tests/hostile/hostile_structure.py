"""Section A of the catalogue: file structure."""

import zlib
from functools import partial
from pathlib import Path

import numpy as np
from hostile_cases import ANALYSED, EITHER, NOT_ANALYSED, REFUSED, case
from hostile_files import (
    NEVER_COPIED,
    STUB,
    boundaries,
    element,
    encoded,
    film,
    nested,
    slices,
    with_element,
    write,
)
from made_dicom import compressed, meta
from pydicom import uid
from pydicom.dataset import Dataset

PREAMBLES = {"PE": NEVER_COPIED, "ELF": b"\x7fELF", "zip": b"PK\x03\x04", "script": b"#!/bin/sh\nexit 1\n"}


def _raw(content: bytes, folder: Path, study: str) -> None:
    write(folder, content)


for _name, _content in {
    "zero bytes": b"",
    "one byte": b"D",
    "131 bytes": STUB[:131],
    "only a preamble": STUB,
    "preamble and zeros": STUB + b"\0" * 4000,
    "a web page": b"<!doctype html><html>not found</html>",
    "text": b"to whom it may concern\n" * 40,
}.items():
    case("A1", _name, REFUSED)(partial(_raw, _content))


@case("A1", "DICM missing and explicit", REFUSED, "not DICOM")
def _no_magic(folder: Path, study: str) -> None:
    write(folder, encoded(film(study)).replace(b"DICM", b"MCID", 1))


@case("A2", "no file meta, implicit", ANALYSED, "no file meta information")
def _no_meta(folder: Path, study: str) -> None:
    content = encoded(film(study), uid.ImplicitVRLittleEndian)
    write(folder, content[boundaries(content)[0] :])


@case("A2", "no transfer syntax, explicit", REFUSED)
def _no_syntax(folder: Path, study: str) -> None:
    content = encoded(film(study))
    write(folder, STUB + element(0x00020001, "OB", b"\0\1") + content[boundaries(content)[0] :])


@case("A2", "no transfer syntax, implicit", ANALYSED, "no transfer syntax|no file meta|TransferSyntax")
def _no_syntax_implicit(folder: Path, study: str) -> None:
    content = encoded(film(study), uid.ImplicitVRLittleEndian)
    write(folder, STUB + element(0x00020001, "OB", b"\0\1") + content[boundaries(content)[0] :])


@case("A2", "no group length", ANALYSED)
def _no_group_length(folder: Path, study: str) -> None:
    content = encoded(film(study))
    write(folder, meta() + content[boundaries(content)[0] :])


@case("A2", "compressed pixels without transfer syntax", REFUSED)
def _guessing(folder: Path, study: str) -> None:
    ds = film(study)
    ds.compress(uid.RLELossless)
    content = encoded(ds)
    write(folder, STUB + element(0x00020001, "OB", b"\0\1") + content[boundaries(content)[0] :])


@case("A3", "cut off in the header", REFUSED, "cut off")
def _cut_header(folder: Path, study: str) -> None:
    content = encoded(film(study))
    write(folder, content[: boundaries(content)[9] + 3])


@case("A3", "cut off in a sequence", REFUSED, "cut off")
def _cut_sequence(folder: Path, study: str) -> None:
    content = encoded(film(study))
    at = boundaries(content)[0]
    write(folder, content[:at] + nested(3)[:-9])


@case("A3", "a quarter of the pixels", REFUSED, "bytes of pixels|cut off")
def _cut_pixels(folder: Path, study: str) -> None:
    content = encoded(film(study))
    write(folder, content[: len(content) - 3 * 96 * 72 // 2])


@case("A3", "one slice cut off", ANALYSED, "could not be used|missing")
def _cut_slice(folder: Path, study: str) -> None:
    whole = [encoded(ds) for ds in slices(study, 7)]
    write(folder, *whole[:3], whole[3][:-300], *whole[4:])


for _name, _length in {"4 GB": 0xFFFFFFF0, "2 GB": 0x7FFFFFFE, "odd": 0x7FFFFFFF}.items():

    @case("A4", f"a small file that asks for {_name}", REFUSED, "cut off")
    def _asks(folder: Path, study: str, length: int = _length) -> None:
        write(folder, meta() + element(0x00091001, "UN", b"ab", length))


@case("A4", "an undefined length that never ends", REFUSED)
def _endless(folder: Path, study: str) -> None:
    write(folder, with_element(encoded(film(study)), element(0x00091001, "UN", b"", 0xFFFFFFFF)))


@case("A4", "a length of odd bytes", EITHER)
def _odd(folder: Path, study: str) -> None:
    write(folder, with_element(encoded(film(study)), element(0x00081030, "LO", b"odd", 3)))


for _depth in (63, 250, 2_000, 100_000):
    for _undefined in (True, False) if _depth < 2_100 else (True,):

        @case(
            "A5",
            f"sequences nested {_depth} deep, {'un' if _undefined else ''}defined length",
            ANALYSED if _depth < 64 else REFUSED,
            "" if _depth < 64 else "max_nesting|nested",
        )
        def _deep(folder: Path, study: str, depth: int = _depth, undefined: bool = _undefined) -> None:
            write(folder, with_element(encoded(film(study)), nested(depth, undefined=undefined)))


@case("A6", "unknown VR in the file meta", REFUSED)
def _meta_vr(folder: Path, study: str) -> None:
    content = encoded(film(study))
    write(folder, content[:144] + element(0x00020001, "ZZ", b"\0\1") + content[144:])


@case("A6", "a thousand repeated meta elements", EITHER)
def _repeated_meta(folder: Path, study: str) -> None:
    content = encoded(film(study))
    body = content[boundaries(content)[0] :]
    write(folder, meta() + element(0x00020013, "SH", b"AGAIN ") * 1000 + body)


@case("A6", "elements repeated and out of order", EITHER)
def _repeated(folder: Path, study: str) -> None:
    content = encoded(film(study))
    at = boundaries(content)[0]
    write(folder, content[:at] + element(0x00280010, "US", b"\1\0") * 200 + content[at:])


for _name, _syntax in {
    "implicit": uid.ImplicitVRLittleEndian,
    "big endian": uid.ExplicitVRBigEndian,
    "deflated": uid.DeflatedExplicitVRLittleEndian,
}.items():

    @case("A7", f"a valid {_name} file", ANALYSED)
    def _syntaxes(folder: Path, study: str, syntax: str = _syntax) -> None:
        ds = film(study)
        if syntax == uid.ExplicitVRBigEndian:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
            ds["PixelData"].VR = "OW"
        write(folder, encoded(ds, syntax))


@case("A7", "declared explicit, written implicit", ANALYSED)
def _lying(folder: Path, study: str) -> None:
    content = encoded(film(study), uid.ImplicitVRLittleEndian)
    write(folder, meta() + content[boundaries(content)[0] :])


def _bomb(folder: Path, zeros: int) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = bytearray(packer.compress(element(0x00091001, "OB", b"", zeros)))
    block = b"\0" * 2**20
    for _ in range(zeros // len(block)):
        packed += packer.compress(block)
    write(folder, meta(uid.DeflatedExplicitVRLittleEndian) + bytes(packed) + packer.flush())


@case("A7", "a deflate bomb of 400 MB", REFUSED, "max_zip_ratio")
def _small_bomb(folder: Path, study: str) -> None:
    _bomb(folder, 400 * 2**20)


@case("A7", "a deflate bomb of 3 GB", REFUSED, "max_zip_ratio|max_file_bytes", whole_only=True)
def _large_bomb(folder: Path, study: str) -> None:
    _bomb(folder, 3 * 2**30)


@case("A7", "deflated and cut off", REFUSED)
def _cut_deflated(folder: Path, study: str) -> None:
    write(folder, encoded(film(study), uid.DeflatedExplicitVRLittleEndian)[:-400])


for _name, _head in PREAMBLES.items():

    @case("A8", f"a preamble of {_name}", ANALYSED, "preamble")
    def _polyglot(folder: Path, study: str, head: bytes = _head) -> None:
        write(folder, head + encoded(film(study))[len(head) :])


@case("A9", "items without a sequence", EITHER)
def _stray_items(folder: Path, study: str) -> None:
    content = encoded(film(study))
    at = boundaries(content)[0]
    write(folder, content[:at] + b"\xfe\xff\0\xe0\x04\0\0\0abcd\xfe\xff\x0d\xe0\0\0\0\0" * 3 + content[at:])


@case("A9", "a sequence whose item is longer than it", EITHER)
def _overlapping(folder: Path, study: str) -> None:
    bad = element(0x00081110, "SQ", b"\xfe\xff\0\xe0\xff\0\0\0")
    write(folder, with_element(encoded(film(study)), bad))


@case("A10", "a private blob of 50 MB", ANALYSED)
def _blob(folder: Path, study: str) -> None:
    write(folder, with_element(encoded(film(study)), element(0x00091010, "OB", NEVER_COPIED + b"\x90" * 50_000_000)))


@case("A10", "a private blob of 300 MB", REFUSED, "max_header_bytes", whole_only=True)
def _large_blob(folder: Path, study: str) -> None:
    write(folder, with_element(encoded(film(study)), element(0x00091010, "OB", bytes(300_000_000))))


@case("A10", "three million empty elements", REFUSED, "max_elements")
def _many(folder: Path, study: str) -> None:
    write(folder, with_element(encoded(film(study)), element(0x00091010, "LO", b"") * 3_000_000))


@case("A10", "three million fragments of nothing", REFUSED, "max_elements")
def _fragments(folder: Path, study: str) -> None:
    ds = compressed(film(study), uid.RLELossless, b"\0\0")
    content = encoded(ds)
    write(folder, content[:-8] + b"\xfe\xff\0\xe0\0\0\0\0" * 3_000_000 + content[-8:])


@case("A11", "random bytes behind DICM", REFUSED)
def _random(folder: Path, study: str) -> None:
    rng = np.random.default_rng(7)
    write(folder, *(STUB + rng.bytes(n) for n in (8, 200, 3_000)))


@case("A11", "every element of unknown representation", EITHER)
def _unknown_vrs(folder: Path, study: str) -> None:
    content = encoded(film(study))
    at = boundaries(content)[0]
    write(folder, content[:at] + content[at:].replace(b"LO", b"QQ").replace(b"CS", b"??"))


@case("A11", "only identifiers", NOT_ANALYSED)
def _bare(folder: Path, study: str) -> None:
    ds = Dataset()
    ds.file_meta = film(study).file_meta
    ds.StudyInstanceUID = study
    write(folder, ds)

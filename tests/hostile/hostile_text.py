"""Section D of the catalogue: names, text, injection, archives and configuration beside the images."""

import io
import json
import os
import socket
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

from hostile_cases import ANALYSED, EITHER, REFUSED, case
from hostile_files import element, encoded, film, study_uid, with_element, write
from pydicom import uid

MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "{{7*7}}${7*7}",
    "javascript:alert(3)",
    "</style><svg onload=alert(4)>",
    "\x1b[2J\x1b]0;owned\x07",
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\tTAB",
    "a\r\nSet-Cookie: b",
    '","injected","',
    "\u202eevil",
)
"""Script, markup, templates, terminal escapes and formulae."""
TEXTS = (
    "Manufacturer",
    "InstitutionName",
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "BodyPartExamined",
    "ViewPosition",
    "ImageComments",
    "PatientComments",
    "PatientSex",
    "PatientAge",
    "StationName",
    "OperatorsName",
    "AcquisitionDeviceProcessingDescription",
    "ImageLaterality",
    "PatientOrientation",
    "Modality",
    "PatientPosition",
)
"""Attributes whose words are read, noted or shown."""
UIDS = (
    "/etc/passwd",
    "../../../../tmp/out",
    "CON",
    "1.2.3.",
    "..",
    "1.2.3\0.4",
    "9" * 64,
    "1." * 250 + "1",
    "a b\nc",
    "1.2.840.99999.<script>",
)
CHARACTER_SETS = (
    "",
    "ISO_IR 100",
    "ISO_IR 144",
    "ISO_IR 192",
    "GB18030",
    "GBK",
    "ISO_IR 13",
    "ISO_IR 166",
    "ISO 2022 IR 6\\ISO 2022 IR 87",
    "ISO 2022 IR 6\\ISO 2022 IR 149",
    "\\ISO 2022 IR 58",
    "UTF-8",
    "rot13",
    "../idna",
    "unicode_escape",
    "ISO_IR 192\\ISO_IR 100",
)


for _number, _uid in enumerate(UIDS):

    @case("D1", f"UIDs of kind {_number}", EITHER, uid=f"{_uid}{_number}")
    def _uids(folder: Path, wanted: str, text: str = _uid, number: int = _number) -> None:
        study = study_uid(f"kind {number}")
        content = encoded(film(study))
        for old in (f"{study}.1.1", f"{study}.1", study):
            for end in ("", "\0"):
                raw = (old + end).encode()
                new = f"{text}{number}".encode()
                new += b"\0" * (len(new) % 2)
                content = content.replace(struct.pack("<2sH", b"UI", len(raw)) + raw, struct.pack("<2sH", b"UI", len(new)) + new)  # fmt: skip # noqa: E501
        write(folder, content)


@case("D1", "empty UIDs", REFUSED, "missing")
def _empty_uids(folder: Path, study: str) -> None:
    write(folder, film(study, SOPInstanceUID="", SeriesInstanceUID=""))


@case("D2", "a DICOMDIR that points outside", ANALYSED)
def _dicomdir(folder: Path, study: str) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    ds, record = film(study, 7, PixelData=None), Dataset()
    ds.SOPClassUID = uid.MediaStorageDirectoryStorage
    record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", ["..", "..", "etc", "passwd"]
    ds.DirectoryRecordSequence = Sequence([record])
    write(folder, film(study))
    (folder / "DICOMDIR").write_bytes(encoded(ds))


@case("D3", "links, pipes, sockets and devices beside a film", ANALYSED)
def _specials(folder: Path, study: str) -> None:
    write(folder, film(study))
    (folder / "outside").symlink_to("/etc/passwd")
    (folder / "upwards").symlink_to(folder)
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "dangling").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "context.json")
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(folder)
        try:
            made.bind("socket")
        finally:
            os.chdir(here)
    if os.geteuid() == 0:
        try:
            os.mknod(folder / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
        except PermissionError:
            return


@case("D3", "names of many kinds", ANALYSED)
def _names(folder: Path, study: str) -> None:
    names = [b"-rf", b"a b", b"new\nline", b"\xff\xfe\x80.dcm", b"x" * 255, b"\x1b[31mred", b"=1+1.dcm", b"<b>.dcm"]
    for number, name in enumerate(names):
        deeper = folder / ("--output" if number % 2 else "$(id)")
        deeper.mkdir(exist_ok=True)
        (deeper / os.fsdecode(name)).write_bytes(encoded(film(study, number + 1)) if number < 2 else b"no image")


@case("D3", "a second name of a file that lies outside, and a folder that looks like an option", ANALYSED)
def _hard_link(folder: Path, study: str) -> None:
    write(folder / "-rf", film(study))
    outside = folder.parent.parent / "outside.txt"
    outside.write_text("not of this study")
    os.link(outside, folder / "-rf" / "second.dcm")


@case("D3", "a folder 900 deep", EITHER)
def _deep_folder(folder: Path, study: str) -> None:
    here = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(900):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        handle = os.open("deep.dcm", os.O_WRONLY | os.O_CREAT, dir_fd=here)
        with os.fdopen(handle, "wb") as file:
            file.write(encoded(film(study)))
    finally:
        os.close(here)


@case("D3", "an unreadable file and folder", ANALYSED)
def _unreadable(folder: Path, study: str) -> None:
    write(folder, film(study), film(study, 2))
    (folder / "00001.dcm").chmod(0)
    (folder / "locked").mkdir(mode=0)


for _keyword in TEXTS:

    @case("D4", f"script and markup in {_keyword}", EITHER)
    def _markup(folder: Path, study: str, keyword: str = _keyword) -> None:
        for number, word in enumerate(MARKUP):
            ds = film(study, number + 1)
            tag = film(study, **{keyword: "X"})[keyword]
            value = word.encode("utf-8")
            value += b" " * (len(value) % 2)
            if keyword in ds:
                delattr(ds, keyword)
            raw = with_element(encoded(ds), element(int(tag.tag), tag.VR, value))
            write(folder / str(number), raw)


for _number, _character_set in enumerate(CHARACTER_SETS):

    @case("D7", f"character set {_number}", ANALYSED)
    def _sets(folder: Path, study: str, name: str = _character_set) -> None:
        content = encoded(film(study))
        value = b"\x1b$)C\xb1\xe8\x1b(B M\xfcller \xe9\x1b$B;3ED\xff\xfe\xed\xa0\x80"
        value += b" " * (len(value) % 2)
        raw = name.encode() + b" " * (len(name) % 2)
        content = with_element(content, element(0x00080005, "CS", raw))
        content = with_element(content, element(0x0008103E, "LO", value))
        write(folder, with_element(content, element(0x00081030, "LO", value)))


@case("D7", "a text of 10 MB", ANALYSED)
def _long_text(folder: Path, study: str) -> None:
    write(folder, with_element(encoded(film(study)), element(0x00204000, "UT", b"erect supine " * 800_000)))


@case("D7", "a description of 60 kB", ANALYSED)
def _long_description(folder: Path, study: str) -> None:
    long = b"erect" * 12_000
    content = with_element(encoded(film(study)), element(0x0008103E, "LO", long))
    write(folder, with_element(content, element(0x00181030, "LO", long)))


@case("D7", "a decimal string of a million digits", EITHER)
def _digits(folder: Path, study: str) -> None:
    write(folder, with_element(encoded(film(study)), element(0x00181114, "DS", b"9" * 60_000)))


def _context(folder: Path, study: str, content: bytes) -> None:
    write(folder, film(study))
    (folder / "context.json").write_bytes(content)


for _name, _content, _says in (
    ("nested 100000 deep", b'{"history":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested|not JSON"),
    ("of NaN and infinity", b'{"age_years": NaN, "labs": {"phosphate": {"value": Infinity}}}', "not JSON"),
    ("of a number of 5000 digits", b'{"age_years": ' + b"9" * 5_000 + b"}", "not JSON|outside"),
    ("of unknown keys", b'{"<script>": 1}', "unknown key"),
    ("with keys given twice", b'{"sex": "F", "sex": "M"}', "twice"),
    ("that is no object", b"[1, 2]", "one object"),
    ("of bytes that are no text", b"\xff\xfe\x00{}", "UTF-8"),
    ("cut off", b'{"sex": "F"', "not JSON"),
    (
        "of wrong kinds",
        json.dumps({"history": [1], "labs": {"phosphate": 3}, "images": {"x": 1}, "sex": {}}).encode(),
        "is not|is none",
    ),
    ("of a FHIR bundle of nonsense", b'{"resourceType": "Bundle", "entry": [{"resource": 5}, null, {}]}', "entry"),
):

    @case("D9", f"context {_name}", ANALYSED, _says)
    def _contexts(folder: Path, study: str, content: bytes = _content) -> None:
        _context(folder, study, content)


@case("D9", "context of 100 MB", ANALYSED, "max_context_bytes")
def _large_context(folder: Path, study: str) -> None:
    _context(folder, study, b'{"history": {"' + b"x" * 100_000_000 + b'": true}}')


def _zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return buffer.getvalue()


def _archive(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.zip").write_bytes(content)


@case("D10", "a zip with ways out", ANALYSED, "leads out")
def _slip(folder: Path, study: str) -> None:
    names = ("../../out.dcm", "/etc/out.dcm", "a\\..\\..\\out.dcm", "C:out.dcm", "..", "a/../../b")
    _archive(folder, _zipped({"good.dcm": encoded(film(study))} | dict.fromkeys(names, b"x")))


@case("D10", "a zip with links", ANALYSED, "symbolic link")
def _zip_links(folder: Path, study: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("good.dcm", encoded(film(study)))
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(entry, "/etc")
        made.writestr("link/below.dcm", b"x")
    _archive(folder, buffer.getvalue())


@case("D10", "a zip bomb", REFUSED, "max_zip_ratio")
def _zip_bomb(folder: Path, study: str) -> None:
    _archive(folder, _zipped({f"{n}.dcm": bytes(30_000_000) for n in range(8)}))


@case("D10", "a zip that understates its size", REFUSED, "more than it says|broken zip")
def _forged(folder: Path, study: str) -> None:
    content = _zipped({"a.dcm": bytes(60_000_000)})
    size = struct.pack("<L", 60_000_000)
    _archive(folder, content.replace(size, struct.pack("<L", 9_000)))


@case("D10", "a zip in a zip", REFUSED, "zip within a zip")
def _nested_zip(folder: Path, study: str) -> None:
    inner = _zipped({"a.dcm": encoded(film(study))})
    for _ in range(4):
        inner = _zipped({"inner.zip": inner})
    _archive(folder, inner)


@case("D10", "a zip whose entries overlap", REFUSED, "zip")
def _overlapping(folder: Path, study: str) -> None:
    content = bytearray(_zipped({f"{n}.dcm": bytes(2_000_000) for n in range(20)}))
    end = content.rindex(b"PK\5\6")
    at = struct.unpack_from("<L", content, end + 16)[0]
    while content[at : at + 4] == b"PK\1\2":
        struct.pack_into("<L", content, at + 42, 0)
        at += 46 + sum(struct.unpack_from("<3H", content, at + 28))
    _archive(folder, bytes(content))


for _name, _spoil in {
    "cut off": lambda c: c[: len(c) // 2],
    "of another method": lambda c: c.replace(b"\x08\0", b"\x0e\0"),
    "of flipped bits": lambda c: c[:60] + bytes(b ^ 0x55 for b in c[60:200]) + c[200:],
    "that is encrypted": lambda c: c.replace(b"PK\1\2\x14\x03\x14\0\0\0", b"PK\1\2\x14\x03\x14\0\1\0"),
    "that is none": lambda c: b"PK\3\4" + bytes(900),
}.items():

    @case("D10", f"a zip {_name}", REFUSED)
    def _spoilt_zip(folder: Path, study: str, spoil: Any = _spoil) -> None:
        _archive(folder, spoil(_zipped({"a.dcm": encoded(film(study))})))


@case("D10", "a zip with a name used twice and 70 folders deep", ANALYSED, "twice|too long")
def _zip_names(folder: Path, study: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("good.dcm", encoded(film(study)))
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.writestr("good.dcm", b"again")
        made.writestr("good.dcm/below", b"x")
        made.writestr("d/" * 70 + "deep", b"x")
    _archive(folder, buffer.getvalue())


@case("D10", "a zip of a valid study", ANALYSED)
def _good_zip(folder: Path, study: str) -> None:
    _archive(folder, _zipped({"a/b.dcm": encoded(film(study))}))

import os
import stat
import zipfile
from dataclasses import replace

import pytest
from made_dicom import LIMITS

from pipeline.dicom.archive import unpack
from pipeline.errors import LimitError, UnreadableFileError


def made_zip(path, **entries: bytes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_contents_are_unpacked_in_their_folders(tmp_path):
    made_zip(tmp_path / "a.zip", **{"s/1.dcm": b"one", "s/t/2.dcm": b"two"})
    unpacked = unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS)
    assert (unpacked.folder / "s/t/2.dcm").read_bytes() == b"two"
    assert unpacked.skipped == ()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:evil", "a/" + "x" * 300])
def test_paths_that_lead_elsewhere_are_refused(tmp_path, name):
    made_zip(tmp_path / "a.zip", **{name: b"x", "good": b"y"})
    unpacked = unpack(tmp_path / "a.zip", tmp_path / "deep/out", LIMITS)
    assert [entry.path for entry in unpacked.skipped] == [name]
    assert [path.name for path in unpacked.folder.iterdir()] == ["good"]
    assert not list(tmp_path.rglob("evil"))


def test_links_zips_and_names_used_twice_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("inner.ZIP", b"PK")
        archive.writestr("a", b"1")
        archive.writestr("a/b", b"2")
    unpacked = unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS)
    assert {entry.path for entry in unpacked.skipped} == {"link", "inner.ZIP", "a/b"}
    assert [path.name for path in unpacked.folder.iterdir()] == ["a"]


def test_a_bomb_is_refused_by_its_ratio_and_leaves_nothing(tmp_path):
    made_zip(tmp_path / "a.zip", bomb=b"\0" * 40_000_000)
    with pytest.raises(LimitError, match="max_zip_ratio"):
        unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS)
    assert not (tmp_path / "out").exists()


def test_a_size_that_lies_is_met_while_unpacking(tmp_path):
    content = bytearray(made_zip(tmp_path / "a.zip", bomb=b"\0" * 40_000_000).read_bytes())
    for at, size in ((content.index(b"PK\x01\x02") + 24, 4), (22, 4)):
        content[at : at + size] = (1000).to_bytes(4, "little")
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises((LimitError, UnreadableFileError)):
        unpack(tmp_path / "b.zip", tmp_path / "out", LIMITS)
    assert not (tmp_path / "out").exists()


def test_too_many_files_are_refused(tmp_path):
    made_zip(tmp_path / "a.zip", **{f"f{n}": b"" for n in range(12)})
    with pytest.raises(LimitError, match="max_files"):
        unpack(tmp_path / "a.zip", tmp_path / "out", replace(LIMITS, max_files=11))


@pytest.mark.parametrize("end", [10, 60, 100])
def test_a_broken_zip_is_one_line(tmp_path, end):
    content = made_zip(tmp_path / "a.zip", a=os.urandom(300)).read_bytes()
    (tmp_path / "b.zip").write_bytes(content[:end])
    with pytest.raises(UnreadableFileError, match="broken zip"):
        unpack(tmp_path / "b.zip", tmp_path / "out", LIMITS)

import os
import socket
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from made_dicom import LIMITS

from pipeline.dicom.inventory import Found, find_files, printable
from pipeline.model.result import Skipped


def names(inputs, tmp_path, limits=LIMITS):
    entries = list(find_files([Path(i) for i in inputs], limits, tmp_path / "scratch"))
    found = [entry.name for entry in entries if isinstance(entry, Found)]
    return found, {entry.path: entry.reason for entry in entries if isinstance(entry, Skipped)}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in/b/c").mkdir(parents=True)
    for name in ("z", "a", "b/x", "b/c/y"):
        (tmp_path / "in" / name).write_bytes(name.encode())
    return tmp_path / "in"


def test_folders_are_searched_to_the_bottom_in_order(folder, tmp_path):
    assert names([folder], tmp_path) == (["a", "z", "b/x", "b/c/y"], {})


def test_links_pipes_and_sockets_are_listed_and_not_touched(folder, tmp_path, monkeypatch):
    (folder / "link").symlink_to(folder / "a")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        found, skipped = names([folder], tmp_path)
    assert found == ["a", "z", "b/x", "b/c/y"]
    assert set(skipped) == {"link", "loop", "pipe", "socket"}


def test_an_input_that_is_itself_a_link_is_followed(folder, tmp_path):
    (tmp_path / "here").symlink_to(folder)
    assert len(names([tmp_path / "here"], tmp_path)[0]) == 4


def test_an_unreadable_folder_is_listed(folder, tmp_path):
    (folder / "b").chmod(0)
    try:
        if os.access(folder / "b", os.R_OK):
            pytest.skip("this user reads every folder")
        found, skipped = names([folder], tmp_path)
    finally:
        (folder / "b").chmod(0o755)
    assert found == ["a", "z"]
    assert "cannot be read" in skipped["b"]


def test_what_does_not_exist_is_listed(tmp_path):
    assert names([tmp_path / "nothing"], tmp_path)[1] == {"nothing": "does not exist"}


@pytest.mark.parametrize("name", ["-rf", "two words", "new\nline", "\x1b[31mred", "\udcff\udcfe", "x" * 250, "$(id)"])
def test_odd_names_are_read_and_printed_on_one_line(folder, tmp_path, name):
    (folder / "b" / name).write_bytes(b"x")
    found, _ = names([folder], tmp_path)
    odd = next(n for n in found if n not in ("a", "z", "b/x", "b/c/y"))
    assert odd.isprintable()
    odd.encode("utf-8")


def test_right_to_left_overrides_are_made_visible():
    assert printable("a\u202egnp.exe") == "a\\x202egnp.exe"


def test_a_zip_is_unpacked_as_input_and_within_a_folder(folder, tmp_path):
    with zipfile.ZipFile(folder / "s.zip", "w") as archive:
        archive.writestr("d/1", b"1")
        archive.writestr("d/inner.zip", b"PK")
    found, skipped = names([folder / "s.zip", folder], tmp_path)
    assert found == ["s.zip/d/1", "a", "s.zip/d/1", "z", "b/x", "b/c/y"]
    assert "zip within a zip" in skipped["s.zip/d/inner.zip"]


def test_a_zip_without_its_ending_is_known_by_its_first_bytes(tmp_path):
    with zipfile.ZipFile(tmp_path / "upload", "w") as archive:
        archive.writestr("1", b"1")
    assert names([tmp_path / "upload"], tmp_path)[0] == ["upload/1"]


def test_a_broken_zip_is_one_line_and_the_rest_goes_on(folder, tmp_path):
    (folder / "bad.zip").write_bytes(b"PK\x03\x04nothing")
    found, skipped = names([folder], tmp_path)
    assert len(found) == 4
    assert "broken zip" in skipped["bad.zip"]


def test_the_search_ends_at_the_limit_and_says_so(folder, tmp_path):
    found, skipped = names([folder], tmp_path, replace(LIMITS, max_files=2))
    assert found == ["a", "z"]
    assert "max_files" in skipped["b/x"]

"""What a killed process left is removed by the next; what a living one is making is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.report.staging import private_folder, staged_file, staged_folder, sweep

DYING = """
import os, signal, sys
from pathlib import Path
from pipeline.report.staging import private_folder, staged_file, staged_folder
place = Path(sys.argv[1])
with (
    private_folder(place, ".private"),
    staged_folder(place / "study") as folder,
    staged_file(place / "run.json") as handle,
):
    (folder / "half").write_text("half")
    os.write(handle, b"half")
    if sys.argv[2] == "exchange":
        (folder.parent / "replaced").mkdir()
        (folder.parent / "replaced" / "results").write_text("old")
    print("ready", flush=True)
    if sys.argv[2] == "wait":
        sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def dying(place: Path, how: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", DYING, str(place), how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    assert dying(tmp_path, "die").wait() == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 3
    assert not (tmp_path / "study").exists()
    assert not (tmp_path / "run.json").exists()
    assert sweep(tmp_path) == 3
    assert list(tmp_path.iterdir()) == []


def test_what_a_living_process_makes_stays(tmp_path: Path) -> None:
    process = dying(tmp_path, "wait")
    assert sweep(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 3
    process.kill()
    process.wait()
    assert sweep(tmp_path) == 3


def test_a_result_that_was_being_replaced_is_put_back(tmp_path: Path) -> None:
    dying(tmp_path, "exchange").wait()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["study"]
    assert (tmp_path / "study" / "results").read_text() == "old"


def test_folders_in_the_making_are_private_and_finished_ones_are_not(tmp_path: Path) -> None:
    with private_folder(tmp_path, ".private") as folder, staged_folder(tmp_path / "study") as staged:
        assert folder.stat().st_mode & 0o077 == 0
        assert staged.parent.stat().st_mode & 0o077 == 0
    assert (tmp_path / "study").stat().st_mode & 0o777 == 0o777 & ~_umask()
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_nothing_is_left_of_a_file_or_folder_that_failed(tmp_path: Path) -> None:
    with pytest.raises(KeyError), staged_folder(tmp_path / "study"):
        raise KeyError
    with pytest.raises(KeyError), staged_file(tmp_path / "run.json"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_what_others_named_alike_stays(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".profile").write_text("mine")
    (tmp_path / f".study.{os.uname().nodename}-link").symlink_to(tmp_path / ".profile")
    assert sweep(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 3


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

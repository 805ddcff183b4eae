"""The machine fails: a full or read-only disk, no file handles, files that vanish, a clock that jumps back."""

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hostile_files import film, slices, study_uid, write
from hostile_kills import half_written
from worker_peers import free_port, sent
from worker_process import Worker

from pipeline.batch.rerun import fingerprint
from pipeline.dicom.discovery import discover
from pipeline.knowledge.settings import DicomSettings, WorkerSettings
from pipeline.worker.spool import Spool

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
FEW_HANDLES = 6
WITHOUT_S = 3.0
"""How long a worker is left without, seconds; it must not spend them on trying again and again."""


def told(source: Path, out: Path, *, handles: int | None = None, temporary: Path | None = None) -> tuple[int, str]:
    """Exit code and stderr of a run."""
    command = [sys.executable, "-m", "pipeline", "run", str(source), "-o", str(out), "--workers", "1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | ({"TMPDIR": str(temporary)} if temporary else {})

    def fewer() -> None:
        if handles is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (handles, handles))

    ended = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, preexec_fn=fewer, check=False
    )
    return ended.returncode, ended.stderr


def in_one_line(said: str) -> bool:
    """Whether errors are lines and no traceback is among them."""
    return "Traceback" not in said and all(len(line) < 600 for line in said.splitlines())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(tmp_path / "in" / "a", film(study_uid("a")))
    return tmp_path / "in"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=False)


def test_a_disk_that_fills_ends_with_its_own_code_and_no_half_result(source: Path, small_disk: Path) -> None:
    with (small_disk / "filler").open("wb") as filler:
        filler.write(bytes(270_000))
    code, said = told(source, small_disk / "out")
    assert code == 4
    assert "cannot be written" in said
    assert in_one_line(said)
    assert half_written(small_disk / "out") == []


def test_an_output_that_is_read_only_is_told_at_once(source: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    code, said = told(source, small_disk / "out")
    assert code == 4
    assert "cannot be written" in said
    assert in_one_line(said)


def test_a_folder_for_temporary_files_that_is_full_or_absent_is_told(source: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    code, said = told(source, tmp_path / "out", temporary=tmp_path / "taken")
    assert code in (0, 4)  # Python falls back to another folder where it finds one
    assert in_one_line(said)


@pytest.mark.parametrize("handles", [8, 12, 16, 24, 40])
def test_without_file_handles_it_says_so_in_a_line(handles: int, source: Path, tmp_path: Path) -> None:
    code, said = told(source, tmp_path / "out", handles=handles)
    assert code in (0, 1, 4), said
    assert in_one_line(said), said
    assert half_written(tmp_path / "out") == []


def test_a_worker_without_file_handles_refuses_and_goes_on_when_it_has_some(tmp_path: Path) -> None:
    write(tmp_path / "in", *slices(study_uid("handles")))
    files = tuple(sorted((tmp_path / "in").iterdir()))
    settings = WorkerSettings(
        folder=str(tmp_path / "spool"), port=free_port(), status_port=free_port(), min_free_bytes=0, quiet_s=0
    )
    worker = Worker(settings, tmp_path)
    process, (_, most) = worker.process.pid, resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        used = len(list(Path(f"/proc/{process}/fd").iterdir()))
        resource.prlimit(process, resource.RLIMIT_NOFILE, (used + FEW_HANDLES, most))
        with contextlib.ExitStack() as held:
            for number in range(3 * FEW_HANDLES):
                port = settings.port if number % 2 else settings.status_port
                held.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(b"\1")
            before = sum(psutil.Process(process).cpu_times()[:2])
            time.sleep(WITHOUT_S)
            assert sum(psutil.Process(process).cpu_times()[:2]) - before < WITHOUT_S / 2
            assert set(sent(files, settings)) <= {0xA700, 0}
        resource.prlimit(process, resource.RLIMIT_NOFILE, (most, most))
        worker.wait(lambda: worker.get("/healthz")[0] == 200)
        assert sent(files, settings) == [0] * len(files)
        worker.wait(lambda: worker.studies("delivered") == 1)
        assert worker.end() == 0
        assert in_one_line(worker.log.read_text())
    finally:
        worker.kill()


def test_files_that_vanish_and_change_while_they_are_read_cost_themselves(tmp_path: Path) -> None:
    good = study_uid("stays")
    write(tmp_path / "in" / "good", film(good))
    for number in range(12):
        write(tmp_path / "in" / f"{number}", *slices(study_uid(f"vanishes {number}"), 4))
    stop = threading.Event()

    def spoil() -> None:
        victims = [path for n in range(12) for path in sorted((tmp_path / "in" / f"{n}").iterdir())]
        for turn, path in enumerate(victims):
            if stop.wait(0.12):
                return
            if turn % 3 == 0:
                path.unlink()
            elif turn % 3 == 1:
                path.write_bytes(path.read_bytes()[:900])
            else:
                path.unlink()
                os.mkfifo(path)

    spoiler = threading.Thread(target=spoil)
    spoiler.start()
    code, said = told(tmp_path / "in", tmp_path / "out")
    stop.set()
    spoiler.join()
    assert code in (0, 1), said
    assert in_one_line(said)
    rows = {
        row["study_instance_uid"]: row for row in json.loads((tmp_path / "out" / "run.json").read_text())["studies"]
    }
    assert rows[good]["status"] == "analysed"
    assert not [row for row in rows.values() if "internal error" in (row["reason"] or "")]


def test_a_file_that_vanished_after_it_was_found_has_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "in", film(study_uid("gone")))
    (study,) = discover((tmp_path / "in",), DicomSettings(), tmp_path / "scratch").studies
    before = fingerprint(study, ("1",), None, tmp_path / "scratch")
    next((tmp_path / "in").iterdir()).unlink()
    assert fingerprint(study, ("1",), None, tmp_path / "scratch") != before


def test_a_clock_that_jumps_back_keeps_no_study_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "spool.sqlite")
    day = 86_400.0
    true = time.time()
    monkeypatch.setattr(time, "time", lambda: true + day)
    spool.received("1.2.3", "1.2.3.4", "digest")
    monkeypatch.setattr(time, "time", lambda: true)
    assert spool.take_ready(60.0) == "1.2.3"
    spool.put_back("1.2.3", true + 400 * day, "full")
    assert spool.take_ready(60.0) == "1.2.3"
    spool.close()

"""A child that dies costs its study alone; a child never outlives its parent."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from dicom_files import write_ct, write_radiograph

from pipeline.batch.job import Job
from pipeline.batch.local import Outcome, run_local
from pipeline.batch.rerun import fingerprint, finished
from pipeline.dicom.discovery import discover
from pipeline.knowledge.settings import BatchSettings, Settings


def _jobs(source: Path, out: Path, settings: Settings | None = None) -> list[Job]:
    settings = settings or Settings()
    found = discover((source,), settings.dicom, out / "scratch")
    return [Job(s, out / s.study_instance_uid, settings, "seed", "made of this") for s in found.studies]


def test_a_killed_child_costs_its_study_alone(tmp_path: Path) -> None:
    write_ct(tmp_path / "in" / "a", "1.2.840.99999.21")
    write_radiograph(tmp_path / "in" / "b", "1.2.840.99999.22")
    outcomes = run_local(_jobs(tmp_path / "in", tmp_path / "out"), workers=1)
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    first = _kill_first(outcomes, before)
    rest = list(outcomes)
    assert first.kind == "failed"
    assert "signal 9" in first.reason
    assert [o.kind for o in rest] == ["done"]


def _kill_first(outcomes: Iterator[Outcome], before: set[int]) -> Outcome:
    """The first outcome, its child killed as soon as it has begun a session of its own."""

    def kill() -> None:
        while True:
            for process in psutil.Process().children(recursive=True):
                if process.pid not in before and os.getsid(process.pid) == process.pid:
                    os.kill(process.pid, signal.SIGKILL)
                    return
            time.sleep(0.002)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    return next(outcomes)


def test_closing_the_run_ends_all_children(tmp_path: Path) -> None:
    for n in range(4):
        write_ct(tmp_path / "in" / str(n), f"1.2.840.99999.{30 + n}")
    outcomes = run_local(_jobs(tmp_path / "in", tmp_path / "out"), workers=2)
    next(outcomes)
    outcomes.close()
    assert not [p for p in psutil.Process().children(recursive=True) if _in_own_session(p)]


def _in_own_session(process: psutil.Process) -> bool:
    try:
        return os.getsid(process.pid) == process.pid
    except ProcessLookupError:
        return False


def test_children_end_with_a_killed_parent(tmp_path: Path) -> None:
    for n in range(12):
        write_ct(tmp_path / "in" / str(n), f"1.2.840.99999.{50 + n}")
    command = [sys.executable, "-m", "pipeline", "run", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    parent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    family: list[psutil.Process] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(_in_own_session(p) for p in family):
        family = psutil.Process(parent.pid).children(recursive=True)
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def test_limits_are_named_in_the_reason(tmp_path: Path) -> None:
    write_ct(tmp_path / "in")
    settings = Settings(batch=BatchSettings(timeout_s=0.001))
    (outcome,) = run_local(_jobs(tmp_path / "in", tmp_path / "out", settings), workers=1)
    assert outcome.kind == "failed"
    assert "batch.timeout_s = 0.001" in outcome.reason


def test_a_fingerprint_follows_files_software_and_context(tmp_path: Path) -> None:
    path = write_radiograph(tmp_path / "in")
    (study,) = discover((tmp_path / "in",), Settings().dicom, tmp_path / "scratch").studies
    first = fingerprint(study, ("0.1",), None, tmp_path / "scratch")
    assert first == fingerprint(study, ("0.1",), None, tmp_path / "scratch")
    assert first != fingerprint(study, ("0.2",), None, tmp_path / "scratch")
    context = tmp_path / "context.json"
    context.write_text("{}")
    assert first != fingerprint(study, ("0.1",), context, tmp_path / "scratch")
    os.utime(path, ns=(1, 1))
    assert first != fingerprint(study, ("0.1",), None, tmp_path / "scratch")


def test_half_written_results_are_not_finished(tmp_path: Path) -> None:
    (tmp_path / "fingerprint").write_text("x")
    (tmp_path / "results.json").write_text("{")
    assert finished(tmp_path, "x") is None
    (tmp_path / "results.json").write_text("{}")
    assert finished(tmp_path, "x") == {}
    assert finished(tmp_path, "y") is None

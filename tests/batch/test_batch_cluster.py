"""Studies on a Dask cluster: a real scheduler and two workers on loopback."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pydicom
import pytest
from dicom_files import write_ct, write_radiograph

from pipeline.batch.run import Request, Row, exit_code, run
from pipeline.errors import OutputError, UsageError
from pipeline.knowledge.settings import BatchSettings, Settings

distributed = pytest.importorskip("distributed", reason="needs the extra dask")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dask")]
WAIT_S = 120
ROOT = Path(__file__).resolve().parents[2]


class Cluster:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "scheduler.json"
        self.folder = folder
        self.scheduler = self._start("scheduler", "--port", "0", "--host", "127.0.0.1")
        until(self.file.is_file)
        self.address = str(json.loads(self.file.read_text())["address"])
        self.workers = [self.add_worker(), self.add_worker()]
        with distributed.Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=WAIT_S)

    def _start(self, role: str, *options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "distributed.cli.dask_" + role, "--scheduler-file", str(self.file), *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        log = (self.folder / f"{role}.log").open("ab")
        return subprocess.Popen([*command, "--no-dashboard"], env=environment, cwd=self.folder, stdout=log, stderr=log)

    def add_worker(self) -> "subprocess.Popen[bytes]":
        return self._start("worker", "--nthreads", "1", "--host", "127.0.0.1", "--local-directory", str(self.folder))

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            for child in (*psutil.Process(process.pid).children(recursive=True),) if process.poll() is None else ():
                child.kill()
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    yield found
    found.close()


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def write_inputs(folder: Path) -> Path:
    write_ct(folder / "a", "1.2.840.99999.71")
    write_radiograph(folder / "b", "1.2.840.99999.72")
    write_radiograph(folder / "c", "1.2.840.99999.73")
    return folder


def asked(source: Path, out: Path, **changes: Any) -> Request:
    return Request((source,), out, changes.pop("settings", Settings()), workers=2, **changes)


def nothing(done: int, total: int, row: Row) -> None:
    del done, total, row


def contents(folder: Path) -> dict[str, object]:
    """Every file of the studies by its name; what tells time is taken out."""
    return {str(p.relative_to(folder)): timeless(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def timeless(path: Path) -> object:
    """A file's content without times, dates and seconds spent."""
    if path.suffix == ".json":
        value = json.loads(path.read_text())
        value.pop("seconds", None)
        return value
    if path.suffix == ".dcm":
        dataset = pydicom.dcmread(path)
        dataset.walk(lambda parent, element: parent.pop(element.tag) if element.VR in ("DA", "TM", "DT") else None)
        return str(dataset)
    if path.suffix == ".html":
        return re.sub(r"\d+(\.\d+)? s\b", "", path.read_text())
    return path.read_bytes()


def test_a_cluster_gives_what_one_machine_gives(cluster: Cluster, tmp_path: Path) -> None:
    source = write_inputs(tmp_path / "in")
    far = run(asked(source, tmp_path / "far", cluster=cluster.address), nothing)
    near = run(asked(source, tmp_path / "near"), nothing)
    assert exit_code(far) == exit_code(near) == 0
    assert [r["status"] for r in far["studies"]] == ["analysed"] * 3
    assert contents(tmp_path / "far" / "studies") == contents(tmp_path / "near" / "studies")
    assert not list((tmp_path / "far").glob(".calcinosis*"))


def test_a_rerun_on_the_cluster_does_nothing_again(cluster: Cluster, tmp_path: Path) -> None:
    source = write_inputs(tmp_path / "in")
    run(asked(source, tmp_path / "out", cluster=cluster.address), nothing)
    again = run(asked(source, tmp_path / "out", cluster=cluster.address), nothing)
    assert all(row["unchanged"] for row in again["studies"])


def test_a_poison_study_fails_alone_and_the_workers_live(cluster: Cluster, tmp_path: Path) -> None:
    source = write_inputs(tmp_path / "in")
    hasty = Settings(batch=BatchSettings(timeout_s=0.01))
    report = run(asked(source, tmp_path / "out", settings=hasty, cluster=cluster.address), nothing)
    assert [row["status"] for row in report["studies"]] == ["failed"] * 3
    assert all("batch.timeout_s" in row["reason"] for row in report["studies"])
    after = run(asked(source, tmp_path / "out2", cluster=cluster.address), nothing)
    assert exit_code(after) == 0
    assert all(worker.poll() is None for worker in cluster.workers)


def test_a_scheduler_that_is_not_there_is_named(tmp_path: Path) -> None:
    source = write_inputs(tmp_path / "in")
    with pytest.raises(UsageError, match=r"tcp://127\.0\.0\.1:1: no scheduler answers"):
        run(asked(source, tmp_path / "out", cluster="tcp://127.0.0.1:1"), nothing)


def test_a_folder_that_workers_do_not_see_is_named_before_work_begins(cluster: Cluster, tmp_path: Path) -> None:
    from pipeline.batch.cluster import run_on_cluster

    (tmp_path / "out").mkdir()
    outcomes = run_on_cluster((), cluster.address, (tmp_path / "out", Path("/nowhere/archive")))
    with pytest.raises(OutputError, match=r"/nowhere/archive: not seen by the Dask worker"):
        next(outcomes)


def test_a_killed_worker_costs_a_retry_and_no_study(tmp_path: Path) -> None:
    own = Cluster(_folder(tmp_path / "cluster"))
    source = tmp_path / "in"
    for n in range(6):
        write_ct(source / str(n), f"1.2.840.99999.8{n}")
    killed: list[int] = []

    def kill_once(done: int, total: int, row: Row) -> None:
        if not killed:
            killed.append(kill_worker(own.workers[0].pid))

    try:
        report = run(asked(source, tmp_path / "out", cluster=own.address), kill_once)
        assert killed
        assert [row["status"] for row in report["studies"]] == ["analysed"] * 6
    finally:
        own.close()


def kill_worker(nanny: int) -> int:
    """Kill the worker process below a nanny, which starts a new one; its studies die with it."""
    workers = psutil.Process(nanny).children()
    victim = max(workers, key=lambda p: len(p.children(recursive=True)) if p.is_running() else 0)
    os.kill(victim.pid, signal.SIGKILL)
    return victim.pid


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_an_interrupt_ends_the_studies_on_the_workers(cluster: Cluster, tmp_path: Path) -> None:
    source = tmp_path / "in"
    for n in range(6):
        write_ct(source / str(n), f"1.2.840.99999.9{n}")

    def interrupt(done: int, total: int, row: Row) -> None:
        raise KeyboardInterrupt

    report = run(asked(source, tmp_path / "out", cluster=cluster.address), interrupt)
    assert exit_code(report) == 130
    assert len(report["studies"]) == 1
    assert report["not_started"] == 5
    until(lambda: not _studies_below(cluster))


def _studies_below(cluster: Cluster) -> list[psutil.Process]:
    """Processes that analyse: children of the fork servers below the workers, each the head of its session."""
    below = [p for worker in cluster.workers for p in psutil.Process(worker.pid).children(recursive=True)]
    return [p for p in below if p.is_running() and "pipeline.batch.far" in " ".join(_command(p))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []

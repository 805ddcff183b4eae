"""What a study's process cannot do, and what it costs when a decoder takes it down."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest
from hostile_files import film, study_uid, write
from made_dicom import compressed
from pydicom import uid

from pipeline.batch.child import Child
from pipeline.batch.job import Job
from pipeline.batch.local import run_local
from pipeline.dicom import digests
from pipeline.dicom.confine import confine, limit_address_space
from pipeline.dicom.digests import pixel_digests
from pipeline.dicom.discovery import discover
from pipeline.knowledge.settings import BatchSettings, DicomSettings, Settings

FORK = multiprocessing.get_context("fork")
RLE_NOTHING = b"\1\0\0\0" + b"\0" * 60


def connects() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def resolves() -> None:
    socket.create_connection(("localhost", 9))


def opens_a_local_socket() -> None:
    socket.socket(socket.AF_UNIX)


def starts_a_program() -> None:
    subprocess.run(["/bin/true"], check=True)


def in_a_process(act: Callable[[], None], *, confined: bool) -> str:
    """The error that `act` raised in a process of its own, "" without; "unconfined" where that cannot be had."""
    here, there = FORK.Pipe(duplex=False)

    def inside(answers: Connection) -> None:
        if confined and not confine():
            answers.send("unconfined")
            return
        try:
            act()
        except Exception as error:
            answers.send(type(error).__name__)
        else:
            answers.send("")

    process = FORK.Process(target=inside, args=(there,))
    process.start()
    told = here.recv()
    process.join()
    return str(told)


@pytest.mark.parametrize("act", [connects, resolves, opens_a_local_socket, starts_a_program])
def test_a_confined_process_reaches_no_network_and_starts_nothing(act: Callable[[], None]) -> None:
    told = in_a_process(act, confined=True)
    if told == "unconfined":
        pytest.skip("this platform has no filter of system calls")
    assert told == "PermissionError"


def test_without_confinement_the_same_acts_pass() -> None:
    assert in_a_process(connects, confined=False) == ""
    assert in_a_process(starts_a_program, confined=False) == ""


def test_a_confined_process_computes_writes_and_makes_threads(tmp_path: Path) -> None:
    def works() -> None:
        import threading

        import numpy as np

        thread = threading.Thread(target=lambda: (tmp_path / "a").write_bytes(np.ones(9).tobytes()))
        thread.start()
        thread.join()
        assert (tmp_path / "a").stat().st_size == 72

    assert in_a_process(works, confined=True) in ("", "unconfined")


def test_an_allocation_beyond_the_limit_fails_cleanly() -> None:
    def greedy() -> None:
        limit_address_space(2**32)
        bytearray(2**33)

    assert in_a_process(greedy, confined=False) == "MemoryError"


def test_every_study_runs_confined(tmp_path: Path) -> None:
    """The kernel says so of the process (Seccomp: 2 in /proc)."""
    job = _jobs(tmp_path)[0]
    child = Child(job, multiprocessing.get_context("forkserver"))
    try:
        state = ""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and "Seccomp:\t2" not in state and child.outcome() is None:
            state = Path(f"/proc/{child.process.pid}/status").read_text()
            time.sleep(0.005)
    finally:
        child.close()
    if not Path("/proc/sys/kernel/seccomp").is_dir():
        pytest.skip("this kernel has no filter of system calls")
    assert "Seccomp:\t2" in state


def test_a_decoder_that_segfaults_costs_its_study_alone(tmp_path: Path) -> None:
    """The codec is one that writes to address 0, put in by a module that the fork server loads."""
    (tmp_path / "crashing").mkdir()
    (tmp_path / "crashing" / "sitecustomize.py").write_text(CRASHING_CODEC)
    crash, good = study_uid("crash"), study_uid("good")
    write(tmp_path / "in" / "crash", compressed(film(crash), uid.JPEGLSLossless, JPEG_LS))
    write(tmp_path / "in" / "good", film(good))
    command = [sys.executable, "-m", "pipeline", "run", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--json"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path / 'crashing'}{os.pathsep}{Path(__file__).parents[2]}"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    rows = {row["study_instance_uid"]: row for row in json.loads(ended.stdout)["studies"]}
    assert ended.returncode == 1
    assert rows[good]["status"] == "analysed"
    assert rows[crash]["status"] == "failed"
    assert "signal 11" in rows[crash]["reason"]
    assert "Traceback" not in ended.stderr


JPEG_LS = bytes.fromhex("ffd8fff7000b0c0060004801011100") + b"\xff\xda\0\x08\1\1\0\0\0\0" + bytes(400) + b"\xff\xd9"
CRASHING_CODEC = """
import ctypes, imagecodecs
def crash(*arguments, **options):
    ctypes.memset(0, 1, 1)
imagecodecs.jpegls_decode = crash
"""


def test_pixels_are_decoded_in_no_process_but_a_confined_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Discovery compares copies by their pixels: it must not decode them itself."""
    study = study_uid("copies")
    packed = film(study)
    packed.compress(uid.RLELossless, generate_instance_uid=False)
    write(tmp_path / "in", film(study), packed)

    def forbidden(*arguments: object) -> None:
        raise AssertionError("decoded here")

    monkeypatch.setattr(digests, "stored_values", forbidden)
    found = discover((tmp_path / "in",), DicomSettings(), tmp_path / "scratch")
    assert [len(series.files) for one in found.studies for series in one.series] == [1]


def test_files_without_pixels_have_no_digest(tmp_path: Path) -> None:
    write(tmp_path, film("1.2.3"), film("1.2.3"), b"nothing", compressed(film("1.2.3"), uid.RLELossless, RLE_NOTHING))
    first, second, third, fourth = pixel_digests(sorted(tmp_path.iterdir()), DicomSettings())
    assert first == second
    assert first is not None
    assert (third, fourth) == (None, None)


def test_a_study_past_its_time_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    jobs = _jobs(tmp_path, BatchSettings(timeout_s=0.05))
    outcomes = list(run_local(jobs, 1))
    assert [o.kind for o in outcomes] == ["failed"]
    assert "batch.timeout_s" in outcomes[0].reason
    time.sleep(0.2)
    leaders = [p for p in psutil.Process().children(recursive=True) if _leads(p)]
    assert leaders == []


def _leads(process: psutil.Process) -> bool:
    try:
        return os.getsid(process.pid) == process.pid
    except ProcessLookupError:
        return False


def _jobs(folder: Path, batch: BatchSettings | None = None) -> list[Job]:
    write(folder / "in", film(study_uid("one")))
    settings = Settings(batch=batch or BatchSettings())
    found = discover((folder / "in",), settings.dicom, folder / "scratch")
    return [Job(s, folder / "out" / s.study_instance_uid, settings, "seed", "made of this") for s in found.studies]

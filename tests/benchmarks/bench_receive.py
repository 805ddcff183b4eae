"""How fast the worker takes images in, beside dcmtk's storescp, and whether a long queue drains at a constant size.

Usage: python tests/benchmarks/bench_receive.py [--slices 300] [--rounds 3] [--studies 1000] [--minutes 120]

Receiving: dcmtk's storescu sends the same CT slices (512 x 512, 16 bit) in turn to storescp and to the worker's node,
each a process of its own, with TCP_NODELAY=1 on both sides, without and with durability (file, folder and row synced
before the answer). Shares are taken within a round, where the machine is the same for all; processor seconds are the
receiver's own. Goals: a third of storescp's speed without durability, a tenth with it.
Queue: so many radiographs of 96 x 80 pixels, each a study of its own, are sent to `calcinosis serve`, which analyses
them, writes their reports and sends the objects to a PACS in this process; the status page is asked every second.
Goals: memory that does not grow, a status page under 200 ms.
Needs dcmtk in /usr/bin or /usr/local/bin (pynetdicom has commands of the same names).
"""

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, CTImageStorage, ExplicitVRLittleEndian, generate_uid

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "worker")]

from worker_peers import Archive, free_port, sent  # noqa: E402
from worker_process import Worker  # noqa: E402

from pipeline.knowledge.settings import WorkerSettings  # noqa: E402

NODELAY = os.environ | {"TCP_NODELAY": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
NODE = """
import sys, threading
from pathlib import Path
from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.intake import Intake, Tally
from pipeline.worker.receive import start_node
from pipeline.worker.spool import Spool
from pipeline.worker.store import Store
port, folder, durable = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "durable"
store = Store(folder, durable=durable)
settings = WorkerSettings(folder=str(folder), port=port, min_free_bytes=0)
start_node(Intake(settings, store, Spool(store.database, durable=durable), Tally()))
threading.Event().wait()
"""
DCMTK = {name: shutil.which(name, path="/usr/bin:/usr/local/bin") or "" for name in ("storescp", "storescu", "echoscu")}
START_S = 60
GOALS = {"storescp": 1.0, "worker": 1 / 3, "worker, durable": 1 / 10}
PAGE_GOAL_MS = 200.0
GROWTH_GOAL_MB = 20.0


def main() -> int:
    """Run the benchmark and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=120, help="longest time that the queue is watched")
    options = parser.parse_args()
    if "" in DCMTK.values():
        print("dcmtk (storescu, storescp) is not installed")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        if options.slices:
            receiving(Path(folder), options.slices, options.rounds)
        if options.studies:
            draining(Path(folder), options.studies, options.minutes)
    return 0


def receiving(folder: Path, slices: int, rounds: int) -> None:
    """Send the slices to each receiver in turn and print how long each took."""
    study, names = folder / "ct", tuple(GOALS)
    study.mkdir()
    uid = generate_uid(prefix=None)
    for index in range(slices):
        write(study / f"{index}.dcm", CTImageStorage, (512, 512), uid)
    size_mb = sum(path.stat().st_size for path in study.iterdir()) / 1e6
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names:
            taken[name].append(_received(name, study, folder / f"{name}-{turn}", slices))
    print(f"{slices} slices, {size_mb:.0f} MB, {rounds} rounds, load {os.getloadavg()[0]:.1f}")
    print(f"{'receiver':16} {'best s':>7} {'MB/s':>6} {'CPU s':>6} {'share':>6} {'median':>6} {'goal':>5}   each round")
    for name in names:
        best, processor = (min(row[i] for row in taken[name]) for i in (0, 1))
        shares = [first[0] / own[0] for first, own in zip(taken["storescp"], taken[name], strict=True)]
        figures = (
            f"{best:7.2f} {size_mb / best:6.0f} {processor:6.2f} {max(shares):6.2f} {statistics.median(shares):6.2f}"
        )
        print(f"{name:16} {figures} {GOALS[name]:5.2f}   {' '.join(f'{share:.2f}' for share in shares)}")


def _received(name: str, study: Path, folder: Path, expected: int) -> tuple[float, float]:
    """Seconds that storescu needs to send a study to a receiver that starts empty, and processor seconds of that."""
    folder.mkdir()
    port = free_port()
    command = [sys.executable, "-c", NODE, str(port), str(folder), "durable" if "durable" in name else "fast"]
    if name == "storescp":
        command = [DCMTK["storescp"], "+B", "-od", str(folder), str(port)]
    with _running(command) as receiver:
        _wait_for(port)
        before = receiver.cpu_times()
        begun = time.perf_counter()
        subprocess.run(
            [DCMTK["storescu"], "-R", "-aec", "CALCINOSIS", "+sd", "127.0.0.1", str(port), str(study)],
            check=True,
            env=NODELAY,
        )
        seconds, after = time.perf_counter() - begun, receiver.cpu_times()
    kept = sum(path.is_file() and "spool" not in path.name for path in folder.rglob("*"))
    assert kept == expected, f"{name} kept {kept} of {expected}"
    shutil.rmtree(folder)
    return seconds, after.user + after.system - before.user - before.system


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[psutil.Process]:
    process = subprocess.Popen(command, env=NODELAY)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int) -> None:
    """Until something answers C-ECHO at a port."""
    command = [DCMTK["echoscu"], "-aec", "CALCINOSIS", "127.0.0.1", str(port)]
    end = time.monotonic() + START_S
    while subprocess.run(command, capture_output=True, check=False, env=NODELAY).returncode:
        assert time.monotonic() < end, "the receiver did not start"
        time.sleep(0.1)


def draining(folder: Path, studies: int, minutes: float) -> None:
    """Send studies, let the worker analyse and deliver them, and print how it fared."""
    (folder / "cr").mkdir()
    paths = tuple(folder / "cr" / f"{index}.dcm" for index in range(studies))
    for path in paths:
        write(path, ComputedRadiographyImageStorage, (96, 80), generate_uid(prefix=None))
    archive = Archive()
    archive.start()
    settings = WorkerSettings(
        folder=str(folder / "spool"), port=free_port(), status_port=free_port(), min_free_bytes=0, quiet_s=1, workers=2,
        stall_s=120, peer_host="127.0.0.1", peer_port=archive.port,
    )  # fmt: skip
    worker = Worker(settings, folder)
    try:
        begun = time.perf_counter()
        assert sent(paths, settings) == [0] * studies
        print(f"{studies} studies received in {time.perf_counter() - begun:.1f} s")
        samples, drained = _watched(worker, studies, minutes)
    finally:
        worker.kill()
        archive.stop()
    seconds = time.perf_counter() - begun
    print(f"{drained} of {studies} drained in {seconds:.0f} s, objects at the PACS: {len(archive.kept)}")
    tenth = max(1, len(samples) // 10)
    for name, column in (("worker", 0), ("worker and the processes of its studies", 1)):
        sizes = [sample[column] for sample in samples]
        first, last = statistics.median(sizes[tenth : 2 * tenth]), statistics.median(sizes[-tenth:])
        print(
            f"memory of {name}: {first:.0f} MB in the second tenth, {last:.0f} MB in the last, {max(sizes):.0f} at most"
        )
        print(f"  grown by {last - first:.1f} MB (goal: at most {GROWTH_GOAL_MB:.0f})")
    pages = sorted(sample[2] for sample in samples)
    middle, p99 = statistics.median(pages), pages[int(0.99 * (len(pages) - 1))]
    figures = f"median {middle:.0f}, 99 % {p99:.0f}, most {pages[-1]:.0f} (goal: at most {PAGE_GOAL_MS:.0f})"
    print(f"status page, {len(pages)} times, ms: {figures}")


def _watched(worker: Worker, studies: int, minutes: float) -> tuple[list[tuple[float, float, float]], int]:
    """Each second: memory of the worker and of its tree (MB), milliseconds of its page; and how many were delivered."""
    process, samples = psutil.Process(worker.process.pid), []
    end = time.monotonic() + 60 * minutes
    while worker.studies("delivered") + worker.studies("failed") < studies and time.monotonic() < end:
        begun = time.perf_counter()
        status, _ = worker.get("/")
        took = 1000 * (time.perf_counter() - begun)
        assert status == 200
        own = process.memory_info().rss / 1e6
        samples.append((own, own + sum(map(_resident_mb, process.children(recursive=True))), took))
        threading.Event().wait(1)
    assert worker.studies("failed") == 0, worker.get("/")[1]
    return samples, worker.studies("delivered")


def _resident_mb(process: psutil.Process) -> float:
    """Memory of a process that may have ended."""
    try:
        return float(process.memory_info().rss / 1e6)
    except psutil.NoSuchProcess:
        return 0.0


def write(path: Path, sop_class: str, shape: tuple[int, int], study: str) -> None:
    """An image of noise on a bright field, as one study's file."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = sop_class
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.StudyInstanceUID, header.SeriesInstanceUID = study, f"{study}.1"
    header.Modality = "CT" if sop_class == CTImageStorage else "CR"
    header.Manufacturer, header.PatientID, header.PatientName = "Benchmark", "1", "Nobody"
    header.Rows, header.Columns, header.SamplesPerPixel = *shape, 1
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation, header.PhotometricInterpretation = 15, 0, "MONOCHROME2"
    header.PixelSpacing, header.BodyPartExamined = [0.5, 0.5], "KNEE"
    noise = np.random.default_rng(len(path.name)).normal(2000, 40, shape)
    header.PixelData = noise.astype("<u2").tobytes()
    pydicom.dcmwrite(path, header, enforce_file_format=True)


if __name__ == "__main__":
    sys.exit(main())

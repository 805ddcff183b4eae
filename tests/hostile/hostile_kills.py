"""Kills a run or a worker at random instants, again and again, and looks at what stands under final names."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pydicom
from hostile_files import film, slices, study_uid, write
from worker_peers import Archive, free_port, sent
from worker_process import Worker

from pipeline.knowledge.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
LONGEST_S = 3.0
"""A worker is killed within this time after it was given a study."""
SHARE = 1.1
"""A run is killed within this share of the time that it takes: before discovery, within a study, at the tables."""
STUDIES = 2
PROCESS_SERVER = "pymp-"
"""Folders of Python's own process server: a socket and nothing of a study; they stay when it is killed."""


@dataclass(frozen=True, slots=True)
class Survived:
    """How often it was killed, and every fault that was seen (none, if all is well)."""

    kills: int
    faults: tuple[str, ...]


def batch_kills(room: Path, kills: int, seed: int = 1) -> Survived:
    """Kill `calcinosis run` at random delays, then let it end and compare with one never killed."""
    source, out = room / "in", room / "out"
    for number in range(STUDIES):
        write(source / str(number), film(study_uid(f"killed {number}")))
    write(source / "ct", *slices(study_uid("killed ct")))
    temporary = Path(tempfile.mkdtemp())  # short: the socket of the process server has to fit into 107 bytes
    began = time.monotonic()
    assert _started(source, room / "never", temporary).wait() == 0
    longest = SHARE * (time.monotonic() - began)
    chance, faults, done = random.Random(seed), [], 0
    while done < kills:
        process = _started(source, out, temporary)
        try:
            process.wait(chance.uniform(0.03, 1) * longest)
            shutil.rmtree(out)  # it ended before the kill: from the start
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done += 1
            faults += half_written(out)
    assert _started(source, out, temporary).wait() == 0
    faults += half_written(out)
    left = (path for path in (*temporary.iterdir(), *out.rglob(".*")) if not path.name.startswith(PROCESS_SERVER))
    faults += [f"left: {path}" for path in left]
    if _answers(out) != _answers(room / "never"):
        faults.append("another result than without kills")
    shutil.rmtree(temporary)
    return Survived(done, tuple(faults))


def worker_kills(room: Path, kills: int, seed: int = 1) -> Survived:
    """Kill `calcinosis serve` `kills` times while it receives, analyses and delivers; every study must arrive once."""
    archive = Archive()
    archive.start()
    settings = WorkerSettings(
        folder=str(room / "spool"), port=free_port(), status_port=free_port(), min_free_bytes=0, quiet_s=0
    )
    settings = replace(settings, peer_host="127.0.0.1", peer_port=archive.port, stall_s=60)
    room.mkdir(parents=True, exist_ok=True)
    worker = Worker(settings, room)
    chance, faults, wanted = random.Random(seed), [], set()
    try:
        for number in range(kills):
            study = study_uid(f"worker {number}")
            write(room / "in" / str(number), film(study))
            (path,) = (room / "in" / str(number)).iterdir()
            if sent((path,), settings) == [0]:
                wanted.add(study)
            time.sleep(chance.uniform(0, LONGEST_S))
            worker.kill()
            faults += _half_received(Path(settings.folder))
            worker.start()
        worker.wait(lambda: worker.studies("delivered") >= len(wanted))
        kept = {study for study in wanted if (Path(settings.folder) / "incoming" / study).is_dir()}
        faults += [f"lost: {study}" for study in wanted - kept]
        made = worker.objects()
        faults += [f"not delivered: {uid}" for uid in made if archive.kept.get(uid) != made[uid]]
        faults += [f"delivered and not made: {uid}" for uid in set(archive.kept) - set(made)]
    finally:
        worker.end()
        archive.stop()
    return Survived(kills, tuple(faults))


def _started(source: Path, out: Path, temporary: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pipeline", "run", str(source), "-o", str(out), "--workers", "2"]
    environment = os.environ | {"TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment, start_new_session=True
    )


def half_written(out: Path) -> list[str]:
    """What stands under a final name and is not whole."""
    faults = []
    for name in ("run.json", "index.html", "summary.csv"):
        if (out / name).is_file() and not (out / name).read_bytes().endswith(b"\n" if name != "index.html" else b">"):
            faults.append(f"half: {name}")
    for folder in (out / "studies").glob("[0-9]*"):
        try:
            json.loads((folder / "results.json").read_text())
            whole = (folder / "report.html").read_text().rstrip().endswith("</html>")
        except (OSError, ValueError):
            whole = False
        if not whole:
            faults.append(f"half: {folder.name}")
    return faults


def _half_received(spool: Path) -> list[str]:
    faults = []
    for path in (spool / "incoming").rglob("*.dcm"):
        try:
            pydicom.dcmread(path).pixel_array  # noqa: B018  read to its last byte
        except Exception as error:
            faults.append(f"half: {path.name} ({type(error).__name__})")
    return faults


def _answers(out: Path) -> dict[str, object]:
    """Results of every study without what differs from run to run."""
    found = {}
    for path in sorted((out / "studies").glob("*/results.json")):
        results = json.loads(path.read_text())
        del results["seconds"]
        found[path.parent.name] = results
    return found

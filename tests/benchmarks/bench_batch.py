"""How a folder of many studies scales: finding them, running them with more workers, going on after a kill.

Usage:
  python tests/benchmarks/bench_batch.py [--counts 100 1000 10000] [--run 200]

Finding: folders of studies, one header without pixels each, are searched and every study's digest
is made, in a process of its own: seconds, files a second, peak memory. Linear when files a second stay the same.
Workers: so many small radiographs are analysed by one worker and by two; efficiency is one's time over twice two's.
Going on: a run over them is killed with all its processes at half time and called again; studies lost and done twice.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pydicom
from dicom_files import header, write_radiograph

ROOT = Path(__file__).resolve().parents[2]
FIND = """
import resource, sys, time
from pathlib import Path
from pipeline.batch.rerun import fingerprint
from pipeline.dicom.discovery import discover
from pipeline.knowledge.settings import Settings
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
found = discover((Path(sys.argv[1]),), Settings().dicom, Path(sys.argv[2]))
for study in found.studies:
    fingerprint(study, ("1",), None, Path(sys.argv[2]))
seconds = time.perf_counter() - start
print(len(found.studies), seconds, before / 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--run", type=int, default=200, help="small radiographs to analyse")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="calcinosis-bench-") as scratch:
        for line in finding(Path(scratch), options.counts):
            print(line, flush=True)
        source = radiographs(Path(scratch) / "radiographs", options.run)
        print(efficiency(source, Path(scratch), options.run), flush=True)
        print(going_on(source, Path(scratch), options.run), flush=True)
    return 0


def finding(scratch: Path, counts: list[int]) -> list[str]:
    """A row for each number of studies."""
    lines = ["| studies | seconds | files a second | memory MB, before and at most |", "|---|---|---|---|"]
    for count in counts:
        folder = scratch / f"headers{count}"
        for n in range(count):
            path = folder / f"{n // 100:03d}" / f"{n:05d}.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            pydicom.dcmwrite(path, header("DX", f"1.2.840.99999.7.{n + 1}"), enforce_file_format=True)
        command = [sys.executable, "-c", FIND, str(folder), str(scratch)]
        told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
        seconds, before, most = map(float, told[1:])
        lines.append(f"| {told[0]} | {seconds:.1f} | {int(told[0]) / seconds:.0f} | {before:.0f}, {most:.0f} |")
        shutil.rmtree(folder)
    return lines


def radiographs(folder: Path, count: int) -> Path:
    """Small radiographs, a study each."""
    for n in range(count):
        write_radiograph(folder / f"{n:04d}", f"1.2.840.99999.8.{n + 1}")
    return folder


def efficiency(source: Path, scratch: Path, count: int) -> str:
    """One worker's time over twice the time of two."""
    seconds = []
    for workers in (1, 2):
        out = scratch / f"out{workers}"
        start = time.perf_counter()
        subprocess.run(command(source, out, workers), cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
        shutil.rmtree(out)
    share = seconds[0] / (2 * seconds[1])
    return f"{count} studies: 1 worker {seconds[0]:.1f} s, 2 workers {seconds[1]:.1f} s, efficiency {share:.2f}"


def going_on(source: Path, scratch: Path, count: int) -> str:
    """Kill a run at half time with everything below it, call it again."""
    out = scratch / "killed"
    first = subprocess.Popen(command(source, out, 2), cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    while len(whole(out)) < count // 2:
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    time.sleep(1)
    done = whole(out)
    subprocess.run(command(source, out, 2), cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    rows = json.loads((out / "run.json").read_text())["studies"]
    kept = sum(row["unchanged"] for row in rows)
    lost = count - sum(row["status"] == "analysed" for row in rows)
    return f"killed after {len(done)} of {count}: {kept} kept, {count - kept} done by the second call, {lost} lost"


def whole(out: Path) -> list[Path]:
    """Studies whose results are complete."""
    return list(out.glob("studies/[0-9]*/fingerprint"))


def command(source: Path, out: Path, workers: int) -> list[str]:
    """A call of the program."""
    return [sys.executable, "-m", "pipeline", "run", str(source), "-o", str(out), "--workers", str(workers)]


if __name__ == "__main__":
    sys.exit(main())

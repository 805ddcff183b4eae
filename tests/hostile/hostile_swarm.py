"""Thousands of small files through discovery and reading, in one process that is watched: what became of each.

Usage: python tests/hostile/hostile_swarm.py FOLDER    (one JSON line a file; started by `swarm`)
"""

import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE_S = 60.0
"""A file that takes longer hangs."""
ADDRESS_SPACE = 6 * 2**30


@dataclass(frozen=True, slots=True)
class Read:
    """One file: "analysed" (an image was read), "refused", "crashed" or "hung"; reason, seconds, peak bytes so far."""

    name: str
    outcome: str
    words: str
    seconds: float
    peak_bytes: int = 0


def swarm(folder: Path, processes: int = 1) -> list[Read]:
    """What becomes of each file of `folder`, read by so many processes side by side."""
    names = sorted(path.name for path in folder.iterdir())
    parts = [names[number::processes] for number in range(processes)]
    with ThreadPoolExecutor(processes) as pool:
        return [read for found in pool.map(lambda part: _read(folder, part), parts) for read in found]


def _read(folder: Path, waiting: list[str]) -> list[Read]:
    """What becomes of each file; where the process dies or hangs, another goes on behind the file that it met."""
    found: list[Read] = []
    while waiting:
        lines, ended = _asked(folder, waiting)
        found += [Read(**json.loads(line)) for line in lines]
        waiting = waiting[len(lines) :]
        if waiting:
            found.append(Read(waiting[0], ended, "the process was ended", FILE_S if ended == "hung" else 0.0))
            waiting = waiting[1:]
    return found


def _asked(folder: Path, names: list[str]) -> tuple[list[str], str]:
    command = [sys.executable, __file__, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    lines: list[str] = []
    beat = [time.monotonic()]
    hung: list[bool] = []

    def watch() -> None:
        while process.poll() is None:
            if time.monotonic() - beat[0] > FILE_S:
                hung.append(True)
                process.kill()
            time.sleep(0.2)

    threading.Thread(target=watch, daemon=True).start()
    threading.Thread(target=_tell, args=(process.stdin, names), daemon=True).start()
    for line in process.stdout:
        lines.append(line)
        beat[0] = time.monotonic()
    process.wait()
    return lines, "hung" if hung else "crashed"


def _tell(stream: "subprocess.IO[str]", names: Iterable[str]) -> None:  # type: ignore[name-defined]
    try:
        stream.write("\n".join(names) + "\n")
        stream.close()
    except BrokenPipeError:
        return


def main(folder: Path) -> int:
    """Read the files named on stdin as a study's process does."""
    import pipeline.study  # noqa: F401  once, before the clock runs
    from pipeline.batch.quiet import silence_libraries
    from pipeline.dicom.confine import confine, limit_address_space

    silence_libraries()
    limit_address_space(ADDRESS_SPACE)
    confine()
    with tempfile.TemporaryDirectory() as scratch:
        for name in sys.stdin.read().splitlines():
            start = time.perf_counter()
            outcome, words = _one(folder / name, Path(scratch))
            seconds = round(time.perf_counter() - start, 4)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            row = {"name": name, "outcome": outcome, "words": words, "seconds": seconds, "peak_bytes": peak}
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
    return 0


def _one(path: Path, scratch: Path) -> tuple[str, str]:
    from pipeline.dicom.discovery import discover
    from pipeline.dicom.patient import read_patient
    from pipeline.knowledge.settings import Settings
    from pipeline.model.context import ClinicalContext
    from pipeline.study import read

    settings = Settings()
    try:
        found = discover((path,), settings.dicom, scratch)
        reasons = [s.reason for s in found.skipped]
        for study in found.studies:
            images, skipped = read(study, ClinicalContext(), settings)
            read_patient(study, settings.dicom)
            reasons += [s.reason for s in (*study.skipped, *skipped)]
            if images:
                return "analysed", ""
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return "crashed", f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}: {error}"
    return ("refused", reasons[0]) if reasons and all(r and "\n" not in r for r in reasons) else ("crashed", "no word")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(Path(sys.argv[1])))

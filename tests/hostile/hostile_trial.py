"""Run the real program over many hostile inputs at once, watch it from outside, and say what became of each."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from hostile_cases import Case
from hostile_files import CANARIES, NEVER_COPIED

ROOT = Path(__file__).parents[2]
POLL_S = 0.05
HUNG_S = 1_500
"""A run that takes longer hangs."""
SETTINGS = "batch:\n  timeout_s: 300\n  memory_gb: 2\n"
PERMITTED = (".html", ".dcm", ".png")
"""Reports and DICOM objects may hold what identifies the patient, as the settings say; pictures hold pixels."""


@dataclass(slots=True)
class Watch:
    """What was seen of the program from outside. Seconds and bytes of the largest study and of the parent."""

    seconds: float = 0.0
    study_seconds: float = 0.0
    study_bytes: int = 0
    parent_bytes: int = 0
    begun: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run: its exit code (None: hung), what it said, its run.json and the watch."""

    code: int | None
    said: str
    report: dict[str, Any]
    out: Path
    watch: Watch
    left_behind: tuple[str, ...]

    def rows(self) -> dict[str, dict[str, Any]]:
        """Rows of studies by UID."""
        return {row["study_instance_uid"]: row for row in self.report.get("studies", ())}

    def results(self, row: dict[str, Any]) -> dict[str, Any]:
        """results.json of a study."""
        found: dict[str, Any] = json.loads((self.out / "studies" / row["folder"] / "results.json").read_text())
        return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a case; `outcome` is also "crashed" (an internal error, or no word at all)."""

    case: Case
    outcome: str
    words: str

    @property
    def is_right(self) -> bool:
        """Whether it is what the catalogue states."""
        return self.outcome in self.case.expected and re.search(self.case.says, self.words) is not None


def made(cases: Sequence[Case], folder: Path) -> Path:
    """Write the inputs of all cases, each in its own folder; returns the folder of all."""
    for one in cases:
        (folder / one.folder).mkdir(parents=True)
        one.make(folder / one.folder, one.study)
    return folder


def run(source: Path, out: Path, *arguments: str, workers: int = 2) -> Ran:
    """`calcinosis run` on `source` in a process of its own, with a private folder for temporary files."""
    home = out.parent / f"{out.name}-private"
    home.mkdir(parents=True)
    (home / "settings.yaml").write_text(SETTINGS)
    command = [sys.executable, "-m", "pipeline", "run", str(source), "-o", str(out), "--workers", str(workers)]
    command += ["--settings", str(home / "settings.yaml"), *arguments]
    watch = Watch()
    # short: sockets lie in it, whose names have at most 107 bytes
    with tempfile.TemporaryDirectory(prefix="h-") as temporary, (home / "said").open("wb") as said:
        environment = os.environ | {"TMPDIR": temporary, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=ROOT, env=environment)
        code = _watched(process, watch)
        left = tuple(str(path.relative_to(temporary)) for path in Path(temporary).rglob("*"))
    report = json.loads((out / "run.json").read_text()) if (out / "run.json").is_file() else {}
    return Ran(code, (home / "said").read_text(errors="replace"), report, out, watch, left)


def _watched(process: "subprocess.Popen[bytes]", watch: Watch) -> int | None:
    """The exit code, None where the run had to be ended."""
    start = time.monotonic()
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        watch.seconds = time.monotonic() - start
        with contextlib.suppress(psutil.Error):
            watch.parent_bytes = max(watch.parent_bytes, parent.memory_info().rss)
            for child in parent.children(recursive=True):
                _note(child, watch)
        if watch.seconds > HUNG_S:
            for child in parent.children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
            return None
        time.sleep(POLL_S)
    return process.returncode


def _note(child: psutil.Process, watch: Watch) -> None:
    with contextlib.suppress(psutil.Error, ProcessLookupError):
        if os.getsid(child.pid) == child.pid:  # a study; the fork server and its tracker lead no session
            begun = watch.begun.setdefault(child.pid, time.monotonic())
            watch.study_seconds = max(watch.study_seconds, time.monotonic() - begun)
            watch.study_bytes = max(watch.study_bytes, child.memory_info().rss)


def verdicts(cases: Sequence[Case], ran: Ran) -> list[Verdict]:
    """What became of every case of a run."""
    by_uid = ran.rows()
    listed = [*ran.report.get("skipped", ())]
    found: dict[str, list[tuple[str, str]]] = {one.folder: [] for one in cases}
    for row in by_uid.values():
        results = ran.results(row)
        notes = " | ".join(note for image in results["images"] for note in (*image["notes"], image["spacing_source"]))
        skipped = " | ".join(s["reason"] for s in results["skipped"])
        folder = _folder(row, results, cases)
        if folder is not None:
            found[folder].append((row["status"], f"{row['reason'] or ''} | {notes} | {skipped}"))
    for entry in listed:
        folder = entry["path"].split("/")[0]
        if folder in found:
            found[folder].append(("listed", entry["reason"]))
    return [_verdict(one, found[one.folder]) for one in cases]


def _folder(row: dict[str, Any], results: dict[str, Any], cases: Sequence[Case]) -> str | None:
    """The case that a study belongs to: by its UID, else by the files that its results list."""
    own = next((one.folder for one in cases if one.study == row["study_instance_uid"]), None)
    names = {s["path"].split("/")[0] for s in results["skipped"]}
    return own or next((one.folder for one in cases if one.folder in names), None)


def _verdict(one: Case, found: list[tuple[str, str]]) -> Verdict:
    states = {state for state, _ in found}
    words = " | ".join(said for _, said in found)
    if (
        not found
        or "\n" in words
        or "internal error" in words
        or "ended by signal" in words
        or "without an answer" in words
    ):
        return Verdict(one, "crashed", words)
    if "batch.timeout_s" in words:
        return Verdict(one, "hung", words)
    best = ("analysed", "failed", "nothing_to_analyse", "listed")
    return Verdict(one, next(state for state in best if state in states), words)


def leaks(ran: Ran, source: Path, before: dict[str, str]) -> list[str]:
    """Where a canary or a half-written file lies, and what the run changed that is not its own."""
    found = [f"said: {line}" for line in ran.said.splitlines() if any(c in line.lower() for c in CANARIES)]
    found += [f"said with control characters: {line!r}" for line in ran.said.splitlines() if not line.isprintable()]
    for path in ran.out.rglob("*"):
        if any(c in path.name.lower() for c in CANARIES) or path.name.startswith("."):
            found.append(f"name: {path.name}")
        content = path.read_bytes() if path.is_file() else b""
        found += [f"{path.name} holds what stood in a preamble or private element"] * (NEVER_COPIED in content)
        if path.suffix not in PERMITTED:
            content = content.lower()
            found += [f"{path.name} holds {c}" for c in CANARIES if c.encode() in content]
    found += [f"temporary file left: {name}" for name in ran.left_behind]
    found += [f"input changed: {name}" for name, state in seen(source).items() if before.get(name) != state]
    return found


def seen(folder: Path) -> dict[str, str]:
    """Names below a folder, with size and time of last change: what must be the same afterwards."""
    found = {}
    for path in sorted(folder.rglob("*"), key=lambda p: os.fsencode(p)):
        status = path.lstat()
        found[repr(path)] = f"{status.st_mode} {status.st_size} {status.st_mtime_ns}"
    return found

"""How much bad input, how many kills and how much fuzzing it survives; writes the table of docs/reliability.md.

Usage: python tests/benchmarks/bench_reliability.py [PART...] [--chances N] [--analysed N] [--kills N] [--fuzz SECONDS]

The whole takes some twenty minutes on two cores that have nothing else to do; fuzzing learns more the longer it runs.
Parts can be run one by one, and smaller; with --keep FOLDER their figures stay there and the page shows all of them.
Real files are read where the reference data lies beside the checkout.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
sys.path[:0] = [str(ROOT), str(TESTS), *(str(TESTS / room) for room in ("dicom", "worker", "hostile", "benchmarks"))]

from hostile_cases import Case  # noqa: E402
from hostile_corpus import WHOLE, sample  # noqa: E402
from hostile_kills import batch_kills, worker_kills  # noqa: E402
from hostile_mutants import Mutant, apart, mutants  # noqa: E402
from hostile_real import real_mutants  # noqa: E402
from hostile_swarm import Read, swarm  # noqa: E402
from hostile_trial import leaks, made, run, seen, verdicts  # noqa: E402
from readme_block import write_block  # noqa: E402

PAGE = ROOT / "docs" / "reliability.md"
SECTIONS = {"A": "file structure", "B": "pixels", "C": "geometry and study", "D": "names, text, archives, contexts"}
OUTCOMES = ("analysed", "refused", "crashed", "hung", "leaked")
MB = 2**20
SIDE_BY_SIDE = 2
"""Processes that read mutants, or fuzz, at a time."""
SHARED = ROOT.parent / "shared"
REAL_SHARE = 5
"""Of each real file so many fewer mutants by chance, and one in so many of those by rule: they are larger, and 10."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: what was tried, how often each outcome, and the worst of it."""

    what: str
    outcomes: Counter[str]
    seconds: float
    megabytes: float
    wrong: tuple[str, ...] = ()

    def figures(self) -> dict[str, Any]:
        """The row, fit for JSON."""
        return {"what": self.what, "cells": self.cells(), "wrong": list(self.wrong)}

    def cells(self) -> list[str]:
        """The row as text."""
        numbers = [f"{self.outcomes[o]:,}" for o in OUTCOMES]
        return [self.what, f"{sum(self.outcomes[o] for o in OUTCOMES[:4]):,}", *numbers, f"{self.seconds:.1f}", f"{self.megabytes:,.0f}"]  # fmt: skip # noqa: E501


def corpus_lines(room: Path, tried: Sequence[Case]) -> list[Line]:
    """The catalogue through the command line, one line a section."""
    lines = []
    for letter, name in SECTIONS.items():
        cases = tuple(one for one in tried if one.item[0] == letter)
        source = made(cases, room / f"in-{letter}")
        before = seen(source)
        ran = run(source, room / f"out-{letter}")
        found = verdicts(cases, ran)
        leaked = leaks(ran, source, before)
        outcomes = Counter(_plain(v.outcome) for v in found)
        outcomes["leaked"] = len(leaked)
        outcomes["hung"] += ran.code is None
        wrong = tuple(f"{v.case.folder}: {v.outcome}: {v.words[:200]}" for v in found if not v.is_right)
        worst = max(ran.watch.study_bytes, ran.watch.parent_bytes) / MB
        lines.append(Line(f"catalogue {letter}, {name}", outcomes, ran.watch.study_seconds, worst, (*wrong, *leaked)))
        shutil.rmtree(source)
    return lines


def mutant_lines(room: Path, chances: int, every: int) -> tuple[list[Line], list[Mutant]]:
    """Mutants through discovery and reading, one line a kind; and those that were read."""
    return _read(room, "mutants", islice(mutants(chances), 0, None, every))


def real_lines(room: Path, chances: int, every: int) -> list[Line]:
    """The same for real files; none where they are absent."""
    if not (SHARED / "real").is_dir():
        return []
    found = real_mutants(SHARED, chances // REAL_SHARE, REAL_SHARE)
    return _read(room, "real files", islice(found, 0, None, every))[0]


def _read(room: Path, what: str, made: Iterable[Mutant]) -> tuple[list[Line], list[Mutant]]:
    folder = room / "mutants"
    folder.mkdir()
    kinds: dict[str, str] = {}
    for number, mutant in enumerate(made):
        kinds[f"{number:07}"] = mutant.kind
        (folder / f"{number:07}").write_bytes(mutant.content)
    reads = swarm(folder, SIDE_BY_SIDE)
    lines = [
        _swarm_line(f"{what}, {kind}", [r for r in reads if kinds[r.name] == kind])
        for kind in sorted(set(kinds.values()))
    ]
    survivors = [Mutant(kinds[r.name], (folder / r.name).read_bytes()) for r in reads if r.outcome == "analysed"]
    shutil.rmtree(folder)
    return lines, survivors


def analysed_line(room: Path, survivors: Sequence[Mutant], count: int) -> Line:
    """Mutants that can be read, spread over all, through the whole of the program."""
    chosen = survivors[:: max(1, len(survivors) // count)][:count]
    for number, mutant in enumerate(chosen):
        folder = room / "in-survivors" / f"{number:05}"
        folder.mkdir(parents=True)
        (folder / "a.dcm").write_bytes(apart(mutant, number))
    before = seen(room / "in-survivors")
    ran = run(room / "in-survivors", room / "out-survivors")
    rows = ran.report.get("studies", [])
    outcomes = Counter(_plain(row["status"]) for row in rows)
    internal = [
        row["reason"] for row in rows if any(w in (row["reason"] or "") for w in ("internal", "signal", "answer"))
    ]
    outcomes["crashed"] += len(internal)
    outcomes["refused"] -= len(internal)
    outcomes["refused"] += len(chosen) - len(rows)  # listed: what was spoilt is the study's UID
    leaked = leaks(ran, room / "in-survivors", before)
    outcomes["leaked"] = len(leaked)
    worst = max(ran.watch.study_bytes, ran.watch.parent_bytes) / MB
    return Line("readable mutants, analysed to the end", outcomes, ran.watch.study_seconds, worst, (*internal, *leaked))


def block(found: Mapping[str, Any], called: str) -> str:
    """The text between the marks of the page."""
    head = ["input", "tried", *OUTCOMES, "worst s", "worst MB"]
    rows = [f"`{called}`", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    rows += [f"| {' | '.join(line['cells'])} |" for part in ("catalogue", "mutants") for line in found.get(part, ())]
    if "kills" in found:
        rows += ["", "| killed at random instants | kills | lost, doubled or half-written |", "|---|---|---|"]
        rows += [f"| {row['what']} | {row['kills']} | {len(row['faults'])} |" for row in found["kills"]]
    fuzz = found.get("fuzz", {})
    if fuzz.get("targets"):
        rows += ["", "| fuzzed | executions | inputs kept | findings |", "|---|---|---|---|"]
        rows += [f"| {r['target']} | {r['executions']:,} | {r['inputs']:,} | {r['found']} |" for r in fuzz["targets"]]
        share = fuzz["coverage"]["reached"] / fuzz["coverage"]["lines"]
        rows += ["", f"Lines of `pipeline/dicom` that the inputs kept reach: {share:.0%}."]
    return "\n".join(rows)


def main() -> int:
    """Try the parts that are asked for, write the page of all that were tried, and name what went wrong."""
    options = _options()
    with tempfile.TemporaryDirectory() as scratch:
        room = options.keep or Path(scratch)
        room.mkdir(parents=True, exist_ok=True)
        for part in options.parts:
            figures = PART[part](room, options)
            (room / f"{part}.json").write_text(json.dumps(figures, indent=1))
        found = {part: json.loads(path.read_text()) for part in PART if (path := room / f"{part}.json").is_file()}
    called = " ".join(["python", "tests/benchmarks/bench_reliability.py", *options.shown])
    write_block("reliability", block(found, called), PAGE)
    wrong = [
        f"{line['what']}: {w}"
        for part in ("catalogue", "mutants")
        for line in found.get(part, ())
        for w in line["wrong"]
    ]
    wrong += [f"{row['what']}: {fault}" for row in found.get("kills", ()) for fault in row["faults"]]
    print("\n".join(wrong) or "nothing went wrong")
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PART)} (default: all)")
    parser.add_argument("--chances", type=int, default=1_000, help="mutants by chance of each of 12 files")
    parser.add_argument("--every", type=int, default=1, help="of all mutants one in so many")
    parser.add_argument("--analysed", type=int, default=60, help="readable mutants that are analysed to the end")
    parser.add_argument("--kills", type=int, default=100, help="kills, three fifths of a run, the rest of a worker")
    parser.add_argument("--fuzz", type=int, default=60, help="seconds of fuzzing for each of 6 targets")
    parser.add_argument("--sample", action="store_true", help="of the catalogue what the tests try")
    parser.add_argument("--keep", type=Path, help="folder for figures of parts (default: removed at the end)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PART):
        parser.error(f"no part: {', '.join(sorted(unknown))}")
    options.parts = options.parts or list(PART)
    names = ("chances", "every", "analysed", "kills", "fuzz")
    options.shown = [
        f"--{name} {getattr(options, name)}" for name in names if getattr(options, name) != parser.get_default(name)
    ]
    options.shown += ["--sample"] if options.sample else []
    return options


def _catalogue(room: Path, options: argparse.Namespace) -> Any:
    return [line.figures() for line in corpus_lines(room, sample() if options.sample else WHOLE)]


def _mutants(room: Path, options: argparse.Namespace) -> Any:
    lines, survivors = mutant_lines(room, options.chances, options.every)
    lines += [analysed_line(room, survivors, options.analysed), *real_lines(room, options.chances, options.every)]
    return [line.figures() for line in lines]


def _kills(room: Path, options: argparse.Namespace) -> Any:
    """Both side by side: each waits for the other's processor now and then, as a busy machine makes them."""
    runs = options.kills * 3 // 5
    tried = (("`calcinosis run`", batch_kills, runs), ("`calcinosis serve`", worker_kills, options.kills - runs))
    with ThreadPoolExecutor(len(tried)) as pool:
        found = [(what, pool.submit(kill, _emptied(room / kill.__name__), count)) for what, kill, count in tried]
        results = [(what, one.result()) for what, one in found]
    return [{"what": what, "kills": one.kills, "faults": one.faults} for what, one in results]


def _emptied(place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return place


def _fuzz(room: Path, options: argparse.Namespace) -> Any:
    """Figures of libFuzzer for each target, and the lines that its inputs reach."""
    figures = room / "fuzzed.json"
    command = [
        sys.executable,
        str(TESTS / "hostile" / "fuzz.py"),
        "--seconds",
        str(options.fuzz),
        "--jobs",
        str(SIDE_BY_SIDE),
        "--json",
        str(figures),
    ]
    subprocess.run([*command, "--corpus", str(room / "corpus")], cwd=ROOT, check=False)
    return json.loads(figures.read_text()) if figures.is_file() else {"targets": [], "coverage": None}


PART: dict[str, Callable[[Path, argparse.Namespace], Any]] = {
    "catalogue": _catalogue, "mutants": _mutants, "kills": _kills, "fuzz": _fuzz,
}  # fmt: skip


def _plain(outcome: str) -> str:
    return outcome if outcome in OUTCOMES else "refused"


def _swarm_line(what: str, reads: list[Read]) -> Line:
    outcomes = Counter(r.outcome for r in reads)
    wrong = tuple(f"{r.name} {r.outcome}: {r.words[:200]}" for r in reads if r.outcome in ("crashed", "hung"))
    return Line(what, outcomes, max(r.seconds for r in reads), max(r.peak_bytes for r in reads) / MB, wrong[:5])


if __name__ == "__main__":
    sys.exit(main())

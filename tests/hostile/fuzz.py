"""Coverage-guided fuzzing of what parses, by atheris (libFuzzer).

Usage: python tests/hostile/fuzz.py [--seconds 20] [--jobs 1] [--corpus FOLDER] [--json FILE] [TARGET...]

Each target runs in a process of its own. What it learns is kept in FOLDER/TARGET for the next time, what it finds in
FOLDER/found. Exit code 1 where something was found; where atheris is not installed it says so, and 0.
"""

import argparse
import contextlib
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "dicom"), str(HERE)]
TARGETS = ("header", "pixels", "places", "context", "settings", "node")
SECONDS = 20
"""For each target; six targets take about two minutes."""
LONGEST = 8_000
"""Bytes of an input; the seeds have up to 4,000."""
INSTRUMENTED = ("pipeline.dicom", "pipeline.knowledge", "pipeline.worker.intake")
"""Where new paths are looked for; what pydicom does shows in them."""


def main() -> int:
    """Fuzz the targets one after the other."""
    options = _options()
    if options.inside:
        return _inside(options.targets[0], options.rest)
    if options.replay:
        return _replay(options.targets, options.corpus)
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: nothing is fuzzed (pip install atheris)")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        corpus = options.corpus or Path(scratch)
        with ThreadPoolExecutor(options.jobs) as pool:
            rows = list(pool.map(lambda target: _fuzzed(target, corpus, options.seconds), options.targets))
        covered = _coverage(options.targets, corpus)
    for row in rows:
        print(
            f"{row['target']}: {row['executions']:,} executions, {row['inputs']} inputs kept, {row['found']} findings"
        )
    print(f"lines of pipeline/dicom reached: {covered['reached']:,} of {covered['lines']:,}")
    if options.json:
        options.json.write_text(json.dumps({"targets": rows, "coverage": covered}, indent=1))
    return 1 if any(row["found"] for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", default=list(TARGETS))
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for each target")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time")
    parser.add_argument("--corpus", type=Path, help="folder that keeps what was learned")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--replay", action="store_true", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    options.rest = rest
    options.targets = options.targets or list(TARGETS)
    return options


def _fuzzed(target: str, corpus: Path, seconds: int) -> dict[str, Any]:
    """One target in a process of its own; figures from what libFuzzer says at the end."""
    learned, found = corpus / target, corpus / "found"
    for folder in (learned, found):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(found.glob(f"{target}-*"))
    flags = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=3000"]
    flags += ["-print_final_stats=1", f"-artifact_prefix={found}/{target}-", str(learned)]
    command = [sys.executable, "-W", "ignore", str(HERE / "fuzz.py"), "--inside", target, *flags]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    said = ended.stdout + ended.stderr
    news = sorted(str(path) for path in set(found.glob(f"{target}-*")) - before)
    executed = re.search(r"stat::number_of_executed_units: (\d+)", said) or re.search(r"Done (\d+) (?:in|runs)", said)
    if news or executed is None:
        print("\n".join(said.splitlines()[-60:]))
    return {
        "target": target,
        "executions": int(executed[1]) if executed else 0,
        "inputs": len(list(learned.iterdir())),
        "found": len(news) + (executed is None and not news),
        "files": news,
    }


def _inside(target: str, flags: list[str]) -> int:
    """The process that fuzzes; never returns."""
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        import fuzz_targets
    learned = Path(flags[-1])
    for number, seed in enumerate(fuzz_targets.seeds(target)):
        (learned / f"seed{number:03}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *flags], lambda data: fuzz_targets.run(target, data))
    atheris.Fuzz()
    return 0


def _coverage(targets: list[str], corpus: Path) -> dict[str, int]:
    command = [sys.executable, "-W", "ignore", str(HERE / "fuzz.py"), "--replay", "--corpus", str(corpus), *targets]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    found: dict[str, int] = json.loads(ended.stdout.splitlines()[-1])
    return found


def _replay(targets: list[str], corpus: Path) -> int:
    """Run what was learned once more and count the lines of pipeline/dicom that it reaches."""
    room = str(ROOT / "pipeline" / "dicom")
    reached: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(room):
            return None
        reached.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    sys.settrace(trace)
    import fuzz_targets

    for target in targets:
        for path in sorted((corpus / target).iterdir()):
            with contextlib.suppress(Exception):  # what is found is told by the fuzzer
                fuzz_targets.run(target, path.read_bytes())
    sys.settrace(None)
    lines = {(str(path), n) for path in Path(room).glob("*.py") for n in _lines_of(path)}
    print(json.dumps({"reached": len(reached & lines), "lines": len(lines)}))
    return 0


def _lines_of(path: Path) -> set[int]:
    """Lines that hold instructions."""
    waiting = [compile(path.read_text(), str(path), "exec")]
    found: set[int] = set()
    while waiting:
        code = waiting.pop()
        found |= {line for _, _, line in code.co_lines() if line}
        waiting += [constant for constant in code.co_consts if hasattr(constant, "co_lines")]
    return found


if __name__ == "__main__":
    sys.exit(main())

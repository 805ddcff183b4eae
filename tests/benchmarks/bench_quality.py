"""How much of what is there is found, how well, and what is marked for nothing, on simulated studies with truth.

Usage:
  python tests/benchmarks/bench_quality.py --truth COHORT --out FOLDER
      [--results RUN] [--workers 2] [--jobs 1] [--readme]

COHORT has studies/ and truth/ (sample_data, what `calcinosis sample` or another generator of the same format wrote).
Without `--results` the pipeline runs over the cohort at a low confidence (0.1), so that the curve reaches beyond the
thresholds in use; figures are those at the thresholds in use all the same. Deposits that are grouped before the
threshold share its highest confidence, so Dice of such a run lies a little lower than that of `--results`. FOLDER
gets quality.md, quality.json and a contact sheet of the worst ten of each kind and modality (missed, false, poor Dice,
level wrong). Both baselines are scored beside it, in the same way. Intervals are 95 %, by drawing studies 400 times.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from quality_baselines import baseline, read_images
from quality_figures import Scored, curve, groups, table
from quality_match import match
from quality_report import markdown, short
from quality_sheets import Drawn, draw_sheet, worst
from quality_truth import Answers, Kind, TrueStudy, read_answers, read_study, study_names
from readme_block import write_block

from pipeline.knowledge.loading import load_knowledge
from pipeline.knowledge.settings import SegmentationSettings

LOW = 0.1
"""Confidence at which the pipeline runs, so that the curve has a tail."""
KINDS: tuple[Kind, ...] = ("ct", "radiograph")
ROUNDING = 1e-3
"""Results round confidences."""


def reported(kind: Kind) -> float:
    """The confidence that a lesion has whose score reaches the threshold of the settings."""
    settings = SegmentationSettings()
    score = settings.ct_confidence if kind == "ct" else settings.radiograph_confidence
    return load_knowledge("seed", None).profile.numbers.chance_real(score, kind) - ROUNDING


def main() -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", type=Path, required=True, help="cohort folder")
    parser.add_argument("--results", type=Path, help="output of a finished run over it")
    parser.add_argument("--out", type=Path, required=True, help="folder for tables and sheets")
    parser.add_argument("--workers", type=int, default=2, help="studies at a time in the run")
    parser.add_argument("--jobs", type=int, default=1, help="studies at a time in the scoring")
    parser.add_argument(
        "--ct", type=float, default=reported("ct"), help="least confidence; default: all that is reported"
    )
    parser.add_argument("--radiograph", type=float, default=reported("radiograph"))
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--readme", action="store_true", help="write the table into the README")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    names = study_names(options.truth)
    if not names:
        parser.error(f"no truth under {options.truth}/truth")
    results = options.results or run(options.truth, options.out / "results", options.workers)
    least: dict[Kind, float] = {"ct": options.ct, "radiograph": options.radiograph}
    ways = {"pipeline": partial(score_run, options.truth, results, least)}
    if not options.no_baselines:
        ways["baseline"] = partial(score_baseline, options.truth, least)
    report: dict[str, dict[str, Any]] = {}
    for way, one in ways.items():
        scored = _each(one, names, options.jobs)
        report[way] = tables(scored, least if way == "pipeline" else dict.fromkeys(least, 0.0))
        if way == "pipeline":
            write_sheets(scored, partial(_again, options.truth, results), least, options.out)
    command = f"python tests/benchmarks/bench_quality.py --truth {options.truth.name} --out {options.out.name}"
    (options.out / "quality.json").write_text(json.dumps(report, indent=1) + "\n")
    (options.out / "quality.md").write_text(
        markdown(report, {str(kind): value for kind, value in least.items()}, command)
    )
    if options.readme:
        write_block("quality", short(report, command))
    print((options.out / "quality.md").read_text())
    return 0


def run(cohort: Path, out: Path, workers: int) -> Path:
    """Run the pipeline over a cohort at a low confidence; returns where results are."""
    settings = out.parent / "settings.yaml"
    settings.write_text(f"segmentation:\n  ct_confidence: {LOW}\n  radiograph_confidence: {LOW}\n")
    inputs = [cohort.resolve() / "studies", "-o", out.resolve(), "--settings", settings.resolve(), "--workers", workers]
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-m", "pipeline", "run", *map(str, inputs)], cwd=root, check=False)
    return out


def score_run(cohort: Path, results: Path, least: Mapping[Kind, float], name: str) -> Scored:
    """What a run wrote of one study, held against its truth."""
    study = read_study(cohort, name)
    return scored_study(study, read_answers(results, study), least[study.kind])


def score_baseline(cohort: Path, least: Mapping[Kind, float], name: str) -> Scored:
    """The yardstick's answer to one study, held against its truth."""
    study = read_study(cohort, name)
    with tempfile.TemporaryDirectory() as scratch:
        return scored_study(study, baseline(study, read_images(study, Path(scratch))), least[study.kind])


def scored_study(study: TrueStudy, answers: Answers, least: float) -> Scored:
    """A study held against answers; measures and levels are read at the confidence `least`."""
    images = tuple(match(image, answers.images.get(image.uid), least) for image in study.images)
    for problem in answers.problems:
        print(f"{study.name}: {problem}", file=sys.stderr)
    return Scored(study.name, study.kind, not study.row["lesions"], images, answers.failed)


def tables(scored: Sequence[Scored], least: Mapping[Kind, float]) -> dict[str, Any]:
    """Figures by modality: the whole, each visibility band, each entity, and the curve."""
    found: dict[str, Any] = {}
    for kind in KINDS:
        own = [s for s in scored if s.kind == kind]
        if not own:
            continue
        parts = {name: table(own, least[kind], chosen) for name, chosen in groups(own).items()}
        found[kind] = {
            "studies": len(own),
            "whole": _plain(table(own, least[kind])),
            "parts": {name: _plain(figures) for name, figures in parts.items()},
            "curve": curve(own),
        }
    return found


def write_sheets(
    scored: Sequence[Scored], read: Callable[[str], Drawn], least: Mapping[Kind, float], out: Path
) -> None:
    """The worst of each kind as pictures; only the studies on them are read again."""
    for kind in KINDS:
        for name, tiles in worst([s for s in scored if s.kind == kind], least[kind]).items():
            drawn = {study: read(study) for study in dict.fromkeys(tile.study for tile in tiles)}
            draw_sheet(tiles, drawn, out / f"{kind}_{name}.png")


def _again(cohort: Path, results: Path, name: str) -> Drawn:
    """A study with its answers and its images."""
    study = read_study(cohort, name)
    with tempfile.TemporaryDirectory() as scratch:
        return Drawn(study, read_answers(results, study), read_images(study, Path(scratch)))


def _plain(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: asdict(figure) for name, figure in figures.items()}


def _each(one: Callable[[str], Scored], names: Sequence[str], jobs: int) -> list[Scored]:
    """Every study scored."""
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            return list(pool.map(one, names))
    return [one(name) for name in names]


if __name__ == "__main__":
    sys.exit(main())

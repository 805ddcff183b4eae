"""`calcinosis calibrate`: feedback and results in, a site's profile with figures before and after out."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.calibration.held_out import Figures, held_out
from pipeline.calibration.site import Site, fit_site
from pipeline.calibration.studies import Study, read_studies
from pipeline.errors import InputError, UsageError
from pipeline.feedback.export import export
from pipeline.feedback.store import open_feedback
from pipeline.knowledge.loading import Knowledge

LEAST_STUDIES = 5
"""Fewer studies with a diagnosis change nothing."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A site's changes, the figures they were judged by, how many studies told of them, and the words that say so."""

    site: Site
    figures: Figures
    studies: int
    source: str


def calibrate(feedback: Path, results: Path | None, knowledge: Knowledge) -> Calibrated:
    """Fit on what readers said: `feedback` is the worker's file or the folder of an export.

    `results` is the output of a run over those studies; the worker's file keeps its own, so that it may be None there.
    A finding is refitted only where that tells clearly more of the cause in studies that were held out. InputError
    where there is too little, UsageError where results are missing.
    """
    studies = [s for s in _read(feedback, results, knowledge) if s.entity is not None]
    if len(studies) < LEAST_STUDIES:
        raise InputError(
            f"{feedback}: {len(studies)} studies with a result and a diagnosis; calibration needs {LEAST_STUDIES}"
        )
    said = source_of(studies)
    figures = held_out(studies, knowledge)
    better = frozenset(finding for finding, told in figures.findings.items() if told.is_better)
    return Calibrated(fit_site(studies, knowledge, said, better), figures, len(studies), said)


def source_of(studies: Sequence[Study]) -> str:
    """Where values come from: how many studies readers spoke of, and when."""
    times = [t for s in studies for t in (s.first, s.last) if t is not None]
    if not times:
        return f"truth of {len(studies)} studies"
    days = dict.fromkeys(time.strftime("%Y-%m-%d", time.gmtime(t)) for t in (min(times), max(times)))
    return f"reader feedback, {len(studies)} studies, {' to '.join(days)}"


def _read(feedback: Path, results: Path | None, knowledge: Knowledge) -> tuple[Study, ...]:
    """The studies of a file of statements, or of an export."""
    if feedback.is_dir():
        if results is None:
            raise UsageError(f"{feedback}: an export holds no results; name the run with --results")
        if not (feedback / "truth").is_dir():
            raise UsageError(f"{feedback}: holds no truth/; name an export or the worker's feedback.sqlite")
        return read_studies(feedback, _run(results), knowledge)
    statements = open_feedback(feedback)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            export(statements, Path(scratch))
            return read_studies(Path(scratch), statements if results is None else _run(results), knowledge)
    finally:
        statements.close()


def _run(results: Path) -> Path:
    if not (results / "studies").is_dir():
        raise UsageError(f"{results}: holds no studies/; name the output folder of a run")
    return results

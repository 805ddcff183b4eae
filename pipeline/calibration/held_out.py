"""Figures before and after, each study judged by what the other studies say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.calibration.figures import Score, score_answers, score_states
from pipeline.calibration.fitting import Pair, lesions_of, shipped
from pipeline.calibration.replay import replayed
from pipeline.calibration.site import Site, fit_site, with_site
from pipeline.calibration.studies import Study, pairs_by_finding
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.rules import Measured

MOST_FOLDS = 5
RARE = 0.1
"""A finding counts as absent (or present) in a cause that has it in no more (or all but no more) than this share."""


@dataclass(frozen=True, slots=True)
class Change:
    """A score before and after."""

    before: Score
    after: Score


@dataclass(frozen=True, slots=True)
class Told:
    """What a finding tells of the cause in lesions held out, natural log, more is better: before and after the fit.

    `error` is the standard error of the difference, over studies.
    """

    count: int
    before: float
    after: float
    error: float

    @property
    def is_better(self) -> bool:
        """Whether the fit tells more by more than one standard error."""
        return self.after - self.before > self.error


@dataclass(frozen=True, slots=True)
class Figures:
    """By cross-validation: each finding, all findings that are settled by the cause (None where none is), diagnoses."""

    folds: int
    findings: Mapping[str, Told]
    settled: Change | None
    diagnoses: Change


def folds_of(studies: Sequence[Study]) -> list[list[Study]]:
    """At most MOST_FOLDS groups of studies, causes spread evenly; the same studies, the same folds."""
    ordered = sorted(studies, key=lambda s: (s.entity or "", s.name))
    count = min(MOST_FOLDS, len(ordered))
    return [ordered[k::count] for k in range(count)]


def held_out(studies: Sequence[Study], knowledge: Knowledge) -> Figures:
    """All figures; diagnoses with the fits of the findings that are better alone."""
    rows = _rows(studies, knowledge)
    told = {name: _told(own) for name, own in rows.items()}
    better = frozenset(name for name, found in told.items() if found.is_better)
    settled = [row for name in sorted(better) for row in rows[name] if not RARE < row.rate < 1 - RARE]
    return Figures(len(folds_of(studies)), told, _settled(settled), _diagnoses(studies, knowledge, better))


@dataclass(frozen=True, slots=True)
class _Row:
    """One finding of one lesion that was held out: probabilities, and what it told of the cause, before and after."""

    study: str
    rate: float
    mass: float
    chances: tuple[float, float]
    gains: tuple[float, float]


def _rows(studies: Sequence[Study], knowledge: Knowledge) -> dict[str, list[_Row]]:
    rules = {r.finding: r for r in knowledge.rules if isinstance(r, Measured)}
    found: dict[str, list[_Row]] = {name: [] for name in fit_site(studies, knowledge, "").fits}
    for fold in folds_of(studies):
        others = [s for s in studies if s not in fold]
        site, known = fit_site(others, knowledge, ""), pairs_by_finding(others)
        for finding, pairs in pairs_by_finding(fold).items():
            if finding in found and finding in known:
                mean = lesions_of(rules[finding], known[finding]).mean
                found[finding] += _judged(rules[finding], pairs, site, mean)
    return {name: rows for name, rows in found.items() if rows}


def _judged(rule: Measured, pairs: Sequence[Pair], site: Site, mean: float) -> list[_Row]:
    """Held-out pairs of one finding, before and after."""
    rows = []
    for kind in sorted({pair.kind for pair in pairs}):
        own = [pair for pair in pairs if pair.kind == kind]
        lesions = lesions_of(rule, own, mean)
        fitted = site.fits.get(rule.finding, {}).get(kind)
        before = shipped(rule, kind)
        after = before if fitted is None else np.array([fitted.offset, *fitted.weights])
        chances, gains = (
            [lesions.probabilities(x) for x in (before, after)],
            [lesions.gains(x) for x in (before, after)],
        )
        rows += [
            _Row(pair.study, float(rate), float(mass), (float(b), float(a)), (float(told_b), float(told_a)))
            for pair, rate, mass, b, a, told_b, told_a in zip(
                own, lesions.rates, lesions.masses, *chances, *gains, strict=True
            )
        ]
    return rows


def _told(rows: Sequence[_Row]) -> Told:
    """Means by the masses of the lesions; the error by how the studies' sums of differences scatter."""
    masses = np.array([row.mass for row in rows])
    gains = np.array([row.gains for row in rows])
    before, after = masses @ gains / masses.sum()
    more = masses * (gains[:, 1] - gains[:, 0] - (after - before))
    studies = np.unique([row.study for row in rows], return_inverse=True)[1]
    error = float(np.sqrt((np.bincount(studies, more) ** 2).sum()) / masses.sum())
    return Told(len(rows), float(before), float(after), error)


def _settled(rows: Sequence[_Row]) -> Change | None:
    if not rows:
        return None
    present = np.array([float(row.rate > 0.5) for row in rows])
    chances = np.array([row.chances for row in rows])
    return Change(score_states(chances[:, 0], present), score_states(chances[:, 1], present))


def _diagnoses(studies: Sequence[Study], knowledge: Knowledge, only: frozenset[str]) -> Change:
    """Diagnoses before and after, each study with what the others say."""
    before: list[tuple[dict[str, float], str]] = []
    after: list[tuple[dict[str, float], str]] = []
    for fold in folds_of(studies):
        site = fit_site([s for s in studies if s not in fold], knowledge, "", only)
        changed = with_site(knowledge, site)
        for study in fold:
            if study.entity is not None:
                before.append((replayed(study.result, knowledge), study.entity))
                after.append((replayed(study.result, changed), study.entity))
    return Change(score_answers(before), score_answers(after))

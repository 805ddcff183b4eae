"""What rules see beside what is true: the terms of every measured rule on lesions whose true findings are known."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.calibration.pairs import Matched, measurement_of, overlaps, read_by_rules, truths
from pipeline.differential.confirmed import shifted, weight_of_presence
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import Numbers
from pipeline.model.measure import Measurement

RARE = 0.2
"""A finding that the truth does not list is absent where the entity has it no more often than this."""
NOTHING = "no_calcification"


@dataclass(frozen=True, slots=True)
class Pair:
    """One lesion: `chances` of the terms of a rule before any fit, None where unknown, and the truth.

    `measurement` has all its features.
    """

    study: str
    kind: str
    chances: tuple[float | None, ...]
    present: bool
    measurement: Measurement


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Pairs by finding; for each kind of image whether nothing is there where nothing was found (`nothing`).

    `trust`: score of the search of each lesion found, and whether it lies on a true one.
    """

    pairs: Mapping[str, Sequence[Pair]]
    nothing: Mapping[str, Sequence[bool]]
    trust: Mapping[str, Sequence[tuple[float, bool]]]


def gather(cohorts: Sequence[Path], runs: Sequence[Path], knowledge: Knowledge) -> Gathered:
    """All pairs of cohorts and of the runs made of them."""
    pairs: dict[str, list[Pair]] = defaultdict(list)
    nothing: dict[str, list[bool]] = defaultdict(list)
    trust: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for cohort, run in zip(cohorts, runs, strict=True):
        for truth, folder in _studies(cohort, run):
            written = run / "studies" / truth["study_instance_uid"]
            result = json.loads((written / "results.json").read_text())
            name = f"{cohort.name}/{folder.name}"
            found = list(overlaps(truth, folder, result, written))
            real = [(kind, row["region"], measurement_of(row), true) for kind, row, true in found if true is not None]
            for finding, pair in study_pairs(name, truth, real, knowledge):
                pairs[finding].append(pair)
            for kind, row, true in found:
                trust[kind].append((_score(row, kind, knowledge.profile.numbers), true is not None))
            if not result["lesions"]:
                nothing[truth["kind"]].append(truth["entity"] == NOTHING)
    return Gathered(pairs, nothing, trust)


def _score(row: Mapping[str, Any], kind: str, numbers: Numbers) -> float:
    """The search's score of a lesion, from the confidence that it was written with."""
    told = {f["id"]: f["probability"] for f in row["findings"] if f["probability"] is not None}
    return numbers.score_of(shifted(row["confidence"], -weight_of_presence(told, numbers)), kind)


def _studies(cohort: Path, run: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Truth and its folder, of every study that the run has finished."""
    for truth, folder in truths(cohort):
        if (run / "studies" / truth["study_instance_uid"] / "results.json").exists():
            yield truth, folder


def study_pairs(
    name: str, truth: Mapping[str, Any], lesions: Iterable[Matched], knowledge: Knowledge
) -> Iterator[tuple[str, Pair]]:
    """The finding and the pair of every rule on every lesion whose truth is known; where a rule rules out, none."""
    rates = {key: row.p for key, row in knowledge.likelihoods.items()}
    for rule, chances, (kind, _, measurement, true) in read_by_rules(lesions, knowledge):
        state = state_of(rule.finding, true, rates)
        if state is not None:
            yield rule.finding, Pair(name, kind, chances, state, measurement)


def state_of(finding: str, true: Mapping[str, Any], rates: Mapping[tuple[str, str], float]) -> bool | None:
    """Whether a finding is there by the truth, or by being rare in the entity; None when that is not known."""
    if finding in true["findings"]:
        return bool(true["findings"][finding])
    return False if rates.get((finding, true["entity"]), 1.0) <= RARE else None

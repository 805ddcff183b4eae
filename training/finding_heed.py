"""Learn how far each measured finding is to be heeded as evidence, from finished runs.

Usage: python -m training.finding_heed --truth COHORT --results OUT [--truth ... --results ...] [--write]

What is measured errs, and findings that share features err together, so the weights that the founding text gives count
the same mistake several times. For each measured finding two factors, one of its presence and one of its absence,
multiply its weights for all entities alike: they are those under which the true entities of the lesions that were found
are likeliest, drawn to 1. What one finding says of one entity is never learned: that is the text's. Every cohort is
judged by curves that were fitted on the others (`finding_curves.py`), since on their own lesions they are too sure.
A fluid level keeps its weight, for its probability was made honest where levels are sought.
Prints how likely the true entities are before and after, each cohort with factors learned on the others. `--write`
puts the factors into configs/learned_curves.json; fit the curves first.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from pipeline.calibration.pairs import overlaps, truths
from pipeline.calibration.replay import case_of
from pipeline.dicom.context import read_context
from pipeline.differential.rank import judge_lesion
from pipeline.knowledge.learned_reading import MOST_HEED
from pipeline.knowledge.loading import LEARNED, Knowledge, load_knowledge
from pipeline.knowledge.places import configs
from pipeline.knowledge.rules import Measured
from pipeline.model.context import ClinicalContext
from training.finding_curves import LEFT, Fit, fit_all
from training.finding_pairs import Pair, gather

SPREAD = 0.7
"""Standard deviation of the normal prior of a factor's logarithm, and of the step from presence to absence."""
LEAST_MOVED = 0.02
"""A factor nearer to 1 is left out."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Voices:
    """One lesion: what each measured finding says, float64 [finding, entity] with its state, and all else [entity].

    `entity` is the index of the true one, `share` the lesion's weight: the lesions of a study weigh as one together.
    """

    cohort: str
    findings: tuple[str, ...]
    present: NDArray[np.bool_]
    weights: Floats
    rest: Floats
    entity: int
    share: float


def main() -> int:
    """Learn, print, and write when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", type=Path, action="append", required=True)
    parser.add_argument("--results", type=Path, action="append", required=True)
    parser.add_argument("--write", action="store_true", help="change configs/")
    options = parser.parse_args()
    knowledge = replace(load_knowledge("seed", None), heed={})
    runs = tuple(zip(options.truth, options.results, strict=True))
    pairs = gather(options.truth, options.results, knowledge).pairs
    voices = [v for cohort, run in runs for v in voices_of(cohort, run, _judging(cohort, pairs, knowledge))]
    for cohort in dict.fromkeys(v.cohort for v in voices):
        own = [v for v in voices if v.cohort == cohort]
        learned = learn([v for v in voices if v.cohort != cohort])
        print(f"{cohort:12s} {len(own):4d} lesions  log-loss {loss(own, {}):.3f} -> {loss(own, learned):.3f}")
    learned = learn(voices)
    for finding, (presence, absence) in sorted(learned.items()):
        print(f"{finding:24s} present {presence:.2f}  absent {absence:.2f}")
    if options.write:
        write(configs() / LEARNED, learned)
    return 0


def _judging(cohort: Path, pairs: Mapping[str, Sequence[Pair]], knowledge: Knowledge) -> Knowledge:
    """The knowledge with its measured rules fitted on all cohorts but one."""
    rules = {r.finding: r for r in knowledge.rules if isinstance(r, Measured)}
    others = {f: [p for p in rows if not p.study.startswith(f"{cohort.name}/")] for f, rows in pairs.items()}
    fits = fit_all(rules, others)
    return replace(knowledge, rules=tuple(_fitted(r, fits) if isinstance(r, Measured) else r for r in knowledge.rules))


def _fitted(rule: Measured, fits: Mapping[str, Fit]) -> Measured:
    fit = fits.get(rule.finding)
    return rule if fit is None else replace(rule, fitted=fit.fitted, learned=fit.learned)


def voices_of(cohort: Path, run: Path, knowledge: Knowledge) -> Iterator[Voices]:
    """What findings say of every lesion of a run that lies on a true one."""
    entities = list(knowledge.entities)
    for truth, folder in truths(cohort):
        written = run / "studies" / truth["study_instance_uid"]
        if not (written / "results.json").exists():
            continue
        result = json.loads((written / "results.json").read_text())
        true = {row["id"]: t["entity"] for _, row, t in overlaps(truth, folder, result, written) if t is not None}
        told = cohort / "studies" / folder.name / "context.json"
        case = case_of(result, knowledge, read_context(told) if told.exists() else ClinicalContext())
        real = [lesion for lesion in case.lesions if true.get(lesion.id) in entities]
        for lesion in real:
            judged = judge_lesion(case, lesion, knowledge)
            known = judged.situation.findings
            measured = np.array([bool(known[f].features) and f not in LEFT for f in judged.rows.findings], bool)
            weights = judged.rows.weights / judged.temperature
            names = tuple(f for f, own in zip(judged.rows.findings, measured, strict=True) if own)
            yield Voices(
                cohort.name,
                names,
                np.array([(known[f].probability or 0.0) >= 0.5 for f in names], bool),
                weights[measured],
                judged.logits - weights[measured].sum(axis=0),
                entities.index(true[lesion.id]),
                1 / len(real),
            )


def learn(voices: Sequence[Voices]) -> dict[str, tuple[float, float]]:
    """Factors of presence and of absence by finding, under which the true entities are likeliest, drawn to 1."""
    names = sorted({f for v in voices for f in v.findings})
    places = [np.array([names.index(f) for f in v.findings], int) for v in voices]

    def cost(x: Floats) -> tuple[float, Floats]:
        both, more = np.split(x, 2)
        value = float(x @ x) / (2 * SPREAD**2)
        slope = x / SPREAD**2
        for v, at in zip(voices, places, strict=True):
            factors = np.exp(both[at] + np.where(v.present, 0.0, more[at]))
            logits = v.rest + factors @ v.weights
            shares = np.exp(logits - logsumexp(logits))
            value -= v.share * float(np.log(max(shares[v.entity], 1e-300)))
            moved = v.share * factors * (v.weights @ shares - v.weights[:, v.entity])
            np.add.at(slope, at, moved)
            np.add.at(slope, at + len(names), np.where(v.present, 0.0, moved))
        return value, slope

    top = float(np.log(MOST_HEED)) / 2
    found = minimize(
        cost, np.zeros(2 * len(names)), jac=True, method="L-BFGS-B", bounds=[(-top, top)] * (2 * len(names))
    ).x
    presence, absence = np.exp(found[: len(names)]), np.exp(found[: len(names)] + found[len(names) :])
    both = {n: (float(p), float(a)) for n, p, a in zip(names, presence, absence, strict=True)}
    return {n: pair for n, pair in both.items() if max(abs(pair[0] - 1), abs(pair[1] - 1)) > LEAST_MOVED}


def loss(voices: Sequence[Voices], learned: Mapping[str, tuple[float, float]]) -> float:
    """Mean of -log of the share of the true entity, studies weighing alike."""
    total = weight = 0.0
    for v in voices:
        pairs = [learned.get(f, (1.0, 1.0)) for f in v.findings]
        factors = np.array([p[0] if here else p[1] for p, here in zip(pairs, v.present, strict=True)])
        logits = v.rest + factors @ v.weights
        total += v.share * float(logsumexp(logits) - logits[v.entity])
        weight += v.share
    return total / weight


def write(path: Path, learned: Mapping[str, tuple[float, float]]) -> None:
    """Put the factors into the file; its curves stay as they are."""
    rows = [f'  "{f}": [{presence:.2f}, {absence:.2f}]' for f, (presence, absence) in sorted(learned.items())]
    said = ' "heed": {\n' + ",\n".join(rows) + "\n }" if rows else ' "heed": {}'
    text = re.sub(r' "heed": \{[^}]*\}', said, path.read_text())
    json.loads(text)
    path.write_text(text)


if __name__ == "__main__":
    raise SystemExit(main())

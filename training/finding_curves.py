"""Make findings as sure as they are right: fit each measured rule of configs/findings.yaml on finished runs.

Usage: python -m training.finding_curves --truth COHORT --results OUT [--truth ... --results ...] [--held-out] [--write]

For each lesion that a run found, the terms of each rule as they stand meet the truth of the lesion it overlaps most
(`finding_pairs.py`). Log odds become offset + weights * log odds of the terms (Platt 1999), by penalised maximum
likelihood: first over all kinds of images, then for each kind, drawn to the first. Present and absent lesions weigh
alike, so that a probability is what one holds who had even odds before: this is what the differential takes it for.
Findings with fewer than LEAST present or absent lesions are left alone. `--held-out` fits each cohort on the others and
prints the log-loss before and after. `--write` puts the fits into configs/findings.yaml, and the chance that nothing
was missed where nothing was found into the profile `seed`.
"""

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline.findings.rules import TERM_WEIGHT, combined, log_odds
from pipeline.knowledge.loading import load_knowledge
from pipeline.knowledge.places import configs
from pipeline.knowledge.rules import Fitted, Measured
from training.finding_pairs import Gathered, Pair, gather

LEAST = 3
OFFSET_SPREAD, WEIGHT_SPREAD = 1.5, 0.45
"""Standard deviations of the normal priors of offset (about 0) and weights (about what they are without a fit)."""
KIND_OFFSET_SPREAD, KIND_WEIGHT_SPREAD = 1.0, 0.2
"""The same for one kind of image, about the fit over all kinds."""
MOST = 2.0
DAMPED = 0.8
"""What fits are multiplied by: findings of one lesion share features. Chosen on held-out cohorts by the log-loss of the
differential."""
KINDS = ("ct", "radiograph")
LEFT = ("fluid_level",)
"""Findings whose measure already is a probability, made so where levels are sought."""
SOURCE = "simulated studies, training/finding_curves.py"
Fits = Mapping[str, Fitted]


def main() -> int:
    """Fit, print, and write when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", type=Path, action="append", required=True)
    parser.add_argument("--results", type=Path, action="append", required=True)
    parser.add_argument("--held-out", action="store_true", help="fit each cohort on the others, print the log-loss")
    parser.add_argument(
        "--write", action="store_true", help="change configs/findings.yaml and configs/profiles/seed.yaml"
    )
    options = parser.parse_args()
    knowledge = load_knowledge("seed", None)
    rules = {r.finding: r for r in knowledge.rules if isinstance(r, Measured)}
    gathered = gather(options.truth, options.results, knowledge)
    if options.held_out:
        held_out(rules, gathered)
    fits = fit_all(rules, gathered.pairs)
    for finding, rows in sorted(gathered.pairs.items()):
        print(_line(finding, rows, fits.get(finding, {})))
    chances = {kind: nothing_missed(found) for kind, found in gathered.nothing.items()}
    for kind, found in gathered.nothing.items():
        print(f"nothing found on {kind}: nothing there in {sum(found)} of {len(found)}, chance {chances[kind]:.2f}")
    if options.write:
        write(configs() / "findings.yaml", fits)
        write_missed(configs() / "profiles" / "seed.yaml", chances)
    return 0


def fit_all(rules: Mapping[str, Measured], pairs: Mapping[str, Sequence[Pair]]) -> dict[str, Fits]:
    """The fits of every finding that has enough lesions."""
    found = {}
    for finding, rows in pairs.items():
        present = sum(r.present for r in rows)
        if finding not in LEFT and min(present, len(rows) - present) >= LEAST:
            found[finding] = fit_rule(rules[finding], rows)
    return found


def fit_rule(rule: Measured, rows: Sequence[Pair]) -> Fits:
    """Offset and weights for each kind of image, about those for all kinds together."""
    usual = TERM_WEIGHT if rule.combine == "sum" else 1.0
    first = _fit(rule, rows, np.array([0.0, *[usual] * _terms(rule)]), (OFFSET_SPREAD, WEIGHT_SPREAD))
    fits = {}
    for kind in KINDS if rule.only_on is None else (rule.only_on,):
        own = [r for r in rows if r.kind == kind]
        present = sum(r.present for r in own)
        enough = min(present, len(own) - present) >= LEAST
        best = _fit(rule, own, first, (KIND_OFFSET_SPREAD, KIND_WEIGHT_SPREAD)) if enough else first
        fits[kind] = Fitted(DAMPED * float(best[0]), tuple(DAMPED * float(w) for w in best[1:]), SOURCE)
    return fits


def _terms(rule: Measured) -> int:
    return len(rule.terms) if rule.combine == "sum" else 1


def _odds(rule: Measured, rows: Sequence[Pair]) -> NDArray[np.float64]:
    """Log odds [lesion, term]; what is unknown adds nothing."""
    if rule.combine == "sum":
        return np.array([[0.0 if p is None else log_odds(p) for p in r.chances] for r in rows])
    pick = min if rule.combine == "all" else max
    return np.array([[log_odds(pick(p for p in r.chances if p is not None))] for r in rows])


def _fit(
    rule: Measured, rows: Sequence[Pair], about: NDArray[np.float64], spreads: tuple[float, float]
) -> NDArray[np.float64]:
    """Offset and weights by penalised maximum likelihood; weights are not negative, so that terms keep their sense."""
    odds = np.column_stack([np.ones(len(rows)), _odds(rule, rows)])
    states = np.array([r.present for r in rows], float)
    present = float(states.mean())
    mass = np.where(states == 1, 2 * (1 - present), 2 * present)
    spread = np.array([spreads[0], *[spreads[1]] * (odds.shape[1] - 1)])

    def cost(x: NDArray[np.float64]) -> float:
        line = odds @ x
        return float(mass @ (np.logaddexp(0, line) - states * line) + (((x - about) / spread) ** 2).sum() / 2)

    bounds = [(-5.0, 5.0), *[(0.0, MOST)] * (odds.shape[1] - 1)]
    return np.asarray(minimize(cost, about, bounds=bounds).x, np.float64)


def held_out(rules: Mapping[str, Measured], gathered: Gathered) -> None:
    """Log-loss of each finding, present and absent alike, without a fit and fitted on the other cohorts."""
    cohorts = sorted({r.study.partition("/")[0] for rows in gathered.pairs.values() for r in rows})
    print(f"{'held out':24s} {'n':>5s} {'before':>7s} {'after':>7s}")
    for finding, rows in sorted(gathered.pairs.items()):
        before: list[tuple[bool, float]] = []
        after: list[tuple[bool, float]] = []
        for cohort in cohorts:
            own = [r for r in rows if r.study.startswith(f"{cohort}/")]
            others = {finding: [r for r in rows if not r.study.startswith(f"{cohort}/")]}
            fits = fit_all(rules, others).get(finding, {})
            plain = Measured(finding, rules[finding].terms, rules[finding].combine)
            fitted = Measured(finding, plain.terms, plain.combine, fitted=fits)
            for rule, losses in ((plain, before), (fitted, after)):
                losses += [(r.present, _loss(combined(rule, r.chances, r.kind), r.present)) for r in own]
        if {state for state, _ in before} == {True, False}:
            means = [np.mean([np.mean([x for s, x in losses if s is state]) for state in (True, False)])
                     for losses in (before, after)]  # fmt: skip
            print(f"{finding:24s} {len(before):5d} {means[0]:7.3f} {means[1]:7.3f}")


def _loss(probability: float, present: bool) -> float:
    return -float(np.log(np.clip(probability if present else 1 - probability, 1e-4, 1)))


def nothing_missed(rows: Sequence[bool]) -> float:
    """Chance that nothing is there where nothing was found, by Laplace's rule of succession."""
    return (sum(rows) + 1) / (len(rows) + 2)


def _line(finding: str, rows: Sequence[Pair], fits: Fits) -> str:
    said = "  ".join(f"{kind} {f.offset:+.2f} [{', '.join(f'{w:.2f}' for w in f.weights)}]" for kind, f in fits.items())
    return f"{finding:24s} {sum(r.present for r in rows):4d} of {len(rows):4d}  {said or 'left as it is'}"


def write(path: Path, fits: Mapping[str, Fits]) -> None:
    """Put the fits into the rules; all other lines of the file stay as they are."""
    lines = [
        line
        for line in path.read_text().splitlines()
        if not re.match(r"    fitted:|      (ct|radiograph): \{off", line)
    ]
    written, inside = [], False
    for line in lines:
        inside = line.startswith("measured:") if line and not line[0].isspace() else inside
        written.append(line)
        name = line.strip().removesuffix(":")
        if inside and line == f"  {name}:" and name in fits:
            written.append("    fitted:")
            for kind, fit in fits[name].items():
                weights = ", ".join(f"{w:.2f}" for w in fit.weights)
                written.append(
                    f'      {kind}: {{offset: {fit.offset:.2f}, weights: [{weights}], source: "{fit.source}"}}'
                )
    text = "\n".join(written) + "\n"
    yaml.safe_load(text)
    path.write_text(text)


def write_missed(path: Path, chances: Mapping[str, float]) -> None:
    """Put the chances that nothing was missed into a profile."""
    said = ", ".join(f"{kind}: {chances[kind]:.2f}" for kind in sorted(chances, reverse=True))
    text = re.sub(r"^nothing_missed: \{.*\}$", f"nothing_missed: {{{said}}}", path.read_text(), flags=re.MULTILINE)
    yaml.safe_load(text)
    path.write_text(text)


if __name__ == "__main__":
    raise SystemExit(main())

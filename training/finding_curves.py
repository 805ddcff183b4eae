"""Make findings as sure as they are right: fit each measured rule of configs/findings.yaml on finished runs.

Usage: python -m training.finding_curves --truth COHORT --results OUT [--truth ... --results ...] [--held-out] [--write]
    --fresh-truth COHORT --fresh-results OUT [...]

For each lesion that a run found, the terms of each rule as they stand meet the truth of the lesion it overlaps most
(`finding_pairs.py`), and curves over all other features are learned beside them (`finding_fits.py`). Present and absent
lesions weigh alike, so that a probability is what one holds who had even odds before: this is what the differential
takes it for. Findings with fewer than LEAST present or absent lesions are left alone, those with fewer than
LEAST_LEARNED get no curves. `--held-out` fits each cohort on the others, prints the log-loss before and after,
and leaves what gets worse as it is.
`--write` puts offsets and weights into configs/findings.yaml and the curves into configs/learned_curves.json. The
chance that nothing was missed where nothing was found goes into the profile `seed`, and so does how far scores are to
be trusted, from the fresh cohorts alone, on which nothing of the search was fitted.
"""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml
from scipy.optimize import minimize
from scipy.special import expit

from pipeline.features.table import FEATURES
from pipeline.findings.rules import TERM_WEIGHT, combined, learned_readings, log_odds
from pipeline.knowledge.loading import LEARNED, load_knowledge
from pipeline.knowledge.places import configs
from pipeline.knowledge.rules import Fitted, Learned, Measured
from pipeline.model.known import Known
from training.finding_fits import Floats, Rows, fit_finding
from training.finding_pairs import Gathered, Pair, gather

LEAST, LEAST_LEARNED = 3, 8
SINGLE_WEIGHT = 0.8
"""Weight of a rule that does not add its terms up, where no lesion speaks about it."""
LEFT = ("fluid_level",)
"""Findings whose measure already is a probability, made so where levels are sought."""
SOURCE = "simulated studies, training/finding_curves.py"
DIGITS = 4
TRUST_SPREAD = 2.0


@dataclass(frozen=True, slots=True)
class Fit:
    """Offset and weights of a rule by kind of image, and its learned curves."""

    fitted: Mapping[str, Fitted]
    learned: tuple[Learned, ...]


def main() -> int:
    """Fit, print, and write when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", type=Path, action="append", required=True)
    parser.add_argument("--results", type=Path, action="append", required=True)
    parser.add_argument("--fresh-truth", type=Path, action="append", default=[], help="cohort that taught no search")
    parser.add_argument("--fresh-results", type=Path, action="append", default=[])
    parser.add_argument("--held-out", action="store_true", help="fit each cohort on the others, print the log-loss")
    parser.add_argument("--write", action="store_true", help="change configs/")
    options = parser.parse_args()
    knowledge = load_knowledge("seed", None)
    rules = {r.finding: r for r in knowledge.rules if isinstance(r, Measured)}
    gathered = gather(options.truth + options.fresh_truth, options.results + options.fresh_results, knowledge)
    fresh = gather(options.fresh_truth, options.fresh_results, knowledge)
    worse = held_out(rules, gathered) if options.held_out else frozenset()
    fits = {finding: fit for finding, fit in fit_all(rules, gathered.pairs).items() if finding not in worse}
    for finding, rows in sorted(gathered.pairs.items()):
        print(_line(finding, rows, fits.get(finding)))
    chances = {kind: nothing_missed(found) for kind, found in gathered.nothing.items()}
    for kind, found in gathered.nothing.items():
        print(f"nothing found on {kind}: nothing there in {sum(found)} of {len(found)}, chance {chances[kind]:.2f}")
    trust = {kind: fit_trust(found) for kind, found in fresh.trust.items()}
    for kind, (offset, weight) in trust.items():
        print(f"{kind}: a lesion scored .5 is there with {expit(offset):.2f}, weight {weight:.2f}")
    if options.write:
        write(configs() / "findings.yaml", {finding: fit.fitted for finding, fit in fits.items()})
        write_learned(configs() / LEARNED, {finding: fit.learned for finding, fit in fits.items()})
        write_counts(configs() / "profiles" / "seed.yaml", chances, trust)
    return 0


def fit_all(rules: Mapping[str, Measured], pairs: Mapping[str, Sequence[Pair]]) -> dict[str, Fit]:
    """The fits of every finding that has enough lesions."""
    found = {}
    for finding, rows in pairs.items():
        present = sum(r.present for r in rows)
        least = min(present, len(rows) - present)
        if finding not in LEFT and least >= LEAST:
            found[finding] = fit_rule(rules[finding], rows, learn=least >= LEAST_LEARNED)
    return found


def fit_rule(rule: Measured, rows: Sequence[Pair], *, learn: bool) -> Fit:
    """The fit of one rule, for the kinds of image on which it can be judged."""
    usual = TERM_WEIGHT if rule.combine == "sum" else SINGLE_WEIGHT
    is_ct = np.array([r.kind == "ct" for r in rows])
    present = np.array([r.present for r in rows])
    fitted, learned = fit_finding(Rows(_odds(rule, rows), _features(rows), is_ct, present), usual, SOURCE, learn=learn)
    kinds = fitted if rule.only_on is None else {rule.only_on: fitted[rule.only_on]}
    return Fit(kinds, learned)


def _features(rows: Sequence[Pair]) -> dict[str, Floats]:
    """All features float64 [lesion], not a number where unknown."""
    values = [{f.name: f.value.value for f in r.measurement.features if isinstance(f.value, Known)} for r in rows]
    names = [row.name for row in FEATURES]
    return {name: np.array([v.get(name, np.nan) for v in values], np.float64) for name in names}


def _odds(rule: Measured, rows: Sequence[Pair]) -> Floats:
    """Log odds [lesion, term]; what is unknown adds nothing."""
    if rule.combine == "sum":
        return np.array([[0.0 if p is None else log_odds(p) for p in r.chances] for r in rows])
    pick = min if rule.combine == "all" else max
    return np.array([[log_odds(pick(p for p in r.chances if p is not None))] for r in rows])


def held_out(rules: Mapping[str, Measured], gathered: Gathered) -> frozenset[str]:
    """Print the log-loss of each finding, present and absent alike, without a fit and fitted on the other cohorts.

    Returns the findings that the fit makes worse.
    """
    worse = set()
    cohorts = sorted({r.study.partition("/")[0] for rows in gathered.pairs.values() for r in rows})
    print(f"{'held out':24s} {'n':>5s} {'before':>7s} {'after':>7s}")
    for finding, rows in sorted(gathered.pairs.items()):
        before: list[tuple[bool, float]] = []
        after: list[tuple[bool, float]] = []
        for cohort in cohorts:
            own = [r for r in rows if r.study.startswith(f"{cohort}/")]
            others = {finding: [r for r in rows if not r.study.startswith(f"{cohort}/")]}
            plain = replace(rules[finding], fitted={}, learned=())
            fit = fit_all(rules, others).get(finding, Fit({}, ()))
            fitted = replace(plain, fitted=fit.fitted, learned=fit.learned)
            for rule, losses in ((plain, before), (fitted, after)):
                losses += [(r.present, _loss(_chance(rule, r), r.present)) for r in own]
        if {state for state, _ in before} == {True, False}:
            means = [np.mean([np.mean([x for s, x in losses if s is state]) for state in (True, False)])
                     for losses in (before, after)]  # fmt: skip
            print(f"{finding:24s} {len(before):5d} {means[0]:7.3f} {means[1]:7.3f}")
            worse |= {finding} if means[1] > means[0] else set()
    return frozenset(worse)


def _chance(rule: Measured, row: Pair) -> float:
    return combined(rule, row.chances, row.kind, sum(r.odds for r in learned_readings(rule, row.measurement)))


def _loss(probability: float, present: bool) -> float:
    return -float(np.log(np.clip(probability if present else 1 - probability, 1e-4, 1)))


def nothing_missed(rows: Sequence[bool]) -> float:
    """Chance that nothing is there where nothing was found, by Laplace's rule of succession."""
    return (sum(rows) + 1) / (len(rows) + 2)


def fit_trust(rows: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Offset and weight that turn log odds of scores into those of being there (Platt 1999), drawn to 0 and 1."""
    odds = np.array([log_odds(score) for score, _ in rows])
    real = np.array([there for _, there in rows], float)

    def cost(x: Floats) -> float:
        line = x[0] + x[1] * odds
        prior = (x[0] ** 2 + (x[1] - 1) ** 2) / (2 * TRUST_SPREAD**2)
        return float(np.sum(np.logaddexp(0, line) - real * line) + prior)

    offset, weight = minimize(cost, np.array([0.0, 1.0]), bounds=[(-6, 6), (0.2, 6)]).x
    return float(offset), float(weight)


def _line(finding: str, rows: Sequence[Pair], fit: Fit | None) -> str:
    if fit is None:
        said = "left as it is"
    else:
        kinds = [
            f"{kind} {f.offset:+.2f} [{', '.join(f'{w:.2f}' for w in f.weights)}]" for kind, f in fit.fitted.items()
        ]
        said = "  ".join([*kinds, f"{len(fit.learned)} curves"])
    return f"{finding:24s} {sum(r.present for r in rows):4d} of {len(rows):4d}  {said}"


def write(path: Path, fits: Mapping[str, Mapping[str, Fitted]]) -> None:
    """Put offsets and weights into the rules; all other lines, and older fits of other findings, stay as they are."""
    written, section, name = [], "", ""
    for line in path.read_text().splitlines():
        section = line if line and not line[0].isspace() else section
        name = line.strip().removesuffix(":") if re.fullmatch(r"  \w+:", line) else name
        new = fits.get(name) if section == "measured:" else None
        if new is not None and re.match(r"    fitted:|      (ct|radiograph): \{off", line):
            continue
        written.append(line)
        if new is not None and line == f"  {name}:":
            written.append("    fitted:")
            for kind, fit in new.items():
                weights = ", ".join(f"{w:.2f}" for w in fit.weights)
                written.append(
                    f'      {kind}: {{offset: {fit.offset:.2f}, weights: [{weights}], source: "{fit.source}"}}'
                )
    text = "\n".join(written) + "\n"
    yaml.safe_load(text)
    path.write_text(text)


def _told(curve: Learned) -> list[list[float]]:
    """The points with few digits; with more where two values would become one."""
    digits = DIGITS
    while len({f"{x:.{digits}g}" for x, _ in curve.points}) < len(curve.points):
        digits += 1
    return [[float(f"{x:.{digits}g}"), round(y, 3)] for x, y in curve.points]


def write_learned(path: Path, curves: Mapping[str, Sequence[Learned]]) -> None:
    """Write the learned curves, one line for each; how far findings are heeded stays as it is."""
    heed = json.loads(path.read_text()).get("heed", {}) if path.exists() else {}
    rows = []
    for finding in sorted(f for f, learned in curves.items() if learned):
        inner = [f'   "{c.feature}": {json.dumps(_told(c))}' for c in curves[finding]]
        rows.append(f'  "{finding}": {{\n' + ",\n".join(inner) + "\n  }")
    text = '{\n "source": ' + json.dumps(SOURCE) + ',\n "curves": {\n' + ",\n".join(rows) + "\n },\n"
    text += ' "heed": ' + json.dumps(heed) + "\n}\n"
    json.loads(text)
    path.write_text(text)


def write_counts(path: Path, chances: Mapping[str, float], trust: Mapping[str, tuple[float, float]]) -> None:
    """Put the chances that nothing was missed, and the trust in what was found, into a profile."""
    text = path.read_text()
    tables = {
        "nothing_missed": chances,
        "trust_offset": {kind: offset for kind, (offset, _) in trust.items()},
        "trust_weight": {kind: weight for kind, (_, weight) in trust.items()},
    }
    for key, table in tables.items():
        said = ", ".join(f"{kind}: {table[kind]:.2f}" for kind in sorted(table, reverse=True))
        text = re.sub(rf"^{key}: \{{.*\}}$", f"{key}: {{{said}}}", text, flags=re.MULTILINE)
    yaml.safe_load(text)
    path.write_text(text)


if __name__ == "__main__":
    raise SystemExit(main())

"""configs/learned_curves.json becomes what measured rules have learned beyond their own terms.

{"source": ..., "curves": {finding: {feature: [[value, log odds]]}}, "heed": {finding: [presence, absence]}}
training/finding_curves.py writes the curves, training/finding_heed.py how far findings are heeded.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.knowledge.nearest import nearest
from pipeline.knowledge.reading import Mistakes
from pipeline.knowledge.rules import Learned, Measured, Rule

MOST_ODDS = 6.0
"""Natural-log odds; no single feature moves a finding further."""
MOST_HEED = 10.0
"""No weight is multiplied by more."""


def with_learned(
    rules: Sequence[Rule], path: Path, features: Collection[str] | None, mistakes: Mistakes
) -> tuple[Rule, ...]:
    """The rules with their learned curves. `features` None leaves names of features unchecked."""
    curves = _table(path, "curves", mistakes)
    measured = {rule.finding for rule in rules if isinstance(rule, Measured)}
    for finding in sorted(curves.keys() - measured):
        mistakes.add(f"{path}:1", finding, f"no measured finding{nearest(finding, measured)}")
    for finding, row in curves.items():
        if not isinstance(row, dict):
            mistakes.add(f"{path}:1", finding, "give features with their points")
            continue
        for feature, points in row.items():
            _check(f"{path}:1", f"{finding}.{feature}", points, mistakes)
            if features is not None and feature not in features:
                mistakes.add(f"{path}:1", f"{finding}.{feature}", f"unknown feature{nearest(feature, features)}")
    if mistakes.told:
        return tuple(rules)
    return tuple(
        replace(rule, learned=_learned(curves[rule.finding]))
        if isinstance(rule, Measured) and rule.finding in curves
        else rule
        for rule in rules
    )


def read_heed(path: Path, findings: Collection[str], mistakes: Mistakes) -> Mapping[str, tuple[float, float]]:
    """By what the weights of a measured finding's presence and of its absence are multiplied when it is evidence."""
    found: dict[str, tuple[float, float]] = {}
    for finding, pair in _table(path, "heed", mistakes).items():
        place, key = f"{path}:1", f"heed.{finding}"
        if finding not in findings:
            mistakes.add(place, key, f"unknown finding{nearest(finding, findings)}")
        try:
            presence, absence = (float(x) for x in pair)
        except (TypeError, ValueError):
            mistakes.add(place, key, "give two numbers, for its presence and for its absence")
            continue
        if not (0 <= presence <= MOST_HEED and 0 <= absence <= MOST_HEED):
            mistakes.add(place, key, f"factors lie outside 0 to {MOST_HEED:g}")
        found[finding] = (presence, absence)
    return found


def _table(path: Path, key: str, mistakes: Mistakes) -> dict[str, Any]:
    """A table of the file by findings; none where it cannot be read, which is noted."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        mistakes.add(f"{path}:1", key, f"cannot be read ({type(error).__name__}); write it anew")
        return {}
    if not isinstance(found, dict):
        mistakes.add(f"{path}:1", key, "give one entry for each finding")
        return {}
    return found


def _check(place: str, key: str, points: Any, mistakes: Mistakes) -> None:
    """Points are pairs of numbers; values rise, log odds stay within bounds."""
    try:
        pairs = [(float(value), float(odds)) for value, odds in points]
    except (TypeError, ValueError):
        mistakes.add(place, key, "give points as pairs of numbers")
        return
    if len(pairs) < 2 or any(b[0] <= a[0] for a, b in pairwise(pairs)):
        mistakes.add(place, key, "values must rise from point to point, at least two of them")
    if any(not abs(odds) <= MOST_ODDS for _, odds in pairs):
        mistakes.add(place, key, f"log odds lie outside -{MOST_ODDS:g} to {MOST_ODDS:g}")


def _learned(row: dict[str, Any]) -> tuple[Learned, ...]:
    return tuple(Learned(feature, tuple((float(x), float(y)) for x, y in points)) for feature, points in row.items())

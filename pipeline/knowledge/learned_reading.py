"""configs/learned_curves.json becomes what measured rules have learned beyond their own terms.

The file is written by training/finding_curves.py: {"source": ..., "curves": {finding: {feature: [[value, log odds]]}}}.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.knowledge.nearest import nearest
from pipeline.knowledge.reading import Mistakes
from pipeline.knowledge.rules import Learned, Measured, Rule

MOST_ODDS = 6.0
"""Natural-log odds; no single feature moves a finding further."""


def with_learned(
    rules: Sequence[Rule], path: Path, features: Collection[str] | None, mistakes: Mistakes
) -> tuple[Rule, ...]:
    """The rules with their learned curves. `features` None leaves names of features unchecked."""
    curves = _curves(path, mistakes)
    measured = {rule.finding for rule in rules if isinstance(rule, Measured)}
    for finding in curves.keys() - measured:
        mistakes.add(f"{path}:1", finding, f"no measured finding{nearest(finding, measured)}")
    for finding, row in curves.items():
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


def _curves(path: Path, mistakes: Mistakes) -> dict[str, dict[str, Any]]:
    """The curves as they stand in the file; none where it cannot be read, which is noted."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["curves"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        mistakes.add(f"{path}:1", "curves", f"cannot be read ({type(error).__name__}); write it anew")
        return {}
    if not isinstance(found, dict) or not all(isinstance(row, dict) for row in found.values()):
        mistakes.add(f"{path}:1", "curves", "give features with their points for each finding")
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

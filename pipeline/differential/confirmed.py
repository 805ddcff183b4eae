"""What was measured in a lesion can show that it is there: nothing but calcium settles to a level."""

import math
from collections.abc import Mapping
from dataclasses import replace

from pipeline.differential.soft import soft_weight
from pipeline.knowledge.records import Numbers
from pipeline.model.lesion import Lesion
from pipeline.model.measure import Finding


def confirmed(lesions: tuple[Lesion, ...], findings: tuple[Finding, ...], numbers: Numbers) -> tuple[Lesion, ...]:
    """The lesions, as sure as the search and `trust_findings` of the profile together make them."""
    told: dict[int | None, dict[str, float]] = {}
    for finding in findings:
        if finding.probability is not None:
            told.setdefault(finding.lesion, {})[finding.id] = finding.probability
    return tuple(
        replace(lesion, confidence=shifted(lesion.confidence, weight_of_presence(told.get(lesion.id, {}), numbers)))
        for lesion in lesions
    )


def weight_of_presence(told: Mapping[str, float], numbers: Numbers) -> float:
    """What the findings of a lesion, id to probability, add to the log odds that it is there; absence adds nothing."""
    return sum(
        soft_weight(told[finding], weight, 0.0) for finding, weight in numbers.trust_findings.items() if finding in told
    )


def shifted(chance: float, weight: float) -> float:
    """A chance, 0 to 1, whose log odds are moved by `weight`."""
    if weight == 0 or chance in (0.0, 1.0):
        return chance
    odds = chance / (1 - chance) * math.exp(weight)
    return odds / (1 + odds)

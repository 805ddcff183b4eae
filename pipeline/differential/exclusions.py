"""Exclusions and widenings: what acts after the weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.differential.case import Situation, degree
from pipeline.differential.claims import leaves
from pipeline.differential.soft import soft_weight
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import Assertion, Yielding
from pipeline.model.ranking import Evidence

Logits = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An exclusion that acts: on `entity`, by at least `least` (negative natural log), as far as `held`."""

    assertion: Assertion
    entity: str
    least: float
    ceiling: float
    probability: float
    held: float


@dataclass(frozen=True, slots=True, eq=False)
class Excluded:
    """What exclusions did: `weights` float64 [entity], their evidence, and the exclusions that gave way."""

    weights: Logits
    evidence: tuple[Evidence, ...]
    yielded: tuple[Yielding, ...]


def exclude(logits: Logits, log_indeterminate: float, situation: Situation, knowledge: Knowledge) -> Excluded:
    """Lower excluded entities by their strength, and further where needed to reach the ceiling; never to nothing.

    The ceiling is a share of all that is not excluded. Uncertain findings exclude as virtual evidence does. An
    exclusion that contradicts a finding which speaks still louder gives way (profile: yield).
    """
    acting, yielded = _acting(situation, knowledge)
    index = {entity: i for i, entity in enumerate(knowledge.entities)}
    free = np.ones(len(index), bool)
    free[[index[x.entity] for x in acting]] = False
    rest = np.logaddexp.reduce(np.append(logits[free], log_indeterminate))
    weights, evidence = np.zeros(len(index)), []
    for exclusion in sorted(acting, key=lambda x: (x.ceiling, x.least)):
        i = index[exclusion.entity]
        full = min(exclusion.least, float(np.log(exclusion.ceiling) + rest - logits[i]))
        finding = str(exclusion.assertion.finding)
        weight = exclusion.held * soft_weight(exclusion.probability, full, _balance(finding, knowledge))
        weights[i] = min(weights[i], weight)
        where = situation.findings[finding].lesion
        ids, claim = (exclusion.assertion.id,), exclusion.assertion.claim
        evidence.append(Evidence(finding, where, exclusion.entity, weight, ids, claim, exclusion.assertion.source))
    return Excluded(weights, tuple(evidence), yielded)


def _acting(situation: Situation, knowledge: Knowledge) -> tuple[list[Exclusion], tuple[Yielding, ...]]:
    """Exclusions whose finding is more likely present than not, and those that gave way."""
    numbers = knowledge.profile.numbers
    acting, yielded = [], []
    for assertion in knowledge.assertions:
        p = situation.probability(assertion.finding) if assertion.acts == "exclusion" and assertion.finding else None
        held = degree(assertion.condition, situation)
        if p is None or p <= 0.5 or held <= 0:
            continue
        giving = [y for y in knowledge.profile.yielding if assertion.id in y.assertions]
        louder = [y for y in giving if (situation.probability(y.to) or 0.0) > 0.5]
        yielded += louder
        spared = {e for y in louder for e in (y.entities or knowledge.entities)}
        least, ceiling = -numbers.strengths[assertion.strength], numbers.ceilings[assertion.strength]
        for entity in (e for about in assertion.about for e in leaves(about, knowledge)):
            if entity not in spared:
                acting.append(Exclusion(assertion, entity, least, ceiling, p, held))
    return acting, tuple(yielded)


def _balance(finding: str, knowledge: Knowledge) -> float:
    """Weight of the absence of an excluding finding: what its absence says when it is as frequent as on average."""
    rates = [x.p for (f, _), x in knowledge.likelihoods.items() if f == finding]
    mean = sum(rates) / len(rates) if rates else 0.05
    return float(-np.log1p(-mean))


def widen(logits: Logits, situation: Situation, knowledge: Knowledge) -> Logits:
    """Shifts float64 [entity] that draw answers together where the text names a pitfall.

    Each id of the assertion is one party, a group with all its entities; the distance of a party's log share from the
    mean of the parties shrinks by the profile's widening for the assertion's strength.
    """
    index = {entity: i for i, entity in enumerate(knowledge.entities)}
    shifts = np.zeros(len(index))
    for assertion in knowledge.assertions:
        p = situation.probability(assertion.finding) if assertion.acts == "widening" and assertion.finding else None
        held = degree(assertion.condition, situation) * max(0.0, 2 * (p or 0.0) - 1)
        if held <= 0:
            continue
        parties = [[index[e] for e in leaves(about, knowledge)] for about in assertion.about]
        heights = np.array([np.logaddexp.reduce(logits[party] + shifts[party]) for party in parties])
        share = held * knowledge.profile.numbers.widening[assertion.strength]
        for party, height in zip(parties, heights, strict=True):
            shifts[party] -= share * (height - heights.mean())
    return shifts

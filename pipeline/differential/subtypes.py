"""Which form of an entity it is."""

from pipeline.differential.case import Situation, degree
from pipeline.knowledge.loading import Knowledge

LEAST_WEIGHT = 0.3
"""Weight from which a form is named; below it none can be told."""
PLACE_WEIGHT = 1.6
"""Weight of the region a form belongs to: moderate."""


def subtype_of(entity: str, situation: Situation, knowledge: Knowledge) -> str | None:
    """The form for which most speaks, None when none can be told."""
    weights = {s.id: 0.0 for s in knowledge.entities[entity].subtypes}
    if not weights:
        return None
    for subtype in knowledge.entities[entity].subtypes:
        if situation.region in subtype.regions:
            weights[subtype.id] += PLACE_WEIGHT
    strengths = knowledge.profile.numbers.strengths
    for assertion in knowledge.assertions:
        own = [about.partition("/")[2] for about in assertion.about if about.startswith(f"{entity}/")]
        p = situation.probability(assertion.finding) if own and assertion.finding else None
        sign = {"for": 1.0, "requires": 1.0, "against": -1.0}.get(assertion.direction)
        if p is None or sign is None:
            continue
        held = degree(assertion.condition, situation)
        for name in own:
            weights[name] += sign * strengths[assertion.strength] * held * max(0.0, 2 * p - 1)
    best = max(weights, key=lambda name: weights[name], default=None)
    return best if best is not None and weights[best] >= LEAST_WEIGHT else None

"""Log shares become probabilities: normalised, limited, with what may have been missed."""

import numpy as np
from numpy.typing import NDArray

from pipeline.differential.case import Case
from pipeline.differential.soft import soft_weight
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import INDETERMINATE, NO_CALCIFICATION

Shares = dict[str, float]


def shares_of(logits: NDArray[np.float64], log_else: float, knowledge: Knowledge) -> Shares:
    """Probabilities of the entities and of indeterminate from log shares; they sum to 1."""
    values = np.append(logits, log_else)
    values = np.exp(values - values.max())
    values /= values.sum()
    return dict(zip((*knowledge.entities, INDETERMINATE), (float(v) for v in values), strict=True))


def with_nothing(shares: Shares, case: Case, knowledge: Knowledge) -> Shares:
    """Add no_calcification: no lesion is real, and nothing was missed."""
    nothing = nothing_there(case, knowledge)
    return {e: p * (1 - nothing) for e, p in shares.items()} | {NO_CALCIFICATION: nothing}


def nothing_there(case: Case, knowledge: Knowledge) -> float:
    """Product over lesions of (1 - confidence), times the chance that nothing was missed on these modalities."""
    table = knowledge.profile.numbers.nothing_missed
    missed = max((table.get(m, min(table.values())) for m in case.modalities), default=min(table.values()))
    chance = missed * float(np.prod([1 - lesion.confidence for lesion in case.lesions]))
    weight = _said_of_nothing(case, knowledge)
    odds = chance / max(1 - chance, 1e-9) * float(np.exp(weight))
    return min(odds / (1 + odds), missed if weight == 0 else knowledge.profile.numbers.highest_share)


def _said_of_nothing(case: Case, knowledge: Knowledge) -> float:
    """What findings say for no_calcification itself (calcium that belongs where it lies)."""
    total = 0.0
    for assertion in knowledge.assertions:
        if assertion.acts == "weight" and NO_CALCIFICATION in assertion.about:
            p = next((f.probability for f in case.findings if f.id == assertion.finding), None)
            strength = knowledge.profile.numbers.strengths[assertion.strength]
            total += 0.0 if p is None else soft_weight(p, strength, 0.0)
    return total


def limit(shares: Shares, indeterminate: float, knowledge: Knowledge) -> Shares:
    """No share above the profile's highest, indeterminate at least as stated; the others follow in proportion."""
    limited = _set_share(shares, INDETERMINATE, max(indeterminate, shares[INDETERMINATE]))
    top = max(limited, key=lambda e: limited[e])
    return _set_share(limited, top, min(limited[top], knowledge.profile.numbers.highest_share))


def _set_share(shares: Shares, entity: str, share: float) -> Shares:
    """Give one entity a share and scale the others to the rest."""
    rest = sum(p for e, p in shares.items() if e != entity)
    scale = (1 - share) / rest if rest > 0 else 0.0
    return {e: p * scale for e, p in shares.items()} | {entity: share}

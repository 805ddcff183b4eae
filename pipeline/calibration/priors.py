"""How often a site meets each cause, beside how often the knowledge expects it there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.differential.case import Case
from pipeline.differential.priors import log_priors
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import NO_CALCIFICATION
from pipeline.model.known import Known

PRIOR_CASES = 100.0
"""The shipped shares count as so many cases: a share moves half of its way when a site has told of as many."""
PRIOR_EMPTY = 30.0
"""The same for the chance that nothing was missed where nothing was found."""
FACTORS = (0.05, 20.0)
"""No prior is changed more than this, whatever was said."""


@dataclass(frozen=True, slots=True)
class Met:
    """A cause as a site meets it: cases, those that the knowledge expected of them, and the factor of its prior."""

    cases: int
    expected: float
    times: float


def expected_shares(case: Case, knowledge: Knowledge) -> NDArray[np.float64]:
    """What the knowledge expects of a case by region, age and sex before anything is seen; float64 [entity]."""
    region = case.region.value.value if isinstance(case.region, Known) else None
    shares: NDArray[np.float64] = np.exp(log_priors(case, region, knowledge))
    shares /= shares.sum()
    return shares


def met(told: Sequence[tuple[str, NDArray[np.float64]]], knowledge: Knowledge) -> dict[str, Met]:
    """Every cause by its id. `told` are diagnosis and expected shares of each case; other answers do not count.

    A Dirichlet prior of PRIOR_CASES cases with the shipped shares, cases standardised by what was expected of them: a
    site that sees shoulders meets what is found in shoulders, and no prior changes for that.
    """
    entities = tuple(knowledge.entities)
    own = [(entity, shares) for entity, shares in told if entity in knowledge.entities]
    base = np.array([e.prior_referred for e in knowledge.entities.values()])
    base = PRIOR_CASES * base / base.sum()
    cases = np.array([sum(entity == e for entity, _ in own) for e in entities], np.float64)
    expected = np.sum([shares for _, shares in own], axis=0) if own else np.zeros(len(entities))
    times = np.clip((base + cases) / (base + expected), *FACTORS)
    return {e: Met(int(cases[i]), float(expected[i]), float(times[i])) for i, e in enumerate(entities)}


def nothing_missed(empty: Iterable[tuple[str, bool]], shipped: Mapping[str, float]) -> dict[str, tuple[float, int]]:
    """The chance that nothing is there where nothing was found, with the number of studies, by kind of image.

    `empty` are kind and whether nothing was there, of studies in which nothing was found.
    """
    rows = list(empty)
    found = {}
    for kind in sorted({kind for kind, _ in rows}):
        own = [nothing for k, nothing in rows if k == kind]
        chance = (PRIOR_EMPTY * shipped[kind] + sum(own)) / (PRIOR_EMPTY + len(own))
        found[kind] = (float(chance), len(own))
    return found


def is_nothing(entity: str) -> bool:
    """Whether a diagnosis says that no calcium is there."""
    return entity == NO_CALCIFICATION

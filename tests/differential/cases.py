"""Made-up studies for the tests of the differential."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from pipeline.differential.case import Case
from pipeline.differential.rank import Ranking, rank
from pipeline.knowledge.loading import Knowledge, load_knowledge
from pipeline.model.context import ClinicalContext, Patient
from pipeline.model.known import Known, Unknown
from pipeline.model.lesion import Crop, Lesion
from pipeline.model.measure import Finding
from pipeline.model.vocabulary import Region, State


@lru_cache
def knowledge(profile: str = "seed") -> Knowledge:
    return load_knowledge(profile, None)


def lesion(number: int, region: str | None = None, *, sure: float = 1.0, same_as: tuple[int, ...] = ()) -> Lesion:
    place = Known(Region(region), "test") if region else Unknown("not told")
    return Lesion(number, 0, number, (), Crop(np.ones((2, 2), bool), (0, 0)), sure, place, same_as=same_as)


def finding(name: str, probability: float, number: int | None) -> Finding:
    state = State.PRESENT if probability >= 0.5 else State.ABSENT
    return Finding(name, state, probability, "told", lesion=number)


def study(
    *lesions: Mapping[str, float],
    overall: Mapping[str, float] | None = None,
    region: str | None = None,
    kind: str = "radiograph",
    sure: float = 1.0,
    patient: Patient | None = None,
    context: ClinicalContext | None = None,
) -> Case:
    """One mapping of findings to probabilities for each lesion, and one for study and context."""
    found = [finding(n, p, i) for i, own in enumerate(lesions, 1) for n, p in own.items()]
    found += [finding(n, p, None) for n, p in (overall or {}).items()]
    made = tuple(lesion(i, region, sure=sure) for i in range(1, len(lesions) + 1))
    place = Known(Region(region), "test") if region else Unknown("not told")
    return Case(tuple(found), made, (kind,), patient or Patient(), context or ClinicalContext(), place)


def shares(case: Case, profile: str = "seed") -> dict[str, float]:
    return {r.entity: r.probability for r in rank(case, knowledge(profile)).differential.ranked}


def ranking(case: Case, profile: str = "seed") -> Ranking:
    return rank(case, knowledge(profile))


def yes(*names: str) -> dict[str, float]:
    return dict.fromkeys(names, 1.0)

"""What a profile says of one finding, looked up once: claims about entities and groups, comparisons, changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pipeline.differential.base import Cell, likelihood_cells
from pipeline.knowledge import records as r
from pipeline.knowledge.loading import Knowledge

SIGN: Mapping[str, float] = {"for": 1.0, "requires": 1.0, "against": -1.0}
"""Directions of assertions that weigh."""
IMAGES = ("radiograph", "ct")
"""Modalities whose images are read."""


@dataclass(frozen=True, slots=True)
class Claims:
    """All that weighs for one finding.

    `base`: modality -> entity -> cell, by likelihoods alone.
    `own` and `group`: entity -> assertions about it, or about its group. `contrasts`: assertion, entity, and the entity
    it is compared with. `hiding`: assertions that say when the finding is hard to see.
    """

    finding: str
    base: Mapping[str | None, Mapping[str, Cell]]
    own: Mapping[str, tuple[r.Assertion, ...]]
    group: Mapping[str, tuple[r.Assertion, ...]]
    contrasts: tuple[tuple[r.Assertion, str, str], ...]
    hiding: tuple[r.Assertion, ...]
    equals: tuple[tuple[r.Equal, r.Assertion], ...]
    fixed: tuple[r.FixedWeight, ...]
    borrowed: tuple[r.Borrowed, ...]
    damped: tuple[r.Damped, ...]


Book: TypeAlias = Mapping[str, Claims]
"""The claims of every finding."""


def book_of(knowledge: Knowledge) -> Book:
    """The claims of all findings; made once for all lesions of a study."""
    return {finding: claims_of(finding, knowledge) for finding in knowledge.findings}


def claims_of(finding: str, knowledge: Knowledge) -> Claims:
    """The claims of one finding in the knowledge's profile."""
    profile = knowledge.profile
    weighing = [a for a in profile.assertions if a.finding == finding and weighs(a, profile)]
    direct = [a for a in weighing if not a.versus and a.id not in profile.subtype_only]
    by_id = {a.id: a for a in profile.assertions}
    return Claims(
        finding,
        {modality: likelihood_cells(finding, modality, knowledge) for modality in (None, *IMAGES)},
        _about(direct, knowledge, group=False),
        _about(direct, knowledge, group=True),
        tuple(
            (a, entity, other)
            for a in weighing
            for about in a.about
            for entity in leaves(about, knowledge)
            for versus in a.versus
            for other in leaves(versus, knowledge)
            if entity != other
        ),
        tuple(a for a in profile.assertions if a.finding == finding and hides(a)),
        tuple((e, by_id[e.like]) for e in profile.equals if e.finding == finding),
        tuple(w for w in profile.weights if w.finding == finding),
        tuple(b for b in profile.borrowed if finding in b.findings),
        tuple(d for d in profile.damped if finding in d.findings),
    )


def leaves(about: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The entities an id of `about` stands for: an entity, entity/subtype, or group:NAME."""
    kind, _, name = about.rpartition(":")
    if kind == "group":
        return tuple(e.id for e in knowledge.entities.values() if e.group == name)
    entity = about.partition("/")[0]
    return (entity,) if entity in knowledge.entities else ()


def weighs(assertion: r.Assertion, profile: r.Profile) -> bool:
    """Whether an assertion weighs by its strength in a profile; rare is no weight."""
    named = profile.strength_first or assertion.id in profile.stated
    strength = profile.numbers.strengths[assertion.strength]
    return named and assertion.acts == "weight" and assertion.direction in SIGN and strength > 0


def hides(assertion: r.Assertion) -> bool:
    """Whether an assertion says that a finding is hard to see under a condition on other findings."""
    terms = assertion.condition.only_if
    return assertion.acts == "assessability" and bool(terms) and all(":" not in t for t in terms)


def _about(assertions: list[r.Assertion], knowledge: Knowledge, *, group: bool) -> dict[str, tuple[r.Assertion, ...]]:
    """Entity -> the assertions about it, or about its group."""
    found: dict[str, tuple[r.Assertion, ...]] = {}
    for assertion in assertions:
        for about in assertion.about:
            if about.startswith("group:") == group:
                for entity in leaves(about, knowledge):
                    found[entity] = (*found.get(entity, ()), assertion)
    return found

"""The files of knowledge/ become records: entities, findings, assertions, likelihoods."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pipeline.knowledge import records as r
from pipeline.knowledge.nearest import nearest
from pipeline.knowledge.reading import Table
from pipeline.model.vocabulary import Region

REGIONS = frozenset(region.value for region in Region)
ESTIMATE = "estimate"
ESTIMATE_ODDS = 2.0
"""Half width, in odds, of the 95 % interval of an estimated likelihood."""
USUAL_ODDS = 3.0
"""The same for the rate that holds where nobody gave a number for the entity."""


@dataclass(frozen=True, slots=True)
class Entities:
    """Content of entities.yaml."""

    groups: Mapping[str, str]
    entities: Mapping[str, r.Entity]
    factors: tuple[r.Factor, ...]
    prior_indeterminate: float


def read_entities(top: Table) -> Entities:
    """entities.yaml."""
    top.only("groups", "entities", "priors", "factors")
    labels = top.table("groups")
    groups = {key: labels.text(key) for key in labels.entries}
    entities = {key: _entity(key, row, groups) for key, row in top.table("entities").tables()}
    if not entities:
        top.wrong("entities", "no entity; give at least one")
    priors = top.table("priors")
    priors.only("indeterminate", "source")
    priors.text("source")
    factors = tuple(read_factor(row, entities) for row in top.rows("factors"))
    return Entities(groups, entities, factors, priors.number("indeterminate", 0.001, 0.5))


def _entity(key: str, row: Table, groups: Collection[str]) -> r.Entity:
    row.only("label", "description", "group", "prior", "subtypes")
    prior = row.table("prior")
    prior.only("referred", "general")
    return r.Entity(
        key,
        row.text("label"),
        row.text("description"),
        row.choice("group", groups, "group"),
        prior.number("referred", 0.001, 1000),
        prior.number("general", 0.001, 1000),
        tuple(_subtype(name, table) for name, table in row.table("subtypes").tables()),
    )


def _subtype(key: str, row: Table) -> r.Subtype:
    row.only("label", "regions")
    return r.Subtype(key, row.text("label"), frozenset(row.texts("regions", REGIONS, "region")))


def read_factor(row: Table, entities: Collection[str], source: str | None = None) -> r.Factor:
    """One row of factors; its source may stand beside it."""
    row.only("region", "regions", "age_from", "sex", "history", "entity", "times", "source")
    return r.Factor(
        row.choice("entity", entities, "entity"),
        row.number("times", 0.001, 1000),
        source or row.text("source"),
        frozenset(row.texts("region", REGIONS, "region") + row.texts("regions", REGIONS, "region")),
        row.optional_number("age_from", 0, 120),
        row.choice("sex", ("F", "M", "O"), "sex") if row.has("sex") else None,
        row.optional_text("history"),
    )


def read_findings(top: Table) -> dict[str, r.FindingKind]:
    """findings.yaml."""
    top.only("findings")
    names = top.table("findings").entries
    found = {key: _finding(key, row, names) for key, row in top.table("findings").tables()}
    if not found:
        top.wrong("findings", "no finding; give at least one")
    return found


def _finding(key: str, row: Table, findings: Collection[str]) -> r.FindingKind:
    row.only("label", "description", "level", "origin", "counted", "given", "absence")
    return r.FindingKind(
        key,
        row.text("label"),
        row.text("description"),
        row.choice("level", r.LEVELS, "level"),
        row.choice("origin", r.ORIGINS, "origin"),
        row.optional_text("counted"),
        row.choice("given", findings, "finding") if row.has("given") else None,
        row.choice("absence", r.ABSENCES, "word") if row.has("absence") else r.ABSENCES[0],
    )


def read_assertions(top: Table, entities: Entities, findings: Collection[str]) -> tuple[r.Assertion, ...]:
    """assertions.yaml; ids are unique."""
    top.only("assertions")
    found: dict[str, r.Assertion] = {}
    for row in top.rows("assertions"):
        assertion = _assertion(row, entities, findings)
        if assertion.id in found:
            row.wrong("id", f"{assertion.id} stands twice; give each claim its own id")
        found[assertion.id] = assertion
    return tuple(found.values())


def _assertion(row: Table, entities: Entities, findings: Collection[str]) -> r.Assertion:
    row.only("id", "at", "claim", "about", "versus", "finding", "direction", "strength", "only_if", "not_if", "any_of",
             "acts", "how")  # fmt: skip
    return r.Assertion(
        row.text("id"),
        _place(row),
        row.text("claim"),
        read_about(row, "about", entities),
        row.choice("direction", r.DIRECTIONS, "direction"),
        row.choice("strength", r.STRENGTHS, "strength"),
        row.choice("acts", r.ACTS, "word"),
        row.choice("finding", findings, "finding") if row.has("finding") else None,
        read_about(row, "versus", entities) if row.has("versus") else (),
        read_condition(row, entities, findings),
        row.optional_text("how"),
    )


def _place(row: Table) -> tuple[int, int]:
    """Paragraph and sentence."""
    entry = row.entries.get("at")
    numbers = [getattr(cell, "value", None) for cell in getattr(entry, "entries", ())]
    match numbers:
        case [int(paragraph), int(sentence)]:
            return paragraph, sentence
    row.wrong("at", "not [paragraph, sentence]; give two whole numbers")
    return 0, 0


def read_about(row: Table, key: str, entities: Entities) -> tuple[str, ...]:
    """Entities, entity/subtype, group:NAME, or one of the two other answers."""
    subtypes = {f"{e.id}/{s.id}" for e in entities.entities.values() for s in e.subtypes}
    allowed = {*entities.entities, *subtypes, *(f"group:{g}" for g in entities.groups), *r.ANSWERS}
    return row.texts(key, allowed, "entity")


def read_condition(row: Table, entities: Entities, findings: Collection[str]) -> r.Condition:
    """The keys only_if, not_if, only_if_absent, any_of of a row."""
    for key in ("only_if", "not_if"):
        for term in row.texts(key):
            _check_term(row, key, term, entities, findings)
    return r.Condition(
        row.texts("only_if"),
        row.texts("not_if"),
        row.texts("only_if_absent", findings, "finding"),
        row.texts("any_of", findings, "finding"),
    )


def _check_term(row: Table, key: str, term: str, entities: Entities, findings: Collection[str]) -> None:
    """A term is a finding, region:ID, modality:ID or entity:ID."""
    kind, _, name = term.rpartition(":")
    allowed: Mapping[str, Collection[str]] = {
        "": findings,
        "region": REGIONS,
        "modality": r.MODALITIES,
        "entity": entities.entities,
    }
    if kind not in allowed:
        row.wrong(key, f"unknown term {term}; write a finding, region:, modality: or entity:")
    elif name not in allowed[kind]:
        row.wrong(key, f"unknown {kind or 'finding'} {name}{nearest(name, allowed[kind])}")


def read_likelihoods(
    top: Table, entities: Collection[str], findings: Collection[str]
) -> dict[tuple[str, str], r.Likelihood]:
    """likelihoods.yaml as (finding, entity) -> likelihood; `usual` fills the entities that are not listed."""
    top.only("likelihoods")
    found: dict[tuple[str, str], r.Likelihood] = {}
    table = top.table("likelihoods")
    for finding, row in table.tables():
        if finding not in findings:
            table.wrong(finding, f"unknown finding{nearest(finding, findings)}")
        row.only("usual", *entities)
        for entity in entities:
            if row.has(entity):
                found[finding, entity] = _likelihood(row, entity, ESTIMATE_ODDS)
            elif row.has("usual"):
                found[finding, entity] = _likelihood(row, "usual", USUAL_ODDS)
            else:
                row.wrong(entity, "missing, and there is no usual rate; give one of the two")
    return found


def _likelihood(row: Table, key: str, factor: float) -> r.Likelihood:
    """A plain number is an estimate; a published one has p, low, high, source."""
    if row.is_number(key):
        p = row.number(key, 0.0005, 0.9995)
        note = ESTIMATE if key != "usual" else "estimate, the usual rate"
        return r.Likelihood(p, _odds(p, 1 / factor), _odds(p, factor), note)
    cell = row.table(key)
    cell.only("p", "low", "high", "source")
    low, high = cell.number("low", 0, 1), cell.number("high", 0, 1)
    p = cell.number("p", 0.0005, 0.9995)
    if not math.isnan(low + high + p) and not low <= p <= high:
        cell.wrong("p", f"{p} lies outside its interval {low} to {high}; correct one of them")
    return r.Likelihood(p, low, high, cell.text("source"))


def _odds(p: float, factor: float) -> float:
    """The probability whose odds are `factor` times those of `p`."""
    odds = p / (1 - p) * factor if p < 1 else math.inf
    return odds / (1 + odds)

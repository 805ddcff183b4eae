"""`calcinosis describe`: what the program knows, from the same tables that it reasons with."""

from collections.abc import Iterator
from dataclasses import fields

from pipeline.features.table import FEATURES
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.settings import Settings
from pipeline.study import knowledge_for


def describe(topic: str, profile: str) -> Iterator[str]:
    """Lines on a topic: assertions, entities, findings, features or settings."""
    match topic:
        case "features":
            yield from _features()
        case "settings":
            yield from _settings()
        case "assertions":
            yield from _assertions(knowledge_for(profile))
        case "findings":
            yield from _findings(knowledge_for(profile))
        case _:
            yield from _entities(knowledge_for(profile))


def feature_names() -> frozenset[str]:
    """Names of all features, for the check of rules."""
    return frozenset(row.name for row in FEATURES)


def _entities(knowledge: Knowledge) -> Iterator[str]:
    for group, label in knowledge.groups.items():
        yield f"{group}: {label}"
        for entity in (e for e in knowledge.entities.values() if e.group == group):
            subtypes = f" (subtypes: {', '.join(s.id for s in entity.subtypes)})" if entity.subtypes else ""
            yield f"  {entity.id}: {entity.description}{subtypes}"


def _findings(knowledge: Knowledge) -> Iterator[str]:
    for finding in knowledge.findings.values():
        yield f"{finding.id} [{finding.level}]: {finding.description}"


def _assertions(knowledge: Knowledge) -> Iterator[str]:
    for assertion in knowledge.assertions:
        strength = f"{assertion.strength} {assertion.direction}".replace("_", " ")
        about = ", ".join(assertion.about)
        yield f"{assertion.id} {assertion.source}: {assertion.claim}"
        yield f"     acts as {assertion.acts} ({strength}) on {about}" + (f": {assertion.how}" if assertion.how else "")


def _features() -> Iterator[str]:
    for row in FEATURES:
        yield f"{row.name} [{row.unit}]" + (f" {row.code}" if row.code else "")


def _settings() -> Iterator[str]:
    defaults = Settings()
    for section in fields(defaults):
        record = getattr(defaults, section.name)
        for entry in fields(record):
            yield f"{section.name}.{entry.name} = {getattr(record, entry.name)}"

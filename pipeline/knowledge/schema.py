"""JSON Schema (2020-12) of the files of configs/, so that an editor completes and checks them.

The loader checks more (names across files, lines); the schema tells what may stand where.
"""

from collections.abc import Mapping
from typing import TypeAlias

from pipeline.knowledge import records as r
from pipeline.knowledge.profile_reading import KINDS, NUMBERS, TABLES
from pipeline.knowledge.rule_reading import COMBINED, IMAGES, MOST_WEIGHT, SECTIONS
from pipeline.knowledge.vocabulary_reading import REGIONS

Schema: TypeAlias = dict[str, object]
TEXT: Schema = {"type": "string", "minLength": 1}
TEXTS: Schema = {"type": "array", "items": TEXT}
CHANCE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
POSITIVE: Schema = {"type": "number", "exclusiveMinimum": 0}
REGION_LIST: Schema = {"type": "array", "items": {"enum": sorted(REGIONS)}}
PAIR: Schema = {"type": "array", "prefixItems": [{"type": "number"}, CHANCE], "minItems": 2, "maxItems": 2}


def schemas() -> Mapping[str, Schema]:
    """The schema of each file, by the file's name without its ending ("profile" for profiles/*.yaml)."""
    others: dict[str, Schema] = {name: {"type": "object"} for name in SECTIONS if name != "measured"}
    return {
        "entities": _top(groups=_each(TEXT), entities=_each(_entity()), priors=_priors(), factors=_list(_factor())),
        "findings": _top(findings=_each(_finding())),
        "assertions": _top(assertions=_list(_assertion())),
        "likelihoods": _top(likelihoods=_each(_each(_likelihood()))),
        "rules": _top((), measured=_each(_measured()), **others),
        "advice": _top(examinations=_each(_advice()), warnings=_each(_advice())),
        "profile": _profile(),
    }  # fmt: skip


def _top(needed: tuple[str, ...] = (), **sections: Schema) -> Schema:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_record(needed, **sections)}


def _record(needed: tuple[str, ...], **keys: Schema) -> Schema:
    """An object with these keys and no other."""
    return {"type": "object", "properties": keys, "required": list(needed), "additionalProperties": False}


def _each(item: Schema) -> Schema:
    """An object whose keys are ids."""
    return {"type": "object", "additionalProperties": item}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _entity() -> Schema:
    subtype = _record(("label",), label=TEXT, regions=REGION_LIST)
    prior = _record(("referred", "general"), referred=POSITIVE, general=POSITIVE)
    needed = ("label", "description", "group", "prior")
    return _record(needed, label=TEXT, description=TEXT, group=TEXT, prior=prior, subtypes=_each(subtype))


def _priors() -> Schema:
    return _record(("indeterminate", "source"), indeterminate=CHANCE, source=TEXT)


def _factor() -> Schema:
    age: Schema = {"type": "number", "minimum": 0, "maximum": 120}
    return _record(
        ("entity", "times"), region=REGION_LIST, regions=REGION_LIST, age_from=age, sex={"enum": ["F", "M", "O"]},
        history=TEXT, entity=TEXT, times=POSITIVE, source=TEXT,
    )  # fmt: skip


def _finding() -> Schema:
    needed = ("label", "description", "level", "origin")
    return _record(
        needed, label=TEXT, description=TEXT, level={"enum": list(r.LEVELS)}, origin={"enum": list(r.ORIGINS)},
        counted=TEXT, given=TEXT, absence={"enum": list(r.ABSENCES)},
    )  # fmt: skip


def _condition() -> dict[str, Schema]:
    return {"only_if": TEXTS, "not_if": TEXTS, "only_if_absent": TEXTS, "any_of": TEXTS}


def _assertion() -> Schema:
    place: Schema = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
    needed = ("id", "at", "claim", "about", "direction", "strength", "acts")
    return _record(
        needed, id=TEXT, at=place, claim=TEXT, about=TEXTS, versus=TEXTS, finding=TEXT,
        direction={"enum": list(r.DIRECTIONS)}, strength={"enum": list(r.STRENGTHS)}, acts={"enum": list(r.ACTS)},
        how=TEXT, **_condition(),
    )  # fmt: skip


def _likelihood() -> Schema:
    published = _record(("p", "low", "high", "source"), p=CHANCE, low=CHANCE, high=CHANCE, source=TEXT)
    return {"oneOf": [CHANCE, published]}


def _measured() -> Schema:
    points: Schema = {"type": "array", "items": PAIR, "minItems": 2}
    term = _record(("feature", "points"), feature=TEXT, points=points, says=TEXT, optional={"type": "boolean"})
    bar = _record(
        ("feature", "above", "because"), feature=TEXT, above={"type": "number"}, because=TEXT, would_help=TEXT
    )
    keys: dict[str, Schema] = {way: _list(term) for way in COMBINED} | {"not_if": _list(bar)}
    keys["fitted"] = _fitted()
    keys |= {"only_in": REGION_LIST, "only_in_because": TEXT, "absent_in": REGION_LIST}
    return _record((), **keys, only_on={"enum": list(IMAGES)}, only_on_because=TEXT, would_help=TEXT)


def _fitted() -> Schema:
    weights: Schema = _list({"type": "number", "minimum": 0, "maximum": MOST_WEIGHT})
    fit = _record(("offset", "weights", "source"), offset={"type": "number"}, weights=weights, source=TEXT)
    return _record((), **dict.fromkeys(IMAGES, fit))


def _advice() -> Schema:
    keys: dict[str, Schema] = {"text": TEXT, "between": TEXTS, "against": TEXTS, "answers": TEXTS}
    return _record(("text",), **keys, assertions=TEXTS, source=TEXT, only_if=TEXTS, not_if=TEXTS)


def _profile() -> Schema:
    change: Schema = {
        "type": "object",
        "properties": {"id": TEXT, "note": TEXT, "claim": TEXT, "source": TEXT},
        "required": ["id"],
        "oneOf": [{"required": [kind]} for kind in KINDS],
    }
    numbers: dict[str, Schema] = {
        key: {"type": "number", "minimum": low, "maximum": high} for key, (low, high) in NUMBERS.items()
    }
    tables: dict[str, Schema] = {
        key: _each({"type": "number", "minimum": low, "maximum": high}) for key, (low, high) in TABLES.items()
    }
    keys: dict[str, Schema] = {
        "name": TEXT,
        "title": TEXT,
        "based_on": TEXT,
        "weights": {"enum": ["strength", "likelihoods"]},
        "origins": {"type": "array", "items": {"enum": list(r.ORIGINS)}},
        "drop": TEXTS,
        "changes": _list(change),
        "fitted": _each(_fitted()),
    }
    return _top(("name", "title"), **keys, **numbers, **tables)

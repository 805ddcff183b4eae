"""`calcinosis describe` and `check-config`: what the program knows, from the same tables that it reasons with."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pipeline.cli.colour import painted
from pipeline.cli.run import PROFILE_HELP

TOPICS = ("assertions", "entities", "findings", "features", "settings")
DESCRIBE_EXAMPLES = (
    "calcinosis describe entities                          what can be answered",
    "calcinosis describe findings --json                   the same table for programs",
    "calcinosis describe assertions --profile literature   what later literature changed",
)
CHECK_EXAMPLES = (
    "calcinosis check-config my-profile.yaml               names file, line and mistake",
    "calcinosis check-config configs/*.yaml --json",
)
Row = dict[str, Any]


def add_describe(parser: argparse.ArgumentParser) -> None:
    """Arguments of `describe`."""
    parser.add_argument("topic", nargs="?", default="entities", choices=TOPICS, help=f"{', '.join(TOPICS)}")
    parser.add_argument("--profile", default="seed", help=PROFILE_HELP)
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.set_defaults(command=run_describe)


def add_check_config(parser: argparse.ArgumentParser) -> None:
    """Arguments of `check-config`."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="knowledge, profile or settings (YAML)")
    parser.add_argument("--json", action="store_true", help="print the mistakes as a list")
    parser.set_defaults(command=run_check_config)


def run_describe(options: argparse.Namespace) -> int:
    """Print a topic."""
    rows = list(ROWS[options.topic](options.profile))
    if options.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return 0
    for line in LINES[options.topic](rows):
        print(line)
    return 0


def run_check_config(options: argparse.Namespace) -> int:
    """Print the mistakes of files; 2 where there are any."""
    from pipeline.knowledge.loading import check_file

    mistakes = [line for path in options.files for line in check_file(path, feature_names())]
    if options.json:
        print(json.dumps(mistakes, indent=1, ensure_ascii=False))
        return 2 if mistakes else 0
    for line in mistakes:
        print(f"{painted('error:', 'red', sys.stderr)} {line}", file=sys.stderr)
    if not mistakes:
        print(f"{len(options.files)} file(s) checked: no mistake")
    return 2 if mistakes else 0


def feature_names() -> frozenset[str]:
    """Names of all features, for the check of rules."""
    from pipeline.features.table import FEATURES

    return frozenset(row.name for row in FEATURES)


def _entities(profile: str) -> Iterator[Row]:
    from pipeline.study import knowledge_for

    knowledge = knowledge_for(profile)
    for group, label in knowledge.groups.items():
        for entity in (e for e in knowledge.entities.values() if e.group == group):
            yield {
                "id": entity.id,
                "label": entity.label,
                "group": group,
                "group_label": label,
                "description": entity.description,
                "subtypes": [s.id for s in entity.subtypes],
            }


def _entity_lines(rows: list[Row]) -> Iterator[str]:
    for index, row in enumerate(rows):
        if index == 0 or rows[index - 1]["group"] != row["group"]:
            yield f"{row['group']}: {row['group_label']}"
        subtypes = f" (subtypes: {', '.join(row['subtypes'])})" if row["subtypes"] else ""
        yield f"  {row['id']}: {row['description']}{subtypes}"


def _findings(profile: str) -> Iterator[Row]:
    from pipeline.study import knowledge_for

    for finding in knowledge_for(profile).findings.values():
        yield {"id": finding.id, "label": finding.label, "level": finding.level, "description": finding.description}


def _finding_lines(rows: list[Row]) -> Iterator[str]:
    return (f"{row['id']} [{row['level']}]: {row['description']}" for row in rows)


def _assertions(profile: str) -> Iterator[Row]:
    from pipeline.study import knowledge_for

    for assertion in knowledge_for(profile).assertions:
        yield {
            "id": assertion.id,
            "source": assertion.source,
            "claim": assertion.claim,
            "acts": assertion.acts,
            "strength": assertion.strength,
            "direction": assertion.direction,
            "about": list(assertion.about),
            "how": assertion.how,
        }


def _assertion_lines(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        strength = f"{row['strength']} {row['direction']}".replace("_", " ")
        how = f": {row['how']}" if row["how"] else ""
        yield f"{row['id']} {row['source']}: {row['claim']}"
        yield f"     acts as {row['acts']} ({strength}) on {', '.join(row['about'])}{how}"


def _features(_: str) -> Iterator[Row]:
    from pipeline.features.table import FEATURES

    return ({"name": row.name, "unit": row.unit, "code": row.code} for row in FEATURES)


def _feature_lines(rows: list[Row]) -> Iterator[str]:
    return (f"{row['name']} [{row['unit']}]" + (f" {row['code']}" if row["code"] else "") for row in rows)


def _settings(_: str) -> Iterator[Row]:
    from pipeline.knowledge.settings import Settings

    defaults = Settings()
    for section in fields(defaults):
        record = getattr(defaults, section.name)
        for entry in fields(record):
            yield {"key": f"{section.name}.{entry.name}", "default": getattr(record, entry.name)}


def _setting_lines(rows: list[Row]) -> Iterator[str]:
    return (f"{row['key']} = {row['default']}" for row in rows)


ROWS: Mapping[str, Callable[[str], Iterator[Row]]] = {
    "assertions": _assertions,
    "entities": _entities,
    "findings": _findings,
    "features": _features,
    "settings": _settings,
}
LINES: Mapping[str, Callable[[list[Row]], Iterator[str]]] = {
    "assertions": _assertion_lines,
    "entities": _entity_lines,
    "findings": _finding_lines,
    "features": _feature_lines,
    "settings": _setting_lines,
}

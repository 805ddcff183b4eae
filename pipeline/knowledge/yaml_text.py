"""YAML text to plain values with their lines: the core schema of YAML 1.2, no tags, no anchors, no key twice.

Built from the parser's events in one pass: nesting is known before anything is built, and aliases are never followed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import yaml
from yaml.error import MarkedYAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

MAX_DEPTH = 20
"""Deepest nesting; the files need 6."""
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq"))
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser of libyaml, which wheels of PyYAML carry: 25 times as fast as the one in Python, same events."""
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
"""Null, bool, int and float: YAML 1.2.2, chapter 10.3.2."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, truth value or nothing, and the line it stands in."""

    value: str | int | float | bool | None
    line: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list and the line it begins in."""

    entries: tuple["Plain", ...]
    line: int


@dataclass(frozen=True, slots=True)
class Keys:
    """Values by key, each with the line of its key, and the line the first key stands in."""

    entries: Mapping[str, "Plain"]
    line: int


Plain: TypeAlias = Scalar | Sequence | Keys
Told: TypeAlias = list[tuple[int, str, str]]
"""Mistakes as (line, key, what is wrong)."""


def parse(text: str) -> tuple[Plain | None, Told]:
    """The value of a YAML text, None when it is empty, and what was left out of it because it is not plain data.

    MarkedYAMLError where it is not YAML; ValueError where it is nested too deep or holds a second document.
    """
    told: Told = []
    events: Iterator[Event] = yaml.parse(text, Loader=_PARSER)
    top: Plain | None = None
    documents = 0
    for event in events:
        if isinstance(event, DocumentStartEvent):
            documents += 1
        elif isinstance(event, NodeEvent):
            if documents > 1:
                raise ValueError(f"a second document begins in line {_line(event)}; write one document a file")
            top = _value(event, events, told, 0)
        elif isinstance(event, StreamEndEvent):
            break
    return top, told


def where(error: MarkedYAMLError) -> int:
    """The line, from 1, in which the parser gave up."""
    return error.problem_mark.line + 1 if error.problem_mark else 1


def _value(event: Event, events: Iterator[Event], told: Told, depth: int) -> Plain:
    """The value that begins with `event`; takes its events up to its end."""
    line = _line(event)
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels in line {line}; write it flatter")
    plain = _is_plain(event, told)
    found: Plain
    match event:
        case ScalarEvent():
            as_text = event.tag is not None or not event.implicit[0]
            found = Scalar(event.value if as_text else _resolved(event.value), line)
        case SequenceStartEvent():
            entries = [_value(e, events, told, depth + 1) for e in _until(events, SequenceEndEvent)]
            found = Sequence(tuple(entries), line)
        case MappingStartEvent():
            found = _keys(line, events, told, depth)
        case _:
            found = Scalar(None, line)
    return found if plain else Scalar(None, line)


def _is_plain(event: Event, told: Told) -> bool:
    """Whether an event bears neither anchor nor tag; what it bears is noted."""
    anchor = getattr(event, "anchor", None)
    tag = getattr(event, "tag", None)
    if anchor is not None:
        sign = "*" if isinstance(event, AliasEvent) else "&"
        told.append((_line(event), f"{sign}{anchor}", "anchors and aliases are not read; write the value out"))
    elif tag is not None and tag not in _PLAIN_TAGS:
        told.append((_line(event), str(tag), "tags are not read; write plain text, numbers, lists or keys"))
    else:
        return True
    return False


def _keys(line: int, events: Iterator[Event], told: Told, depth: int) -> Keys:
    entries: dict[str, Plain] = {}
    for event in _until(events, MappingEndEvent):
        key = _value(event, events, told, depth + 1)
        value = _value(next(events), events, told, depth + 1)
        name = event.value if isinstance(event, ScalarEvent) else type(key).__name__.lower()
        if not isinstance(event, ScalarEvent) or name in entries:
            told.append((key.line, name, "stands twice or is no plain key; keep one"))
        else:
            entries[name] = replace(value, line=key.line)
    return Keys(entries, line)


def _until(events: Iterator[Event], end: type[Event]) -> Iterator[Event]:
    """Events that begin a value, up to the end of the list or mapping they stand in."""
    for event in events:
        if isinstance(event, end):
            return
        yield event


def _line(event: Event) -> int:
    """The line an event begins in, from 1."""
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _resolved(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar by the core schema."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text.startswith(("0x", "0o")) else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text

"""YAML with line numbers, read so that every mistake of a file is told at once.

A mistake reads `file:line: key: what is wrong and what to do`. Tags, anchors and aliases are refused: the files are
plain data.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from yaml.error import MarkedYAMLError, YAMLError

from pipeline.knowledge.nearest import nearest
from pipeline.knowledge.yaml_text import Keys, Plain, Scalar, Sequence, parse, where

MAX_BYTES = 2_000_000
"""Largest file that is read; the largest that comes with the program has 40 kB."""


@dataclass
class Mistakes:
    """Collects mistakes while files are read."""

    told: list[str] = field(default_factory=list)

    def add(self, place: str, key: str, what: str) -> None:
        """Note one mistake; `place` is file:line."""
        self.told.append(f"{place}: {key}: {what}")


def read_yaml(path: Path, mistakes: Mistakes) -> "Table":
    """The mapping at the top of a YAML file; empty when the file as such cannot be read, which is noted."""
    nothing = Table({}, str(path), "(file)", 1, mistakes)
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise ValueError(f"{len(raw)} bytes, at most {MAX_BYTES} are read; split the file")
        top, told = _parsed(raw.decode("utf-8"), str(path))
        mistakes.told += told
    except MarkedYAMLError as error:
        mistakes.add(f"{path}:{where(error)}", "(file)", f"not YAML: {error.problem}; mind indentation and quotes")
        return nothing
    except (OSError, UnicodeDecodeError, YAMLError, ValueError, RecursionError) as error:
        said = str(error).splitlines()[0] if str(error) else "nested too deep"
        mistakes.add(f"{path}:1", "(file)", f"cannot be read: {said}")
        return nothing
    if not isinstance(top, Keys):
        mistakes.add(f"{path}:1", "(file)", "empty or a list; begin with a key such as findings:")
        return nothing
    return Table(top.entries, str(path), "", top.line, mistakes)


@lru_cache(maxsize=64)
def _parsed(text: str, file: str) -> tuple[Plain | None, tuple[str, ...]]:
    """Plain values of a text with what is wrong in it; the same text is read once, whatever the profile."""
    mistakes = Mistakes()
    top, told = parse(text)
    for line, key, what in told:
        mistakes.add(f"{file}:{line}", key, what)
    return top, tuple(mistakes.told)


@dataclass(frozen=True, slots=True)
class Table:
    """One mapping of a file. Every reader notes its mistake and gives back something harmless."""

    entries: Mapping[str, Plain]
    file: str
    path: str
    line: int
    mistakes: Mistakes

    def name(self, key: str) -> str:
        """The key with its path in the file."""
        return f"{self.path}.{key}" if self.path else key

    def wrong(self, key: str, what: str) -> None:
        """Note a mistake at `key`."""
        line = self.entries[key].line if key in self.entries else self.line
        self.mistakes.add(f"{self.file}:{line}", self.name(key), what)

    def has(self, key: str) -> bool:
        """Whether the key is there with a value."""
        entry = self.entries.get(key)
        return entry is not None and not (isinstance(entry, Scalar) and entry.value is None)

    def only(self, *keys: str) -> None:
        """Note every other key as a mistake."""
        for key in self.entries:
            if key not in keys:
                self.wrong(key, f"not a key here{nearest(key, keys)}")

    def text(self, key: str, default: str | None = None) -> str:
        """A text; it may be missing only when there is a default."""
        if not self.has(key) and default is not None:
            return default
        entry = self.entries.get(key)
        if isinstance(entry, Scalar) and isinstance(entry.value, str) and entry.value.strip():
            return entry.value
        self.wrong(key, "missing; give a text" if entry is None else "not a text; put it in quotes")
        return ""

    def optional_text(self, key: str) -> str | None:
        """A text or None."""
        return self.text(key) if self.has(key) else None

    def choice(self, key: str, allowed: Collection[str], kind: str) -> str:
        """A text that is one of `allowed`; `kind` says what it names ("finding")."""
        text = self.text(key)
        if text and text not in allowed:
            self.wrong(key, f"unknown {kind} {text}{nearest(text, allowed)}")
        return text

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """A number from `low` to `high`."""
        if not self.has(key) and default is not None:
            return default
        entry = self.entries.get(key)
        value = entry.value if isinstance(entry, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            shown = "missing" if entry is None else f"{value} is not a number from {low:g} to {high:g}"
            self.wrong(key, f"{shown}; give a number from {low:g} to {high:g}")
            return math.nan
        return float(value)

    def optional_number(self, key: str, low: float, high: float) -> float | None:
        """A number from `low` to `high`, or None."""
        return self.number(key, low, high) if self.has(key) else None

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        entry = self.entries.get(key)
        if entry is None:
            return default
        if isinstance(entry, Scalar) and isinstance(entry.value, bool):
            return entry.value
        self.wrong(key, "not true or false; write one of the two")
        return default

    def texts(self, key: str, allowed: Collection[str] | None = None, kind: str = "") -> tuple[str, ...]:
        """A list of texts, each one of `allowed` where given; missing means empty."""
        entry = self.entries.get(key)
        if entry is None:
            return ()
        items = entry.entries if isinstance(entry, Sequence) else (None,)
        found = tuple(item.value for item in items if isinstance(item, Scalar) and isinstance(item.value, str))
        if len(found) != len(items):
            self.wrong(key, "not a list of texts; write [one, two]")
        for text in found:
            if allowed is not None and text not in allowed:
                self.wrong(key, f"unknown {kind} {text}{nearest(text, allowed)}")
        return found

    def points(self, key: str) -> tuple[tuple[float, ...], ...]:
        """A list of lists of numbers."""
        entry = self.entries.get(key)
        rows = entry.entries if isinstance(entry, Sequence) else ()
        found = []
        for row in rows:
            cells = row.entries if isinstance(row, Sequence) else ()
            numbers = [c.value for c in cells if isinstance(c, Scalar)]
            found.append(tuple(float(n) for n in numbers if isinstance(n, int | float) and not isinstance(n, bool)))
        pairs = list(zip(found, rows, strict=True))
        if not found or any(not isinstance(e, Sequence) or len(r) != len(e.entries) for r, e in pairs):
            self.wrong(key, "not a list of number pairs; write [[0, 0.1], [5, 0.9]]")
        return tuple(found)

    def numbers_of(self, key: str) -> tuple[float, ...]:
        """A list of numbers."""
        entry = self.entries.get(key)
        rows = entry.entries if isinstance(entry, Sequence) else ()
        values = [row.value for row in rows if isinstance(row, Scalar)]
        found = tuple(float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool))
        if not found or len(found) != len(rows):
            self.wrong(key, "not a list of numbers; write [0.5, 1]")
        return found

    def table(self, key: str) -> "Table":
        """The mapping at `key`; empty when missing."""
        entry = self.entries.get(key)
        if isinstance(entry, Keys):
            return Table(entry.entries, self.file, self.name(key), entry.line, self.mistakes)
        if self.has(key):
            self.wrong(key, "not a set of keys; indent keys below it")
        return Table({}, self.file, self.name(key), self.line, self.mistakes)

    def tables(self) -> Iterator[tuple[str, "Table"]]:
        """Every key with the mapping below it."""
        for key in self.entries:
            yield key, self.table(key)

    def rows(self, key: str) -> Iterator["Table"]:
        """The mappings of the list at `key`; none when missing."""
        entry = self.entries.get(key)
        if entry is None:
            return
        if not isinstance(entry, Sequence):
            self.wrong(key, "not a list; begin each entry with a dash")
            return
        for number, row in enumerate(entry.entries, 1):
            if isinstance(row, Keys):
                yield Table(row.entries, self.file, f"{self.name(key)}[{number}]", row.line, self.mistakes)
            else:
                self.mistakes.add(f"{self.file}:{row.line}", f"{self.name(key)}[{number}]", "not a set of keys")

    def numbers(self, low: float, high: float) -> dict[str, float]:
        """All keys, each a number from `low` to `high`."""
        return {key: self.number(key, low, high) for key in self.entries}

    def is_number(self, key: str) -> bool:
        """Whether a number stands at `key`."""
        entry = self.entries.get(key)
        return isinstance(entry, Scalar) and isinstance(entry.value, int | float) and not isinstance(entry.value, bool)

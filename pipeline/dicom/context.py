"""context.json: what the referring clinician knows, checked whole; every mistake is named with its key.

A FHIR R4 Bundle may stand in its place (`context_fhir`).

Keys, units and limits are the tables of `context_keys`.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipeline.dicom.context_fhir import bundle_content, is_fhir
from pipeline.dicom.context_keys import EXAMINATION, HISTORY, LABS, MEDICATION, Kind, Limits, Test
from pipeline.errors import ConfigurationError
from pipeline.knowledge.nearest import meant
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.context import ClinicalContext, Laboratory
from pipeline.model.identity import is_uid_like
from pipeline.model.vocabulary import Posture, Region

T = TypeVar("T")
UNKNOWN = "unknown"
SEXES = ("F", "M", "O")
MAX_AGE_YEARS = 120.0
_SHOWN_CHARACTERS = 40


_TOP = frozenset(
    {
        "history",
        "labs",
        "examination",
        "medication",
        "age_years",
        "sex",
        "posture",
        "region",
        "images",
        "study_instance_uid",
    }
)


@dataclass(slots=True)
class _Mistakes:
    """Collects what is wrong while the rest is read on."""

    name: str
    lines: list[str] = field(default_factory=list)

    def add(self, key: str, complaint: str) -> None:
        self.lines.append(f"{self.name}: {key}: {complaint}")

    def stop(self) -> None:
        if self.lines:
            raise ConfigurationError("\n".join(self.lines))


def read_context(path: Path, *, max_bytes: int = DicomSettings().max_context_bytes) -> ClinicalContext:
    """The checked content of the context file at `path`.

    A key that is absent or null is unknown. Laboratory values come in the first unit of their test. Raises
    ConfigurationError with one line for each mistake, each with its key; nothing of the file is used then.
    """
    mistakes = _Mistakes("context.json" if path.name == "context.json" else "context file")
    content = _content(path, mistakes, max_bytes)
    for key in content:
        if key not in _TOP:
            mistakes.add(_shown(key), f"unknown key; known are {', '.join(sorted(_TOP))}{_hint(key, _TOP)}")
    uid = content.get("study_instance_uid")
    if uid is not None and not (isinstance(uid, str) and is_uid_like(uid)):
        mistakes.add("study_instance_uid", "not a UID: give digits and dots")
    sex = content.get("sex")
    found = ClinicalContext(
        history=_section(content, "history", HISTORY, mistakes),
        labs=dict(_labs(content, mistakes)),
        examination=_section(content, "examination", EXAMINATION, mistakes),
        medication=_section(content, "medication", MEDICATION, mistakes),
        age_years=_valued("age_years", content.get("age_years"), Limits(0, MAX_AGE_YEARS), mistakes),
        sex=_valued("sex", sex, SEXES, mistakes),
        posture=_word("posture", content.get("posture"), Posture, mistakes),
        region=_word("region", content.get("region"), Region, mistakes),
        image_postures=dict(_images(content, mistakes)),
        source=mistakes.name,
    )
    mistakes.stop()
    return found


def context_study(path: Path, *, max_bytes: int = DicomSettings().max_context_bytes) -> str | None:
    """The study_instance_uid that a context file states, None when it states none. Errors as `read_context`."""
    mistakes = _Mistakes("context.json" if path.name == "context.json" else "context file")
    uid = _content(path, mistakes, max_bytes).get("study_instance_uid")
    return uid if isinstance(uid, str) else None


def _content(path: Path, mistakes: _Mistakes, max_bytes: int) -> dict[str, Any]:
    """The object in the file; a FHIR Bundle is turned into the same form."""
    content = _parsed(path, mistakes, max_bytes)
    return bundle_content(content, mistakes.add) if is_fhir(content) else content


def _parsed(path: Path, mistakes: _Mistakes, max_bytes: int) -> dict[str, Any]:
    """The object in the file. Constants that JSON does not have and repeated keys are mistakes."""
    try:
        if path.stat().st_size > max_bytes:
            raise ConfigurationError(f"{mistakes.name}: more than {max_bytes:,} bytes (max_context_bytes)")
        text = path.read_bytes().decode("utf-8-sig")
        content = json.loads(text, object_pairs_hook=_unique(mistakes), parse_constant=_no_constant)
    except OSError as error:
        raise ConfigurationError(f"{mistakes.name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{mistakes.name}: not UTF-8 text: save it as UTF-8") from None
    except RecursionError:
        raise ConfigurationError(f"{mistakes.name}: nested too deep") from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{mistakes.name}:{error.lineno}: not JSON: {error.msg}") from None
    except ValueError as error:
        raise ConfigurationError(f"{mistakes.name}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{mistakes.name}: must hold one object {{...}}")
    return content


def _unique(mistakes: _Mistakes) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                mistakes.add(_shown(key), "given twice")
            found[key] = value
        return found

    return hook


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _object(content: dict[str, Any], key: str, mistakes: _Mistakes) -> dict[str, Any]:
    """The object under `key`, empty when absent, null or (a mistake) something else."""
    value = content.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        mistakes.add(key, f"{_shown(value)} is not an object {{...}}")
        return {}
    return value


def _section(content: dict[str, Any], section: str, kinds: Mapping[str, Kind], mistakes: _Mistakes) -> dict[str, Any]:
    found = {}
    for key, value in _object(content, section, mistakes).items():
        if key not in kinds:
            mistakes.add(f"{section}.{_shown(key)}", f"unknown key; known are {', '.join(kinds)}{_hint(key, kinds)}")
            continue
        checked = _valued(f"{section}.{key}", value, kinds[key], mistakes)
        if checked is not None:
            found[key] = checked
    return found


def _valued(key: str, value: Any, kind: Kind, mistakes: _Mistakes) -> Any:
    """`value` when it is of `kind`; None when it is null or a mistake."""
    if value is None:
        return None
    if isinstance(kind, Limits):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            mistakes.add(key, f"{_shown(value)} is not a number")
        elif not kind.low <= value <= kind.high:
            mistakes.add(key, f"{_shown(value)} is outside {kind.low:g} to {kind.high:g}")
        else:
            return float(value)
    elif isinstance(kind, tuple):
        if isinstance(value, str) and value in kind:
            return value
        mistakes.add(key, f"{_shown(value)} is none of {', '.join(kind)}{_hint(value, kind)}")
    elif isinstance(value, bool):
        return value
    else:
        mistakes.add(key, f"{_shown(value)} is neither true nor false")
    return None


def _word(key: str, value: Any, words: Callable[[str], T], mistakes: _Mistakes) -> T | None:
    """One word of a vocabulary; "unknown" is as good as absent."""
    if value is None or value == UNKNOWN:
        return None
    known = tuple(words)  # type: ignore[arg-type, var-annotated]
    if isinstance(value, str) and value in known:
        return words(value)
    mistakes.add(key, f"{_shown(value)} is none of {', '.join(known)}, {UNKNOWN}{_hint(value, known)}")
    return None


def _labs(content: dict[str, Any], mistakes: _Mistakes) -> Iterator[tuple[str, Laboratory]]:
    for key, entry in _object(content, "labs", mistakes).items():
        path = f"labs.{_shown(key)}"
        test = LABS.get(key)
        if test is None:
            mistakes.add(path, f"unknown key; known are {', '.join(LABS)}{_hint(key, LABS)}")
            continue
        if entry is None:
            continue
        if not isinstance(entry, dict) or not {"value", "unit", "range"} >= set(entry):
            mistakes.add(path, 'must be {"value": number, "unit": "..."}, with "range": [low, high] where it has one')
            continue
        checked = _lab(path, entry, test, mistakes)
        if checked is not None:
            yield key, checked


def _lab(path: str, entry: dict[str, Any], test: Test, mistakes: _Mistakes) -> Laboratory | None:
    value, unit = entry.get("value"), entry.get("unit")
    if value is None:
        return None
    factor = test.units.get(_ascii_micro(unit)) if isinstance(unit, str) else None
    if factor is None:
        mistakes.add(f"{path}.unit", f"{_shown(unit)} is none of {', '.join(test.units)}")
        return None
    low, high = test.possible.low / factor, test.possible.high / factor
    if _valued(f"{path}.value", value, Limits(float(f"{low:.4g}"), float(f"{high:.4g}")), mistakes) is None:
        return None
    own = _range(f"{path}.range", entry.get("range"), mistakes)
    ends = [None if end is None else end * factor for end in own]
    return Laboratory(float(value) * factor, next(iter(test.units)), *ends)


def _range(path: str, pair: Any, mistakes: _Mistakes) -> tuple[float | None, float | None]:
    """The laboratory's own range, in the unit of the value; null for an open end."""
    if pair is None:
        return None, None
    ends = pair if isinstance(pair, list) else []
    numbers = [e for e in ends if isinstance(e, int | float) and not isinstance(e, bool)]
    if len(ends) != 2 or len(numbers) + ends.count(None) != 2 or numbers != sorted(numbers):
        mistakes.add(path, f"{_shown(pair)} is not [low, high], null for an open end")
        return None, None
    return ends[0], ends[1]


def _ascii_micro(unit: str) -> str:
    """The unit with u for both signs of micro, as UCUM writes it."""
    return unit.replace("\u00b5", "u").replace("\u03bc", "u")


def _images(content: dict[str, Any], mistakes: _Mistakes) -> Iterator[tuple[str, Posture]]:
    for uid, entry in _object(content, "images", mistakes).items():
        path = f"images.{_shown(uid)}"
        if not is_uid_like(uid):
            mistakes.add(path, "not a SOP Instance UID")
        elif entry is None:
            continue
        elif not isinstance(entry, dict):
            mistakes.add(path, 'must be {"posture": "..."}')
        else:
            for key in sorted(set(entry) - {"posture"}):
                mistakes.add(f"{path}.{_shown(key)}", "unknown key; known is posture")
            posture = _word(f"{path}.posture", entry.get("posture"), Posture, mistakes)
            if posture is not None:
                yield uid, posture


def _hint(value: object, words: Collection[str]) -> str:
    """Which of `words` was meant."""
    return meant(value, words) if isinstance(value, str) else ""


def _shown(value: object) -> str:
    """A value for a message: one line, shortened, without control characters."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    kept = "".join(c if c.isprintable() else "?" for c in text)
    return kept if len(kept) <= _SHOWN_CHARACTERS else f"{kept[:_SHOWN_CHARACTERS]}…"

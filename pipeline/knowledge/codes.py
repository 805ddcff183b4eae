"""Codes that structured reports bear: configs/codes.yaml, and words of the private scheme for what has none."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.errors import ConfigurationError
from pipeline.knowledge.places import configs
from pipeline.knowledge.reading import Mistakes, Table, read_yaml

PRIVATE_SCHEME = "99CALCINOSIS"
LONGEST_CODE = 16
"""Characters of a CodeValue (VR SH, PS3.5 table 6.2-1)."""
LONGEST_MEANING = 64
"""Characters of a CodeMeaning (VR LO)."""
SCHEMES = ("SCT", "DCM", "IBSI", "LN", "RADLEX")


@dataclass(frozen=True, slots=True)
class CodedWord:
    """A coded concept: value, scheme designator, meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Codes:
    """Verified codes by id, and the names of the features that a structured report carries."""

    entities: Mapping[str, CodedWord]
    findings: Mapping[str, CodedWord]
    measurements: tuple[str, ...]


def private_word(name: str) -> CodedWord:
    """The word of the private scheme for `name`, an id in lower case with underscores."""
    value = name.upper()
    if len(value) > LONGEST_CODE:
        digest = hashlib.sha256(name.encode()).hexdigest()[:6].upper()
        value = f"{value[: LONGEST_CODE - 7]}-{digest}"
    return CodedWord(value, PRIVATE_SCHEME, name.replace("_", " ")[:LONGEST_MEANING])


@lru_cache(maxsize=1)
def load_codes(path: Path | None = None) -> Codes:
    """The codes of configs/codes.yaml, or of `path`. Raises ConfigurationError that names file, line and key."""
    mistakes = Mistakes()
    found = read_codes(read_yaml(path or configs() / "codes.yaml", mistakes))
    if mistakes.told:
        raise ConfigurationError("\n".join(mistakes.told))
    return found


def read_codes(top: Table) -> Codes:
    """The codes of a table; mistakes are noted in it."""
    top.only("entities", "findings", "measurements")
    return Codes(
        _words(top.table("entities")), _words(top.table("findings")), top.texts("measurements", None, "feature")
    )


def _words(section: Table) -> dict[str, CodedWord]:
    words = {}
    for name, row in section.tables():
        row.only("code", "scheme", "meaning", "source")
        row.text("source")
        word = CodedWord(row.text("code"), row.choice("scheme", SCHEMES, "scheme"), row.text("meaning"))
        for key, text, most in (("code", word.value, LONGEST_CODE), ("meaning", word.meaning, LONGEST_MEANING)):
            if len(text) > most:
                row.wrong(key, f"{len(text)} characters, DICOM allows {most}")
        words[name] = word
    return words

"""Header values as plain Python, or None where an element is absent, empty or not what its name promises."""

import math
import struct
from collections.abc import Iterator

from pydicom import Dataset
from pydicom.errors import BytesLengthException
from pydicom.valuerep import PersonName

from pipeline.model.identity import SourceFrame

CONVERSION_ERRORS = (
    ValueError, TypeError, ArithmeticError, AttributeError, LookupError, RuntimeError, OSError, EOFError,
    AssertionError, struct.error, BytesLengthException,
)  # fmt: skip
"""What pydicom raises when an element is touched that is not what its value representation says: LookupError for a
character set that is none, RuntimeError for an unknown representation and for endless nesting, OSError for a sequence
that is cut off, BytesLengthException for a length that is no multiple of a number's."""


def raw(ds: Dataset, keyword: str) -> object:
    """The value of an element, None when absent, empty or not convertible to its value representation."""
    try:
        value = ds.get(keyword)
    except CONVERSION_ERRORS:
        return None
    return None if value is None or value == "" else value


def text(ds: Dataset, keyword: str) -> str:
    """The value as text, several values joined by a backslash; "" when absent."""
    return "\\".join(texts(ds, keyword))


def texts(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """The values as stripped texts; empty when absent."""
    value = raw(ds, keyword)
    if value is None:
        return ()
    if isinstance(value, (str, bytes, PersonName)) or not hasattr(value, "__iter__"):
        value = str(value).split("\\")
    return tuple(str(item).strip() for item in value)


def number(ds: Dataset, keyword: str) -> float | None:
    """The first value as a finite number, None when there is none."""
    found = numbers(ds, keyword)
    return found[0] if found else None


def numbers(ds: Dataset, keyword: str) -> tuple[float, ...]:
    """The values as finite numbers; empty when absent or when any of them is not one."""
    try:
        found = tuple(float(item) for item in texts(ds, keyword))
    except ValueError:
        return ()
    return found if all(math.isfinite(value) for value in found) else ()


def items(ds: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence; empty when absent or not a sequence."""
    value = raw(ds, keyword)
    if value is None or not hasattr(value, "__iter__"):
        return ()
    return tuple(item for item in value if isinstance(item, Dataset))


def codes(ds: Dataset, keyword: str, inner: str | None = None) -> Iterator[str]:
    """Code values of a code sequence, in order; with `inner`, those of that sequence within its items too."""
    for item in items(ds, keyword):
        value = text(item, "CodeValue")
        if value:
            yield value
        if inner is not None:
            yield from codes(item, inner)


def single_item(ds: Dataset, keyword: str) -> Dataset | None:
    """The first item of a sequence, None when there is none."""
    found = items(ds, keyword)
    return found[0] if found else None


def uid(ds: Dataset, keyword: str) -> str:
    """A UID as stored, "" when absent."""
    return text(ds, keyword).strip("\0 ")


def source_label(source: SourceFrame) -> str:
    """How a frame is named in a list of skipped files."""
    return source.name if source.frame == 1 else f"{source.name} frame {source.frame}"

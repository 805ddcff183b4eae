"""The laboratory's own reference range of an Observation, that for the patient's age where there are several.

FHIR R4, Observation.referenceRange: low and high in the unit of the value, age as a Range; a row that is not of normal
people (therapeutic, treatment) is left out. The laboratory's range wins over the program's.
"""

from collections.abc import Mapping
from typing import Any

YEARS: Mapping[str, float] = {"a": 1.0, "mo": 1 / 12, "wk": 7 / 365.25, "d": 1 / 365.25}
"""UCUM units of age, in years."""


def own_range(resource: Mapping[str, Any], unit: object, age_years: float | None) -> list[float | None] | None:
    """[low, high] in `unit`, None for an open end; None when no row fits the unit and the age."""
    rows = resource.get("referenceRange")
    fitting = [row for row in rows if _fits(row, age_years)] if isinstance(rows, list) else []
    for row in sorted(fitting, key=lambda row: "age" not in row):
        ends = [_limit(row.get(end), unit) for end in ("low", "high")]
        if any(end is not None for end in ends):
            return ends
    return None


def _fits(row: object, age_years: float | None) -> bool:
    """Whether a row holds for normal people of this age; a row with an age needs a known one."""
    if not isinstance(row, dict) or not _normal(row.get("type")):
        return False
    age = row.get("age")
    if age is None:
        return True
    if age_years is None or not isinstance(age, dict):
        return False
    low, high = (_years(age.get(end)) for end in ("low", "high"))
    return (low is None or age_years >= low) and (high is None or age_years < high)


def _normal(kind: object) -> bool:
    codings = kind.get("coding") if isinstance(kind, dict) else None
    codes = [c.get("code") for c in codings if isinstance(c, dict)] if isinstance(codings, list) else []
    return not codes or "normal" in codes


def _years(quantity: object) -> float | None:
    if not isinstance(quantity, dict):
        return None
    value, factor = _number(quantity), YEARS.get(str(quantity.get("code") or quantity.get("unit")))
    return None if value is None or factor is None else value * factor


def _limit(quantity: object, unit: object) -> float | None:
    """The number of a limit that is stated in `unit`."""
    if not isinstance(quantity, dict):
        return None
    stated = quantity.get("code") or quantity.get("unit")
    return _number(quantity) if stated in (None, unit) else None


def _number(quantity: Mapping[str, Any]) -> float | None:
    value = quantity.get("value")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

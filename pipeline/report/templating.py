"""Templates with escaping on, the filters they use, and the scripts with the digests that pages allow them by."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from pipeline.report.pictures import COLOURS

BRIEF = 24
"""Letters of a name beside a bar."""
UNITS = {"1": "", "[hnsf'U]": "HU", "mm2": "mm²", "mm3": "mm³", "/cm2": "/cm²", "deg": "°"}
"""UCUM units as readers write them."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script of a page: its text, and the source expression that a Content-Security-Policy allows it by."""

    text: Markup
    digest: str


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """Templates with escaping on, so that nothing from a header becomes markup."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    made.filters |= {
        "measure": measure_text,
        "amount": lambda measure, when: amount(measure[when], measure["unit"]),
        "words": lambda text: str(text).replace("_", " "),
        "percent": percent,
        "capital": lambda text: str(text)[:1].upper() + str(text)[1:],
        "low": lambda text: str(text)[:1].lower() + str(text)[1:],
        "brief": lambda text: str(text) if len(text) <= BRIEF else str(text)[: BRIEF - 1].rstrip() + "…",
        "colour": lambda lesion: (lesion - 1) % len(COLOURS),
    }
    return made


@lru_cache(maxsize=4)
def script(name: str) -> Script:
    """A script in templates/; it is ours alone and holds nothing from outside."""
    text = (files("pipeline.report") / "templates" / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Script(Markup(text), f"sha256-{digest}")


def percent(share: float) -> str:
    """A probability in percent; what is not quite none or all is not rounded to it."""
    if 0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def measure_text(feature: Mapping[str, Any]) -> str:
    """A feature as text: value and unit, or "not assessable" with the reason."""
    if "not_assessable" in feature:
        return f"not assessable: {feature['not_assessable']}"
    return amount(feature["value"], feature["unit"])


def amount(value: float, unit: str) -> str:
    """A number to three digits with its unit; whole numbers without a unit stay whole."""
    shown = UNITS.get(unit, unit)
    if float(value).is_integer() and (not shown or not value):
        return f"{value:.0f} {shown}".rstrip()
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f} {shown}".rstrip()

"""How findings are judged, as read from configs/findings.yaml: frozen records, one class for each kind of rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Term:
    """A readable curve: `points` (value of the feature, probability), straight lines between, level outside.

    `says` is a phrase with {value}; it is left out when None.
    """

    feature: str
    points: tuple[tuple[float, float], ...]
    says: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """Where `feature` is above `above` the finding cannot be judged."""

    feature: str
    above: float
    because: str
    would_help: str | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """What makes a rule honest: log odds become offset + weight times themselves (Platt 1999).

    `weights` has one weight, or one for each term where the rule adds its terms up.
    """

    offset: float
    weights: tuple[float, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Learned:
    """What a feature adds to the log odds of a finding beyond its terms: `points` (value, natural-log odds).

    Straight lines between the points, level outside; nothing where the feature is unknown.
    """

    feature: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A finding of a lesion, by its features. all: as sure as the weakest term; any: as sure as the strongest.

    sum: log odds of the terms added up, each times its weight. `fitted` (by kind of image) corrects how sure that is.
    `only_in`: regions in which it can be judged; `absent_in`: those in which it cannot be. A finding of the study is
    judged on all lesions, the median counts. `learned` curves are added to the log odds, whatever the terms combine to.
    """

    finding: str
    terms: tuple[Term, ...]
    combine: str = "all"
    bars: tuple[Bar, ...] = ()
    only_on: str | None = None
    only_on_because: str | None = None
    would_help: str | None = None
    fitted: Mapping[str, Fitted] = field(default_factory=dict)
    only_in: frozenset[str] = frozenset()
    only_in_because: str | None = None
    absent_in: frozenset[str] = frozenset()
    learned: tuple[Learned, ...] = ()


@dataclass(frozen=True, slots=True)
class Derived:
    """A finding that holds when any (or all) of other findings hold."""

    finding: str
    of: tuple[str, ...]
    combine: str = "any"


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding of a lesion, by the region it lies in. In `unclear` regions the place cannot be told so far."""

    finding: str
    regions: frozenset[str]
    unclear: frozenset[str] = frozenset()
    because: str | None = None
    would_help: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """A finding of the study, by the number of lesions.

    `points` is a curve: a lesion may be seen as two, several may be taken for one, and some may not be there.
    """

    finding: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class BothSides:
    """A finding of the study: lesions on the right and on the left."""

    finding: str


@dataclass(frozen=True, slots=True)
class Somewhere:
    """A finding of the study: a lesion has one of `of`. It can be absent only where one of `regions` is in view."""

    finding: str
    of: tuple[str, ...]
    regions: frozenset[str] = frozenset()
    because: str | None = None
    would_help: str | None = None


@dataclass(frozen=True, slots=True)
class Pictured:
    """A finding of the study about its images: `asks` is "gravity", "ct" or "deposit_on_radiograph"."""

    finding: str
    asks: str


@dataclass(frozen=True, slots=True)
class Told:
    """A finding from the context: true when any key (history.trauma) is true, a value is high, or a finding implies it.

    `high`, `low`: laboratory keys whose value above or below the range makes it.
    """

    finding: str
    keys: tuple[str, ...] = ()
    high: tuple[str, ...] = ()
    low: tuple[str, ...] = ()
    implied_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Younger:
    """A finding from the age: younger than `below_years`."""

    finding: str
    below_years: float


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A finding that nothing measures so far, with the reason."""

    finding: str
    because: str
    would_help: str | None = None


Rule: TypeAlias = Measured | Derived | Placed | Counted | BothSides | Somewhere | Pictured | Told | Younger | Unmeasured


@dataclass(frozen=True, slots=True)
class Range:
    """Reference range of a laboratory value up to an age (years, exclusive)."""

    age_below: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LaboratoryKind:
    """A laboratory value: its unit and its ranges, youngest first."""

    key: str
    unit: str
    ranges: tuple[Range, ...]
    source: str

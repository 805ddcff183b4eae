"""Known or unknown: a value with its source, or the reason why there is none."""

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """A value and where it comes from ("PixelSpacing", "SeriesDescription: erect", "measured")."""

    value: T
    source: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No value; `reason` is a clause that fits a report ("posture not known")."""

    reason: str


Maybe: TypeAlias = Known[T] | Unknown
"""`Maybe[float]` is read with `match` or `isinstance(x, Known)`; there is no default on purpose."""

"""The answer: entities in order, each with its evidence."""

from dataclasses import dataclass

TOLERANCE = 1e-6
"""How far the probabilities of a differential may miss 1 by rounding."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finding acting on an entity. `weight` is a natural-log likelihood ratio against the average entity."""

    finding: str
    lesion: int | None
    entity: str
    weight: float
    assertions: tuple[str, ...]
    claim: str
    source: str

    @property
    def direction(self) -> str:
        """The contract's word: for, or against."""
        return "for" if self.weight >= 0 else "against"


@dataclass(frozen=True, slots=True)
class Ranked:
    """One entity of a differential; `evidence` is in order of |weight|."""

    entity: str
    group: str
    probability: float
    subtype: str | None = None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Differential:
    """Entities by falling probability; they sum to 1."""

    ranked: tuple[Ranked, ...]

    def __post_init__(self) -> None:
        total = sum(r.probability for r in self.ranked)
        if abs(total - 1) > TOLERANCE:
            raise ValueError(f"probabilities sum to {total}, not 1")
        if any(a.probability < b.probability for a, b in zip(self.ranked, self.ranked[1:], strict=False)):
            raise ValueError("a differential is ordered by falling probability")

    @property
    def top(self) -> Ranked:
        """The most probable entity."""
        return self.ranked[0]

    def probability(self, entity: str) -> float:
        """The probability of `entity`, 0 when it is not listed."""
        return next((r.probability for r in self.ranked if r.entity == entity), 0.0)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do next, with the assertions that advise it."""

    text: str
    assertions: tuple[str, ...]

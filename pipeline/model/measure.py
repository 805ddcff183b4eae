"""Numbers and statements: features measured on lesions, findings made of them."""

from dataclasses import dataclass

from pipeline.model.known import Known, Maybe
from pipeline.model.vocabulary import State


@dataclass(frozen=True, slots=True)
class Feature:
    """A number measured on a lesion. `unit` is UCUM ("mm", "mm2", "[hnsf'U]", "1"); `code` like "IBSI:QCFX" or None."""

    name: str
    value: Maybe[float]
    unit: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """A fluid level as seen: the ends of the step in image indices (row, col) or (slice, row, col)."""

    start: tuple[float, ...]
    end: tuple[float, ...]
    contrast_to_noise: float
    tilt_deg: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """All features of one lesion, and the levels to draw."""

    features: tuple[Feature, ...]
    levels: tuple[Level, ...] = ()

    def known(self, name: str) -> float | None:
        """The value of feature `name`, None when it is unknown or not measured."""
        for feature in self.features:
            if feature.name == name:
                return feature.value.value if isinstance(feature.value, Known) else None
        return None


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement a radiologist would make; `id` is one of configs/knowledge/findings.yaml.

    `probability` 0 to 1 is None when the state is not assessable, and `because` is then the reason. `lesion` is the
    lesion's id, None for the study. `features` made it. `would_help` names what would make it assessable.
    """

    id: str
    state: State
    probability: float | None
    because: str
    features: tuple[str, ...] = ()
    lesion: int | None = None
    would_help: str | None = None

    def __post_init__(self) -> None:
        if (self.probability is None) != (self.state is State.NOT_ASSESSABLE):
            raise ValueError(f"{self.id}: a probability belongs to a finding exactly when it is assessable")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError(f"{self.id}: probability {self.probability} is not between 0 and 1")

"""What the program knows, as read from configs/: frozen records, one class for each table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

LEVELS = ("lesion", "study", "context")
ORIGINS = ("founding", "literature")
ABSENCES = ("quality", "thing", "answer")
DIRECTIONS = ("for", "against", "excludes", "requires", "neutral", "widens_uncertainty", "recommends")
STRENGTHS = ("certain", "strong", "moderate", "weak", "rare")
ACTS = (
    "weight", "exclusion", "assessability", "widening", "advice", "warning", "neutral", "hierarchy", "subtype",
    "findings", "answer", "benchmark", "segmentation", "nothing",
)  # fmt: skip
MODALITIES = ("radiograph", "ct", "us", "mr")
NO_CALCIFICATION = "no_calcification"
INDETERMINATE = "indeterminate"
ANSWERS = (NO_CALCIFICATION, INDETERMINATE)
"""The two answers that are no entity (contract, section 1)."""


@dataclass(frozen=True, slots=True)
class Subtype:
    """A form of an entity; in `regions` it is the likely one."""

    id: str
    label: str
    regions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Entity:
    """A cause of calcium. Priors are per 1000 lesions: among referred cases, and in a general department."""

    id: str
    label: str
    description: str
    group: str
    prior_referred: float
    prior_general: float
    subtypes: tuple[Subtype, ...] = ()


@dataclass(frozen=True, slots=True)
class Factor:
    """Multiplies the prior of `entity` where region, age (years), sex and history fit."""

    entity: str
    times: float
    source: str
    regions: frozenset[str] = frozenset()
    age_from: float | None = None
    sex: str | None = None
    history: str | None = None


@dataclass(frozen=True, slots=True)
class FindingKind:
    """A finding the program knows; findings with one `counted` name weigh together no more than the strongest.

    `given` is a finding that must be present first: likelihoods are then taken as shares of those that have it.
    `absence`, one of `ABSENCES`, is how it is told that there is none.
    """

    id: str
    label: str
    description: str
    level: str
    origin: str
    counted: str | None = None
    given: str | None = None
    absence: str = ABSENCES[0]

    @property
    def absent(self) -> str:
        """That it is absent, in words: "not round", "no mass", "lump moves: no"."""
        if self.absence == "answer":
            return f"{self.label}: no"
        return f"no {self.label}" if self.absence == "thing" else f"not {self.label}"


@dataclass(frozen=True, slots=True)
class Condition:
    """Terms are finding ids, region:ID, modality:ID, entity:ID. `only_if_absent` are findings known to be absent.

    All `only_if` must hold, but of several regions, modalities or entities any; of `any_of` one finding must hold.
    """

    only_if: tuple[str, ...] = ()
    not_if: tuple[str, ...] = ()
    only_if_absent: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assertion:
    """One claim of the founding text; the file says what each field means."""

    id: str
    at: tuple[int, int]
    claim: str
    about: tuple[str, ...]
    direction: str
    strength: str
    acts: str
    finding: str | None = None
    versus: tuple[str, ...] = ()
    condition: Condition = field(default_factory=Condition)
    how: str | None = None

    @property
    def source(self) -> str:
        """Where the founding text says so."""
        return f"founding text, paragraph {self.at[0]}"


@dataclass(frozen=True, slots=True)
class Likelihood:
    """P(finding present | entity), with its 95 % interval and source."""

    p: float
    low: float
    high: float
    source: str


@dataclass(frozen=True, slots=True)
class FixedWeight:
    """A weight a profile sets itself: natural log, for the finding present and absent; None leaves that state alone."""

    id: str
    finding: str
    entity: str
    present: float | None
    absent: float | None
    source: str
    claim: str
    condition: Condition = field(default_factory=Condition)
    assertions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Equal:
    """The finding weighs alike for all `entities`: what assertion `like` gives, so that it never separates them."""

    id: str
    finding: str
    entities: tuple[str, ...]
    like: str


@dataclass(frozen=True, slots=True)
class Borrowed:
    """Under the condition the findings weigh for `to` what they weigh for `of`."""

    id: str
    findings: tuple[str, ...]
    of: str
    to: str
    source: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Yielding:
    """Exclusions that give way when finding `to` is present; `indeterminate` then keeps at least that share.

    Only those of `entities` give way, where any are named.
    """

    id: str
    assertions: tuple[str, ...]
    to: str
    indeterminate: float
    text: str
    entities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Damped:
    """Under the condition the absence of the findings counts `times` as much for `entity`."""

    id: str
    findings: tuple[str, ...]
    entity: str
    times: float
    condition: Condition


@dataclass(frozen=True, slots=True)
class ModalityLikelihood:
    """P(finding present | entity) on one modality."""

    id: str
    finding: str
    entity: str
    modality: str
    p: float
    source: str


SCORE_LIMIT = 0.001
"""Scores of the search are not taken closer to 0 or 1."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Constants of a profile; configs/profiles/seed.yaml says what each means."""

    strengths: Mapping[str, float]
    ceilings: Mapping[str, float]
    temperature: Mapping[str, float]
    nothing_missed: Mapping[str, float]
    trust_offset: Mapping[str, float]
    trust_weight: Mapping[str, float]
    trust_findings: Mapping[str, float]
    widening: Mapping[str, float]
    largest_estimate: float
    highest_share: float
    second_process: float
    lesions_power: float
    notable_share: float

    def chance_real(self, score: float, kind: str) -> float:
        """How often a lesion that the search gives a score (0 to 1) is there: log odds shifted and scaled."""
        s = min(max(score, SCORE_LIMIT), 1 - SCORE_LIMIT)
        odds = self.trust_offset[kind] + self.trust_weight[kind] * math.log(s / (1 - s))
        return 1 / (1 + math.exp(-odds))

    def score_of(self, chance: float, kind: str) -> float:
        """The score that `chance_real` turns into a chance."""
        odds = (math.log(chance / (1 - chance)) - self.trust_offset[kind]) / self.trust_weight[kind]
        return 1 / (1 + math.exp(-odds))


@dataclass(frozen=True, slots=True)
class Profile:
    """A way of reading the knowledge. `assertions` are those of the text with the profile's changes applied.

    `strength_first`: assertions weigh by their strength and likelihoods fill in; else likelihoods weigh and only
    assertions named in `stated` weigh by strength. `origins`: findings of these origins weigh.
    """

    name: str
    title: str
    strength_first: bool
    origins: frozenset[str]
    numbers: Numbers
    assertions: tuple[Assertion, ...]
    stated: frozenset[str] = frozenset()
    subtype_only: frozenset[str] = frozenset()
    weights: tuple[FixedWeight, ...] = ()
    equals: tuple[Equal, ...] = ()
    borrowed: tuple[Borrowed, ...] = ()
    yielding: tuple[Yielding, ...] = ()
    damped: tuple[Damped, ...] = ()
    likelihoods: tuple[ModalityLikelihood, ...] = ()
    factors: tuple[Factor, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to do or to beware of when an answer of `between` and one of `against` lead (empty: any other).

    `answers` are findings that it would settle: it is given only while one of them is open. Without `answers` it is
    a warning.
    """

    id: str
    text: str
    between: tuple[str, ...]
    against: tuple[str, ...]
    condition: Condition
    answers: tuple[str, ...]
    assertions: tuple[str, ...]
    source: str

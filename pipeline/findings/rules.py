"""Features become the probability of a finding, by readable curves (configs/findings.yaml)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.knowledge.rules import Bar, Fitted, Learned, Measured, Term
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.measure import Feature, Finding, Measurement
from pipeline.model.vocabulary import State

EVEN = 0.5
"""From this probability on a finding counts as present."""
SHARPEST = 0.005
"""Probabilities are not taken closer to 0 or 1 than this when they are corrected."""
TERM_WEIGHT = 0.5
"""Weight of a term of a sum before any fit: terms say much the same thing."""
SHOWN, MOST_SHOWN = 0.5, 2
"""Learned curves that move the log odds by less are not told as reasons, and no more than so many are."""


def state_of(probability: float) -> State:
    """Present or absent."""
    return State.PRESENT if probability >= EVEN else State.ABSENT


def not_assessable(finding: str, because: str, lesion: int | None = None, would_help: str | None = None) -> Finding:
    """A finding that cannot be judged, with the reason."""
    return Finding(finding, State.NOT_ASSESSABLE, None, because, (), lesion, would_help)


def assessed(
    finding: str, probability: float, because: str, *, features: tuple[str, ...] = (), lesion: int | None = None
) -> Finding:
    """A finding with its probability."""
    return Finding(finding, state_of(probability), probability, because, features, lesion)


def apply(rule: Measured, measurement: Measurement, lesion: int, modality: str) -> Finding:
    """Judge one finding of one lesion. `modality` is "ct" or "radiograph".

    all: the least of the terms' probabilities; any: the greatest; sum: log odds added up, by weight. What was learned
    of other features is added to the log odds. A feature that is unknown makes the finding not assessable with the
    feature's own reason, unless the term is optional; one term must be known. Told as reasons are the terms that
    speak the same way as the whole, or all where none does.
    """
    read = _readings(rule, measurement, modality)
    if isinstance(read, Unjudged):
        return not_assessable(rule.finding, read.because, lesion, read.would_help or rule.would_help)
    known = [r for r in read if isinstance(r, _Reading)]
    added = learned_readings(rule, measurement)
    chances = [r.probability if isinstance(r, _Reading) else None for r in read]
    probability = combined(rule, chances, modality, sum(r.odds for r in added))
    shown = sorted((r for r in added if abs(r.odds) >= SHOWN), key=lambda r: -abs(r.odds))[:MOST_SHOWN]
    leaning = [r for r in known if r.says and r.probability != EVEN]
    telling = [r for r in leaning if (r.probability > EVEN) == (probability >= EVEN)]
    said = telling or [r for r in known if r.says]
    because = ", ".join(dict.fromkeys([*(r.says for r in said), *(r.says for r in shown)]))
    names = tuple(dict.fromkeys([*(r.feature for r in known), *(r.feature for r in shown)]))
    return assessed(rule.finding, probability, because, features=names, lesion=lesion)


def readings(rule: Measured, measurement: Measurement, modality: str) -> tuple[float | None, ...] | None:
    """The probability of each term before any fit, None where it is unknown; None when the rule cannot be judged."""
    read = _readings(rule, measurement, modality)
    if isinstance(read, Unjudged):
        return None
    return tuple(r.probability if isinstance(r, _Reading) else None for r in read)


@dataclass(frozen=True, slots=True)
class LearnedReading:
    """What a learned curve adds to the log odds of a finding."""

    feature: str
    value: float
    odds: float

    @property
    def says(self) -> str:
        """The feature with its value, and which way it speaks."""
        return f"{self.feature.replace('_', ' ')} {self.value:.3g} speaks {'for' if self.odds > 0 else 'against'} it"


def learned_readings(rule: Measured, measurement: Measurement) -> tuple[LearnedReading, ...]:
    """What the learned curves of a rule add, in their order; an unknown feature adds nothing."""
    features = {f.name: f.value for f in measurement.features}
    return tuple(
        r for r in (_learned(curve_, features.get(curve_.feature)) for curve_ in rule.learned) if r is not None
    )


def _learned(learned: Learned, value: Maybe[float] | None) -> LearnedReading | None:
    if not isinstance(value, Known) or not np.isfinite(value.value):
        return None
    return LearnedReading(learned.feature, value.value, curve(value.value, learned.points))


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Why a rule cannot be judged."""

    because: str
    would_help: str | None = None


def _readings(rule: Measured, measurement: Measurement, modality: str) -> "Sequence[_Reading | Unknown] | Unjudged":
    """What every term says, or why the rule cannot be judged."""
    features = {f.name: f for f in measurement.features}
    if rule.only_on is not None and modality != rule.only_on:
        return Unjudged(str(rule.only_on_because))
    barred = next((bar for bar in rule.bars if _above(bar, features)), None)
    if barred is not None:
        return Unjudged(barred.because, barred.would_help)
    read = [_read(term, features) for term in rule.terms]
    missing = [r for r in read if isinstance(r, Unknown)]
    needed = [r for r, t in zip(read, rule.terms, strict=True) if isinstance(r, Unknown) and not t.optional]
    if needed or len(missing) == len(read):
        return Unjudged("; ".join(dict.fromkeys(r.reason for r in (needed or missing))))
    return read


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one term says."""

    feature: str
    probability: float
    says: str


def _read(term: Term, features: dict[str, Feature]) -> _Reading | Unknown:
    feature = features.get(term.feature)
    if feature is None:
        return Unknown(f"{term.feature.replace('_', ' ')} not measured")
    if isinstance(feature.value, Unknown):
        return feature.value
    value = feature.value.value
    if not np.isfinite(value):
        return Unknown(f"{term.feature.replace('_', ' ')} has no value")
    return _Reading(term.feature, curve(value, term.points), term.says.format(value=value) if term.says else "")


def combined(rule: Measured, chances: Sequence[float | None], modality: str, learned: float = 0.0) -> float:
    """The probability that a rule makes of those of its terms, None where unknown; at least one is known.

    `learned` is what its learned curves add to the log odds.
    """
    known = [p for p in chances if p is not None]
    fitted = rule.fitted.get(modality)
    if rule.combine != "sum":
        return corrected(min(known) if rule.combine == "all" else max(known), fitted, learned)
    weights = fitted.weights if fitted is not None else (TERM_WEIGHT,) * len(chances)
    odds = sum(w * log_odds(p) for w, p in zip(weights, chances, strict=True) if p is not None)
    return 1 / (1 + math.exp(-odds - learned - (fitted.offset if fitted is not None else 0.0)))


def corrected(probability: float, fitted: Fitted | None, learned: float = 0.0) -> float:
    """The probability with its log odds shifted and scaled; unchanged without a fit and with nothing learned."""
    if fitted is None and not learned:
        return probability
    offset, weight = (fitted.offset, fitted.weights[0]) if fitted is not None else (0.0, 1.0)
    return 1 / (1 + math.exp(-offset - weight * log_odds(probability) - learned))


def log_odds(probability: float) -> float:
    """Natural-log odds of a probability, taken no closer to 0 or 1 than `SHARPEST`."""
    p = min(max(probability, SHARPEST), 1 - SHARPEST)
    return math.log(p / (1 - p))


def curve(value: float, points: tuple[tuple[float, float], ...]) -> float:
    """The probability at `value`: straight lines between the points, level outside."""
    return float(np.interp(value, [p[0] for p in points], [p[1] for p in points]))


def _above(bar: Bar, features: dict[str, Feature]) -> bool:
    feature = features.get(bar.feature)
    return feature is not None and isinstance(feature.value, Known) and feature.value.value > bar.above

"""How sure a finding is, fitted on lesions of which the cause is known, and drawn to what it was before.

A finding's probability is that of one who held it for even odds before. Where the cause of a lesion is known, the
finding is there with the rate r that the cause has; over all lesions it is there with the mean rate m. What the finding
tells of the cause is then log(r q / m + (1 - r) (1 - q) / (1 - m)), q being the probability with its odds times those
of m: with r of 0 and 1 that is logistic regression, and lesions of one cause alone tell nothing. Offset and weights of
the log odds (Platt 1999) are those of the highest penalised sum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from pipeline.findings.rules import TERM_WEIGHT, log_odds
from pipeline.knowledge.rules import Fitted, Measured

OFFSET_SPREAD, WEIGHT_SPREAD = 0.5, 0.15
"""Standard deviations of the normal priors about what is shipped: it takes dozens of lesions to move them."""
MOST_OFFSET, MOST_WEIGHT = 5.0, 2.0
SAME_STUDY = 0.5
"""n lesions of one study weigh as much as n to this power: they share a cause, as in the differential."""
RATES = (0.01, 0.99)
"""No cause has a finding less or more often: a diagnosis may be wrong."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """One finding of one lesion: the chances of its rule's terms before any fit, None where unknown.

    `rate` is how often the lesion's true cause has the finding; 0 or 1 where it is known to be absent or present.
    `learned` is what learned curves add to the log odds, whatever the fit.
    """

    study: str
    kind: str
    chances: tuple[float | None, ...]
    rate: float
    learned: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Lesions:
    """Pairs of one rule as arrays.

    `odds` are log odds of terms, float64 [lesion, 1 + term], the first column 1; what learned curves add, rates and
    masses are float64 [lesion]. `mean` is the mean rate.
    """

    odds: Floats
    learned: Floats
    rates: Floats
    masses: Floats
    mean: float

    def gains(self, fitted: Floats) -> Floats:
        """What the finding tells of the cause with this offset and these weights, natural log; float64 [lesion]."""
        q = self.probabilities(fitted)
        told: Floats = np.log(self.rates * q / self.mean + (1 - self.rates) * (1 - q) / (1 - self.mean))
        return told

    def probabilities(self, fitted: Floats) -> Floats:
        """The finding's probability where it is as frequent as in these lesions; float64 [lesion]."""
        q: Floats = expit(self.odds @ fitted + self.learned + logit(self.mean))
        return q


def lesions_of(rule: Measured, pairs: Sequence[Pair], mean: float | None = None) -> Lesions:
    """The pairs of a rule as arrays; `mean` is their own mean rate unless it is given."""
    studies = [pair.study for pair in pairs]
    masses = np.array([studies.count(study) ** (SAME_STUDY - 1) for study in studies])
    rates = np.clip([pair.rate for pair in pairs], *RATES)
    odds = np.column_stack([np.ones(len(pairs)), term_odds(rule, [pair.chances for pair in pairs])])
    learned = np.array([pair.learned for pair in pairs])
    return Lesions(odds, learned, rates, masses, float(rates @ masses / masses.sum()) if mean is None else mean)


def term_odds(rule: Measured, chances: Sequence[Sequence[float | None]]) -> Floats:
    """Log odds float64 [lesion, term]; what is unknown adds nothing. Of a rule that does not add up, one column."""
    if rule.combine == "sum":
        return np.array([[0.0 if p is None else log_odds(p) for p in row] for row in chances])
    pick = min if rule.combine == "all" else max
    return np.array([[log_odds(pick(p for p in row if p is not None))] for row in chances])


def shipped(rule: Measured, kind: str) -> Floats:
    """Offset and weights as the rule has them, for a kind of image."""
    fitted = rule.fitted.get(kind)
    if fitted is not None:
        return np.array([fitted.offset, *fitted.weights])
    usual = (TERM_WEIGHT,) * len(rule.terms) if rule.combine == "sum" else (1.0,)
    return np.array([0.0, *usual])


def fit(lesions: Lesions, about: Floats) -> Floats:
    """Offset and weights by penalised maximum likelihood, drawn to `about`; weights are not negative."""
    spread = np.array([OFFSET_SPREAD, *[WEIGHT_SPREAD] * (len(about) - 1)])

    def cost(x: Floats) -> float:
        told = lesions.masses @ lesions.gains(x)
        return float((((x - about) / spread) ** 2).sum() / 2 - told)

    bounds = [(-MOST_OFFSET, MOST_OFFSET), *[(0.0, MOST_WEIGHT)] * (len(about) - 1)]
    start = np.clip(about, [low for low, _ in bounds], [high for _, high in bounds])
    return np.asarray(minimize(cost, start, bounds=bounds).x, np.float64)


def fit_rule(rule: Measured, pairs: Sequence[Pair], source: str) -> Mapping[str, Fitted]:
    """The fit of every kind of image that has lesions, drawn to what is shipped for it."""
    found = {}
    for kind in sorted({pair.kind for pair in pairs}):
        best = fit(lesions_of(rule, [pair for pair in pairs if pair.kind == kind]), shipped(rule, kind))
        weights = tuple(round(float(w), 3) for w in best[1:])
        found[kind] = Fitted(round(float(best[0]), 3), weights, source)
    return found

"""The fit of one finding: its terms weighed, and learned curves of other features added, by penalised likelihood.

Log odds = offset + offset of the kind of image + weights * log odds of the terms + sum of curves. A curve is straight
between knots at quantiles of its feature (hat functions), zero on average, and nothing where the feature is unknown: a
generalised additive model (Hastie and Tibshirani 1986), ridge on values and on bends. The features whose curves move
the lesions most are kept and fitted again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from pipeline.knowledge.rules import Fitted, Learned

KNOTS = 5
KNOT_RANGE = (0.05, 0.95)
RIDGE, BEND = 6.0, 10.0
"""Inverse variances of the normal priors of a curve's values and of its bends, chosen on held-out cohorts."""
KEPT = 16
"""Curves of a finding."""
LEAST_KNOWN = 20
LEAST_KNOWN_SHARE = 0.2
"""A feature that fewer lesions have is left out."""
OFFSET_SPREAD, KIND_SPREAD, WEIGHT_SPREAD = 1.5, 1.0, 0.45
"""Standard deviations of the normal priors of offset, kinds' offsets, and weights about the usual ones."""
MOST_WEIGHT = 2.0
KINDS = ("ct", "radiograph")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Lesions of one finding: `odds` float64 [lesion, term] of the terms, `features` by name float64 [lesion].

    NaN is unknown. `is_ct` and `present` are bool [lesion].
    """

    odds: Floats
    features: Mapping[str, Floats]
    is_ct: NDArray[np.bool_]
    present: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    feature: str
    knots: Floats
    basis: Floats
    mean: Floats


def fit_finding(rows: Rows, usual: float, source: str, *, learn: bool) -> tuple[dict[str, Fitted], tuple[Learned, ...]]:
    """Offset and weights for each kind of image, and the learned curves; present and absent lesions weigh alike.

    `usual` is the weight of a term that no lesion speaks about. Without `learn` no curves.
    """
    curves = [c for name in sorted(rows.features) if (c := _curve(name, rows.features[name])) is not None]
    found = _solve(rows, curves, usual) if learn else _solve(rows, [], usual)
    if learn:
        first = 2 + rows.odds.shape[1]
        moved = [float(np.std(c.basis @ v)) for c, v in zip(curves, _values(found[first:], curves), strict=True)]
        kept = sorted(sorted(range(len(curves)), key=lambda i: -moved[i])[:KEPT])
        curves = [curves[i] for i in kept]
        found = _solve(rows, curves, usual)
    weights = tuple(float(w) for w in found[2 : 2 + rows.odds.shape[1]])
    fits = {
        kind: Fitted(float(found[0] + (0.5 if kind == "ct" else -0.5) * found[1]), weights, source) for kind in KINDS
    }
    values = _values(found[2 + rows.odds.shape[1] :], curves) if learn else []
    return fits, tuple(_learned(c, v) for c, v in zip(curves if learn else [], values, strict=True))


def _curve(name: str, values: Floats) -> _Curve | None:
    """The hats of a feature, less their mean over the lesions that have it; None when too few have it."""
    known = np.isfinite(values)
    if known.sum() < max(LEAST_KNOWN, LEAST_KNOWN_SHARE * len(values)):
        return None
    knots = np.unique(np.quantile(values[known], np.linspace(*KNOT_RANGE, KNOTS)).round(6))
    if len(knots) < 2:
        return None
    place = np.interp(np.where(known, values, knots[0]), knots, np.arange(len(knots)))
    hats = np.maximum(0.0, 1 - np.abs(place[:, None] - np.arange(len(knots))))
    mean = hats[known].mean(axis=0)
    return _Curve(name, knots, np.where(known[:, None], hats - mean, 0.0), mean)


def _learned(curve: _Curve, values: Floats) -> Learned:
    level = values - float(curve.mean @ values)
    return Learned(curve.feature, tuple((float(x), float(y)) for x, y in zip(curve.knots, level, strict=True)))


def _values(flat: Floats, curves: Sequence[_Curve]) -> list[Floats]:
    """The values at the knots of each curve."""
    return list(np.split(flat, np.cumsum([len(c.knots) for c in curves])[:-1])) if curves else []


def _solve(rows: Rows, curves: Sequence[_Curve], usual: float) -> Floats:
    """Offset, offset of the kinds, weights, values at the knots."""
    terms = rows.odds.shape[1]
    matrix = np.column_stack([np.ones(len(rows.odds)), rows.is_ct - 0.5, rows.odds, *(c.basis for c in curves)])
    penalty = _penalty(terms, curves)
    about = np.zeros(matrix.shape[1])
    about[2 : 2 + terms] = usual
    states = rows.present.astype(float)
    mass = np.where(rows.present, 0.5 / states.mean(), 0.5 / (1 - states.mean()))

    def cost(x: Floats) -> tuple[float, Floats]:
        line, away = matrix @ x, x - about
        value = mass @ (np.logaddexp(0, line) - states * line) + away @ penalty @ away / 2
        return float(value), matrix.T @ (mass * (expit(line) - states)) + penalty @ away

    bounds = [(None, None)] * 2 + [(0.0, MOST_WEIGHT)] * terms + [(None, None)] * sum(len(c.knots) for c in curves)
    return np.asarray(minimize(cost, about, jac=True, bounds=bounds, method="L-BFGS-B").x, np.float64)


def _penalty(terms: int, curves: Sequence[_Curve]) -> Floats:
    """Inverse covariance of the normal prior, in blocks."""
    size = 2 + terms + sum(len(c.knots) for c in curves)
    found = np.zeros((size, size))
    spreads = [OFFSET_SPREAD, KIND_SPREAD, *[WEIGHT_SPREAD] * terms]
    found[: 2 + terms, : 2 + terms] = np.diag(1 / np.square(spreads))
    at = 2 + terms
    for count in (len(c.knots) for c in curves):
        bends = np.diff(np.eye(count), 2, axis=0)
        found[at : at + count, at : at + count] = RIDGE * np.eye(count) + BEND * bends.T @ bends
        at += count
    return found

"""How good probabilities are: log-loss, Brier score, calibration error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_SHARE = 1e-4
"""Probabilities are not taken lower than this in the log-loss."""
BINS = 10
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Score:
    """Of `count` statements: mean log-loss (natural), mean Brier score, and expected calibration error."""

    count: int
    log_loss: float
    brier: float
    calibration_error: float


def score_answers(answers: Sequence[tuple[Mapping[str, float], str]]) -> Score:
    """Of differentials (probability of each answer) with the true answer; the calibration is that of the first one."""
    losses = [-np.log(max(shares.get(true, 0.0), LEAST_SHARE)) for shares, true in answers]
    briers = [sum((shares.get(e, 0.0) - (e == true)) ** 2 for e in {*shares, true}) for shares, true in answers]
    first = [max(shares, key=lambda e: shares[e]) for shares, _ in answers]
    sure = np.array([shares[e] for (shares, _), e in zip(answers, first, strict=True)])
    right = np.array([e == true for (_, true), e in zip(answers, first, strict=True)], np.float64)
    return Score(len(answers), float(np.mean(losses)), float(np.mean(briers)), calibration_error(sure, right))


def score_states(probabilities: Floats, present: Floats) -> Score:
    """Of findings that are known to be present (1) or absent (0); both float64 [finding]."""
    chance = np.clip(np.where(present == 1, probabilities, 1 - probabilities), LEAST_SHARE, 1)
    return Score(
        len(present),
        float(-np.log(chance).mean()),
        float(((probabilities - present) ** 2).mean()),
        calibration_error(probabilities, present),
    )


def calibration_error(sure: Floats, right: Floats) -> float:
    """Mean distance of how sure and how often right over ten bins, by how many each holds; both float64 [statement]."""
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    filled = [bins == b for b in range(BINS) if np.any(bins == b)]
    return float(sum(abs(right[b].mean() - sure[b].mean()) * b.mean() for b in filled))

"""Figures of probabilities on cases that can be reckoned by hand."""

import math

import numpy as np
import pytest

from pipeline.calibration.figures import score_answers, score_states


def test_answers_by_hand() -> None:
    score = score_answers([({"a": 0.8, "b": 0.2}, "a"), ({"a": 0.6, "b": 0.4}, "b")])
    assert score.count == 2
    assert score.log_loss == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2)
    assert score.brier == pytest.approx((0.2**2 * 2 + 0.6**2 * 2) / 2)
    assert score.calibration_error == pytest.approx((0.2 + 0.6) / 2)


def test_an_answer_that_was_not_given_costs_no_more_than_the_limit() -> None:
    assert score_answers([({"a": 1.0}, "b")]).log_loss == pytest.approx(-math.log(1e-4))


def test_states_by_hand() -> None:
    score = score_states(np.array([0.9, 0.9, 0.1, 0.1]), np.array([1.0, 0.0, 0.0, 0.0]))
    assert score.brier == pytest.approx((0.01 + 0.81 + 0.01 + 0.01) / 4)
    assert score.calibration_error == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)


def test_states_that_are_as_often_right_as_said_have_no_error() -> None:
    rng = np.random.default_rng(0)
    chance = rng.uniform(0, 1, 20000)
    assert score_states(chance, (rng.uniform(0, 1, 20000) < chance).astype(float)).calibration_error < 0.02

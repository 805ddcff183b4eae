"""The queue of the capacity simulation against what queueing theory knows."""

import numpy as np
import pytest
from bench_queue import Studies, draw, simulate


def test_one_server_with_random_arrivals_waits_as_theory_says() -> None:
    random = np.random.default_rng(2)
    arrival = np.cumsum(random.exponential(1.0, 200_000))
    service = random.exponential(0.5, len(arrival))
    waits = simulate(Studies(arrival, np.zeros(len(arrival), int), service), 1, (0, 0, 0, 0))
    assert waits.mean() == pytest.approx(1.0, rel=0.05)  # M/M/1: 1 / (service rate - arrival rate)


def test_emergencies_overtake_and_nothing_is_lost() -> None:
    studies = Studies(np.array([0.0, 0.1, 0.2]), np.array([2, 2, 0]), np.array([10.0, 10.0, 1.0]))
    assert simulate(studies, 1, (0, 1, 2, 1)) == pytest.approx([10.0, 20.9, 10.8])
    assert simulate(studies, 1, (0, 0, 0, 0)) == pytest.approx([10.0, 19.9, 20.8])


def test_a_day_holds_the_studies_it_should() -> None:
    studies = draw(1000, 10, 1.0, np.random.default_rng(3))
    assert len(studies.arrival) == pytest.approx(10_000, rel=0.05)
    assert np.all(np.diff(studies.arrival) >= 0)

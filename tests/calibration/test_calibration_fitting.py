"""A finding's fit goes where the lesions say, no further than they carry, and nowhere when they tell nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.calibration.fitting import Pair, fit, fit_rule, lesions_of, shipped
from pipeline.knowledge.rules import Fitted, Measured, Term

POINTS = ((0.0, 0.1), (1.0, 0.9))
ONE = Measured("lobulated", (Term("lobules", POINTS),), fitted={"ct": Fitted(0.2, (0.8,), "shipped")})
SUM = Measured("lobulated", (Term("lobules", POINTS), Term("solidity", POINTS, optional=True)), "sum")
OFTEN, RARELY = 0.95, 0.05


def made(count: int, offset: float, weight: float, seed: int = 0) -> list[Pair]:
    """Lesions of two causes, seen with noise, whose finding has the true log odds offset + weight x what is shown."""
    rng = np.random.default_rng(seed)
    rates = np.where(np.arange(count) % 2 == 0, OFTEN, RARELY)
    true = np.where(rng.uniform(size=count) < rates, 1.0, -1.0) + rng.normal(0, 1, count)  # log odds: twice this
    chances = 1 / (1 + np.exp(-(2 * true - offset) / weight))
    return [Pair(str(i), "ct", (float(p),), float(r)) for i, (p, r) in enumerate(zip(chances, rates, strict=True))]


@pytest.mark.parametrize(("offset", "weight"), [(1.2, 0.8), (-1.0, 0.8), (0.2, 1.4), (-0.6, 1.2)])
def test_many_lesions_draw_the_fit_to_the_truth(offset: float, weight: float) -> None:
    best = fit(lesions_of(ONE, made(600, offset, weight)), shipped(ONE, "ct"))
    before = abs(0.2 - offset) + abs(0.8 - weight)
    assert abs(best[0] - offset) + abs(best[1] - weight) < 0.6 * before


def test_few_lesions_hardly_move_it() -> None:
    few, many = (fit(lesions_of(ONE, made(n, 1.2, 0.8)), shipped(ONE, "ct"))[0] - 0.2 for n in (6, 300))
    assert 0 <= few < 0.35
    assert many > 0.6


def test_lesions_of_one_cause_tell_nothing() -> None:
    pairs = [Pair(p.study, p.kind, p.chances, OFTEN) for p in made(200, 1.2, 0.8)]
    assert fit(lesions_of(ONE, pairs), shipped(ONE, "ct")) == pytest.approx([0.2, 0.8], abs=1e-4)


@given(st.lists(st.tuples(st.floats(0.02, 0.98), st.floats(0, 1)), min_size=1, max_size=12), st.integers(0, 5))
def test_the_order_of_lesions_does_not_matter_and_weights_stay_in_bounds(
    rows: list[tuple[float, float]], turn: int
) -> None:
    pairs = [Pair(str(i), "ct", (p,), r) for i, (p, r) in enumerate(rows)]
    turned = pairs[turn % len(pairs) :] + pairs[: turn % len(pairs)]
    first, second = (fit(lesions_of(ONE, given), shipped(ONE, "ct")) for given in (pairs, turned))
    assert first == pytest.approx(second, abs=1e-3)
    assert 0 <= first[1] <= 2


def test_the_optimum_is_where_no_step_helps() -> None:
    lesions, about = lesions_of(ONE, made(100, 1.0, 0.5)), shipped(ONE, "ct")
    best = fit(lesions, about)

    def worth(x: np.ndarray) -> float:
        told = float(lesions.masses @ lesions.gains(x))
        return told - float((((x - about) / np.array([0.5, 0.15])) ** 2).sum() / 2)

    steps = [np.array(s) for s in ((0.02, 0), (-0.02, 0), (0, 0.02), (0, -0.02))]
    assert all(worth(best + step) < worth(best) for step in steps)


def test_lesions_of_one_study_count_less_than_those_of_many() -> None:
    pairs = made(100, 1.2, 0.8)
    together = [Pair("one" if p.rate == OFTEN else "two", p.kind, p.chances, p.rate) for p in pairs]
    apart, joined = (fit(lesions_of(ONE, rows), shipped(ONE, "ct"))[0] for rows in (pairs, together))
    assert apart > joined > 0.2


def test_what_is_unknown_adds_nothing_and_each_kind_of_image_has_its_own_fit() -> None:
    pairs = [
        Pair(p.study, kind, (*p.chances, None), p.rate) for p in made(80, 1.0, 0.5) for kind in ("ct", "radiograph")
    ]
    fits = fit_rule(SUM, pairs, "reader feedback, 80 studies")
    assert set(fits) == {"ct", "radiograph"}
    assert fits["ct"] == fits["radiograph"]
    assert fits["ct"].source == "reader feedback, 80 studies"
    assert fits["ct"].weights[1] == pytest.approx(0.5, abs=1e-3)  # nothing was known of it: as shipped


def test_what_learned_curves_add_is_taken_as_given() -> None:
    plain = made(300, 1.2, 0.8)
    rows = [Pair(p.study, p.kind, p.chances, p.rate, learned=1.0) for p in plain]
    without, with_it = (fit(lesions_of(ONE, pairs), shipped(ONE, "ct"))[0] for pairs in (plain, rows))
    assert with_it < without - 0.6  # the offset makes up for it, as far as its prior lets it

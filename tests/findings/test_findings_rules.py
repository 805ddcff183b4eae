"""Curves and rules: features become findings."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.findings.rules import apply, corrected, curve, learned_readings
from pipeline.knowledge.rules import Bar, Fitted, Learned, Measured, Term
from pipeline.model.known import Known, Unknown
from pipeline.model.measure import Feature, Measurement
from pipeline.model.vocabulary import State

LOBES = Term("lobules", ((1.0, 0.0), (3.0, 0.8), (5.0, 1.0)), "{value:.0f} lobules")
NOTCH = Term("notch_depth_fraction", ((0.0, 0.0), (0.1, 1.0)), "notches up to {value:.0%} of the diameter")


def measured(**values: float | str) -> Measurement:
    """Features by name; a text is the reason why one is unknown."""
    made = [
        Feature(name, Unknown(value) if isinstance(value, str) else Known(value, "measured"), "1")
        for name, value in values.items()
    ]
    return Measurement(tuple(made))


def test_a_curve_is_straight_between_points_and_level_outside() -> None:
    assert [curve(v, LOBES.points) for v in (0, 1, 2, 3, 4, 9)] == [0, 0, 0.4, 0.8, 0.9, 1.0]


@given(st.floats(-10, 10), st.floats(-10, 10))
def test_a_rising_curve_never_falls(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert curve(low, LOBES.points) <= curve(high, LOBES.points)


def test_a_finding_is_as_sure_as_its_weakest_term_and_says_all_of_them() -> None:
    found = apply(Measured("lobulated", (LOBES, NOTCH)), measured(lobules=8, notch_depth_fraction=0.14), 3, "ct")
    assert (found.state, found.probability, found.lesion) == (State.PRESENT, 1.0, 3)
    assert found.because == "8 lobules, notches up to 14% of the diameter"
    assert found.features == ("lobules", "notch_depth_fraction")
    weak = apply(Measured("lobulated", (LOBES, NOTCH)), measured(lobules=8, notch_depth_fraction=0.02), 3, "ct")
    assert (weak.state, weak.probability) == (State.ABSENT, 0.2)


def test_any_takes_the_surest_term() -> None:
    rule = Measured("lobulated", (LOBES, NOTCH), "any")
    assert apply(rule, measured(lobules=8, notch_depth_fraction=0.02), 1, "ct").probability == 1.0


def test_an_unknown_feature_gives_its_reason_and_what_would_help() -> None:
    rule = Measured("lobulated", (LOBES, NOTCH), would_help="a larger field")
    found = apply(rule, measured(lobules="posture unknown", notch_depth_fraction=0.1), 1, "ct")
    assert (found.state, found.probability) == (State.NOT_ASSESSABLE, None)
    assert (found.because, found.would_help) == ("posture unknown", "a larger field")


def test_an_optional_term_is_left_out_but_one_must_be_known() -> None:
    optional = Term("notch_depth_fraction", NOTCH.points, NOTCH.says, optional=True)
    rule = Measured("lobulated", (LOBES, optional))
    assert apply(rule, measured(lobules=5, notch_depth_fraction="no"), 1, "ct").probability == 1.0
    alone = Measured("lobulated", (optional,))
    assert apply(alone, measured(notch_depth_fraction="no"), 1, "ct").state is State.NOT_ASSESSABLE


def test_a_bar_makes_it_not_assessable() -> None:
    rule = Measured("lobulated", (LOBES,), bars=(Bar("border_contact", 0.0, "cut off", "a wider view"),))
    found = apply(rule, measured(lobules=8, border_contact=0.3), 1, "radiograph")
    assert (found.state, found.because, found.would_help) == (State.NOT_ASSESSABLE, "cut off", "a wider view")
    assert apply(rule, measured(lobules=8, border_contact=0.0), 1, "radiograph").state is State.PRESENT


def test_a_rule_for_ct_says_so_on_a_radiograph() -> None:
    rule = Measured("fat", (LOBES,), only_on="ct", only_on_because="not on a radiograph")
    assert apply(rule, measured(lobules=8), 1, "radiograph").because == "not on a radiograph"


def test_a_value_that_is_no_number_is_not_judged() -> None:
    assert apply(Measured("lobulated", (LOBES,)), measured(lobules=float("nan")), 1, "ct").state is State.NOT_ASSESSABLE


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_fit_keeps_the_order_and_stays_a_probability(one: float, other: float) -> None:
    fitted = Fitted(-1.0, (0.4,), "test")
    low, high = sorted((one, other))
    assert 0 < corrected(low, fitted) <= corrected(high, fitted) < 1


def test_without_a_fit_nothing_changes_and_a_slope_below_one_makes_less_sure() -> None:
    assert corrected(0.97, None) == 0.97
    assert 0.5 < corrected(0.97, Fitted(0.0, (0.4,), "test")) < 0.97
    assert corrected(0.5, Fitted(0.0, (0.4,), "test")) == 0.5


def test_a_sum_adds_the_log_odds_of_its_terms_by_weight_and_leaves_out_what_is_unknown() -> None:
    optional = Term("notch_depth_fraction", ((0.0, 0.1), (0.1, 0.9)), optional=True)
    lobes = Term("lobules", ((1.0, 0.2), (3.0, 0.8)))
    plain = Measured("lobulated", (lobes, optional), "sum")
    both = apply(plain, measured(lobules=3, notch_depth_fraction=0.1), 1, "ct").probability
    assert both == pytest.approx(1 / (1 + math.exp(-0.5 * math.log(4) - 0.5 * math.log(9))))
    alone = apply(plain, measured(lobules=3, notch_depth_fraction="no"), 1, "ct").probability
    assert alone == pytest.approx(1 / (1 + math.exp(-0.5 * math.log(4))))
    fitted = replace(plain, fitted={"ct": Fitted(1.0, (1.0, 0.0), "test")})
    known = measured(lobules=3, notch_depth_fraction=0.1)
    assert apply(fitted, known, 1, "ct").probability == pytest.approx(1 / (1 + math.exp(-1 - math.log(4))))
    assert apply(fitted, known, 1, "radiograph").probability == both


def test_a_sum_without_a_needed_term_is_not_judged() -> None:
    rule = Measured("lobulated", (LOBES, NOTCH), "sum")
    assert apply(rule, measured(lobules=3, notch_depth_fraction="cut off"), 1, "ct").because == "cut off"


SIZE = Learned("largest_extent", ((10.0, -1.0), (30.0, 1.0)))


@pytest.mark.parametrize("combine", ["all", "any", "sum"])
def test_learned_curves_add_log_odds_whatever_the_terms_combine_to(combine: str) -> None:
    plain = Measured("lobulated", (Term("lobules", ((1.0, 0.2), (3.0, 0.8))),), combine)
    known = measured(lobules=3, largest_extent=30)
    before = float(apply(plain, known, 1, "ct").probability or 0)
    after = float(apply(replace(plain, learned=(SIZE,)), known, 1, "ct").probability or 0)
    assert math.log(after / (1 - after)) == pytest.approx(math.log(before / (1 - before)) + 1.0)


def test_what_a_learned_curve_says_stands_among_the_reasons_when_it_matters() -> None:
    rule = Measured("lobulated", (LOBES,), learned=(SIZE,))
    found = apply(rule, measured(lobules=2, largest_extent=12), 1, "ct")
    assert found.because == "2 lobules, largest extent 12 speaks against it"
    assert found.features == ("lobules", "largest_extent")
    assert apply(rule, measured(lobules=2, largest_extent=21), 1, "ct").because == "2 lobules"


def test_a_feature_that_is_unknown_teaches_nothing() -> None:
    rule = Measured("lobulated", (LOBES,), learned=(SIZE,))
    unknown = apply(rule, measured(lobules=2, largest_extent="no pixel size"), 1, "ct")
    assert unknown == apply(Measured("lobulated", (LOBES,)), measured(lobules=2), 1, "ct")
    assert learned_readings(rule, measured(lobules=2, largest_extent=float("inf"))) == ()


def test_reasons_are_the_terms_that_speak_the_same_way_as_the_whole() -> None:
    rule = Measured("lobulated", (LOBES, NOTCH))
    weak = apply(rule, measured(lobules=8, notch_depth_fraction=0.02), 1, "ct")
    assert (weak.state, weak.because) == (State.ABSENT, "notches up to 2% of the diameter")
    assert weak.features == ("lobules", "notch_depth_fraction")


def test_a_term_that_says_neither_is_no_reason() -> None:
    fat = Term("fat_fraction", ((0.1, 0.5), (0.5, 0.02)), "{value:.0%} fat")
    rule = Measured("rice_grain", (LOBES, fat), combine="sum")
    assert apply(rule, measured(lobules=8, fat_fraction=0.0), 1, "ct").because == "8 lobules"
    assert apply(rule, measured(lobules=1, fat_fraction=0.5), 1, "ct").because == "1 lobules, 50% fat"

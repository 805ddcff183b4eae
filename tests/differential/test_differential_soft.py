"""Uncertain findings and findings that say the same."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.differential.soft import soft_weight
from pipeline.differential.weights import count_once
from tests.differential.cases import knowledge

CHANCE = st.floats(0.001, 0.999)
WEIGHT = st.floats(-4.6, 4.6)


def test_virtual_evidence_agrees_with_bayes() -> None:
    """P(present | entity) 0.9 against 0.3 on average, seen through evidence of odds 4."""
    present, absent = math.log(0.9 / 0.3), math.log(0.1 / 0.7)
    expected = math.log((4 * 0.9 + 0.1) / (4 * 0.3 + 0.7))
    assert soft_weight(0.8, present, absent) == pytest.approx(expected)


@given(WEIGHT, WEIGHT)
def test_even_odds_move_nothing_and_certainty_moves_all(present: float, absent: float) -> None:
    assert soft_weight(0.5, present, absent) == pytest.approx(0, abs=1e-6)
    assert soft_weight(1.0, present, absent) == pytest.approx(present, abs=1e-4)
    assert soft_weight(0.0, present, absent) == pytest.approx(absent, abs=1e-4)


@given(st.floats(0.1, 4.6), st.floats(-4.6, -0.1), CHANCE, CHANCE)
def test_a_surer_finding_never_weighs_less(present: float, absent: float, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert soft_weight(low, present, absent) <= soft_weight(high, present, absent) + 1e-9


@given(CHANCE, WEIGHT, WEIGHT)
def test_a_weight_stays_between_its_two_ends(p: float, present: float, absent: float) -> None:
    low, high = min(present, absent, 0.0), max(present, absent, 0.0)
    assert low - 1e-6 <= soft_weight(p, present, absent) <= high + 1e-6


def test_dependent_findings_weigh_no_more_than_the_strongest() -> None:
    entities = list(knowledge().entities)
    ids = ("lobulated", "mass_like", "septate")
    weights = np.zeros((3, len(entities)))
    weights[:, entities.index("tumoral_calcinosis")] = (2.0, 1.0, 3.0)
    counted = count_once(weights, ids, knowledge())
    assert counted.sum(axis=0)[entities.index("tumoral_calcinosis")] == pytest.approx(3.0)


def test_findings_that_are_not_dependent_add_up() -> None:
    entities = list(knowledge().entities)
    weights = np.zeros((2, len(entities)))
    weights[:, 0] = (2.0, 1.0)
    assert count_once(weights, ("lobulated", "fluid_level"), knowledge()).sum(axis=0)[0] == pytest.approx(3.0)


def test_what_parts_entities_of_one_group_survives_counting_once() -> None:
    """Being in a vessel counts once, and an artery is still told from a vein."""
    entities = list(knowledge().entities)
    vessels = [i for i, e in enumerate(knowledge().entities.values()) if e.group == "vascular"]
    weights = np.zeros((2, len(entities)))
    weights[0, vessels] = 3.0
    weights[1, vessels] = (2.0, 2.0, -2.0, -2.0)
    total = count_once(weights, ("in_vessel", "in_artery"), knowledge()).sum(axis=0)[vessels]
    assert total == pytest.approx([5.0, 5.0, 1.0, 1.0])

"""A fluid level makes a lesion surer, and nothing makes it less sure."""

import math
from dataclasses import replace

import pytest
from cases import finding, lesion
from hypothesis import given
from hypothesis import strategies as st

from pipeline.differential.confirmed import confirmed, shifted, weight_of_presence
from pipeline.knowledge.loading import load_knowledge

NUMBERS = replace(load_knowledge("seed", None).profile.numbers, trust_findings={"fluid_level": 2.0})


@given(st.floats(0.01, 0.99), st.floats(-4, 4))
def test_a_shift_moves_log_odds_and_leads_back(chance: float, weight: float) -> None:
    moved = shifted(chance, weight)
    assert math.log(moved / (1 - moved)) == pytest.approx(math.log(chance / (1 - chance)) + weight)
    assert shifted(moved, -weight) == pytest.approx(chance)


@pytest.mark.parametrize(("probability", "weight"), [(1.0, 2.0), (0.75, 1.0), (0.5, 0.0), (0.1, 0.0)])
def test_only_presence_adds(probability: float, weight: float) -> None:
    assert weight_of_presence({"fluid_level": probability, "lobulated": 0.9}, NUMBERS) == pytest.approx(weight)


def test_a_finding_that_was_not_assessed_changes_nothing() -> None:
    assert weight_of_presence({}, NUMBERS) == 0.0


def test_each_lesion_is_judged_by_its_own_findings() -> None:
    two = (lesion(1, sure=0.3), lesion(2, sure=0.3))
    surer, same = confirmed(two, (finding("fluid_level", 1.0, 1), finding("fluid_level", 1.0, None)), NUMBERS)
    assert surer.confidence == pytest.approx(shifted(0.3, 2.0))
    assert same.confidence == 0.3

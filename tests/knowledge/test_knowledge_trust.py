"""How far the search is trusted: scores become chances, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.knowledge.loading import load_knowledge

NUMBERS = load_knowledge("seed", None).profile.numbers
KINDS = st.sampled_from(("radiograph", "ct"))


@given(st.floats(0, 1), st.floats(0, 1), KINDS)
def test_a_higher_score_is_never_trusted_less(one: float, other: float, kind: str) -> None:
    low, high = sorted((one, other))
    assert 0 < NUMBERS.chance_real(low, kind) <= NUMBERS.chance_real(high, kind) < 1


@given(st.floats(0.01, 0.99), KINDS)
def test_a_chance_leads_back_to_its_score(score: float, kind: str) -> None:
    assert NUMBERS.score_of(NUMBERS.chance_real(score, kind), kind) == pytest.approx(score)

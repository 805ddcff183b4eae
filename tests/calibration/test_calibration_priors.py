"""Priors move with the cases of a site, beside what was expected there, and slowly."""

import numpy as np
import pytest

from pipeline.calibration.priors import PRIOR_CASES, PRIOR_EMPTY, expected_shares, met, nothing_missed
from pipeline.differential.case import Case
from pipeline.knowledge.loading import Knowledge, load_knowledge
from pipeline.model.known import Known
from pipeline.model.vocabulary import Region


@pytest.fixture(scope="module")
def seed() -> Knowledge:
    return load_knowledge("seed", None)


@pytest.fixture(scope="module")
def shares(seed: Knowledge) -> np.ndarray:
    return expected_shares(Case((), (), ()), seed)


def test_without_a_region_it_is_dirichlet(seed: Knowledge, shares: np.ndarray) -> None:
    found = met([("phlebolith", shares)] * 20, seed)
    share = shares[list(seed.entities).index("phlebolith")]
    assert found["phlebolith"].times == pytest.approx((PRIOR_CASES * share + 20) / ((PRIOR_CASES + 20) * share))
    assert found["granuloma"].times == pytest.approx(PRIOR_CASES / (PRIOR_CASES + 20))
    assert (found["phlebolith"].cases, found["phlebolith"].expected) == (20, pytest.approx(20 * share))


def test_what_a_region_explains_changes_nothing(seed: Knowledge, shares: np.ndarray) -> None:
    own = expected_shares(Case((), (), (), region=Known(Region.SHOULDER, "-")), seed)
    assert np.abs(own / shares - 1).max() > 0.5
    told = [(entity, own) for entity, share in zip(seed.entities, own, strict=True) for _ in range(round(1000 * share))]
    assert all(m.times == pytest.approx(1, abs=0.02) for m in met(told, seed).values())


def test_an_answer_that_is_no_cause_does_not_count(seed: Knowledge, shares: np.ndarray) -> None:
    cases = [("phlebolith", shares)] * 3
    assert met([*cases, ("no_calcification", shares), ("indeterminate", shares)], seed) == met(cases, seed)


def test_one_case_of_the_rarest_cause_does_not_make_it_common(seed: Knowledge, shares: np.ndarray) -> None:
    rarest = min(seed.entities, key=lambda e: seed.entities[e].prior_referred)
    assert 1 < met([(rarest, shares)], seed)[rarest].times < 2


def test_without_cases_nothing_changes(seed: Knowledge) -> None:
    assert {m.times for m in met([], seed).values()} == {1.0}


def test_the_chance_that_nothing_was_missed_moves_with_what_was_missed() -> None:
    shipped = {"ct": 0.9, "radiograph": 0.6}
    found = nothing_missed([("ct", False)] * 10 + [("ct", True)] * 10, shipped)
    assert found == {"ct": (pytest.approx((0.9 * PRIOR_EMPTY + 10) / (PRIOR_EMPTY + 20)), 20)}

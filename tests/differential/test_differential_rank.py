"""Ranking: what holds for every case, several lesions, two processes, nothing found."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.differential.advice import not_assessable, recommend
from pipeline.differential.case import Case
from pipeline.differential.rank import rank
from pipeline.knowledge.loading import Knowledge
from pipeline.model.context import ClinicalContext, Patient
from pipeline.model.known import Known
from pipeline.model.measure import Finding
from pipeline.model.vocabulary import State
from tests.differential.cases import knowledge, lesion, ranking, shares, study, yes

OF_LESION = sorted(f for f, kind in knowledge().findings.items() if kind.level == "lesion")
FINDINGS = st.dictionaries(st.sampled_from(OF_LESION), st.floats(0, 1), max_size=12)
MASS = yes("lobulated", "septate", "mass_like", "periarticular", "fluid_level")


@settings(max_examples=25, deadline=None)
@given(st.lists(FINDINGS, max_size=3), st.sampled_from(["seed", "literature"]))
def test_shares_sum_to_one_none_is_certain_and_something_else_stays(
    lesions: list[dict[str, float]], profile: str
) -> None:
    found = shares(study(*lesions), profile)
    assert sum(found.values()) == pytest.approx(1)
    assert max(found.values()) <= 0.95 + 1e-9
    assert min(p for e, p in found.items() if e != "no_calcification") > 0
    assert set(found) == {*knowledge().entities, "indeterminate", "no_calcification"}


@settings(max_examples=10, deadline=None)
@given(FINDINGS, st.randoms())
def test_the_order_of_findings_changes_nothing(findings: dict[str, float], random: object) -> None:
    case = study(findings)
    mixed = list(case.findings)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert shares(Case(tuple(mixed), case.lesions, case.modalities)) == pytest.approx(shares(case))


def test_what_is_not_assessable_or_even_moves_nothing() -> None:
    unsure = dict.fromkeys(("lobulated", "septate", "fluid_level", "bone_formation"), 0.5)
    assert shares(study(unsure)) == pytest.approx(shares(study({})))
    gap = Finding("lobulated", State.NOT_ASSESSABLE, None, "no spacing", lesion=1)
    assert shares(Case((gap,), (lesion(1),), ("ct",))) == pytest.approx(shares(Case((), (lesion(1),), ("ct",))))


def test_a_typical_mass_with_a_level_is_tumoral_calcinosis_with_its_reasons() -> None:
    top = ranking(study(MASS, overall=yes("gravity_sensitive_view"), region="hip")).differential.top
    assert top.entity == "tumoral_calcinosis"
    level = next(e for e in top.evidence if e.finding == "fluid_level")
    assert (level.assertions, level.source, level.direction) == (("A110",), "founding text, paragraph 10", "for")
    assert [abs(e.weight) for e in top.evidence] == sorted((abs(e.weight) for e in top.evidence), reverse=True)


def test_the_same_lesion_on_two_views_counts_once() -> None:
    findings = tuple(Finding(n, State.PRESENT, 0.9, "told", lesion=i) for n in ("lobulated", "septate") for i in (1, 2))
    twice = Case(findings, (lesion(1), lesion(2, same_as=(1,))), ("radiograph",))
    once = Case(findings[::2], (lesion(1),), ("radiograph",))
    assert shares(twice) == pytest.approx(shares(once))


def test_a_lesion_that_may_not_be_real_says_less_and_leaves_room_for_nothing() -> None:
    sure, doubtful = shares(study(MASS)), shares(study(MASS, sure=0.5))
    assert doubtful["tumoral_calcinosis"] < sure["tumoral_calcinosis"]
    assert doubtful["no_calcification"] > 0.25 > sure["no_calcification"]


def test_nothing_found_is_most_likely_nothing_there_and_less_surely_on_a_radiograph() -> None:
    said = []
    for kind in ("ct", "radiograph"):
        found = shares(study(kind=kind))
        assert max(found, key=lambda e: found[e]) == "no_calcification"
        said.append(found["no_calcification"])
    assert 0.5 < said[1] < said[0] < 0.95


def test_a_calcified_artery_beside_a_mass_is_a_second_process() -> None:
    vessel = yes("in_vessel", "in_artery", "linear_pattern")
    result = ranking(study(MASS, vessel, overall=yes("vascular_calcification", "multiple_lesions"), region="knee"))
    assert result.differential.top.entity == "tumoral_calcinosis"
    assert result.second_process is not None
    assert (result.second_process.entity, result.second_process.lesions) == ("arterial_calcification", (2,))
    assert result.lesion_differentials[1].top.group == "vascular"


def test_two_lesions_of_one_kind_are_one_process() -> None:
    assert ranking(study(MASS, MASS)).second_process is None


def test_age_sex_region_and_history_move_the_prior() -> None:
    def at(entity: str, **given: object) -> float:
        return shares(study({}, **given))[entity]  # type: ignore[arg-type]

    assert at("phlebolith", region="pelvis") > at("phlebolith", region="thigh")
    old, young = (Patient(Known(a, "PatientAge")) for a in (75.0, 30.0))
    assert at("arterial_calcification", patient=old) > at("arterial_calcification", patient=young)
    woman, man = (Patient(sex=Known(s, "PatientSex")) for s in "FM")
    assert at("dermatomyositis", patient=woman) > at("dermatomyositis", patient=man)
    legs = ClinicalContext(history={"venous_insufficiency": True})
    assert at("venous_calcification", context=legs) > at("venous_calcification")


def test_without_a_view_for_levels_an_erect_view_is_asked_for_and_with_one_it_is_not() -> None:
    mass = yes("lobulated", "septate", "mass_like")
    for overall, expected in (({"gravity_sensitive_view": 0.0}, True), ({"gravity_sensitive_view": 1.0}, False)):
        case = study(mass, overall=overall)
        texts = [r.text for r in recommend(case, rank(case, knowledge()), knowledge())]
        assert any("erect view" in text for text in texts) is expected


def test_a_normal_study_gets_no_advice() -> None:
    case = study(overall={"radiograph_shows_deposit": 0.0})
    assert recommend(case, rank(case, knowledge()), knowledge()) == ()


def test_open_findings_are_listed_the_most_telling_first() -> None:
    gaps = tuple(
        Finding(n, State.NOT_ASSESSABLE, None, "no CT", lesion=1) for n in ("in_conjunctiva", "fluid_level", "septate")
    )
    case = Case((*gaps, *study(yes("lobulated")).findings), (lesion(1),), ("radiograph",))
    listed = [f.id for f in not_assessable(case, rank(case, knowledge()), knowledge())]
    assert set(listed) == {"in_conjunctiva", "fluid_level", "septate"}
    assert listed[-1] == "in_conjunctiva"


def heeding(presence: float, absence: float) -> Knowledge:
    """The knowledge in which measured lobulation is heeded so far, all else wholly."""
    return replace(knowledge(), heed={"lobulated": (presence, absence)})


def tumoral(case: Case, known: Knowledge) -> float:
    return next(r.probability for r in rank(case, known).differential.ranked if r.entity == "tumoral_calcinosis")


def measured(probability: float) -> Case:
    told = study({"lobulated": probability})
    return replace(told, findings=tuple(replace(f, features=("lobules",)) for f in told.findings))


def test_what_was_measured_weighs_less_than_what_is_told() -> None:
    assert tumoral(measured(1.0), heeding(1, 1)) < tumoral(study(yes("lobulated")), heeding(1, 1))


def test_a_measured_finding_is_heeded_as_its_rule_has_learned_and_a_told_one_wholly() -> None:
    assert tumoral(measured(0.9), heeding(0.5, 1)) < tumoral(measured(0.9), heeding(1, 1))
    assert tumoral(measured(0.9), heeding(1, 1)) < tumoral(measured(0.9), heeding(2, 1))
    assert tumoral(measured(0.9), heeding(1, 0.5)) == tumoral(measured(0.9), heeding(1, 1))
    assert tumoral(measured(0.1), heeding(1, 1)) < tumoral(measured(0.1), heeding(1, 0))
    told = study({"lobulated": 0.9})
    assert tumoral(told, heeding(0.5, 1)) == tumoral(told, heeding(1, 1))


def test_what_is_not_heeded_at_all_is_as_if_it_were_not_known() -> None:
    nothing = study({"lobulated": 0.5})
    unknown = replace(nothing, findings=tuple(replace(f, features=("lobules",)) for f in nothing.findings))
    assert tumoral(measured(0.9), heeding(0, 0)) == pytest.approx(tumoral(unknown, heeding(1, 1)))

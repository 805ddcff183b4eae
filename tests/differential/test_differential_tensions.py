"""Places where the founding text pulls both ways, and how they are read together."""

import numpy as np
import pytest

from tests.differential.cases import knowledge, ranking, shares, study, yes

TC, MET, DM, MILK = "tumoral_calcinosis", "metastatic_calcification", "dermatomyositis", "milk_of_calcium"
BOTH = pytest.mark.parametrize("profile", ["seed", "literature"])


def weight(case: object, entity: str, finding: str) -> float:
    """Weight of a finding for an entity, 0 when it is not among the evidence."""
    ranked = ranking(case).differential.ranked  # type: ignore[arg-type]
    row = next(r for r in ranked if r.entity == entity)
    return next((e.weight for e in row.evidence if e.finding == finding), 0.0)


@BOTH
def test_t1_a_level_in_a_collection_between_muscles_may_be_milk_of_calcium(profile: str) -> None:
    case = study(yes("fluid_level", "intermuscular", "linear_pattern"), overall=yes("dermatomyositis_known"))
    assert shares(case, profile)[MILK] > 0.2


def test_t1_a_level_in_a_lobulated_mass_is_not_milk_of_calcium() -> None:
    view = yes("gravity_sensitive_view")
    assert weight(study(yes("fluid_level", "mass_like", "lobulated"), overall=view), MILK, "fluid_level") < -1.6


def test_t2_a_level_speaks_loudly_and_its_absence_softly() -> None:
    view = yes("gravity_sensitive_view")
    assert weight(study(yes("fluid_level"), overall=view), TC, "fluid_level") > 2.99
    assert abs(weight(study({"fluid_level": 0.0}, overall=view), TC, "fluid_level")) < 0.7


def test_t4_a_level_in_the_neck_wins_and_leaves_doubt() -> None:
    case = study(yes("fluid_level", "mass_like", "site_neck"), region="neck", overall=yes("gravity_sensitive_view"))
    found = ranking(case)
    assert found.differential.top.entity == TC
    assert found.differential.probability("indeterminate") >= 0.2 - 1e-9
    assert any("A091" in note and "A112" in note for note in found.notes)


def test_t6_a_level_with_organ_calcium_keeps_both_and_names_the_conflict() -> None:
    view = yes("gravity_sensitive_view", "visceral_calcification")
    found = ranking(study(yes("fluid_level", "mass_like"), overall=view))
    assert found.differential.probability(TC) >= 0.1
    assert found.differential.probability(MET) >= 0.1
    assert any("A142" in note for note in found.notes)


def test_t7_a_small_lesion_need_not_be_lobulated_yet() -> None:
    small = weight(study({"lobulated": 0.0, "small_lesion": 1.0}), TC, "lobulated")
    large = weight(study({"lobulated": 0.0, "small_lesion": 0.0}), TC, "lobulated")
    assert large < small < 0


@pytest.mark.parametrize("finding", ["hyperphosphatemia", "periarticular"])
def test_t9_t10_phosphate_and_joints_do_not_part_tumoral_from_metastatic(finding: str) -> None:
    at_lesion = knowledge().findings[finding].level == "lesion"
    with_it = study(yes(finding)) if at_lesion else study({}, overall=yes(finding))
    ratios = [s[TC] / s[MET] for s in (shares(study({})), shares(with_it))]
    assert ratios[1] == pytest.approx(ratios[0], rel=0.1)


def test_t11_a_line_alone_keeps_several_answers_open() -> None:
    found = shares(study(yes("linear_pattern")))
    assert sum(p > 0.05 for e, p in found.items() if e in knowledge().entities) >= 4


def test_t12_shapelessness_alone_decides_nothing() -> None:
    assert max(shares(study(yes("amorphous"))).values()) < 0.5


def test_t13_bone_under_the_microscope_is_not_bone_on_the_image() -> None:
    before = shares(study({}))[TC]
    assert shares(study({}, overall=yes("histology_bone")))[TC] > before / 3
    assert shares(study(yes("bone_formation")))[TC] < 0.01


def test_t14_small_lesions_leave_more_doubt_than_large_lobulated_ones() -> None:
    def entropy(*names: str) -> float:
        p = np.array(list(shares(study(yes(*names))).values()))
        return float(-(p[p > 0] * np.log(p[p > 0])).sum())

    large = entropy("lobulated", "septate", "mass_like")
    assert entropy("small_lesion") > large
    assert entropy("lobulated", "small_lesion", "site_popliteal") > large


def test_t15_known_dermatomyositis_decides_about_a_mass() -> None:
    found = shares(study(yes("mass_like"), overall=yes("dermatomyositis_known")))
    assert found[DM] > found[TC]


@pytest.mark.parametrize(("finding", "entity"), [("exam_mobile", MILK), ("fluid_moves_on_compression", "granuloma")])
def test_t16_moving_lumps_and_moving_fluid_are_two_things(finding: str, entity: str) -> None:
    assert weight(study({}, overall=yes(finding)), entity, finding) == 0
    assert not [a for a in knowledge().assertions if a.finding == finding and entity in a.about]


def test_t17_an_examination_says_more_at_the_hip_than_at_the_shoulder() -> None:
    node = "calcified_lymph_node"
    hip, shoulder = (study({}, overall=yes("exam_at_node_station"), region=r) for r in ("hip", "shoulder"))
    assert weight(hip, node, "exam_at_node_station") >= weight(shoulder, node, "exam_at_node_station")


def test_t18_the_shoulder_is_of_tendon_calcium_until_the_mass_says_otherwise() -> None:
    small = shares(study(yes("site_shoulder", "small_lesion", "in_tendon"), region="shoulder"))
    assert max(small, key=lambda e: small[e]) == "peritendinitis_calcarea"
    mass = yes("site_shoulder", "lobulated", "septate", "mass_like", "beside_humeral_head", "beside_scapula")
    large = shares(study(mass | {"small_lesion": 0.0, "in_tendon": 0.0}, region="shoulder"))
    assert max(large, key=lambda e: large[e]) == TC


def test_t19_the_joint_and_the_history_decide_at_the_hip() -> None:
    hip = yes("site_hip", "periarticular", "mass_like")
    normal = shares(study(hip, overall={"healed_or_destroyed_joint": 0.0, "history_tuberculosis": 0.0}, region="hip"))
    debris = shares(study(hip, overall=yes("healed_or_destroyed_joint", "history_tuberculosis"), region="hip"))
    assert debris["granuloma"] / debris[TC] > 10 * normal["granuloma"] / normal[TC]
    assert max(debris, key=lambda e: debris[e]) == "granuloma"


def test_t20_superficial_keeps_skin_muscle_disease_and_parasites() -> None:
    found = shares(study(yes("superficial")))
    assert found["calcinosis_universalis"] + found["calcinosis_circumscripta"] > 0.05
    assert found[DM] > 0.05
    assert found["calcified_worm"] + found["cysticercosis"] > 0.05


def test_t21_no_lung_calcium_says_nothing() -> None:
    before, after = shares(study({})), shares(study({"in_lung": 0.0}))
    assert all(abs(before[e] - after[e]) < 0.01 for e in before)


def test_t22_bursa_and_lipoma_stay_below_tumoral_calcinosis_for_a_lobulated_mass() -> None:
    found = shares(study(yes("lobulated", "periarticular", "mass_like")))
    assert max(found["calcified_bursa"], found["calcified_lipoma"]) < found[TC]


def test_t25_no_deposit_on_a_radiograph_lowers_dermatomyositis_and_not_milk_of_calcium() -> None:
    before, after = shares(study()), shares(study(overall={"radiograph_shows_deposit": 0.0}))
    assert after[DM] < before[DM]
    assert after[MILK] >= before[MILK]


def test_t26_a_shapeless_parasite_is_not_given_up() -> None:
    found = shares(study({"worm_shape": 0.0, "amorphous": 1.0}, overall=yes("multiple_lesions")))
    assert found["calcified_worm"] > 0.02
    assert max(found, key=lambda e: found[e]) != "calcified_worm"


def test_uraemic_masses_count_as_metastatic_in_the_literature() -> None:
    mass = yes("lobulated", "septate", "mass_like", "periarticular", "fluid_level")
    for kidney, first in ((1.0, MET), (0.0, TC)):
        found = shares(
            study(mass, overall={"chronic_kidney_disease": kidney, "gravity_sensitive_view": 1.0}), "literature"
        )
        assert max(found, key=lambda e: found[e]) == first


@pytest.mark.parametrize(
    ("finding", "entity"),
    [
        ("fat_component", "calcified_lipoma"),
        ("uncalcified_mass", "calcified_lipoma"),
        ("uncalcified_mass", "synovial_tumor"),
        ("uncalcified_mass", "matrix_producing_tumor"),
        ("zonal_ossification", "myositis_ossificans"),
        ("nodal_pattern", "calcified_lymph_node"),
        ("site_axilla", "calcified_lymph_node"),
        ("rice_grain", "cysticercosis"),
    ],
)
def test_what_the_words_of_the_text_mean_weighs_in_the_seed(finding: str, entity: str) -> None:
    assert weight(study(yes(finding)), entity, finding) > 1.5


def test_t8_vessels_calcified_early_speak_a_little_for_tumoral_calcinosis() -> None:
    case = study(yes("mass_like"), overall=yes("early_vascular_calcification"))
    assert weight(case, TC, "early_vascular_calcification") == pytest.approx(0.7, abs=0.01)


def test_t15_a_mass_is_no_reason_for_or_against_dermatomyositis() -> None:
    assert weight(study(yes("mass_like")), DM, "mass_like") == 0
    assert weight(study({"mass_like": 0.0}), DM, "mass_like") == 0


def test_a047_t25_no_deposit_speaks_against_dermatomyositis_and_says_nothing_of_milk_of_calcium() -> None:
    case = study(overall={"radiograph_shows_deposit": 0.0})
    assert weight(case, DM, "radiograph_shows_deposit") < -1.5
    assert weight(case, MILK, "radiograph_shows_deposit") == 0

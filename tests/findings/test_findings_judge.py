"""All findings of a study from made-up measurements, headers and context."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from pipeline.findings.context import context_findings
from pipeline.findings.judge import judge
from pipeline.knowledge.loading import Knowledge, load_knowledge
from pipeline.knowledge.rules import Measured
from pipeline.model.context import ClinicalContext, Laboratory, Patient
from pipeline.model.identity import ImageIdentity
from pipeline.model.image import Radiograph
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.lesion import Crop, Lesion
from pipeline.model.measure import Feature, Finding, Measurement
from pipeline.model.vocabulary import Laterality, Region, State


@lru_cache
def seed() -> Knowledge:
    """The rules as they are written: fits and learned curves are for lesions of which every feature is known."""
    knowledge = load_knowledge("seed", None)
    plain = [replace(r, fitted={}, learned=()) if isinstance(r, Measured) else r for r in knowledge.rules]
    return replace(knowledge, rules=tuple(plain))


def radiograph(gravity: Maybe[tuple[float, ...]] = Unknown("posture not known")) -> Radiograph:
    empty = np.zeros((8, 8), np.float32)
    return Radiograph(
        empty, np.ones((8, 8), bool), Unknown("-"), Unknown("-"), gravity, Unknown("-"), Unknown("-"), Unknown("-"),
        Unknown("-"), ImageIdentity("1.2", "1.2.3", "1.2.3.4", "DX", ()),
    )  # fmt: skip


def lesion(number: int = 1, region: str | None = "hip", side: Laterality | None = None, sure: float = 0.9) -> Lesion:
    place = Known(Region(region), "BodyPartExamined") if region else Unknown("region not stated")
    laterality = Known(side, "test") if side else Unknown("side not stated")
    return Lesion(number, 0, number, (), Crop(np.ones((2, 2), bool), (0, 0)), sure, place, laterality)


def features(**values: float) -> Measurement:
    """All features of the rules unknown, but for `values`."""
    names = {t.feature for r in seed().rules if isinstance(r, Measured) for t in r.terms} | set(values)
    return Measurement(tuple(
        Feature(n, Known(values[n], "measured") if n in values else Unknown(f"no {n}"), "1") for n in sorted(names)
    ))  # fmt: skip


def judged(
    measurement: Measurement | None = None, *, lesions: tuple[Lesion, ...] | None = None, **given: object
) -> dict[str, Finding]:
    made = (lesion(),) if lesions is None else lesions
    images = given.pop("images", (radiograph(),))
    found = judge(
        made, (measurement or features(),) * len(made), images, (), given.pop("patient", Patient()),
        given.pop("context", ClinicalContext()), seed(),
    )  # fmt: skip
    return {f.id: f for f in found if f.lesion in (None, 1)}


LEVEL = {"fluid_level_score": 0.95, "fluid_level_width_fraction": 0.8, "fluid_level_tilt": 1.0}


def test_every_finding_is_judged_once_for_each_lesion_or_study() -> None:
    found = judge(
        (lesion(1), lesion(2)), (features(), features()), (radiograph(),), (), Patient(), ClinicalContext(), seed()
    )
    keys = [(f.id, f.lesion) for f in found]
    assert len(keys) == len(set(keys))
    of_lesion = {f for f, kind in seed().findings.items() if kind.level == "lesion"}
    assert {f for f, number in keys if number == 2} == of_lesion
    assert {f for f, number in keys if number is None} == set(seed().findings) - of_lesion


def test_without_measurements_nothing_of_the_form_is_said_and_every_gap_has_a_reason() -> None:
    found = judged()
    assert all(f.because for f in found.values())
    assert found["lobulated"].state is State.NOT_ASSESSABLE
    assert found["small_lesion"].because == "no largest_extent"


def test_a_level_needs_score_width_and_tilt() -> None:
    assert judged(features(**LEVEL))["fluid_level"].state is State.PRESENT
    assert judged(features(**{**LEVEL, "fluid_level_tilt": 25.0}))["fluid_level"].state is State.ABSENT
    assert judged(features(fluid_level_score=0.9))["fluid_level"].state is State.NOT_ASSESSABLE


def test_a_faint_level_across_all_chambers_counts_and_a_narrow_faint_step_does_not() -> None:
    wide, narrow = (
        judged(features(**{**LEVEL, "fluid_level_score": 0.58, "fluid_level_width_fraction": width}))["fluid_level"]
        for width in (0.93, 0.35)
    )
    assert wide.state is State.PRESENT
    assert narrow.state is not State.PRESENT


@pytest.mark.parametrize(
    ("hidden_by", "values"),
    [
        ("A113", {"largest_extent": 9.0}),
        ("A114", {"filled_fraction": 0.99, "coefficient_of_variation": 0.05, "compartments": 1.0}),
    ],
)
def test_no_level_in_a_small_or_solid_mass_is_not_assessable_rather_than_absent(
    hidden_by: str, values: dict[str, float]
) -> None:
    none = {**LEVEL, "fluid_level_score": 0.0}
    found = judged(features(**none, **values))["fluid_level"]
    assert found.state is State.NOT_ASSESSABLE
    assert hidden_by in found.because
    assert judged(features(**LEVEL, **values))["fluid_level"].state is State.PRESENT


def test_a_lesion_at_the_border_of_the_field_has_no_lobule_count() -> None:
    whole = {"lobules": 8.0, "notch_depth_fraction": 0.2}
    assert judged(features(**whole, border_contact=0.0))["lobulated"].state is State.PRESENT
    assert judged(features(**whole, border_contact=1.0))["lobulated"].state is State.NOT_ASSESSABLE


def test_the_region_places_a_lesion_and_the_groin_is_not_told_on_a_hip_film() -> None:
    found = judged()
    assert found["site_hip"].state is State.PRESENT
    assert found["site_neck"].state is State.ABSENT
    assert found["site_inguinal"].state is State.NOT_ASSESSABLE
    assert "groin" in (found["site_inguinal"].would_help or "")
    unknown = judged(lesions=(lesion(region=None),))
    assert unknown["site_hip"].state is State.NOT_ASSESSABLE


def test_lesions_are_counted_as_far_as_each_is_sure_and_their_parts_are_not() -> None:
    def chance(*lesions: Lesion, **values: float) -> float:
        return judged(features(**values), lesions=lesions)["multiple_lesions"].probability or 0.0

    one, two, three = (chance(*(lesion(i + 1) for i in range(n))) for n in (1, 2, 3))
    assert one < 0.2 < two < 0.5 < three
    assert chance(lesion(1), lesion(2, sure=0.1)) < two
    assert chance(lesion(1), parts=12.0, clumps=12.0) == one


def test_a_finding_of_the_study_takes_the_median_of_its_lesions() -> None:
    made = tuple(lesion(i) for i in (1, 2, 3))
    measured = [features(bone_contrast=x) for x in (0.1, 0.15, 0.8)]
    found = judge(made, measured, (radiograph(),), (), Patient(), ClinicalContext(), seed())
    thin = [f for f in found if f.id == "bone_demineralization"]
    assert [(f.state, f.lesion) for f in thin] == [(State.PRESENT, None)]
    assert judged(features())["bone_demineralization"].state is State.NOT_ASSESSABLE


def test_what_the_region_rules_out_is_absent_and_what_it_hides_is_not_judged() -> None:
    small = features(largest_extent=10.0, distance_to_bone=4.0, parts=1.0)
    assert judged(small, lesions=(lesion(region="shoulder"),))["in_tendon"].state is State.PRESENT
    assert judged(small, lesions=(lesion(region="thigh"),))["in_tendon"].state is State.ABSENT
    kidney = judged(features(midline_distance=0.4), lesions=(lesion(region="knee"),))["in_kidney"]
    assert (kidney.state, kidney.because) == (State.NOT_ASSESSABLE, "no kidney in view")


def test_lesions_on_both_sides_of_the_trunk_are_seen_by_their_place() -> None:
    made = (lesion(1, region="pelvis"), lesion(2, region="pelvis"))
    measured = [features(midline_offset=x) for x in (-0.5, 0.6)]
    found = judge(made, measured, (radiograph(),), (), Patient(), ClinicalContext(), seed())
    assert next(f for f in found if f.id == "bilateral").state is State.PRESENT
    alone = judged(features(midline_offset=0.5), lesions=(lesion(1, region="pelvis"),))["bilateral"]
    assert alone.state is State.ABSENT


def test_both_sides_need_a_lesion_on_either() -> None:
    left, right = lesion(1, side=Laterality.LEFT), lesion(2, side=Laterality.RIGHT)
    assert judged(lesions=(left, right))["bilateral"].state is State.PRESENT
    assert judged(lesions=(left,))["bilateral"].state is State.NOT_ASSESSABLE


def test_gravity_in_the_image_is_said_of_the_study() -> None:
    assert judged()["gravity_sensitive_view"].state is State.ABSENT
    assert judged(images=(radiograph(Known((1.0, 0.0), "erect")),))["gravity_sensitive_view"].state is State.PRESENT


def test_a_tram_track_is_a_vessel_and_early_below_40() -> None:
    track = features(tram_track_fraction=0.9, course_fraction=0.98, course_straightness=0.9, depth_from_skin=14.0)
    young = judged(track, patient=Patient(Known(20.0, "PatientAge")))
    assert young["in_vessel"].state is State.PRESENT
    assert young["vascular_calcification"].state is State.PRESENT
    assert young["early_vascular_calcification"].state is State.PRESENT
    old = judged(track, patient=Patient(Known(70.0, "PatientAge")))
    assert old["early_vascular_calcification"].state is State.ABSENT
    assert judged(track)["early_vascular_calcification"].state is State.NOT_ASSESSABLE


def told(patient: Patient, context: ClinicalContext) -> dict[str, Finding]:
    return {f.id: f for f in context_findings(patient, context, seed())}


def test_what_is_not_told_is_not_judged() -> None:
    found = told(Patient(), ClinicalContext())
    assert {f.state for f in found.values()} == {State.NOT_ASSESSABLE}


def test_a_no_is_a_no_and_a_scar_tells_of_an_operation() -> None:
    context = ClinicalContext(history={"trauma": False, "surgery": False}, examination={"scar": True})
    found = told(Patient(), context)
    assert found["history_trauma"].state is State.ABSENT
    assert found["history_surgery"].state is State.PRESENT


@pytest.mark.parametrize(("age", "state"), [(40.0, State.PRESENT), (5.0, State.ABSENT), (0.5, State.ABSENT)])
def test_phosphate_is_judged_by_the_range_of_the_age(age: float, state: State) -> None:
    context = ClinicalContext(labs={"phosphate": Laboratory(1.75, "mmol/L")})
    assert told(Patient(Known(age, "PatientAge")), context)["hyperphosphatemia"].state is state


def test_phosphate_without_an_age_is_judged_only_where_all_ranges_agree() -> None:
    def at(value: float) -> State:
        return told(Patient(), ClinicalContext(labs={"phosphate": Laboratory(value, "mmol/L")}))[
            "hyperphosphatemia"
        ].state

    assert at(1.75) is State.NOT_ASSESSABLE
    assert at(3.5) is State.PRESENT
    assert at(1.0) is State.ABSENT


def test_a_value_at_its_limit_is_undecided() -> None:
    context = ClinicalContext(labs={"calcium_total": Laboratory(2.60, "mmol/L")})
    found = told(Patient(Known(50.0, "PatientAge")), context)["hypercalcemia"]
    assert found.probability == pytest.approx(0.5)


def test_dialysis_is_kidney_failure_and_a_metabolic_disease() -> None:
    found = told(Patient(), ClinicalContext(history={"dialysis": True}))
    assert found["chronic_kidney_disease"].state is State.PRESENT
    assert found["metabolic_disorder"].state is State.PRESENT
    assert found["endocrine_disorder"].state is State.NOT_ASSESSABLE


def test_a_low_filtration_rate_is_kidney_failure() -> None:
    context = ClinicalContext(labs={"egfr": Laboratory(20, "mL/min/{1.73_m2}")})
    assert told(Patient(Known(50.0, "PatientAge")), context)["chronic_kidney_disease"].state is State.PRESENT

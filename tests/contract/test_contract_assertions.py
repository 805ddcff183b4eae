"""Every assertion of the founding text acts: one minimal case for each, and the direction of its effect.

The table is CASES. An assertion without a case must say in configs/knowledge/assertions.yaml that it acts nowhere
(nothing, benchmark), and why.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest

from pipeline.differential.advice import recommend
from pipeline.differential.case import Case, Situation
from pipeline.differential.cells import cells_of
from pipeline.differential.claims import IMAGES, SIGN, claims_of, leaves, weighs
from pipeline.differential.exclusions import exclude
from pipeline.differential.rank import Ranking, rank
from pipeline.knowledge.loading import Knowledge, load_knowledge
from pipeline.model.known import Known, Unknown
from pipeline.model.lesion import Crop, Lesion
from pipeline.model.measure import Finding
from pipeline.model.vocabulary import Region, State
from tests.contract.assertion_weights import EXCLUSIONS, WEIGHTS

SILENT = ("nothing", "benchmark")
"""What an assertion that acts nowhere in a differential is marked with."""
TC, MET, DM, MILK = "tumoral_calcinosis", "metastatic_calcification", "dermatomyositis", "milk_of_calcium"
NODE, GRANULOMA, MYOSITIS, TENDON = (
    "calcified_lymph_node",
    "granuloma",
    "myositis_ossificans",
    "peritendinitis_calcarea",
)
POST, WORM, CYST, GRAIN = "postsurgical_paralytic", "calcified_worm", "hydatid_cyst", "cysticercosis"
BURSA, LIPOMA, UNIV, CIRC = "calcified_bursa", "calcified_lipoma", "calcinosis_universalis", "calcinosis_circumscripta"
ARTERY, PLAQUE, VEIN, STONE = "arterial_calcification", "atheromatous_plaque", "venous_calcification", "phlebolith"


@lru_cache
def seed() -> Knowledge:
    return load_knowledge("seed", None)


def case(
    *present: str, absent: tuple[str, ...] = (), region: str | None = None, kind: str = "radiograph", lesions: int = 1
) -> Case:
    """One study with findings surely present or absent; findings of lesions lie on the first lesion."""
    findings = []
    for names, state, p in ((present, State.PRESENT, 1.0), (absent, State.ABSENT, 0.0)):
        for name in names:
            lesion = 1 if seed().findings[name].level == "lesion" and lesions else None
            findings.append(Finding(name, state, p, "told", lesion=lesion))
    place = Known(Region(region), "test") if region else Unknown("not told")
    crop = Crop(np.ones((2, 2), bool), (0, 0))
    made = tuple(Lesion(i + 1, 0, i + 1, (), crop, 1.0, place) for i in range(lesions))
    return Case(tuple(findings), made, (kind,), region=place)


@lru_cache
def answer(
    *present: str, absent: tuple[str, ...] = (), region: str | None = None, kind: str = "radiograph", lesions: int = 1
) -> Ranking:
    return rank(case(*present, absent=absent, region=region, kind=kind, lesions=lesions), seed())


def share(ranking: Ranking, entity: str) -> float:
    """The share of an entity, or of group:NAME."""
    if entity.startswith("group:"):
        return sum(r.probability for r in ranking.differential.ranked if r.group == entity[6:])
    return ranking.differential.probability(entity)


Check = Callable[[], None]


def raises(finding: str, *entities: str, given: tuple[str, ...] = (), **where: object) -> Check:
    """With the finding present each entity has a larger share than without it."""

    def check() -> None:
        for entity in entities:
            assert share(answer(*given, finding, **where), entity) > share(answer(*given, **where), entity), entity

    return check


def lowers(finding: str, *entities: str, given: tuple[str, ...] = (), **where: object) -> Check:
    """With the finding present each entity has a smaller share than without it."""

    def check() -> None:
        for entity in entities:
            assert share(answer(*given, finding, **where), entity) < share(answer(*given, **where), entity), entity

    return check


def parts(finding: str, over: str, under: str, given: tuple[str, ...] = (), **where: object) -> Check:
    """Present, the finding raises one entity against another; absent, it does the reverse."""

    def check() -> None:
        ratios = [
            share(r, over) / share(r, under)
            for r in (
                answer(*given, absent=(finding,), **where),
                answer(*given, **where),
                answer(*given, finding, **where),
            )
        ]
        assert ratios[0] < ratios[1] < ratios[2], ratios

    return check


def below(finding: str, entity: str, ceiling: float, *, given: tuple[str, ...] = (), **where: object) -> Check:
    """With the finding present the entity keeps less than the ceiling, and more than nothing."""

    def check() -> None:
        assert 0 < share(answer(*given, finding, **where), entity) < ceiling

    return check


def belongs(group: str, *entities: str) -> Check:
    """The entities are of the group, and an empty study with a lesion gives each of them a share."""

    def check() -> None:
        for entity in entities:
            assert seed().group(entity) == group
            assert share(answer(), entity) > 0.005

    return check


def form(finding: str, entity: str, subtype: str, given: tuple[str, ...] = (), **where: object) -> Check:
    """The findings give the entity that subtype."""

    def check() -> None:
        ranked = answer(*given, finding, **where).differential.ranked
        assert next(r.subtype for r in ranked if r.entity == entity) == subtype

    return check


def advises(assertion: str, *given: str, absent: tuple[str, ...] = (), **where: object) -> Check:
    """A recommendation or warning cites the assertion."""

    def check() -> None:
        study = case(*given, absent=absent, **where)
        cited = {a for r in recommend(study, rank(study, seed()), seed()) for a in r.assertions}
        assert assertion in cited

    return check


def both(*checks: Check) -> Check:
    def check() -> None:
        for one in checks:
            one()

    return check


def nearer(assertion: str, one: str, other: str, *given: str, **where: object) -> Check:
    """The assertion's widening draws two answers together: switching it off alone moves them apart."""

    def check() -> None:
        from dataclasses import replace

        study = case(*given, **where)
        silent = replace(
            seed(),
            profile=replace(
                seed().profile,
                assertions=tuple(replace(a, acts="nothing") if a.id == assertion else a for a in seed().assertions),
            ),
        )
        gaps = [abs(np.log(share(rank(study, k), one) / share(rank(study, k), other))) for k in (seed(), silent)]
        assert gaps[0] < gaps[1], gaps

    return check


def hidden(finding: str, under: str) -> Check:
    """Where the finding is hard to see, its absence lowers nothing."""

    def check() -> None:
        rows = [r for r in answer(under, absent=(finding,)).differential.ranked if r.entity == TC]
        assert not [e for e in rows[0].evidence if e.finding == finding]

    return check


def list_of_answers() -> None:
    ranked = answer().differential.ranked
    groups = {r.group for r in ranked}
    assert groups >= {*seed().groups, "indeterminate", "no_calcification"} or lists_without_nothing(groups)
    assert all(r.probability > 0 for r in ranked if r.entity != "no_calcification")


def lists_without_nothing(groups: set[str]) -> bool:
    return groups >= {*seed().groups, "indeterminate"}


def something_else_stays() -> None:
    loud = ("lobulated", "septate", "mass_like", "fluid_level", "periarticular", "hyperphosphatemia")
    assert share(answer(*loud, region="hip"), "indeterminate") > 0
    assert share(answer(*loud, region="hip"), TC) <= 0.9500001


def group_spreads() -> None:
    """A dystrophic context chooses no leaf by itself."""
    ranked = [r for r in answer("necrotic_tissue").differential.ranked if r.group == "dystrophic"]
    assert sum(r.probability > 0.05 for r in ranked) >= 2


def tumour_leaves_a_share() -> None:
    assert share(answer("uncalcified_mass", "mass_like"), "indeterminate") > 0.01


def tendon_elsewhere() -> None:
    assert share(answer("in_tendon", absent=("site_shoulder", "site_elbow"), region="wrist"), TENDON) > 0.05


def any_of_four_forms() -> None:
    subtypes = {s.id for s in seed().entities[DM].subtypes}
    assert subtypes == {"deep_masses", "superficial_masses", "deep_linear", "diffuse_subcutaneous"}
    ranked = answer("dermatomyositis_known").differential.ranked
    assert next(r.subtype for r in ranked if r.entity == DM) is None


def rare_pattern() -> None:
    known = answer("dermatomyositis_known")
    assert share(known, MILK) < share(known, DM)


def seen_on_radiographs() -> None:
    nothing = answer(absent=("radiograph_shows_deposit",), lesions=0)
    assert share(nothing, DM) < share(answer(lesions=0), DM)
    seen, unsaid = answer("radiograph_shows_deposit"), answer()
    assert share(seen, DM) >= share(unsaid, DM) * 0.9


def poorly_seen_on_radiographs() -> None:
    """No deposit lowers others, not milk of calcium, against the average entity."""
    nothing, unsaid = answer(absent=("radiograph_shows_deposit",), lesions=0), answer(lesions=0)
    assert share(nothing, MILK) >= share(unsaid, MILK) * 0.5
    assert share(nothing, MILK) / share(nothing, DM) > share(unsaid, MILK) / share(unsaid, DM)


def rare_organ(finding: str) -> Check:
    def check() -> None:
        ranked = answer(finding).differential.ranked
        assert share(answer(finding), MET) > 0
        unsaid, without = share(answer(), MET), share(answer(absent=(finding,)), MET)
        assert abs(unsaid - without) < 0.01
        assert ranked[0].probability < 0.9

    return check


def vessels_with_another() -> None:
    another = ("hypercalcemia",)
    assert share(answer("vascular_calcification", *another), MET) > 0
    row = next(r for r in answer("vascular_calcification", *another).differential.ranked if r.entity == MET)
    alone = next(r for r in answer("vascular_calcification").differential.ranked if r.entity == MET)
    assert [e.weight > 0 for e in row.evidence if e.finding == "vascular_calcification"] == [True]
    assert not [e for e in alone.evidence if e.finding == "vascular_calcification"]
    assert share(answer("vascular_calcification"), "group:vascular") > share(answer(), "group:vascular")


def early_is_small() -> None:
    """Small size does not speak against tumoral calcinosis."""
    row = next(r for r in answer("small_lesion").differential.ranked if r.entity == TC)
    assert not [e for e in row.evidence if e.finding == "small_lesion" and e.weight < 0]


def myositis_is_set_aside() -> None:
    assert share(answer("lobulated", "mass_like", absent=("history_trauma",)), MYOSITIS) < 0.05


def never_above(label: str, *given: str) -> Check:
    """A lobulated mass near a joint: the wrong label stands below tumoral calcinosis."""

    def check() -> None:
        ranking = answer("lobulated", "mass_like", *given)
        assert share(ranking, label) < share(ranking, TC)

    return check


def microscope_is_not_image() -> None:
    seen = answer("histology_bone")
    assert share(seen, TC) > share(answer(), TC) / 3
    assert not [f for f in case("histology_bone").findings if f.id == "bone_formation"]


def place_settles() -> None:
    neck = answer("site_neck", absent=("site_hip",), region="neck")
    hip = answer("site_hip", absent=("site_neck",), region="hip")
    assert share(neck, NODE) > share(neck, TC)
    assert share(hip, TC) > share(hip, NODE)


def absence_says_little() -> None:
    assert share(answer(absent=("fluid_level",)), TC) > share(answer(), TC) / 2


def no_known_cause() -> None:
    ranked = answer("periarticular").differential.ranked
    assert next(r.subtype for r in ranked if r.entity == MET) is None


def vessels_early() -> None:
    row = next(
        r
        for r in answer("early_vascular_calcification", "vascular_calcification", "young_age").differential.ranked
        if r.entity == TC
    )
    assert not [e for e in row.evidence if "vascular" in e.finding and e.weight < 0]


def phosphate_does_not_part() -> None:
    ratios = [share(r, TC) / share(r, MET) for r in (answer(), answer("hyperphosphatemia"))]
    assert ratios[1] == pytest.approx(ratios[0], rel=0.1)
    assert share(answer("hyperphosphatemia"), TC) > share(answer(), TC)


def wins_against_other_masses() -> None:
    ranking = answer("fluid_level", "mass_like", "gravity_sensitive_view")
    assert all(
        r.probability < 0.02
        for r in ranking.differential.ranked
        if r.entity in seed().entities and r.entity not in (TC, MILK)
    )


HIP = {"region": "hip"}
CASES: dict[str, Check] = {
    "A001": list_of_answers,
    "A002": list_of_answers,
    "A003": raises("physiologic_calcification", "no_calcification", lesions=0),
    "A004": both(*(lowers_absent for lowers_absent in ())),
    "A005": something_else_stays,
    "A006": belongs("peritendinitis", TENDON),
    "A007": tendon_elsewhere,
    "A008": raises("site_shoulder", TENDON),
    "A009": raises("site_elbow", TENDON),
    "A010": belongs("dystrophic", MYOSITIS, NODE, WORM, GRAIN, CYST, GRANULOMA, POST),
    "A011": raises("necrotic_tissue", "group:dystrophic"),
    "A012": raises("history_trauma", "group:dystrophic"),
    "A013": group_spreads,
    "A014": belongs("dystrophic", MYOSITIS),
    "A015": belongs("dystrophic", NODE),
    "A016": raises("history_tuberculosis", NODE),
    "A017": belongs("dystrophic", WORM, GRAIN, CYST),
    "A018": belongs("dystrophic", GRANULOMA),
    "A019": belongs("metastatic", MET),
    "A020": raises("endocrine_disorder", MET),
    "A021": raises("metabolic_disorder", MET),
    "A022": raises("hypercalcemia", MET),
    "A023": raises("hyperphosphatemia", MET),
    "A024": raises("in_kidney", MET),
    "A025": vessels_with_another,
    "A026": raises("periarticular", MET),
    "A027": rare_organ("in_lung"),
    "A028": rare_organ("in_alimentary_tract"),
    "A029": rare_organ("in_conjunctiva"),
    "A030": belongs("calcinosis_cutis", UNIV),
    "A031": belongs("calcinosis_cutis", CIRC),
    "A032": both(raises("in_skin", UNIV, CIRC), lowers("deep_to_fascia", UNIV, CIRC)),
    "A033": raises("in_subcutis", UNIV, CIRC),
    "A034": raises("linear_pattern", "group:calcinosis_cutis", given=("superficial",)),
    "A035": lowers("mass_like", UNIV, CIRC),
    "A036": raises("in_vessel", "group:vascular"),
    "A037": raises("in_artery", ARTERY),
    "A038": raises("in_vein", VEIN),
    "A039": parts("plaque_pattern", PLAQUE, ARTERY, given=("in_vessel",)),
    "A040": raises("phlebolith_pattern", STONE),
    "A041": belongs("tumor", "synovial_tumor", "matrix_producing_tumor"),
    "A042": tumour_leaves_a_share,
    "A043": belongs("tumor", "synovial_tumor"),
    "A044": raises("matrix_pattern", "matrix_producing_tumor"),
    "A045": belongs("dermatomyositis", DM),
    "A046": raises("juvenile_age", DM),
    "A047": seen_on_radiographs,
    "A048": any_of_four_forms,
    "A049": form("mass_like", DM, "deep_masses", ("deep_to_fascia", "dermatomyositis_known")),
    "A050": form("mass_like", DM, "superficial_masses", ("superficial", "dermatomyositis_known")),
    "A051": both(
        raises("linear_pattern", DM, given=("deep_to_fascia",)),
        form("linear_pattern", DM, "deep_linear", ("deep_to_fascia",)),
    ),
    "A052": both(
        raises("sheet_like", DM, given=("in_subcutis",)),
        form("sheet_like", DM, "diffuse_subcutaneous", ("in_subcutis",)),
    ),
    "A053": raises("dermatomyositis_known", DM),
    "A054": rare_pattern,
    "A055": belongs("dermatomyositis", MILK),
    "A056": both(poorly_seen_on_radiographs, advises("A056", "intermuscular", "fluid_collection", "young_age")),
    "A057": advises("A057", "intermuscular", "fluid_collection"),
    "A058": advises("A058", "us_echogenic_fluid", "fluid_moves_on_compression"),
    "A059": raises("intermuscular", MILK),
    "A060": both(raises("fluid_collection", MILK), lowers("solid_pattern", MILK)),
    "A061": raises("us_echogenic_fluid", MILK),
    "A062": raises("heavy_calcification", MILK, kind="ct"),
    "A063": raises("linear_pattern", MILK, given=("intermuscular",), kind="ct"),
    "A064": both(raises("fluid_moves_on_compression", MILK), parts("fluid_moves_on_compression", MILK, TC)),
    "A065": raises("mri_t1_normal", MILK),
    "A066": raises("mri_t2_bright", MILK),
    "A067": parts("dermatomyositis_known", MILK, TC),
    "A068": parts("fluid_moves_on_compression", MILK, TC),
    "A071": early_is_small,
    "A072": both(
        nearer("A072", TC, GRANULOMA, "small_lesion", "lobulated", "septate"),
        advises("A072", "small_lesion", "lobulated"),
    ),
    "A073": advises("A073", "amorphous", "periarticular", "fluid_collection", "fluid_moves_on_compression"),
    "A074": never_above(BURSA, "periarticular"),
    "A075": never_above(LIPOMA),
    "A076": advises("A076", "amorphous", "periarticular", "fluid_collection", "fluid_moves_on_compression"),
    "A077": myositis_is_set_aside,
    "A079": both(raises("history_trauma", MYOSITIS), parts("history_trauma", MYOSITIS, TC)),
    "A080": raises("linear_pattern", MYOSITIS, given=("deep_to_fascia",)),
    "A081": lowers("lobulated", MYOSITIS),
    "A082": microscope_is_not_image,
    "A083": microscope_is_not_image,
    "A084": below("bone_formation", TC, 0.011, given=("lobulated", "septate", "periarticular")),
    "A085": raises("necrotic_tissue", GRANULOMA, NODE),
    "A086": parts("tropical_residence", NODE, GRANULOMA),
    "A087": raises("tropical_residence", GRANULOMA, NODE),
    "A088": advises("A088", "history_tuberculosis", "amorphous"),
    "A090": place_settles,
    "A091": below("site_neck", TC, 0.02, given=("lobulated", "septate", "mass_like")),
    "A092": below("site_inguinal", TC, 0.02, given=("lobulated", "septate", "mass_like")),
    "A093": raises("site_hip", TC),
    "A094": parts("exam_at_node_station", NODE, TC, **HIP),
    "A095": parts("exam_at_node_station", NODE, TC, region="thigh"),
    "A096": parts("history_surgery", POST, TC, **HIP),
    "A097": raises("site_hip", POST),
    "A098": parts("history_paralysis", POST, TC, **HIP),
    "A099": raises("beside_humeral_head", TC, region="shoulder"),
    "A100": raises("beside_scapula", TC, region="shoulder"),
    "A101": both(
        nearer("A101", TC, TENDON, "small_lesion", "lobulated", "septate", region="shoulder"),
        advises("A101", "small_lesion", "lobulated", region="shoulder"),
    ),
    "A102": both(
        nearer("A102", TC, NODE, "small_lesion", "lobulated", "septate", region="axilla"),
        advises("A102", "small_lesion", "lobulated", region="axilla"),
    ),
    "A103": advises("A103", "lobulated", "mass_like", region="shoulder"),
    "A104": nearer("A104", TC, GRANULOMA, "site_popliteal", "lobulated", "septate", region="popliteal"),
    "A105": parts("exam_mobile", TC, GRANULOMA, region="popliteal"),
    "A106": parts("exam_well_defined", TC, GRANULOMA, region="popliteal"),
    "A107": raises("small_lesion", TC, region="popliteal"),
    "A108": advises("A108", "lobulated", "septate", "mass_like"),
    "A109": advises("A109", "lobulated", "septate", "mass_like"),
    "A110": raises("fluid_level", TC, given=("gravity_sensitive_view",)),
    "A111": absence_says_little,
    "A112": wins_against_other_masses,
    "A113": hidden("fluid_level", "small_lesion"),
    "A114": hidden("fluid_level", "solid_pattern"),
    "A115": hidden("fluid_level", "lacy_pattern"),
    "A116": raises("rim_calcification", CYST),
    "A117": raises("smooth_rim", CYST, given=("rim_calcification",)),
    "A118": raises("round_outline", CYST),
    "A119": parts("smooth_rim", CYST, TC, given=("round_outline", "rim_calcification")),
    "A120": form("amorphous", CYST, "collapsed"),
    "A121": lowers("lobulated", CYST),
    "A122": raises("lobulated", TC),
    "A123": raises("septate", TC),
    "A125": raises("periarticular", GRANULOMA, given=("healed_or_destroyed_joint",)),
    "A126": parts("healed_or_destroyed_joint", GRANULOMA, TC),
    "A127": parts("history_tuberculosis", GRANULOMA, TC),
    "A128": raises("worm_shape", WORM),
    "A129": raises("worm_pattern", WORM),
    "A130": raises("amorphous", WORM, GRAIN, CYST),
    "A131": raises("multiple_lesions", WORM, GRAIN),
    "A132": both(parts("superficial", WORM, TC), parts("superficial", GRAIN, TC)),
    "A133": no_known_cause,
    "A134": both(raises("hyperparathyroidism", MET), form("hyperparathyroidism", MET, "hyperparathyroidism")),
    "A135": both(raises("chronic_kidney_disease", MET), form("chronic_kidney_disease", MET, "chronic_nephritis")),
    "A136": both(raises("vitamin_d_intoxication", MET), form("vitamin_d_intoxication", MET, "vitamin_d_intoxication")),
    "A137": both(raises("milk_alkali_syndrome", MET), form("milk_alkali_syndrome", MET, "milk_alkali_syndrome")),
    "A138": advises("A138", "periarticular", "hyperphosphatemia", "mass_like"),
    "A139": raises("bone_demineralization", MET),
    "A140": raises("visceral_calcification", MET),
    "A141": below("bone_demineralization", TC, 0.02, given=("lobulated", "septate")),
    "A142": below("visceral_calcification", TC, 0.02, given=("lobulated", "septate")),
    "A143": vessels_early,
    "A144": phosphate_does_not_part,
}


def inside_bone() -> None:
    assert share(answer(absent=("in_soft_tissue",)), "indeterminate") > 0.3


CASES["A004"] = inside_bone


@pytest.mark.parametrize("assertion", sorted(CASES))
def test_an_assertion_acts_in_its_direction(assertion: str) -> None:
    CASES[assertion]()


def test_every_assertion_has_a_case_or_a_reason_why_it_acts_nowhere() -> None:
    silent = {a.id for a in seed().assertions if a.acts in SILENT and a.how}
    assert {a.id for a in seed().assertions} == set(CASES) | silent
    assert not set(CASES) & silent


def test_assertions_run_from_1_to_144() -> None:
    assert [a.id for a in seed().assertions] == [f"A{n:03d}" for n in range(1, 145)]


def situation(assertion: str, finding: str) -> Situation:
    """The finding is present, and all that the assertion's condition asks for."""
    condition = next(a.condition for a in seed().profile.assertions if a.id == assertion)
    terms = (*condition.only_if, *condition.any_of[:1])
    present = {finding, *(t for t in terms if ":" not in t)}
    found = {name: Finding(name, State.PRESENT, 1.0, "told") for name in sorted(present)}
    found |= {name: Finding(name, State.ABSENT, 0.0, "told") for name in condition.only_if_absent}
    named = dict(term.split(":") for term in reversed(terms) if ":" in term)
    modality = named.get("modality")
    return Situation(found, named.get("region"), modality if modality in IMAGES else None)


def weight_is_there(assertion: str, finding: str, direction: str, about: str) -> None:
    """The finding weighs in the direction, and the assertion is named as the reason."""
    said = next(a for a in seed().profile.assertions if a.id == assertion)
    cells = cells_of(claims_of(finding, seed()), situation(assertion, finding), seed())
    for entity in leaves(about, seed()):
        assert assertion in cells[entity].assertions, (assertion, entity)
        beside = [cells[other].present for versus in said.versus for other in leaves(versus, seed())] or [0.0]
        assert SIGN[direction] * (cells[entity].present - beside[0]) > 0, (assertion, entity, cells[entity].present)


def weights_of(row: str) -> Check:
    assertion, finding, direction, *abouts = row.split()

    def check() -> None:
        for about in abouts:
            weight_is_there(assertion, finding, direction, about)
        known = next(a for a in seed().assertions if a.id == assertion)
        assert (known.finding, known.direction) == (finding, direction)

    return check


def exclusions_of(row: str) -> Check:
    assertion, finding, _, *abouts = row.split()

    def check() -> None:
        level = np.zeros(len(seed().entities))
        acting = exclude(level, 0.0, situation(assertion, finding), seed()).evidence
        lowered = {e.entity for e in acting if e.assertions == (assertion,) and e.weight < 0}
        assert lowered == {entity for about in abouts for entity in leaves(about, seed())}

    return check


ROWS = {f"{row.split()[0]} weighs": weights_of(row) for row in WEIGHTS.split("\n") if row}
ROWS |= {f"{row.split()[0]} excludes": exclusions_of(row) for row in EXCLUSIONS.split("\n") if row}


@pytest.mark.parametrize("row", sorted(ROWS))
def test_an_assertion_that_weighs_is_the_reason_of_its_weight(row: str) -> None:
    ROWS[row]()


def test_every_assertion_that_weighs_is_in_the_table() -> None:
    profile = seed().profile
    weighing = {a.id for a in profile.assertions if a.finding and weighs(a, profile)} - profile.subtype_only
    weighing |= {a.id for a in profile.assertions if a.acts == "exclusion"}
    assert {name.split()[0] for name in ROWS} == weighing

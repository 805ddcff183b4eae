"""Knowledge files: what comes with the program is whole; what is wrong is named with file, line and key."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError
from pipeline.knowledge.loading import check_file, digest, load_knowledge
from pipeline.knowledge.places import configs, profile_path
from pipeline.knowledge.rules import Measured

CONTRACT_GROUPS = {
    "tumoral_calcinosis": {"tumoral_calcinosis"},
    "peritendinitis": {"peritendinitis_calcarea"},
    "dystrophic": {
        "myositis_ossificans", "calcified_lymph_node", "calcified_worm", "cysticercosis", "hydatid_cyst", "granuloma",
        "postsurgical_paralytic",
    },
    "metastatic": {"metastatic_calcification"},
    "calcinosis_cutis": {"calcinosis_universalis", "calcinosis_circumscripta"},
    "vascular": {"arterial_calcification", "atheromatous_plaque", "venous_calcification", "phlebolith"},
    "tumor": {"synovial_tumor", "matrix_producing_tumor"},
    "dermatomyositis": {"dermatomyositis", "milk_of_calcium"},
    "mimic": {"calcified_bursa", "calcified_lipoma"},
}  # fmt: skip


@pytest.fixture(scope="module")
def seed():
    return load_knowledge("seed", None)


def test_entities_and_groups_are_those_of_the_contract(seed) -> None:
    found: dict[str, set[str]] = {}
    for entity in seed.entities.values():
        found.setdefault(entity.group, set()).add(entity.id)
    assert found == CONTRACT_GROUPS


@pytest.mark.parametrize("profile", ["seed", "literature"])
def test_both_profiles_load_and_keep_all_assertions(profile: str) -> None:
    knowledge = load_knowledge(profile, None)
    assert knowledge.profile.name == profile
    assert len(knowledge.assertions) == 144


def test_every_weight_has_an_assertion_or_a_source(seed) -> None:
    for knowledge in (seed, load_knowledge("literature", None)):
        assert all(row.source for row in knowledge.likelihoods.values())
        assert all(weight.source and weight.claim for weight in knowledge.profile.weights)
        assert all(factor.source for factor in knowledge.factors)
        assert all(advice.assertions or advice.source for advice in knowledge.advice)


def test_every_finding_has_exactly_one_rule(seed) -> None:
    assert sorted(rule.finding for rule in seed.rules) == sorted(seed.findings)


def test_every_likelihood_lies_within_its_interval(seed) -> None:
    assert all(0 < row.low <= row.p <= row.high <= 1 for row in seed.likelihoods.values())


def test_rules_may_name_only_features_that_are_measured(seed) -> None:
    measured = [r for r in seed.rules if isinstance(r, Measured)]
    names = {t.feature for r in measured for t in (*r.terms, *r.learned)}
    load_knowledge("seed", frozenset(names | {"border_contact"}))
    with pytest.raises(ConfigurationError, match=r"findings\.yaml:\d+: measured\.lobulated.*unknown feature lobules"):
        load_knowledge("seed", frozenset(names - {"lobules"}))


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="literature, seed"):
        profile_path("sead")


def test_the_digest_changes_with_a_weight_and_not_with_reading_again(seed) -> None:
    assert digest(seed) == seed.digest == load_knowledge("seed", None).digest
    numbers = replace(seed.profile.numbers, second_process=0.3)
    assert digest(replace(seed, profile=replace(seed.profile, numbers=numbers))) != seed.digest
    assert load_knowledge("literature", None).digest != seed.digest


def edited(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of a file of configs/ with one text replaced."""
    text = (configs() / file).read_text()
    assert old in text
    copy = tmp_path / Path(file).name
    copy.write_text(text.replace(old, new, 1))
    return copy


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("knowledge/likelihoods.yaml", "calcified_bursa: 0.3", "calcified_bursa: 1.3", "1.3 is not a number from"),
        ("knowledge/likelihoods.yaml", "calcified_bursa: 0.3", "calcified_bursae: 0.3", "did you mean calcified_bursa"),
        ("knowledge/likelihoods.yaml", "  lobulated:", "  lobuated:", "did you mean lobulated"),
        ("knowledge/likelihoods.yaml", ', source: "Steinbach 1995: 4 of 12"', "", "source: missing"),
        ("knowledge/likelihoods.yaml", "p: 0.8, low: 0.6", "p: 0.8, low: 0.9", "outside its interval"),
        ("knowledge/entities.yaml", "group: vascular", "group: vasculer", "did you mean vascular"),
        ("knowledge/entities.yaml", "times: 8", "times: no", "is not a number"),
        ("knowledge/assertions.yaml", "finding: site_shoulder", "finding: site_sholder", "did you mean site_shoulder"),
        ("knowledge/assertions.yaml", "id: A009", "id: A008", "stands twice"),
        ("knowledge/assertions.yaml", "direction: excludes", "direction: forbids", "unknown direction forbids"),
        ("knowledge/assertions.yaml", "about: [peritendinitis_calcarea]", "about: [tendon]", "unknown entity tendon"),
        ("knowledge/findings.yaml", "level: lesion", "level: image", "unknown level image"),
        ("findings.yaml", "[[16, 0.98], [20, 0.5]", "[[16, 0.98], [16, 0.5]", "values must rise"),
        ("findings.yaml", "[[16, 0.98], [20, 0.5], [25", "[[16, 0.98], [20, 0.01], [25", "falls and rises again"),
        ("findings.yaml", "[[16, 0.98], [20, 0.5]", "[[16, 9.98], [20, 0.5]", "outside 0 to 1"),
        ("findings.yaml", "{value:.0f} lobules", "{lobules:.0f} lobules", "only {value}"),
        ("findings.yaml", "told: [history.trauma]", "told: [trauma]", "no key of the context"),
        ("advice.yaml", "answers: [fluid_level]", "answers: []", "names the findings that it settles"),
        ("profiles/seed.yaml", "weights: strength ", "weights: strenght ", "did you mean strength"),
        ("profiles/seed.yaml", "highest_share: 0.95", "highest_share: 1.5", "is not a number from"),
        ("profiles/seed.yaml", "strong: 3.0, ", "", "strong is missing"),
        ("profiles/seed.yaml", "assertion: A025", "assertion: A925", "unknown assertion A925"),
        ("profiles/seed.yaml", "{fluid_level: 1.8", "{fluid_levels: 1.8", "unknown finding fluid_levels"),
        ("profiles/literature.yaml", "drop: [T1,", "drop: [T99,", "unknown change T99"),
        ("settings.yaml", "timeout_s: 600", "time_out_s: 600", "did you mean timeout_s"),
        ("settings.yaml", "ct_confidence: 0.6", "ct_confidence: 5", "from 0 to 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    copy = edited(tmp_path, file, old, new)
    told = check_file(copy)
    line = next(
        n
        for n, text in enumerate(copy.read_text().splitlines(), 1)
        if new.strip().split(",")[0] in text or said.endswith("missing")
    )
    assert any(said in mistake for mistake in told), told
    assert all(mistake.startswith(f"{copy}:") for mistake in told)
    if "missing" not in said and "twice" not in said and new:
        assert any(f":{line}:" in mistake for mistake in told), (line, told)


@pytest.mark.parametrize(
    "file", ["knowledge/entities.yaml", "findings.yaml", "advice.yaml", "settings.yaml", "profiles/seed.yaml"]
)
def test_files_that_come_with_the_program_have_no_mistake(file: str) -> None:
    assert check_file(configs() / file) == ()


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("dicom:\n  max_pixel: 3\n  max_frames: 2.5\nreport:\n  identify: nobody\n")
    lines = [mistake.rsplit(f"{path}:", 1)[1].split(":")[0] for mistake in check_file(path)]
    assert lines == ["2", "3", "5"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dicom: !!python/object:os.system x\n", "tags are not read"),
        ("a: &a [1]\nb: *a\n", "anchors and aliases"),
        ("name: [\n", "not YAML"),
        ("", "begin with a key"),
        ("- 1\n", "begin with a key"),
        ("nothing: 1\n", "neither knowledge, profile nor settings"),
        ("report:\n  identify: none\n  identify: full\n", "stands twice"),
        ("a: " + "[" * 5000, ""),
        ("a: " + "[" * 60 + "]" * 60 + "\n", "nested deeper"),
    ],
)
def test_hostile_or_broken_yaml_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    told = check_file(path)
    assert told
    assert said in told[0]


def test_a_site_profile_builds_on_one_that_comes_with_the_program(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        "name: site\ntitle: Our clinic\nbased_on: seed\nsecond_process: 0.3\n"
        "changes:\n  - id: own\n    weight: {finding: lobulated, entity: calcified_bursa, present: -2}\n"
        "    claim: Our bursae are smooth.\n    source: our series\n"
    )
    knowledge = load_knowledge(path, None)
    assert knowledge.profile.numbers.second_process == 0.3
    assert knowledge.profile.weights[-1].source == "our series"
    assert len(knowledge.profile.weights) > 1

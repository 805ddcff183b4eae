"""From what readers said to a site's profile: it moves the right way, says so, and writes what was asked alone."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from made_results import write_result

from pipeline.cli.main import main
from pipeline.feedback.said import Said
from pipeline.feedback.store import Feedback, read_results
from pipeline.knowledge.loading import Knowledge, load_knowledge
from pipeline.knowledge.rules import Measured

MASS, GRAIN = "tumoral_calcinosis", "cysticercosis"
TIME = 1_760_000_000.0
"""2025-10-09."""


def seen(entity: str, rng: np.random.Generator) -> Mapping[str, float]:
    """Features as this site's images show them: masses are less lobulated here than where the program was fitted."""
    mass = entity == MASS
    lobules = rng.normal(3.2, 1.0) if mass else rng.normal(1.0, 0.3)
    notch = rng.normal(0.08, 0.03) if mass else rng.normal(0.02, 0.02)
    return {"lobules": float(max(lobules, 1)), "notch_depth_fraction": float(max(notch, 0))}


def reading(out: Path, entities: list[str], *, lesions: bool = True) -> tuple[Path, Path]:
    """A run over made studies, and the file of a reader who told all diagnoses and that every lesion is right."""
    rng = np.random.default_rng(0)
    feedback = Feedback(out / "feedback" / "feedback.sqlite", durable=False)
    boxes = ((5, 5, 15, 15),) if lesions else ()
    for number, entity in enumerate(entities):
        study = f"1.2.{number}"
        folder = write_result(out / "run", study, boxes, features=seen(entity, rng), region="thigh")
        digest = read_results(folder)[1]
        about = {"study": study, "result": digest, "time": TIME + 86_400.0 * number}
        if lesions:
            feedback.add(Said(about="lesion:1", mark="right", lesion=1, image=f"{study}.1.1", **about), folder)  # type: ignore[arg-type]
        feedback.add(Said(about="diagnosis", mark="diagnosis", entity=entity, **about), folder)  # type: ignore[arg-type]
    feedback.close()
    return out / "feedback" / "feedback.sqlite", out / "run"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return reading(tmp_path_factory.mktemp("site"), [MASS, GRAIN] * 20)


def rule(knowledge: Knowledge, finding: str) -> Measured:
    return next(r for r in knowledge.rules if r.finding == finding and isinstance(r, Measured))


def test_the_profile_moves_the_right_way_and_the_table_says_how_far(
    site: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "site.yaml"
    assert main(["calibrate", "--feedback", str(site[0]), "-o", str(profile)]) == 0
    table = capsys.readouterr().out
    assert "5-fold cross-validation over 40 studies" in table
    before, after = (load_knowledge(p, None) for p in ("seed", profile))
    old, new = (rule(k, "lobulated").fitted["radiograph"] for k in (before, after))
    assert new.offset > old.offset + 0.1  # less is needed here for a mass to be lobulated
    assert new.source == "reader feedback, 40 studies, 2025-10-09 to 2025-11-17"
    factors = {f.entity: f for f in after.factors[len(before.factors) :]}
    assert factors[MASS].times > 2
    assert factors["phlebolith"].times < 1
    assert {f.source for f in factors.values()} == {new.source}
    assert after.digest != before.digest
    assert main(["check-config", str(profile)]) == 0


def test_figures_of_studies_held_out_get_better_where_the_site_differs(
    site: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "--feedback", str(site[0]), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    for figure in ("log_loss", "brier"):
        assert said["diagnoses"]["after"][figure] < said["diagnoses"]["before"][figure]
    told = said["findings"]["lobulated"]
    assert told["count"] == 40
    assert told["after"] > told["before"] + told["error"]
    assert said["changes"]["causes"][MASS]["cases"] == 20
    assert "fits" in said["changes"]


def test_an_export_with_the_run_gives_the_same_as_the_workers_file(
    site: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["feedback", "export", str(tmp_path / "said"), "--feedback", str(site[0])]) == 0
    assert "40 studies, 40 lesions right, 0 wrong, 0 missed, 40 diagnoses" in capsys.readouterr().out
    main(["calibrate", "--feedback", str(tmp_path / "said"), "--results", str(site[1])])
    exported = capsys.readouterr().out
    main(["calibrate", "--feedback", str(site[0])])
    assert capsys.readouterr().out == exported


def test_nothing_is_written_unless_a_file_is_named_and_none_is_replaced_unasked(
    site: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in site[0].parent.iterdir())
    profile = tmp_path / "site.yaml"
    profile.write_text("name: mine\n")
    assert main(["calibrate", "--feedback", str(site[0]), "-o", str(profile)]) == 2
    assert "--force" in capsys.readouterr().err
    assert profile.read_text() == "name: mine\n"
    assert main(["calibrate", "--feedback", str(site[0]), "-o", str(profile), "--force"]) == 0
    assert "based_on: seed" in profile.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["site.yaml"]
    assert sorted(path.name for path in site[0].parent.iterdir()) == before


def test_a_sites_own_profile_is_built_upon_and_a_calibrated_one_is_not(
    site: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, made = tmp_path / "own.yaml", tmp_path / "made.yaml"
    own.write_text(
        "name: own\ntitle: own\nbased_on: seed\nnotable_share: 0.07\nchanges:\n"
        "  - {id: SITE-1, factor: {entity: granuloma, times: 3}, source: own register}\n"
    )
    asked = ["calibrate", "--feedback", str(site[0]), "-o"]
    assert main([*asked, str(made), "--profile", str(own)]) == 0
    knowledge = load_knowledge(made, None)
    assert (knowledge.profile.name, knowledge.profile.numbers.notable_share) == ("own", 0.07)
    assert 3 in [f.times for f in knowledge.factors if f.entity == "granuloma"]
    assert main([*asked, str(tmp_path / "twice.yaml"), "--profile", str(made)]) == 2
    assert "calibrated already" in capsys.readouterr().err


def test_a_shipped_profile_that_stands_on_another_can_be_calibrated(site: tuple[Path, Path], tmp_path: Path) -> None:
    made = tmp_path / "site.yaml"
    assert main(["calibrate", "--feedback", str(site[0]), "-o", str(made), "--profile", "literature"]) == 0
    own, literature = (load_knowledge(p, None) for p in (made, "literature"))
    assert own.profile.origins == literature.profile.origins
    assert len(own.factors) > len(literature.factors)


def test_too_little_feedback_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    feedback, _ = reading(tmp_path, [MASS] * 4)
    assert main(["calibrate", "--feedback", str(feedback), "-o", str(tmp_path / "site.yaml")]) == 1
    assert "4 studies" in capsys.readouterr().err
    assert not (tmp_path / "site.yaml").exists()


def test_feedback_of_one_cause_changes_no_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    feedback, _ = reading(tmp_path, [MASS] * 8)
    assert main(["calibrate", "--feedback", str(feedback), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"]["fits"] == {}


def test_studies_without_a_lesion_move_the_chance_that_nothing_was_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feedback, _ = reading(tmp_path, ["no_calcification"] * 4 + [GRAIN] * 8, lesions=False)
    profile = tmp_path / "site.yaml"
    assert main(["calibrate", "--feedback", str(feedback), "-o", str(profile)]) == 0
    before, after = (load_knowledge(p, None).profile.numbers.nothing_missed for p in ("seed", profile))
    assert after["radiograph"] == pytest.approx((30 * before["radiograph"] + 4) / 42, abs=1e-3)
    assert after["ct"] == before["ct"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--feedback", "none.sqlite"], "no such file"),
        (["--feedback", "."], "--results"),
        (["--feedback", ".", "--results", "."], "truth/"),
    ],
)
def test_what_is_missing_is_named(
    arguments: list[str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["calibrate", *arguments]) in (1, 2)
    assert word in capsys.readouterr().err


def test_a_wrong_fit_in_a_profile_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = tmp_path / "site.yaml"
    profile.write_text(
        "name: x\ntitle: x\nbased_on: seed\nfitted:\n  lobulatd: {ct: {offset: 0, weights: [1], source: s}}\n"
        "  lobulated: {ct: {offset: 0, weights: [1], source: s}}\n"
    )
    assert main(["check-config", str(profile)]) == 2
    said = capsys.readouterr().err
    assert "site.yaml:5: fitted.lobulatd: no measured finding; did you mean lobulated?" in said
    assert "site.yaml:6: fitted.lobulated.ct.weights: give 5 weights" in said

"""What readers said is truth that the scorers of simulated cohorts read."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_results import write_result

from pipeline.errors import OutputError
from pipeline.feedback.export import IGNORED, Exported, export
from pipeline.feedback.said import Box, Said
from pipeline.feedback.store import Feedback, read_results

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
STUDY = "1.2.3"


class Reader:
    """A reader of one study: what is said goes to the file, about the result that lies in `folder`."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.folder, self.feedback = folder, Feedback(out / "feedback" / "feedback.sqlite", durable=False)
        self.results, self.digest = read_results(folder)

    def says(self, mark: Any, *, lesion: int | None = None, box: Box | None = None, entity: str | None = None) -> None:
        image = self.results["images"][0]
        uid = image["sop_instance_uid"] or image["series_instance_uid"]
        about = f"lesion:{lesion}" if lesion else "missed:a" if box else "diagnosis"
        study = self.results["study"]["study_instance_uid"]
        said = Said(study, self.digest, about, mark, lesion, uid if lesion or box else None, box, entity)
        self.feedback.add(said, self.folder)


@pytest.fixture(scope="module")
def quality() -> Any:
    """The reader and the matcher of bench_quality."""
    sys.path.insert(0, str(BENCHMARKS))
    return importlib.import_module("quality_truth"), importlib.import_module("quality_match")


def test_right_is_its_label_wrong_is_background_and_what_nobody_marked_counts_neither_way(
    tmp_path: Path, quality: Any
) -> None:
    boxes = ((2, 2, 8, 8), (10, 40, 16, 46), (20, 20, 26, 26))
    reader = Reader(write_result(tmp_path / "run", boxes=boxes), tmp_path)
    reader.says("right", lesion=1)
    reader.says("wrong", lesion=2)
    reader.says("missed", box=((30, 40), (35, 50)))
    reader.says("diagnosis", entity="phlebolith")
    assert export(reader.feedback, tmp_path / "out") == Exported(1, 1, 1, 1, 1)
    truth, match = quality
    study = truth.read_study(tmp_path / "out", STUDY)
    labels = study.images[0].labels
    assert set(np.unique(labels)) == {0, 1, 2, IGNORED}
    assert (labels[2:8, 2:8] == 1).all()
    assert not labels[10:16, 40:46].any()
    assert (labels[20:26, 20:26] == IGNORED).all()
    assert (labels[30:36, 40:51] == 2).all()
    assert np.count_nonzero(labels) == 36 + 36 + 6 * 11
    assert study.row["entity"] == "phlebolith"
    drawn = next(row for row in study.row["lesions"] if row.get("outline") == "box")
    assert (drawn["visibility"], drawn["measures"], drawn["fluid_level"]["assessable"]) == (99, {}, False)
    answers = truth.read_answers(tmp_path / "run", study)
    found = match.match(study.images[0], answers.images[study.images[0].uid], 0.5)
    assert [d.touched(0.5) for d in found.deposits] == [True, False]
    assert [label for label, _ in found.false] == [2]


def test_a_box_is_found_by_any_touch_and_nothing_else_is_read_from_it(tmp_path: Path, quality: Any) -> None:
    reader = Reader(write_result(tmp_path / "run", boxes=((5, 5, 8, 8),)), tmp_path)
    reader.says("missed", box=((0, 0), (39, 59)))
    export(reader.feedback, tmp_path / "out")
    truth, match = quality
    study = truth.read_study(tmp_path / "out", STUDY)
    answer = truth.read_answers(tmp_path / "run", study).images[study.images[0].uid]
    (deposit,) = match.match(study.images[0], answer, 0.5).deposits
    assert deposit.touched(0.5)
    assert deposit.dice is None
    figures = importlib.import_module("quality_figures")
    scored = figures.Scored(STUDY, "radiograph", False, (match.match(study.images[0], answer, 0.5),), False)
    names = set(figures.table([scored], 0.5))
    assert "any touch, visible" in names
    assert not {name for name in names if "IoU" in name or "Dice" in name or "error" in name}


def test_labels_of_a_ct_stay_on_its_grid_and_a_box_fills_its_slices(tmp_path: Path, quality: Any) -> None:
    reader = Reader(write_result(tmp_path / "run", ct=True, boxes=((5, 5, 9, 9),)), tmp_path)
    reader.says("right", lesion=1)
    reader.says("missed", box=((7, 20, 22), (8, 25, 27)))
    export(reader.feedback, tmp_path / "out")
    truth, match = quality
    study = truth.read_study(tmp_path / "out", STUDY)
    image = study.images[0]
    assert np.nonzero(image.labels == 2)[0].tolist() == [7] * 36 + [8] * 36
    assert np.count_nonzero(image.labels == 1) == 3 * 16
    found = match.match(image, truth.read_answers(tmp_path / "run", study).images[image.uid], 0.5)
    assert found.deposits[0].dice == 1.0
    assert not found.deposits[1].touched(0.5)


def test_what_does_not_fit_the_result_any_more_is_left_out_and_named(tmp_path: Path) -> None:
    reader = Reader(write_result(tmp_path / "run"), tmp_path)
    reader.says("right", lesion=1)
    kept = reader.feedback.results(STUDY, reader.digest)
    next((kept / "labels").iterdir()).unlink()
    done = export(reader.feedback, tmp_path / "out")
    assert (done.studies, done.left_out) == (0, (STUDY,))


def test_images_that_the_spool_still_has_come_with_it(tmp_path: Path) -> None:
    reader = Reader(write_result(tmp_path / "run"), tmp_path)
    reader.says("right", lesion=1)
    (tmp_path / "incoming" / STUDY).mkdir(parents=True)
    (tmp_path / "incoming" / STUDY / "1.dcm").write_bytes(b"x")
    export(reader.feedback, tmp_path / "out", tmp_path / "incoming")
    assert (tmp_path / "out" / "studies" / STUDY / "1.dcm").read_bytes() == b"x"


def test_a_folder_with_something_in_it_is_not_written(tmp_path: Path) -> None:
    reader = Reader(write_result(tmp_path / "run"), tmp_path)
    with pytest.raises(OutputError, match="not empty"):
        export(reader.feedback, tmp_path / "run")


@pytest.mark.slow
def test_bench_quality_and_the_reference_scorer_score_an_export(tmp_path: Path, shared: Path) -> None:
    reader = Reader(write_result(tmp_path / "run"), tmp_path)
    reader.says("right", lesion=1)
    reader.says("missed", box=((30, 5), (35, 9)))
    reader.says("diagnosis", entity="phlebolith")
    export(reader.feedback, tmp_path / "out")
    asked = ["--truth", str(tmp_path / "out"), "--results", str(tmp_path / "run")]
    bench = [str(BENCHMARKS / "bench_quality.py"), *asked, "--no-baselines", "--out", str(tmp_path / "bench")]
    for command in (bench, [str(shared / "score.py"), *asked, "--json", str(tmp_path / "score.json")]):
        subprocess.run([sys.executable, *command], check=True, capture_output=True, cwd=BENCHMARKS.parents[1])
    figures = json.loads((tmp_path / "bench" / "quality.json").read_text())["pipeline"]["radiograph"]["whole"]
    assert (figures["any touch, visible"]["value"], figures["any touch, visible"]["count"]) == (0.5, 2)
    assert (figures["IoU >= 0.1, visible"]["value"], figures["IoU >= 0.1, visible"]["count"]) == (1.0, 1)
    score = json.loads((tmp_path / "score.json").read_text())["tables"]["radiograph"]
    assert score["any touch visible"]["value"] == 0.5

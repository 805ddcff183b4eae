"""The quality benchmark on images whose figures are known by counting."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from quality_figures import Scored, curve, groups, table
from quality_match import boundary_error_mm, match
from quality_truth import IGNORED, Answer, TrueImage, read_answers, read_study, resampled, study_names

LEVEL = {"present": True, "assessable": True, "levels": [{"at": [20.0, 20.0], "width_mm": 5.0}]}
NO_LEVEL = {"present": False, "assessable": True, "levels": []}


def lesion(label: int, visibility: float, level: dict[str, object]) -> dict[str, object]:
    return {
        "label": label, "image": 0, "entity": "phlebolith", "visibility": visibility, "size_mm": 10.0, "parts": 1,
        "fluid_level": level, "measures": {"lobules": 2, "rim_completeness": 0.5}, "findings": {},
    }  # fmt: skip


def square(shape: tuple[int, int], row: int, col: int, side: int, label: int) -> np.ndarray:
    labels = np.zeros(shape, np.int32)
    labels[row : row + side, col : col + side] = label
    return labels


def true_image() -> TrueImage:
    """Two squares of 20 x 20 at 0.5 mm and one element that counts neither way."""
    labels = square((100, 100), 10, 10, 20, 1) + square((100, 100), 60, 60, 20, 2)
    labels[90, 10] = IGNORED
    row = {"sop_instance_uid": "1.2", "fluid_level": LEVEL}
    return TrueImage(row, "radiograph", labels, (0.5, 0.5), None, (lesion(1, 3.0, LEVEL), lesion(2, 0.5, NO_LEVEL)))


def said(label: int, confidence: float, state: str = "absent") -> dict[str, object]:
    features = {"lobules": {"value": 3.0}, "fluid_level_row": {"value": 22.0}, "rim_completeness": {"value": 0.25}}
    return {
        "label": label, "image": 0, "confidence": confidence, "parts": 2, "features": features,
        "findings": [{"id": "fluid_level", "state": state}],
    }  # fmt: skip


def answer() -> Answer:
    """The upper 10 rows of the first square, and a square far from all deposits."""
    labels = square((100, 100), 10, 10, 20, 1)
    labels[20:] = 0
    labels += square((100, 100), 10, 80, 10, 2)
    return Answer(labels, {1: said(1, 0.9, "present"), 2: said(2, 0.3)})


def test_a_half_found_square_has_the_figures_that_counting_gives() -> None:
    found = match(true_image(), answer(), least=0.5)
    first, second = found.deposits
    assert first.iou(0.5) == 0.5
    assert first.dice == pytest.approx(2 / 3)
    assert first.says_level
    assert not second.touched(0.0)
    assert second.dice is None
    assert found.false == ((2, 0.3),)
    assert (found.false_count(0.5), found.false_count(0.2)) == (0, 1)
    assert found.levels == (1,)
    expected = {"content of mask %": 50, "parts %": 100, "lobules %": 50, "rim completeness": 0.25}
    assert {name: first.errors[name] for name in expected} == pytest.approx(expected)
    assert first.errors["level position mm"] == pytest.approx(1.0)


def test_the_curve_loses_deposits_and_false_lesions_as_confidence_rises() -> None:
    scored = Scored("a", "radiograph", False, (match(true_image(), answer(), 0.5),), failed=False)
    rows = {row["confidence"]: row for row in curve([scored])}
    assert rows[0.0]["false lesions per image"] == 1
    assert rows[0.5] == {
        "confidence": 0.5,
        "false lesions per image": 0,
        "any touch": 1,
        "IoU >= 0.1": 1,
        "IoU >= 0.3": 1,
    }
    assert rows[0.95]["any touch"] == 0


def test_tables_count_visible_and_all_deposits_apart() -> None:
    scored = Scored("a", "radiograph", False, (match(true_image(), answer(), 0.5),), failed=False)
    whole = table([scored], 0.5)
    assert (whole["IoU >= 0.1, visible"].value, whole["IoU >= 0.1, all"].value) == (1.0, 0.5)
    assert whole["level sensitivity, per image"].value == 1.0
    assert set(groups([scored])) == {"visibility 0.5 to 1", "visibility 2 to 4", "phlebolith"}


def test_two_lesions_on_a_deposit_are_a_split_and_one_on_two_a_merger() -> None:
    labels = answer().labels.copy()
    labels[15:20, 10:30] *= 3
    split = table([Scored("a", "radiograph", False, (match(true_image(), Answer(labels), 0.0),), failed=False)], 0.0)
    assert split["split: lesions a touched deposit"].value == 2
    assert split["merged: touched deposits that share a lesion"].value == 0
    both = Answer((true_image().labels > 0).astype(np.int32), {1: said(1, 0.9)})
    merged = table([Scored("a", "radiograph", False, (match(true_image(), both, 0.0),), failed=False)], 0.0)
    assert merged["split: lesions a touched deposit"].value == 1
    assert merged["merged: touched deposits that share a lesion"].value == 1


def test_what_was_not_answered_is_missed_everywhere() -> None:
    scored = Scored("a", "radiograph", False, (match(true_image(), None, 0.5),), failed=True)
    whole = table([scored], 0.5)
    assert whole["any touch, all"].value == 0
    assert whole["failed or missing"].value == 1
    assert "Dice of found" not in whole


def test_calcium_that_counts_neither_way_is_no_false_lesion() -> None:
    labels = np.where(true_image().labels == IGNORED, 0, square((100, 100), 88, 8, 5, 4))
    assert match(true_image(), Answer(labels.astype(np.int32)), 0.5).false == ()


def test_the_boundary_error_of_a_shifted_bar_is_its_shift() -> None:
    first, second = np.zeros((40, 200), bool), np.zeros((40, 200), bool)
    first[10:20], second[12:22] = True, True
    assert boundary_error_mm(first, second, (0.5, 0.5)) == pytest.approx(1.0, abs=0.05)
    assert boundary_error_mm(first, first, (0.5, 0.5)) == 0


def test_labels_come_back_from_a_flipped_and_turned_grid() -> None:
    labels = np.arange(1, 25, dtype=np.int32).reshape(2, 3, 4)
    turned = labels[::-1].transpose(0, 2, 1)
    to_turned = np.array([[-1, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], float)
    assert np.array_equal(resampled(turned, to_turned, labels.shape), labels)
    tilted = to_turned @ np.array([[1, 0, 0, 0], [0, 1, 0.01, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert np.array_equal(resampled(turned, tilted, labels.shape), labels)


def test_a_cohort_and_a_run_are_read_from_their_folders(tmp_path: Path) -> None:
    image = true_image()
    folder = tmp_path / "truth" / "one"
    folder.mkdir(parents=True)
    row = {
        "study_instance_uid": "1.1", "kind": "radiograph", "lesions": list(image.lesions),
        "images": [{"sop_instance_uid": "1.2", "labels": "l.png", "pixel_mm": 0.5, "fluid_level": LEVEL}],
    }  # fmt: skip
    (folder / "truth.json").write_text(json.dumps(row))
    Picture.fromarray(image.labels.astype(np.uint8)).save(folder / "l.png")
    run = tmp_path / "run" / "studies" / "1.1"
    run.mkdir(parents=True)
    Picture.fromarray(answer().labels.astype(np.uint8)).save(run / "l.png")
    results = {
        "study": {"status": "analysed"}, "lesions": [said(1, 0.9), said(2, 0.3)],
        "images": [{"sop_instance_uid": "1.2", "shape": [100, 100], "labels": "l.png"}],
    }  # fmt: skip
    (run / "results.json").write_text(json.dumps(results))
    (study,) = (read_study(tmp_path, name) for name in study_names(tmp_path))
    answers = read_answers(tmp_path / "run", study)
    assert not answers.failed
    assert match(study.images[0], answers.images["1.2"], 0.5).deposits[0].iou(0.5) == 0.5
    assert read_answers(tmp_path / "nowhere", study).failed

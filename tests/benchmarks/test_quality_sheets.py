"""Baselines and contact sheets of the quality benchmark, on images made for it."""

from pathlib import Path

import numpy as np
from PIL import Image as Picture
from quality_baselines import Shown, ct_labels, radiograph_labels
from quality_figures import Scored
from quality_match import match
from quality_sheets import SIDE_PX, TRUTH, Drawn, draw_sheet, worst
from quality_truth import Answer, Answers, TrueImage, TrueStudy


def test_the_ct_yardstick_keeps_a_deposit_and_drops_the_largest_piece_and_specks() -> None:
    hu = np.full((20, 60, 60), 40, np.float32)
    hu[:, 5:25, 5:25] = 700
    hu[8:12, 40:46, 40:46] = 400
    hu[3, 50:52, 10:12] = 400
    labels = ct_labels(hu, (1.0, 1.0, 1.0))
    assert np.count_nonzero(labels) == 4 * 36
    assert (labels[8:12, 40:46, 40:46] > 0).all()


def test_the_radiograph_yardstick_marks_what_is_narrow_and_dense() -> None:
    attenuation = np.linspace(0, 2, 200, dtype=np.float32)[:, None].repeat(200, axis=1).copy()
    attenuation[100:108, 100:108] += 1
    labels = radiograph_labels(attenuation, (0.5, 0.5))
    assert (labels[102:106, 100:108] > 0).all()
    labels[100:108, 100:108] = 0
    assert not labels.any()


def test_a_missed_deposit_lands_on_its_sheet_with_its_outline(tmp_path: Path) -> None:
    labels = np.zeros((200, 200), np.int32)
    labels[80:120, 80:120] = 1
    level = {"present": False, "assessable": True, "levels": []}
    lesion = {"label": 1, "entity": "granuloma", "visibility": 9.0, "size_mm": 20, "fluid_level": level, "measures": {}}
    image = TrueImage(
        {"sop_instance_uid": "1.2", "fluid_level": level}, "radiograph", labels, (0.5, 0.5), None, (lesion,)
    )
    study = TrueStudy("one", {}, "radiograph", tmp_path, (image,))
    empty = Answer(np.zeros_like(labels))
    tiles = worst([Scored("one", "radiograph", False, (match(image, empty, 0.5),), failed=False)], 0.5)
    assert {name: len(found) for name, found in tiles.items()} == {
        "missed": 1, "false": 0, "poor_dice": 0, "level_wrong": 0,
    }  # fmt: skip
    shown = {"1.2": Shown(labels.astype(np.float32), None)}
    drawn = {"one": Drawn(study, Answers({"1.2": empty}), shown)}
    draw_sheet(tiles["missed"], drawn, tmp_path / "sheet.png")
    sheet = np.asarray(Picture.open(tmp_path / "sheet.png"))
    green = (sheet == TRUTH).all(axis=2)
    rows, cols = np.nonzero(green)
    assert np.ptp(rows) == np.ptp(cols)
    assert np.ptp(rows) > SIDE_PX // 4

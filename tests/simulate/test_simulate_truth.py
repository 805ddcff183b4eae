"""Truth is measured as the contract says."""

import numpy as np
import pytest

from pipeline.simulate import truth
from pipeline.simulate.lesions import Lesion


def test_parts_join_at_corners_and_leave_out_specks() -> None:
    mask = np.zeros((12, 12), bool)
    mask[1:3, 1:3] = True
    mask[3, 3] = True
    mask[8:11, 8] = True
    mask[1, 9] = True
    assert truth.count_parts(mask) == 2


def test_the_extent_of_a_line_is_its_length() -> None:
    mask = np.zeros((50, 60), bool)
    mask[20, 10:40] = True
    assert truth.extent_mm(mask, (0.5, 0.5)) == pytest.approx(15.0, abs=0.6)


def test_visibility_is_contrast_over_noise() -> None:
    rng = np.random.default_rng(0)
    without = np.full((120, 120), 100.0, np.float32)
    with_calcium = without.copy()
    with_calcium[40:80, 40:80] += 30
    mask = with_calcium > 110
    seen = []
    for spread in (10.0, 20.0):
        noisy = with_calcium + rng.normal(0, spread, with_calcium.shape).astype(np.float32)
        pictures = truth.Pictures(with_calcium, without, noisy, np.ones(mask.shape, bool), (0.2, 0.2))
        seen.append(truth.contrast_to_noise(mask, pictures))
    assert seen[0] == pytest.approx(2 * seen[1], rel=0.15)


def test_a_row_says_the_level_it_was_given() -> None:
    lesion = Lesion("tumoral_calcinosis", "hip", (), {"lobules": 4.0}, {"lobulated": True})
    item = truth.Seen(lesion, 1, 5.0, 60.0, 1, (truth.SeenLevel((10.0, 20.0), 8.0),), True)
    row = truth.lesion_row(item, 0)
    assert row["fluid_level"] == {
        "present": True,
        "assessable": True,
        "levels": [{"at": [10.0, 20.0], "width_mm": 8.0}],
    }
    assert row["findings"] == {"lobulated": True, "fluid_level": True, "site_hip": True}

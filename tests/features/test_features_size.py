import numpy as np
import pytest
from scipy.spatial.distance import pdist
from shapes import SPACING_MM, ball, bar, disc, patch, value

from pipeline.features.margin import margin
from pipeline.features.shape import shape
from pipeline.features.size import extents, flat_size, morphology, part_extents, parts


@pytest.mark.parametrize("radius", [8, 15, 30])
def test_a_disc_has_the_area_and_perimeter_of_its_radius(radius: int) -> None:
    found = flat_size(patch(disc(radius)))
    assert value(found["area"]) == pytest.approx(np.pi * (radius * SPACING_MM) ** 2, rel=0.03)
    assert value(found["perimeter"]) == pytest.approx(2 * np.pi * radius * SPACING_MM, rel=0.05)
    assert value(found["maximum_2d_diameter"]) == pytest.approx(2 * radius * SPACING_MM, abs=1.5 * SPACING_MM)


def test_a_ball_has_the_volume_and_surface_of_its_radius() -> None:
    found = morphology(patch(ball(12)))
    assert value(found["volume_mesh"]) == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.02)
    assert value(found["surface_area_mesh"]) == pytest.approx(4 * np.pi * 12**2, rel=0.10)
    assert value(found["maximum_3d_diameter"]) == pytest.approx(24, abs=1.5)
    assert value(found["flatness"]) == pytest.approx(1, abs=0.01)


def test_a_bar_has_its_length_and_width() -> None:
    found = extents(patch(bar(80, 12)))
    assert value(found["least_extent"]) == pytest.approx(12 * SPACING_MM, abs=0.01)
    assert value(found["largest_extent"]) == pytest.approx(np.hypot(80, 12) * SPACING_MM, rel=0.01)


def test_parts_touch_at_corners_and_have_three_elements() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:8, 5:8] = mask[8:11, 8:11] = True
    mask[20, 20:22] = True
    mask[30, 30:33] = True
    assert value(parts(patch(mask))["parts"]) == 2


def test_a_disc_is_round_and_a_bar_is_not() -> None:
    round_one, long_one = (shape(patch(m)) for m in (disc(20), bar(80, 10)))
    assert value(round_one["circularity"]) > 0.95
    assert value(round_one["aspect_ratio"]) == pytest.approx(1, abs=0.01)
    assert value(round_one["solidity"]) > 0.95
    assert value(long_one["circularity"]) < 0.45
    assert value(long_one["aspect_ratio"]) == pytest.approx(8, rel=0.02)


def test_a_ball_is_round() -> None:
    found = shape(patch(ball(10)))
    assert value(found["circularity"]) > 0.9
    assert value(found["aspect_ratio"]) == pytest.approx(1, abs=0.01)


def test_a_disc_has_no_notch_and_a_clover_has() -> None:
    clover = disc(14, margin=30, centre=(0, -14)) | disc(14, margin=30, centre=(0, 14))
    assert value(margin(patch(disc(25)))["notch_depth_fraction"]) < 0.02
    assert value(margin(patch(clover))["notch_depth_fraction"]) == pytest.approx(14 / 56, abs=0.05)


def test_extents_of_parts_are_those_of_all_their_elements() -> None:
    mask = np.random.default_rng(3).random((40, 50)) < 0.2
    found = patch(mask)
    halves = np.asarray(found.scale) / 2
    sides = np.concatenate([np.diag(halves), -np.diag(halves)])
    wanted = [
        pdist((np.argwhere(found.pieces == n + 1) * found.scale + sides[:, None]).reshape(-1, 2)).max()
        for n in range(found.count)
    ]
    assert part_extents(found).tolist() == pytest.approx(wanted, abs=1e-12)

import numpy as np
import pytest
from scipy import ndimage
from shapes import ball, bar, disc, grid, noisy, patch, ring, sediment, sediment_ball, value

from pipeline.features.fluid_level import fluid_level, levels, search
from pipeline.features.patch import Patch
from pipeline.model.known import Known, Unknown

UP = (-1.0, 0.0)


def _score(found: Patch) -> float:
    return value(fluid_level(found)["fluid_level_score"])


@pytest.mark.parametrize("fill", [-12, 0, 10])
def test_a_level_is_found_at_its_row(fill: int) -> None:
    mask, density = sediment(30, fill)
    found = fluid_level(patch(mask, density))
    assert value(found["fluid_level_score"]) > 0.7
    assert value(found["fluid_level_row"]) == pytest.approx(60 + fill - 0.5, abs=0.5)
    assert value(found["fluid_level_count"]) == 1
    assert value(found["fluid_level_tilt"]) < 1


@pytest.mark.parametrize("tilt_deg", [-5, 3, 5])
def test_a_tilted_level_has_its_tilt(tilt_deg: float) -> None:
    mask, density = sediment(30, 0, tilt_deg=tilt_deg)
    found = fluid_level(patch(mask, density))
    assert value(found["fluid_level_score"]) > 0.5
    assert value(found["fluid_level_tilt"]) == pytest.approx(abs(tilt_deg), abs=0.7)


def test_a_slope_of_twenty_degrees_is_no_level() -> None:
    assert _score(patch(*sediment(30, 0, tilt_deg=20))) < 0.1


def test_sediment_alone_in_the_label_is_a_level() -> None:
    mask, density = sediment(30, 5, clear=0.0)
    found = fluid_level(patch(mask & (density > 0.15), density))
    assert value(found["fluid_level_score"]) > 0.8
    assert value(found["fluid_level_row"]) == pytest.approx(64.5, abs=0.5)


def test_a_level_is_found_in_noise() -> None:
    mask, density = sediment(30, 5)
    assert _score(patch(mask, noisy(density, 0.2), noise=0.2)) > 0.5


def test_the_width_is_a_share_of_the_lesion() -> None:
    mask, density = sediment(30, 0)
    beside = disc(20, margin=40)
    wide = np.concatenate([mask, beside], axis=1)
    values = np.concatenate([density, ndimage.gaussian_filter(0.4 * beside, 2).astype(np.float32)], axis=1)
    found = fluid_level(patch(wide, values))
    assert value(found["fluid_level_count"]) == 1
    assert value(found["fluid_level_width_fraction"]) == pytest.approx(61 / 102, abs=0.06)


def test_several_loculi_have_several_levels() -> None:
    mask, density = np.zeros((240, 300), bool), np.zeros((240, 300), np.float32)
    for row, column, fill in ((10, 10, 0), (60, 100, -6), (110, 170, 6)):
        one, values = sediment(28, fill, size=101)
        mask[row : row + 101, column : column + 101] |= one
        np.maximum(
            density[row : row + 101, column : column + 101], values, out=density[row : row + 101, column : column + 101]
        )
    found = patch(mask, density)
    assert value(fluid_level(found)["fluid_level_count"]) == 3
    rows = sorted(round(level.start[0]) for level in levels(found))
    assert rows == pytest.approx([60, 104, 166], abs=1)


def test_dense_above_clear_is_no_level() -> None:
    mask, density = sediment(30, 0)
    assert _score(patch(mask, density[::-1].copy())) < 0.1


@pytest.mark.parametrize("radius", [10, 16, 30, 45])
def test_the_top_of_a_ball_is_no_level(radius: int) -> None:
    mask = disc(radius, margin=30)
    thick = np.sqrt(np.maximum(radius**2 - sum(a**2 for a in grid(*mask.shape)), 0))
    flat = ndimage.gaussian_filter(mask.astype(np.float32), 1)
    round_one = ndimage.gaussian_filter(thick / radius, 1).astype(np.float32)
    assert _score(patch(mask, flat)) < 0.3
    assert _score(patch(mask, round_one)) < 0.3


def test_a_bar_and_a_septum_across_gravity_are_no_levels() -> None:
    mask = bar(100, 8, margin=40)
    assert _score(patch(mask, ndimage.gaussian_filter(mask.astype(np.float32), 1))) < 0.2
    y, x = grid(121, 121)
    inside = y**2 + x**2 <= 45**2
    septum = ndimage.gaussian_filter(np.where(inside, np.where(np.abs(y) < 3, 1.0, 0.4), 0.0), 1).astype(np.float32)
    assert _score(patch(inside, septum)) < 0.3


def test_a_ring_has_no_level() -> None:
    mask = ring(35, 6)
    assert _score(patch(mask, ndimage.gaussian_filter(mask.astype(np.float32), 1))) < 0.3


def test_an_edge_that_runs_on_beyond_the_lesion_is_no_level() -> None:
    mask = disc(25, margin=40)
    edge = np.where(grid(*mask.shape)[0] > 0, 1.0, 0.2) + 0.1 * mask
    values = ndimage.gaussian_filter(edge, 1).astype(np.float32)
    assert _score(patch(mask, 0.1 * mask.astype(np.float32), raw=values)) < 0.3


def test_gas_above_is_no_fluid_level() -> None:
    mask, density = sediment(30, 0, clear=-3.0)
    assert _score(patch(mask, density)) < 0.1


def test_without_gravity_a_step_is_only_told() -> None:
    mask, density = sediment(30, 0)
    found = fluid_level(patch(mask, density, gravity=Unknown("posture not known")))["fluid_level_score"]
    assert found == Unknown("straight step seen, but posture not known")
    plain = fluid_level(patch(disc(30), gravity=Unknown("posture not known")))["fluid_level_score"]
    assert plain == Unknown("posture not known")
    assert levels(patch(mask, density, gravity=Unknown("posture not known"))) == ()


def test_a_small_loculus_cannot_show_a_level() -> None:
    mask, density = sediment(4, 0, size=41)
    assert isinstance(fluid_level(patch(mask, density))["fluid_level_score"], Unknown)


def test_a_level_on_ct_is_found_at_its_row() -> None:
    mask, hu = sediment_ball(12, 2)
    found = fluid_level(patch(mask, hu))
    assert value(found["fluid_level_score"]) > 0.8
    assert value(found["fluid_level_row"]) == pytest.approx(25.5, abs=0.5)
    (level,) = levels(patch(mask, hu))
    assert level.start[1] == pytest.approx(25.5, abs=0.5)
    assert abs(level.end[2] - level.start[2]) > 15


def test_a_level_on_ct_lies_across_any_gravity() -> None:
    mask, hu = sediment_ball(12, 2)
    turned = patch(
        np.swapaxes(mask, 1, 2)[:, :, ::-1], np.swapaxes(hu, 1, 2)[:, :, ::-1], gravity=Known((0.0, 0.0, -1.0), "test")
    )
    assert _score(turned) > 0.8
    assert _score(patch(mask, hu, gravity=Known((0.0, 0.0, 1.0), "test"))) < 0.2


def test_a_ball_on_ct_has_no_level() -> None:
    for radius in (5, 9, 14):
        mask = ball(radius)
        hu = ndimage.gaussian_filter(np.where(mask, 600.0, 50.0), 0.7).astype(np.float32)
        assert _score(patch(mask, hu)) < 0.4


def test_gas_above_a_fluid_on_ct_is_no_fluid_level() -> None:
    mask, hu = sediment_ball(12, 2, clear=-900.0)
    assert _score(patch(mask, hu)) < 0.1


def test_turned_upside_down_a_level_is_none() -> None:
    mask, density = sediment(30, 0)
    assert search(patch(mask, density), UP).score < 0.1

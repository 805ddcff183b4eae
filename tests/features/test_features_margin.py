import numpy as np
import pytest
from scipy import ndimage
from shapes import ball, disc, discs, grid, noisy, patch, value

from pipeline.features.margin import margin

CLOVERS = {
    2: ((0.0, -16.0), (0.0, 16.0)),
    3: ((-14.0, 0.0), (12.0, -16.0), (12.0, 16.0)),
    4: ((-16.0, -16.0), (-16.0, 16.0), (16.0, -16.0), (16.0, 16.0)),
    5: ((0.0, 0.0), (-26.0, 0.0), (26.0, 0.0), (0.0, -26.0), (0.0, 26.0)),
}


@pytest.mark.parametrize("count", CLOVERS)
def test_a_union_of_discs_has_as_many_lobules(count: int) -> None:
    assert value(margin(patch(discs(CLOVERS[count], 15)))["lobules"]) == count


def test_a_disc_and_a_ball_are_one_lobule() -> None:
    assert value(margin(patch(disc(20)))["lobules"]) == 1
    assert value(margin(patch(ball(9)))["lobules"]) == 1


def test_noise_makes_no_lobules() -> None:
    mask = disc(25)
    density = noisy(mask.astype(np.float32), 0.05)
    assert value(margin(patch(mask, density, noise=0.05))["lobules"]) == 1


def test_two_balls_are_two_lobules() -> None:
    mask = np.zeros((30, 30, 60), bool)
    z, y, x = np.mgrid[:30, :30, :60]
    for at in (18, 40):
        mask |= (z - 15) ** 2 + (y - 15) ** 2 + (x - at) ** 2 <= 12**2
    assert value(margin(patch(mask))["lobules"]) == 2


def test_a_step_is_sharper_than_a_cloud() -> None:
    mask = disc(25, margin=25)
    cloud = ndimage.gaussian_filter(mask.astype(np.float32), 8)
    sharp, soft = (
        value(margin(patch(m, d))["edge_sharpness"]) for m, d in ((mask, mask.astype(np.float32)), (cloud > 0.5, cloud))
    )
    assert sharp > 0.9
    assert soft < 0.5


def test_domes_of_one_height_on_a_level_ridge_are_one() -> None:
    y, x = grid(101, 201)
    density = np.exp(-((y / 12) ** 2)) * (1 - 0.002 * np.cos(x / 4))
    mask = (np.abs(y) <= 20) & (np.abs(x) <= 80)
    assert value(margin(patch(mask, density.astype(np.float32)))["lobules"]) == 1

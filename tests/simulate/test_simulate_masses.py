"""Sediment lies at right angles to gravity, below; the mass stays the same."""

import numpy as np
import pytest

from pipeline.simulate import masses
from pipeline.simulate.lesions import GRAVITY, Lesion

POSTURES = ("erect", "supine", "prone", "left_decubitus")


@pytest.fixture(scope="module")
def mass() -> masses.Loculi:
    return masses.loculi((0.0, 0.0, 0.0), (18.0, 18.0, 24.0), np.random.default_rng(5))


def _one(fill: float = 0.5) -> masses.Loculi:
    ball = np.array([[0.0, 0.0, 0.0]])
    return masses.Loculi(ball, np.array([12.0]), np.array([masses.SEDIMENT]), np.array([fill]), np.array([0.6]), 0.7, 3)


@pytest.mark.parametrize("posture", POSTURES)
def test_the_centre_of_calcium_lies_on_the_side_of_gravity(mass: masses.Loculi, posture: str) -> None:
    def centre(lesion: Lesion) -> np.ndarray:
        patch = lesion.patches[0]
        index = np.argwhere(patch.calcium > 0.3)
        return np.asarray(index.mean(0) * patch.lattice.step_mm + np.asarray(patch.lattice.origin))

    fallen = centre(masses.tumoral_calcinosis(mass, posture, "hip"))
    filled = centre(masses.tumoral_calcinosis(masses.solid(mass), posture, "hip"))
    assert float((fallen - filled) @ np.array(GRAVITY[posture])) > 0.1


@pytest.mark.parametrize("posture", POSTURES)
def test_the_top_of_a_half_full_ball_is_its_equator(posture: str) -> None:
    lesion = masses.tumoral_calcinosis(_one(0.5), posture, "hip")
    level = lesion.levels[0]
    assert abs(float(np.dot(level.point, GRAVITY[posture]))) < 0.8
    assert level.width_mm == pytest.approx(24.0, abs=3.5)


def test_a_fuller_ball_has_its_level_higher() -> None:
    heights = [masses.tumoral_calcinosis(_one(f), "erect", "hip").levels[0].point[2] for f in (0.3, 0.5, 0.7)]
    assert heights[0] < heights[1] < heights[2]


def test_paste_has_no_level(mass: masses.Loculi) -> None:
    assert masses.tumoral_calcinosis(masses.solid(mass), "erect", "hip").levels == ()


def test_loculi_keep_out_of_bone() -> None:
    def clear(point: tuple[float, float, float]) -> float:
        return point[0] + 4.0

    found = masses.loculi((0.0, 0.0, 0.0), (20.0, 20.0, 20.0), np.random.default_rng(2), clear_mm=clear)
    assert bool((found.centres[:, 0] - found.radii > -4.0).all())


def test_three_balls_in_a_row_make_three_lobes() -> None:
    centres = np.array([[-12.0, 0, 0], [0, 0, 0], [12.0, 0, 0]])
    row = masses.Loculi(centres, np.full(3, 8.0), np.full(3, masses.PASTE), np.full(3, 0.5), np.full(3, 0.5), 0.7, 1)
    assert masses.lobes(row) == 3


def test_septa_part_the_loculi() -> None:
    centres = np.array([[-6.0, 0, 0], [6.0, 0, 0]])
    pair = masses.Loculi(centres, np.full(2, 8.0), np.full(2, masses.PASTE), np.full(2, 0.5), np.full(2, 0.6), 1.4, 1)
    patch = masses.tumoral_calcinosis(pair, "supine", "hip").patches[0]
    middle = [round((0.0 - o) / patch.lattice.step_mm) for o in patch.lattice.origin]
    line = patch.calcium[:, middle[1], middle[2]]
    near = slice(middle[0] - 4, middle[0] + 5)
    assert float(line[near].min()) < 0.4 * float(line.max())

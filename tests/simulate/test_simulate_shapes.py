"""Shapes have the volumes and distances that geometry says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulate import shapes
from pipeline.simulate.fields import Grid, lattice

WHERE = lattice((-20.0, -20.0, -20.0), (20.0, 20.0, 20.0), 0.5)
CELL = 0.5**3


def _grid() -> Grid:
    return WHERE.grid()


def _volume(distance: np.ndarray) -> float:
    full = np.broadcast_to(shapes.occupancy(distance, 0.5), WHERE.shape)
    return float(full.sum()) * CELL


@given(st.floats(3.0, 12.0))
def test_a_ball_has_its_volume(radius: float) -> None:
    assert _volume(shapes.ball(_grid(), (0.3, -0.2, 0.1), radius)) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)


def test_an_ellipsoid_has_its_volume() -> None:
    volume = _volume(shapes.ellipsoid(_grid(), (0.0, 0.0, 0.0), (6.0, 9.0, 12.0)))
    assert volume == pytest.approx(4 / 3 * np.pi * 6 * 9 * 12, rel=0.03)


def test_a_bar_has_its_volume() -> None:
    assert _volume(shapes.bar(_grid(), (0, 0, 0), (5.0, 4.0, 8.0), 0.0)) == pytest.approx(8 * 5 * 4 * 8, rel=0.03)


def test_a_tube_is_a_cylinder_with_round_ends() -> None:
    volume = _volume(shapes.tube(_grid(), ((0, 0, -8.0), (0, 0, 8.0)), (4.0, 4.0)))
    assert volume == pytest.approx(np.pi * 16 * 16 + 4 / 3 * np.pi * 64, rel=0.02)


def test_a_swept_tube_passes_through_its_points() -> None:
    path, radii = ((-10.0, 0, 0), (0, 5.0, 0), (10.0, 0, 4.0)), (2.0, 3.0, 2.5)
    for point, radius in zip(path, radii, strict=True):
        at = tuple(np.array([[[c]]], np.float32) for c in point)
        distance = shapes.swept((at[0], at[1], at[2]), path, radii)
        assert float(distance[0, 0, 0]) == pytest.approx(-radius, abs=0.15)


def test_a_shell_is_the_difference_of_two_balls() -> None:
    volume = _volume(shapes.shell(shapes.ball(_grid(), (0, 0, 0), 12.0), 2.0))
    assert volume == pytest.approx(4 / 3 * np.pi * (12**3 - 10**3), rel=0.03)


def test_a_smooth_union_holds_both_bodies_and_little_more() -> None:
    first, second = shapes.ball(_grid(), (-5, 0, 0), 6.0), shapes.ball(_grid(), (5, 0, 0), 6.0)
    joined, sharp = shapes.smooth_union(first, second, 3.0), np.minimum(first, second)
    assert bool((joined <= sharp + 1e-5).all())
    assert float((sharp - joined).max()) <= 0.75 + 1e-5


def test_a_smooth_cut_leaves_nothing_of_the_tool() -> None:
    body, tool = shapes.ball(_grid(), (0, 0, 0), 10.0), shapes.ball(_grid(), (6, 0, 0), 6.0)
    assert not bool(((shapes.smooth_cut(body, tool, 2.0) < 0) & (tool < 0)).any())


def test_distance_to_a_square_is_right_inside_and_outside() -> None:
    corners = ((-10.0, -10.0), (10.0, -10.0), (10.0, 10.0), (-10.0, 10.0))
    at = np.array([0.0, 16.0, 10.0], np.float32)
    assert np.allclose(shapes.polygon_distance(corners, at, 0 * at), [-10.0, 6.0, 0.0], atol=0.6)

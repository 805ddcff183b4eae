"""Lattices, interpolation and noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulate.fields import Field, Layers, Orientation, interpolation, lattice, noise, resampled

AXIAL = Orientation(2, 1, 0)


def test_a_lattice_covers_its_box() -> None:
    where = lattice((-3.0, 0.0, 1.0), (4.0, 5.0, 9.5), 2.0)
    for axis, (low, high) in enumerate(((-3.0, 4.0), (0.0, 5.0), (1.0, 9.5))):
        span = where.span(axis)  # type: ignore[arg-type]
        assert span[0] == low
        assert high <= span[1] < high + 2.0


@given(st.lists(st.floats(0.0, 18.0), min_size=1, max_size=20))
def test_interpolation_is_exact_for_straight_lines(positions: list[float]) -> None:
    at = np.array(positions, np.float32)
    weights = interpolation(0.0, 2.0, 12, at)
    line = 3.0 * 2.0 * np.arange(12) + 1.0
    inside = (at >= 2.0) & (at <= 20.0 - 2.0)
    assert np.allclose(weights.sum(1), 1.0, atol=1e-5)
    assert np.allclose((weights @ line)[inside], 3.0 * at[inside] + 1.0, atol=1e-3)


def test_a_layer_of_a_linear_field_is_that_plane() -> None:
    where = lattice((0.0, 0.0, 0.0), (20.0, 20.0, 20.0), 2.0)
    x, y, z = where.grid()
    field = Field(where, (x + 10 * y + 100 * z + 0 * x).astype(np.float32))
    rows, columns = np.array([4.0, 7.5], np.float32), np.array([3.0, 9.0, 11.0], np.float32)
    layer = Layers(field, AXIAL).read(5.0, rows, columns)
    assert np.allclose(layer, columns[None, :] + 10 * rows[:, None] + 500, atol=1e-2)


def test_a_window_holds_only_positions_on_the_lattice() -> None:
    where = lattice((0.0, 0.0, 0.0), (10.0, 10.0, 10.0), 1.0)
    layers = Layers(Field(where, np.zeros(where.shape, np.float32)), AXIAL)
    window = layers.window(np.arange(-5.0, 20.0, dtype=np.float32), np.arange(20.0, -5.0, -1.0, dtype=np.float32))
    assert window == (slice(5, 16), slice(10, 21))
    assert layers.window(np.array([50.0], np.float32), np.array([5.0], np.float32)) is None


def test_resampling_onto_its_own_lattice_changes_nothing() -> None:
    where = lattice((0.0, 0.0, 0.0), (9.0, 7.0, 8.0), 1.0)
    values = np.random.default_rng(1).normal(size=where.shape).astype(np.float32)
    assert np.allclose(resampled(Field(where, values), where), values, atol=1e-5)


@pytest.mark.parametrize("scale", [4.0, 15.0])
def test_noise_has_unit_spread_and_follows_its_seed(scale: float) -> None:
    where = lattice((0.0, 0.0, 0.0), (60.0, 60.0, 60.0), 2.0)
    first, second = (noise(where, (scale, scale, scale), np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.shape == where.shape
    assert abs(float(first.std()) - 1) < 1e-3

import numpy as np
import pytest
from shapes import SPACING_MM, disc, grid, patch, ring, value

from pipeline.features.inside import holes, inside


def _grille(cell: int, wall: int, count: int) -> np.ndarray:
    """A net of square holes."""
    size = count * (cell + wall) + wall
    mask = np.ones((size, size), bool)
    for r in range(count):
        for c in range(count):
            mask[wall + r * (cell + wall) :, wall + c * (cell + wall) :][:cell, :cell] = False
    return np.pad(mask, 12)


def test_a_net_has_as_many_holes_as_it_has() -> None:
    found = holes(patch(_grille(6, 3, 5)))
    area_cm2 = (48 * SPACING_MM / 10) ** 2
    assert value(found["euler_number_density"]) == pytest.approx((1 - 25) / area_cm2, rel=0.02)
    assert value(found["hole_diameter"]) == pytest.approx(6 * SPACING_MM * np.sqrt(4 / np.pi), rel=0.05)


def test_rings_among_parts_are_counted() -> None:
    field = np.zeros((200, 200), bool)
    small = ring(6, 3, margin=4)
    solid = disc(6, margin=4)
    for n, part in enumerate((small, small, small, solid)):
        field[10 : 10 + part.shape[0], 10 + 45 * n : 10 + 45 * n + part.shape[1]] = part
    assert value(holes(patch(field))["rings"]) == 3


def test_a_septum_divides_a_mass() -> None:
    y, x = grid(101, 101)
    mask = y**2 + x**2 <= 35**2
    density = np.where(mask, 1.0, 0.0)
    density[mask & (np.abs(x) <= 3)] = 0.4
    divided, plain = inside(patch(mask, density.astype(np.float32))), inside(patch(mask))
    assert value(divided["compartments"]) == 2
    assert value(plain["compartments"]) == 1
    assert value(divided["septum_fraction"]) == pytest.approx(np.mean(np.abs(x[mask]) <= 3), abs=0.03)
    assert value(plain["septum_fraction"]) < 0.01


def test_a_solid_mass_is_filled_and_even() -> None:
    found = inside(patch(disc(25)))
    assert value(found["filled_fraction"]) > 0.98
    assert value(found["coefficient_of_variation"]) < 0.05


def test_a_ring_is_not_filled() -> None:
    assert value(inside(patch(ring(25, 5)))["filled_fraction"]) < 0.5

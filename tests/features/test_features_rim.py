import numpy as np
import pytest
from shapes import SPACING_MM, ball, disc, grid, patch, ring, value

from pipeline.features.rim import rim
from pipeline.model.known import Unknown


@pytest.mark.parametrize("gap_deg", [0, 60, 120])
def test_a_ring_is_as_complete_as_its_course(gap_deg: float) -> None:
    found = rim(patch(ring(30, 5, gap_deg=gap_deg)))
    assert value(found["rim_completeness"]) == pytest.approx(1 - gap_deg / 360, abs=0.08)


def test_a_ring_has_its_thickness_and_an_even_course() -> None:
    found = rim(patch(ring(30, 6)))
    assert value(found["rim_thickness"]) == pytest.approx(6 * SPACING_MM, rel=0.2)
    assert value(found["rim_radius_variation"]) < 0.03
    assert value(found["lucent_centre_contrast"]) > 0.9


def test_a_solid_disc_and_ball_have_no_rim() -> None:
    for mask in (disc(25), ball(12)):
        found = rim(patch(mask))
        assert value(found["rim_completeness"]) < 0.05
        assert value(found["lucent_centre_contrast"]) < 0.1
        assert value(found["outer_to_inner_density"]) == pytest.approx(1, abs=0.15)


def test_a_shell_has_a_rim() -> None:
    z, y, x = grid(41, 41, 41)
    distance = np.sqrt(z**2 + y**2 + x**2)
    found = rim(patch((distance <= 15) & (distance >= 12)))
    assert value(found["rim_completeness"]) > 0.97
    assert value(found["rim_thickness"]) == pytest.approx(3, abs=1)


def test_half_a_shell_has_half_a_rim() -> None:
    z, y, x = grid(51, 51, 51)
    distance = np.sqrt(z**2 + y**2 + x**2)
    shell = (distance <= 20) & (distance >= 17)
    whole, part = (value(rim(patch(m))["rim_completeness"]) for m in (shell, shell & (y < 8)))
    assert whole > 0.97
    assert 0.5 < part < 0.85


def test_a_speck_is_too_small() -> None:
    assert isinstance(rim(patch(disc(3)))["rim_completeness"], Unknown)

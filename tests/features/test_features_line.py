import numpy as np
import pytest
from shapes import SPACING_MM, bar, disc, grid, patch, ring, value, wave, wave_length

from pipeline.features.line import line
from pipeline.model.known import Unknown


def test_a_bar_has_its_length_and_width() -> None:
    found = line(patch(bar(160, 8)))
    assert value(found["skeleton_length"]) == pytest.approx(152 * SPACING_MM, rel=0.05)
    assert value(found["mean_width"]) == pytest.approx(8 * SPACING_MM, rel=0.06)
    assert value(found["tortuosity"]) == pytest.approx(1, abs=0.02)
    assert value(found["length_to_width"]) > 15
    assert value(found["linearity"]) > 0.75
    assert value(found["branches"]) == 0


@pytest.mark.parametrize("turn_deg", [0, 15, 30, 45, 60])
def test_two_slanted_walls_are_measured_as_two_straight_ones(turn_deg: float) -> None:
    y, x = grid(260, 260)
    angle = np.radians(turn_deg)
    across, along = y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)
    found = line(patch((np.abs(np.abs(across) - 12.5) <= 3.5) & (np.abs(along) <= 100)))
    assert value(found["skeleton_length"]) == pytest.approx(2 * 194 * SPACING_MM, rel=0.05)
    assert value(found["mean_width"]) == pytest.approx(7 * SPACING_MM, rel=0.08)
    assert value(found["tram_track_fraction"]) > 0.9


def test_small_even_grains_keep_a_point_each() -> None:
    mask = np.zeros((12, 12, 40), bool)
    for start in (4, 14, 24):
        mask[4:6, 4:6, start : start + 2] = True
        mask[4:8, 4:8, start + 4 : start + 8] = True
    found = line(patch(mask))
    assert value(found["width_variation"]) < 1
    assert value(found["mean_width"]) > 2


def test_a_disc_is_no_line() -> None:
    found = line(patch(disc(20)))
    assert value(found["length_to_width"]) < 0.5
    assert value(found["linearity"]) < 0.2
    assert value(found["mean_width"]) == pytest.approx(40 * SPACING_MM, rel=0.1)


@pytest.mark.parametrize(("height", "period"), [(10, 80), (20, 80), (25, 60)])
def test_a_thread_is_as_winding_as_its_course(height: float, period: float) -> None:
    found = line(patch(wave(240, height, period, 5)))
    length = wave_length(240, height, period)
    assert value(found["skeleton_length"]) == pytest.approx(length * SPACING_MM, rel=0.06)
    assert value(found["tortuosity"]) == pytest.approx(length / 240, rel=0.07)
    assert value(found["mean_width"]) == pytest.approx(5 * SPACING_MM, rel=0.15)
    assert value(found["width_variation"]) < 0.25
    assert value(found["branches"]) == 0


def test_a_cross_has_one_junction() -> None:
    mask = np.zeros((120, 120), bool)
    mask[57:63, 10:110] = mask[10:110, 57:63] = True
    assert value(line(patch(mask))["branches"]) == 1


def test_two_parallel_walls_are_a_tram_track() -> None:
    mask = np.zeros((60, 200), bool)
    mask[18:21, 10:190] = mask[38:41, 10:190] = True
    assert value(line(patch(mask))["tram_track_fraction"]) > 0.9


def test_one_wall_a_ring_and_a_solid_bar_are_no_tram_track() -> None:
    single = np.zeros((60, 200), bool)
    single[18:21, 10:190] = True
    for mask in (single, ring(12, 3), bar(160, 20)):
        assert value(line(patch(mask))["tram_track_fraction"]) < 0.1


def test_walls_wider_apart_than_an_artery_are_no_tram_track() -> None:
    mask = np.zeros((120, 300), bool)
    mask[18:21, 10:290] = mask[98:101, 10:290] = True
    assert value(line(patch(mask))["tram_track_fraction"]) < 0.1


def test_a_line_is_measured_in_elements_without_spacing() -> None:
    found = line(patch(bar(160, 8), spacing_mm=Unknown("spacing not known")))
    assert value(found["length_to_width"]) > 15


def test_a_helix_is_as_winding_as_its_course() -> None:
    at = np.linspace(0, 6 * np.pi, 4000)
    course = np.column_stack([12 + 8 * np.cos(at), 12 + 8 * np.sin(at), 6 + at * 3])
    mask = np.zeros((25, 25, 70), bool)
    mask[tuple(np.rint(course).astype(int).T)] = True
    length = np.hypot(8, 3) * 6 * np.pi
    found = line(patch(mask))
    assert value(found["skeleton_length"]) == pytest.approx(length, rel=0.07)
    assert value(found["tortuosity"]) == pytest.approx(length / np.linalg.norm(course[-1] - course[0]), rel=0.08)

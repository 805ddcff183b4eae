"""Courses: lines, rings of grains and masses of known course."""

import numpy as np
import pytest

from pipeline.features.course import clumps, course
from pipeline.model.known import Unknown
from tests.shapes import SPACING_MM, bar, disc, discs, patch, value, wave


def test_a_straight_bar_is_one_course_as_long_as_itself() -> None:
    found = course(patch(bar(240, 6)))
    assert value(found["course_fraction"]) > 0.99
    assert value(found["course_straightness"]) > 0.97
    assert value(found["course_length"]) == pytest.approx(240 * SPACING_MM, abs=4)


def test_a_broken_line_is_still_one_course() -> None:
    beads = discs(tuple((0.0, float(c)) for c in range(-100, 101, 40)), 6, size=241)
    found = course(patch(beads))
    assert value(found["course_fraction"]) > 0.95
    assert value(found["clumps"]) == 6


def test_a_winding_thread_is_one_course_that_is_not_straight() -> None:
    found = course(patch(wave(200, 40, 100, 6)))
    assert value(found["course_fraction"]) > 0.8
    assert value(found["course_straightness"]) < 0.7


def test_a_mass_has_no_course() -> None:
    found = course(patch(disc(80)))
    assert value(found["course_fraction"]) < 0.65
    assert value(found["clumps"]) == 1


def test_a_speck_is_too_short_for_a_course() -> None:
    found = course(patch(disc(6)))
    assert isinstance(found["course_fraction"], Unknown)
    assert value(found["clumps"]) == 1


def test_grains_are_apart_from_5_mm_on() -> None:
    near = np.array([[0.0, 0.0], [0.0, 2.0]])
    far = np.array([[0.0, 0.0], [0.0, 8.0]])
    assert (clumps(near), clumps(far)) == (1, 2)

"""A level that moves with gravity between two views."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import lesion_at, radiograph

from pipeline.findings.rules import assessed, not_assessable
from pipeline.findings.two_views import compare_views
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.lesion import Lesion
from pipeline.model.measure import Finding
from pipeline.model.vocabulary import State

ERECT: Maybe[tuple[float, ...]] = Known((1.0, 0.0), "erect")
DECUBITUS: Maybe[tuple[float, ...]] = Known((0.0, 1.0), "left decubitus")


def pair() -> tuple[Lesion, Lesion]:
    box = (slice(10, 30), slice(10, 30))
    first, second = lesion_at(box, (60, 50)), lesion_at(box, (60, 50), number=2, image=1)
    return replace(first, same_as=(2,)), replace(second, same_as=(1,))


def levels(first: float | None, second: float | None, *gravity: Any) -> list[Finding]:
    found = [
        not_assessable("fluid_level", "posture unknown", n) if p is None else assessed("fluid_level", p, "a", lesion=n)
        for n, p in ((1, first), (2, second))
    ]
    images = [radiograph(gravity=g) for g in gravity]
    return list(compare_views([*found, assessed("lobulated", 0.7, "b", lesion=1)], pair(), images))


def test_a_level_seen_with_gravity_two_ways_is_surer_on_both_views() -> None:
    first, second, other = levels(0.8, 0.7, ERECT, DECUBITUS)
    assert first.probability == pytest.approx(40 / 41)
    assert second.probability is not None
    assert second.probability > 0.9
    assert "moves" in first.because
    assert other.probability == 0.7


def test_a_level_not_seen_with_gravity_another_way_is_less_sure_and_what_is_absent_stays() -> None:
    first, second, _ = levels(0.6, 0.1, ERECT, DECUBITUS)
    assert first.probability == pytest.approx(0.75 / 1.75)
    assert first.state is State.ABSENT
    assert second.probability == 0.1


@pytest.mark.parametrize("gravity", [(ERECT, ERECT), (ERECT, Unknown("posture not stated"))])
def test_without_another_direction_nothing_changes(gravity: Any) -> None:
    assert [f.probability for f in levels(0.8, 0.7, *gravity)] == [0.8, 0.7, 0.7]


def test_a_view_on_which_nothing_can_be_told_changes_nothing() -> None:
    assert [f.probability for f in levels(0.8, None, ERECT, DECUBITUS)] == [0.8, None, 0.7]


def test_it_is_the_angle_that_counts_not_the_side() -> None:
    slanted = Known((float(np.cos(0.5)), float(np.sin(0.5))), "slanted")
    assert levels(0.8, 0.7, ERECT, slanted)[0].probability == 0.8
    assert levels(0.8, 0.7, ERECT, Known((-1.0, 0.0), "upside down"))[0].probability > 0.9  # type: ignore[operator]

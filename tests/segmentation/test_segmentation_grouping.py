"""Which deposits become one lesion, in the plane and in space."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.lesion import Crop, Deposit
from pipeline.segmentation.grouping import group


def block(offset: tuple[int, ...], size: tuple[int, ...], confidence: float = 0.9) -> Deposit:
    return Deposit(Crop(np.ones(size, bool), offset), confidence)


def sizes(deposits: list[Deposit], spacing: tuple[float, ...]) -> list[int]:
    return sorted(len(lesion) for lesion in group(deposits, spacing))


def test_nothing_gives_no_lesion() -> None:
    assert group([], (1.0, 1.0)) == ()


def test_fragments_nearer_than_a_centimetre_are_one_lesion() -> None:
    assert sizes([block((0, 0), (4, 4)), block((0, 12), (4, 4))], (1.0, 1.0)) == [2]


def test_two_grains_four_centimetres_apart_are_two_lesions() -> None:
    assert sizes([block((0, 0), (4, 4)), block((0, 40), (4, 4))], (1.0, 1.0)) == [1, 1]


def test_large_masses_bridge_a_wider_gap_than_grains() -> None:
    assert sizes([block((0, 0), (40, 40)), block((0, 55), (40, 40))], (1.0, 1.0)) == [2]
    assert sizes([block((0, 0), (4, 4)), block((0, 19), (4, 4))], (1.0, 1.0)) == [1, 1]


def test_stretches_of_one_vessel_are_one_lesion() -> None:
    assert sizes([block((0, 0), (3, 30)), block((2, 55), (3, 30))], (1.0, 1.0)) == [2]


def test_stretches_side_by_side_are_two_vessels() -> None:
    assert sizes([block((0, 0), (3, 30)), block((27, 0), (3, 30))], (1.0, 1.0)) == [1, 1]


def test_a_field_of_grains_is_one_lesion() -> None:
    grains = [block((30 * i, 30 * j), (5, 5)) for i in range(3) for j in range(3)]
    assert sizes(grains, (1.0, 1.0)) == [9]


def test_a_mass_is_not_drawn_into_a_field_of_grains() -> None:
    grains = [block((30 * i, 0), (5, 5)) for i in range(4)]
    assert sizes([*grains, block((0, 40), (90, 90))], (1.0, 1.0)) == [1, 4]


def test_the_most_confident_lesion_and_deposit_come_first() -> None:
    lesions = group([block((0, 0), (4, 4), 0.6), block((0, 8), (4, 4), 0.7), block((90, 90), (4, 4), 0.9)], (1.0, 1.0))
    assert [d.confidence for lesion in lesions for d in lesion] == [0.9, 0.7, 0.6]


@pytest.mark.parametrize("spacing", [(3.0, 0.7, 0.7), (1.0, 1.0, 1.0)])
def test_distance_is_measured_in_millimetres(spacing: tuple[float, ...]) -> None:
    step = round(8 / spacing[0])
    assert sizes([block((0, 0, 0), (2, 5, 5)), block((1 + step, 0, 0), (2, 5, 5))], spacing) == [2]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 150)), min_size=1, max_size=12), st.randoms())
def test_order_does_not_change_the_lesions(places: list[tuple[int, int]], random: object) -> None:
    deposits = [block(place, (4, 4)) for place in places]
    shuffled = list(deposits)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert members(deposits) == members(shuffled)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 150)), min_size=1, max_size=12))
def test_turning_the_image_does_not_change_the_lesions(places: list[tuple[int, int]]) -> None:
    upright = [block((r, c), (4, 6)) for r, c in places]
    turned = [block((c, r), (6, 4)) for r, c in places]
    assert sizes(upright, (1.0, 1.0)) == sizes(turned, (1.0, 1.0))


def members(deposits: list[Deposit]) -> set[frozenset[int]]:
    return {frozenset(id(d) for d in lesion) for lesion in group(deposits, (1.0, 1.0))}

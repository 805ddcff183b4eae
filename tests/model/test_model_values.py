"""The values that travel refuse what they must not hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.identity import derived_uid, file_stem, is_uid
from pipeline.model.image import CoarseMask
from pipeline.model.lesion import crop_of, label_array, union
from pipeline.model.measure import Finding
from pipeline.model.ranking import Differential, Ranked
from pipeline.model.vocabulary import State


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_derived_uids_are_valid_and_depend_on_their_parts_alone(parts: list[str]) -> None:
    uid = derived_uid(*parts)
    assert is_uid(uid)
    assert uid == derived_uid(*parts)
    assert uid != derived_uid(*parts, "more")


@pytest.mark.parametrize(
    "hostile", ["/etc/passwd", "../../x", "", "1." * 40 + "1", "CON", "1.2\x00", "1..2", ".", "1.2."]
)
def test_a_uid_that_is_none_never_becomes_a_path(hostile: str) -> None:
    stem = file_stem(hostile)
    assert len(stem) == 64
    assert set(stem) <= set("0123456789abcdef")


def test_a_crop_is_the_smallest_box_and_pastes_back() -> None:
    mask = np.zeros((6, 7), bool)
    mask[2:4, 3:6] = True
    crop = crop_of(mask)
    assert crop.offset == (2, 3)
    assert crop.stop == (4, 6)
    assert np.array_equal(crop.points(), np.argwhere(mask))


def test_a_union_holds_all_elements_once() -> None:
    a, b = np.zeros((5, 5), bool), np.zeros((5, 5), bool)
    a[0, 0] = a[1, 1] = b[1, 1] = b[4, 2] = True
    joined = union([crop_of(a), crop_of(b)])
    assert {tuple(p) for p in joined.points()} == {(0, 0), (1, 1), (4, 2)}


def test_an_empty_mask_has_no_crop() -> None:
    with pytest.raises(ValueError, match="empty"):
        crop_of(np.zeros((3, 3), bool))


def test_a_coarse_mask_reads_the_same_by_points_and_by_window() -> None:
    coarse = CoarseMask(np.eye(3, dtype=bool), (2, 3))
    window = coarse.window((0, 0), (6, 9))
    points = np.argwhere(np.ones((6, 9), bool))
    assert np.array_equal(window.ravel(), coarse.at(points))
    assert not coarse.at(np.array([[-1, 0], [6, 0]])).any()


def test_labels_are_zero_outside_lesions() -> None:
    assert not label_array((4, 4), ()).any()


def test_a_probability_belongs_to_an_assessable_finding_alone() -> None:
    with pytest.raises(ValueError, match="assessable"):
        Finding("fluid_level", State.NOT_ASSESSABLE, 0.5, "posture not known")
    with pytest.raises(ValueError, match="assessable"):
        Finding("fluid_level", State.PRESENT, None, "a step")


def test_a_differential_sums_to_one_and_falls() -> None:
    with pytest.raises(ValueError, match="sum"):
        Differential((Ranked("a", "g", 0.5),))
    with pytest.raises(ValueError, match="falling"):
        Differential((Ranked("a", "g", 0.4), Ranked("b", "g", 0.6)))
    assert Differential((Ranked("a", "g", 0.6), Ranked("b", "g", 0.4))).top.entity == "a"

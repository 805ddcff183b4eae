"""A statement is taken only when it makes sense for the result that the reader saw; what is wrong is said."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import CT_SHAPE, SHAPE, write_result

from pipeline.errors import InputError
from pipeline.feedback.said import Seen, StaleError, read_said
from pipeline.feedback.store import read_results

DIAGNOSES = ("tumoral_calcinosis", "phlebolith", "no_calcification")
ENTITY = {"mark": "diagnosis", "entity": "phlebolith"}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return Seen(*read_results(write_result(tmp_path_factory.mktemp("a"))), DIAGNOSES)


@pytest.fixture(scope="module")
def seen_ct(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return Seen(*read_results(write_result(tmp_path_factory.mktemp("b"), ct=True, boxes=((5, 5, 9, 9),))), DIAGNOSES)


def test_a_mark_bears_its_lesion_its_image_and_the_result_it_was_said_of(seen: Seen) -> None:
    said = read_said({"mark": "right", "lesion": 2, "reader": " B "}, seen, "t")
    assert (said.about, said.mark, said.lesion, said.image) == ("lesion:2", "right", 2, "1.2.3.1.1")
    assert (said.result, said.reader) == (seen.digest, "B")


def test_a_box_of_shares_becomes_first_and_last_index(seen: Seen) -> None:
    said = read_said({"mark": "missed", "image": "1.2.3.1.1", "box": [0, 0.5, 0.25, 1]}, seen, "t")
    assert said.box == ((0, 30), (9, 59))
    assert said.about == "missed:t"


def test_a_box_on_ct_reaches_over_the_slices_that_were_named(seen_ct: Seen) -> None:
    asked = {"mark": "missed", "image": "1.2.3.1", "box": [0, 0, 1, 1], "slices": [4, 6]}
    assert read_said(asked, seen_ct, "t").box == ((3, 0, 0), (5, 29, 29))


@given(edges=st.tuples(*[st.floats(0, 1)] * 4))
def test_every_box_that_is_taken_lies_inside_its_image(seen: Seen, edges: tuple[float, ...]) -> None:
    top, bottom, left, right = min(edges[:2]), max(edges[:2]), min(edges[2:]), max(edges[2:])
    asked = {"mark": "missed", "image": "1.2.3.1.1", "box": [top, left, bottom, right]}
    try:
        box = read_said(asked, seen, "t").box
    except InputError:
        assert bottom - top < 0.002 or right - left < 0.002
        return
    assert box is not None
    for low, high, n, first, last in zip(*box, SHAPE, (top, left), (bottom, right), strict=True):
        assert 0 <= low <= high < n
        assert low <= first * n <= low + 1 or low == n - 1
        assert high <= last * n <= high + 1 or high == low


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ([], "JSON object"),
        ({"mark": "perhaps"}, "perhaps"),
        ({"mark": "right", "lesions": 1}, "did you mean lesion"),
        ({"mark": "right", "lesion": 3}, "not among the 2"),
        ({"mark": "right", "lesion": True}, "True"),
        ({"mark": "right"}, "None"),
        ({"mark": "missed", "image": "9.9", "box": [0, 0, 1, 1]}, "no image"),
        ({"mark": "missed", "image": "1.2.3.1.1", "box": [0, 0, 1]}, "4 numbers"),
        ({"mark": "missed", "image": "1.2.3.1.1", "box": [0, 0, 1, float("nan")]}, "4 numbers"),
        ({"mark": "missed", "image": "1.2.3.1.1", "box": [0.5, 0, 0.4, 1]}, "top before bottom"),
        ({"mark": "missed", "image": "1.2.3.1.1", "box": [0, 0, 1, 1.5]}, "0 to 1"),
        ({"mark": "missed", "image": "1.2.3.1.1", "box": [0.5, 0.5, 0.5001, 0.6]}, "too small"),
        ({"mark": "diagnosis"}, "one of entity and other"),
        ({**ENTITY, "other": "gout"}, "one of entity and other"),
        ({"mark": "diagnosis", "entity": "phlebolit"}, "did you mean phlebolith"),
        ({"mark": "diagnosis", "other": "two\nlines"}, "one line"),
        ({"mark": "diagnosis", "other": "x" * 201}, "200 characters"),
        ({**ENTITY, "reader": 7}, "reader"),
        ({"mark": "withdrawn", "about": "lesion:../x"}, "none of"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(seen: Seen, asked: Any, word: str) -> None:
    with pytest.raises(InputError, match=word):
        read_said(asked, seen, "t")


@pytest.mark.parametrize("slices", [None, [1], [0, 1], [3, 2], [1, CT_SHAPE[0] + 1], [1.5, 2]])
def test_slices_of_a_ct_must_be_its_own(seen_ct: Seen, slices: Any) -> None:
    with pytest.raises(InputError, match="slices"):
        read_said({"mark": "missed", "image": "1.2.3.1", "box": [0, 0, 1, 1], "slices": slices}, seen_ct, "t")


def test_a_statement_about_an_older_result_is_refused_as_such(seen: Seen) -> None:
    with pytest.raises(StaleError, match="reload"):
        read_said({**ENTITY, "result": "0" * 64}, seen, "t")
    assert read_said({**ENTITY, "result": seen.digest}, seen, "t").entity == "phlebolith"

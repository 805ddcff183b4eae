"""Lesions of two studies are matched by place; what has grown, come and gone is told."""

from typing import Any

import pytest

from pipeline.follow_up import compare


def lesion(number: int, at: tuple[float, float], extent: float = 20.0, **changes: Any) -> dict[str, Any]:
    """A lesion as results.json says it, with its size, density and parts."""
    features = {
        "largest_extent": {"value": extent, "unit": "mm", "code": None},
        "relative_contrast": {"value": 0.5, "unit": "1", "code": None},
        "intensity_mean": {"not_assessable": "not measured on a radiograph"},
    }
    return {"id": number, "image": 0, "centroid": list(at), "parts": 2, "features": features} | changes


def study(*lesions: dict[str, Any], uid: str = "1.2.1", **changes: Any) -> dict[str, Any]:
    """A study with one radiograph of 400 x 300 mm."""
    image = {
        "kind": "radiograph",
        "region": "thigh",
        "view": "AP",
        "laterality": "R",
        "shape": [800, 600],
        "spacing_mm": [0.5, 0.5],
        "gravity": None,
    }
    return {"study": {"study_instance_uid": uid}, "images": [image | changes], "lesions": list(lesions)}


def test_a_lesion_that_stayed_is_matched_and_its_growth_told() -> None:
    told = compare(study(lesion(3, (200, 300))), study(lesion(1, (210, 310), 30.0, parts=3)), 90)
    assert told is not None
    (pair,) = told["lesions"]
    assert (pair["lesion"], pair["earlier_lesion"], pair["change"]) == (1, 3, "grown")
    measured = {m["name"]: (m["earlier"], m["later"], m["relative"]) for m in pair["measures"]}
    assert measured["largest_extent"] == (20.0, 30.0, 0.5)
    assert measured["parts"] == (2, 3, 0.5)
    assert "intensity_mean" not in measured
    assert told["days"] == 90
    assert told["new"] == told["gone"] == []


def test_what_lies_elsewhere_is_new_and_what_is_missing_is_gone() -> None:
    told = compare(study(lesion(1, (100, 100))), study(lesion(1, (700, 500))), 30)
    assert told is not None
    assert (told["lesions"], told["new"], told["gone"]) == ([], [1], [1])


def test_a_shift_that_lesions_share_does_not_confuse_neighbours() -> None:
    """Three lesions 40 mm apart, all moved by 45 mm: without the shift each would be taken for its neighbour."""
    before = [lesion(i + 1, (200 + 80 * i, 300)) for i in range(3)]
    after = [lesion(i + 1, (290 + 80 * i, 300)) for i in range(3)]
    told = compare(study(*before), study(*after), 10)
    assert told is not None
    assert [(p["lesion"], p["earlier_lesion"]) for p in told["lesions"]] == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize(
    "other",
    [
        {"region": "knee"},
        {"laterality": "L"},
        {"view": "LAT"},
        {"kind": "ct"},
        {"region": "unknown"},
    ],
)
def test_another_site_side_or_view_is_not_compared(other: dict[str, Any]) -> None:
    assert compare(study(lesion(1, (200, 300)), **other), study(lesion(1, (200, 300))), 10) is None


def test_a_picture_that_was_turned_is_not_compared() -> None:
    before, after = study(gravity=[1.0, 0.0]), study(gravity=[0.0, 1.0])
    assert compare(before, after, 10) is None


def test_an_unknown_side_does_not_hinder() -> None:
    told = compare(study(lesion(1, (200, 300)), laterality=None), study(lesion(1, (200, 300))), 10)
    assert told is not None
    assert told["lesions"][0]["change"] == "unchanged"


def test_a_change_of_two_pixels_is_none() -> None:
    told = compare(study(lesion(1, (200, 300), 2.0)), study(lesion(1, (200, 300), 2.9)), 10)
    assert told is not None
    assert told["lesions"][0]["change"] == "unchanged"


def test_smaller_is_grown_the_other_way() -> None:
    small, large = study(lesion(1, (200, 300), 20.0)), study(lesion(1, (200, 300), 30.0))
    changes = [(compare(a, b, 1) or {})["lesions"][0]["change"] for a, b in ((small, large), (large, small))]
    assert changes == ["grown", "smaller"]


def test_without_spacing_places_are_shares_and_sizes_are_not_compared() -> None:
    bare = lesion(1, (200, 300)) | {"features": {}}
    told = compare(study(bare, spacing_mm=None), study(bare, spacing_mm=None), 5)
    assert told is not None
    assert told["lesions"][0]["change"] == "not_comparable"
    assert any("spacing" in note for note in told["notes"])


def test_an_empty_study_compares_to_new_lesions_alone() -> None:
    told = compare(study(), study(lesion(1, (200, 300))), 5)
    assert told is not None
    assert (told["lesions"], told["new"], told["gone"]) == ([], [1], [])

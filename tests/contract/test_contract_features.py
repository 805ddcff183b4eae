"""Every row of FEATURES: what it promises about names, units, reasons, and what must not change it."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from shapes import SPACING_MM, disc, lesion, radiograph, ring, sediment, sediment_ball, segmentation, volume, wave

from pipeline.features.measure import measure, measure_in_brief
from pipeline.features.table import FEATURES, FeatureRow
from pipeline.model.image import Image, Radiograph
from pipeline.model.known import Known, Unknown
from pipeline.model.measure import Measurement

UNITS = {"1", "mm", "mm2", "mm3", "/mm", "/cm2", "deg", "[hnsf'U]", "[hnsf'U]2"}
POWER = {"mm": 1, "mm2": 2, "mm3": 3, "/mm": -1, "/cm2": -2}
PLACED = {"fluid_level_row", "depth_fraction", "midline_offset"}
"""Follows the image or the body, not the lesion."""
RESOLVED = {"rim_thickness", "hole_diameter", "euler_number_density", "course_length"}
"""Bound to a length in millimetres: what is finer is not told apart."""

TOLERANCE = {
    "tortuosity": 0.06, "skeleton_length": 0.2, "length_to_width": 0.3, "mean_width": 0.1, "linearity": 0.1,
    "course_fraction": 0.1, "course_length": 0.1, "course_straightness": 0.1,
}  # fmt: skip
"""Relative change under mirror and quarter turn. Skeletons are thinned in a fixed order: in masses and short grains
they differ by elements, in threads hardly. So do the shortest trees of cells at equal distances."""
DEFAULT_TOLERANCE = 0.02
ABSOLUTE = {
    "branches": 1.0,
    "skeleton_length": 0.3,
    "tram_track_fraction": 0.05,
    "width_variation": 0.15,
    "fluid_level_tilt": 0.3,
}
DEFAULT_ABSOLUTE = 0.01


def _flat(
    mask: NDArray[np.bool_], density: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    values = ndimage.gaussian_filter(mask.astype(np.float32), 0.8) if density is None else density
    return mask, values


SHAPES = {
    "disc": _flat(disc(22)),
    "ring": _flat(ring(22, 5)),
    "thread": _flat(wave(120, 15, 60, 5)),
    "level": _flat(*sediment(30, 4)),
    "grains": _flat(np.tile(np.pad(np.ones((5, 11), bool), 8), (3, 2))),
}
SOLIDS = {"level": sediment_ball(11, 2, size=41)}

Turn = Callable[[NDArray[np.generic]], NDArray[np.generic]]
TURNS: dict[str, tuple[Turn, tuple[float, float]]] = {
    "mirror": (lambda a: a[:, ::-1], (1.0, 0.0)),
    "quarter": (np.rot90, (0.0, 1.0)),
    "half": (lambda a: a[::-1, ::-1], (-1.0, 0.0)),
}
"""What is done to the image, and where its downward direction (1, 0) points then."""


def _measured(mask: NDArray[np.generic], values: NDArray[np.generic], **changes: object) -> Measurement:
    mask = np.ascontiguousarray(mask).astype(bool)
    image: Image
    if mask.ndim == 2:
        image = radiograph(np.ascontiguousarray(values), **changes)
        return measure(lesion(mask), image, segmentation(image))
    image = volume(np.ascontiguousarray(values), **changes)
    return measure(lesion(mask), image, segmentation(image, noise=10.0))


def _agree(row: FeatureRow, first: Measurement, second: Measurement, factor: float = 1.0) -> None:
    a, b = first.known(row.name), second.known(row.name)
    assert (a is None) == (b is None), row.name
    if a is not None and b is not None:
        relative = TOLERANCE.get(row.name, DEFAULT_TOLERANCE)
        absolute = ABSOLUTE.get(row.name, DEFAULT_ABSOLUTE)
        assert b == pytest.approx(a * factor, rel=relative, abs=absolute * factor), row.name


@pytest.mark.parametrize("row", FEATURES, ids=lambda r: r.name)
def test_a_row_is_well_formed(row: FeatureRow) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", row.name)
    assert row.unit in UNITS
    assert row.code is None or re.fullmatch(r"(IBSI:[A-Z0-9]{4}|SCT:\d+)", row.code)
    assert row.meaning
    assert row.kinds
    assert "spacing" in row.needs or row.unit not in POWER or row.kinds == ("ct",)


def test_names_are_unique() -> None:
    names = [row.name for row in FEATURES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", SHAPES)
def test_every_feature_of_the_table_is_measured_or_has_a_reason(name: str) -> None:
    found = _measured(*SHAPES[name])
    assert [f.name for f in found.features] == [row.name for row in FEATURES]
    for feature, row in zip(found.features, FEATURES, strict=True):
        assert (feature.unit, feature.code) == (row.unit, row.code)
        if isinstance(feature.value, Known):
            assert np.isfinite(feature.value.value)
            json.dumps(feature.value.value)
        else:
            assert re.fullmatch(r"[A-Za-z0-9 :;,()'-]+[a-z0-9)T]", feature.value.reason)


def test_every_feature_is_known_on_some_shape() -> None:
    known = set()
    for mask, values in (*SHAPES.values(), *SOLIDS.values()):
        bone = np.zeros_like(mask)
        bone[..., -9:] = True
        inside = np.ones_like(mask)
        inside[..., :2, :] = False
        values = np.where(bone, 1.2 * values.max(), values).astype(np.float32)
        image: Image = radiograph(values) if mask.ndim == 2 else volume(values)
        seen = segmentation(image, bone=bone, body=inside, noise=0.01 if mask.ndim == 2 else 10.0)
        known |= {f.name for f in measure(lesion(mask), image, seen).features if isinstance(f.value, Known)}
    assert known == {row.name for row in FEATURES}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("name", SHAPES)
def test_turning_an_image_with_its_gravity_changes_nothing(name: str, turn: str) -> None:
    mask, values = SHAPES[name]
    turned, gravity = TURNS[turn]
    plain = _measured(mask, values)
    other = _measured(turned(mask), turned(values), gravity=Known(gravity, "test"))
    for row in FEATURES:
        if row.name not in PLACED:
            _agree(row, plain, other)


@pytest.mark.parametrize("name", SOLIDS)
def test_turning_a_volume_with_its_gravity_changes_nothing(name: str) -> None:
    mask, values = SOLIDS[name]
    plain = _measured(mask, values)
    other = _measured(mask[:, ::-1], values[:, ::-1], gravity=Known((0.0, -1.0, 0.0), "test"))
    for row in FEATURES:
        if row.name not in PLACED:
            _agree(row, plain, other)


@pytest.mark.parametrize("name", SHAPES)
def test_a_place_elsewhere_in_the_image_changes_nothing(name: str) -> None:
    mask, values = SHAPES[name]
    plain = _measured(np.pad(mask, 40), np.pad(values, 40))
    other = _measured(np.pad(mask, ((75, 5), (10, 70))), np.pad(values, ((75, 5), (10, 70))))
    for row in FEATURES:
        if row.name not in PLACED:
            _agree(row, plain, other)


@pytest.mark.parametrize("name", SHAPES)
def test_a_brighter_radiograph_changes_nothing(name: str) -> None:
    mask, values = SHAPES[name]
    shifted = radiograph(values + np.float32(0.5))
    seen = segmentation(shifted)
    raised = replace(seen, background=np.full(values.shape, 0.5, np.float32))
    plain, other = _measured(mask, values), measure(lesion(mask), shifted, raised)
    for row in FEATURES:
        _agree(row, plain, other)


@pytest.mark.parametrize("name", ["disc", "ring", "thread", "grains"])
def test_millimetres_follow_the_spacing(name: str) -> None:
    """A lesion of half the size with pixels of half the size; features that look at a fixed distance are left out."""
    mask, values = SHAPES[name]
    plain = _measured(mask, values)
    small = _measured(mask, values, spacing_mm=Known((SPACING_MM / 2,) * 2, "test"))
    for row in FEATURES:
        if row.unit in POWER and row.name not in RESOLVED:
            before, after = plain.known(row.name), small.known(row.name)
            if before is not None and after is not None:
                assert after == pytest.approx(before * 0.5 ** POWER[row.unit], rel=0.05), row.name


@pytest.mark.parametrize("name", ["disc", "ring", "thread"])
def test_finer_pixels_show_the_same_lesion(name: str) -> None:
    """Twice as many pixels each way: sizes within 6 %, ratios within 0.1."""
    mask, values = SHAPES[name]
    fine_mask = ndimage.zoom(mask.astype(np.float32), 2, order=1) > 0.5
    fine = ndimage.zoom(values, 2, order=1)
    plain = _measured(mask, values)
    other = _measured(fine_mask, fine, spacing_mm=Known((SPACING_MM / 2,) * 2, "test"))
    for row_name in (
        "area",
        "perimeter",
        "largest_extent",
        "least_extent",
        "mean_width",
        "skeleton_length",
        "circularity",
        "solidity",
        "tortuosity",
        "linearity",
        "rim_completeness",
        "parts",
    ):
        a, b = plain.known(row_name), other.known(row_name)
        assert (a is None) == (b is None)
        if a is not None:
            assert b == pytest.approx(a, rel=0.08, abs=0.15), row_name


def test_without_spacing_no_millimetres_are_told() -> None:
    mask, values = SHAPES["disc"]
    found = _measured(mask, values, spacing_mm=Unknown("spacing not known"))
    for feature, row in zip(found.features, FEATURES, strict=True):
        if row.unit in POWER:
            assert isinstance(feature.value, Unknown)
            assert row.kinds == ("ct",) or feature.value == Unknown("spacing not known")


def test_at_the_edge_of_the_field_no_lobules_are_counted() -> None:
    mask, values = SHAPES["disc"]
    cut_off = _measured(mask[20:], values[20:])
    reasons = {f.name: f.value for f in cut_off.features}
    assert reasons["lobules"] == Unknown("touches the edge of the field: not seen as a whole")
    assert cut_off.known("border_contact") == 1


def test_a_brief_measurement_has_every_row() -> None:
    mask, values = SHAPES["disc"]
    image = radiograph(values)
    found = measure_in_brief(lesion(mask), image, segmentation(image))
    assert {f.name for f in found.features} == {row.name for row in FEATURES}
    assert found.known("parts") == 1
    assert found.known("area") == measure(lesion(mask), image, segmentation(image)).known("area")
    assert found.known("lobules") is None
    assert isinstance(image, Radiograph)

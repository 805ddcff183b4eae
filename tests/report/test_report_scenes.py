"""Pictures of the page: outlines round what they mark, slices with lesions first, greys that windows are cut from."""

import re

import numpy as np
import pytest
from builders import analysis, lesion_at, radiograph, volume
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.encoding import CT_WINDOWS, GREY_KNOTS, HU_KNOTS, TABLE_STEPS, fitted, grey_of
from pipeline.report.outlines import TAG_PX, outline, tags
from pipeline.report.planes import Piece, projection_plane, radiograph_plane, slice_plane
from pipeline.report.scenes import CROP_PX, chosen_slices, scenes


def corners(path: str) -> np.ndarray:
    return np.array([[float(n) for n in pair.split()] for pair in re.findall(r"[\d.]+ [\d.]+", path)])


def piece(rows: slice, cols: slice, shape: tuple[int, int]) -> Piece:
    mask = np.zeros(shape, bool)
    mask[rows, cols] = True
    return Piece(1, mask, (0, 0))


def test_a_line_runs_just_outside_what_it_marks() -> None:
    shape = (800, 800)
    found = corners(outline(piece(slice(200, 300), slice(100, 250), shape), shape))
    assert found[:, 0].min() == pytest.approx(100, abs=5)
    assert found[:, 0].min() < 100
    assert found[:, 0].max() == pytest.approx(250, abs=5)
    assert found[:, 1].min() == pytest.approx(200, abs=5)
    assert found[:, 1].max() > 300


def test_a_line_on_a_coarse_picture_keeps_to_the_edge_of_its_pixels() -> None:
    shape = (40, 40)
    found = corners(outline(piece(slice(10, 20), slice(5, 8), shape), shape))
    assert np.allclose([found.min(axis=0), found.max(axis=0)], [[5, 10], [8, 20]], atol=0.6)


def test_holes_are_not_traced() -> None:
    mask = np.zeros((100, 100), bool)
    mask[20:80, 20:80] = True
    mask[40:60, 40:60] = False
    assert outline(Piece(1, mask, (0, 0)), (100, 100)).count("M") == 1


def test_rows_that_are_farther_apart_stretch_the_line() -> None:
    shape = (40, 40)
    square = piece(slice(10, 20), slice(5, 8), shape)
    assert corners(outline(square, shape, 3.0))[:, 1].max() == pytest.approx(3 * 20, abs=1.6)


def test_numbers_of_neighbours_do_not_cover_each_other() -> None:
    shape = (640, 640)
    mask = np.ones((6, 6), bool)
    pieces = [Piece(n + 1, mask, (300, 300 + 14 * n)) for n in range(5)]
    places = np.array(list(tags(pieces, shape).values())) * 640
    apart = np.abs(places[:, None] - places[None])
    clear = (apart[..., 0] >= TAG_PX[0] - 0.5) | (apart[..., 1] >= TAG_PX[1] - 0.5)
    assert clear[~np.eye(5, dtype=bool)].all()


@given(
    count=st.integers(1, 300),
    spans=st.lists(st.tuples(st.integers(0, 299), st.integers(1, 120)), max_size=4),
)
def test_slices_with_lesions_come_first(count: int, spans: list[tuple[int, int]]) -> None:
    shape = (count, 4, 4)
    lesions = []
    for number, (start, length) in enumerate(spans, start=1):
        low = min(start, count - 1)
        box = (slice(low, min(count, low + length)), slice(0, 2), slice(0, 2))
        lesions.append(lesion_at(box, shape, number=number))
    chosen = chosen_slices(count, lesions, 80)
    held = {i for x in lesions for i in range(x.crop.offset[0], x.crop.stop[0])}
    assert len(chosen) == len(set(chosen)) == min(80, count)
    assert list(chosen) == sorted(chosen)
    assert len(held & set(chosen)) == min(80, len(held))


def test_windows_cut_the_greys_as_a_window_of_the_volume_would() -> None:
    """What the page's table makes of a grey is what the window makes of its HU, within a hundredth and a half."""
    hu = np.arange(-1000, 1900, 7)
    grey = np.interp(hu, HU_KNOTS, GREY_KNOTS)
    for window, (low, high) in zip(CT_WINDOWS, ((-150, 850), (-160, 240), (-500, 1500)), strict=True):
        shown = np.interp(grey / 255, np.linspace(0, 1, TABLE_STEPS), window.table)
        assert np.abs(shown - np.clip((hu - low) / (high - low), 0, 1)).max() < 0.03


def test_pictures_are_never_enlarged_and_have_square_millimetres() -> None:
    grey = np.zeros((50, 40), np.uint8)
    assert fitted(grey, 1.0, widest=400, longest=400).size == (40, 50)
    assert fitted(grey, 2.0, widest=20, longest=400).size == (20, 50)


def test_a_projection_has_the_head_up_and_its_lesions_with_it() -> None:
    image = volume(shape=(8, 40, 30))
    lesion = lesion_at((slice(6, 8), slice(10, 20), slice(3, 5)), image.shape)
    plane = projection_plane(image, 1, (lesion,))
    assert plane.pieces[0].offset == (0, 3)
    assert plane.values.shape == (8, 30)
    assert projection_plane(image, 2, (lesion,)).pieces[0].offset == (0, 10)


def test_a_slice_holds_what_lies_in_it() -> None:
    image = volume(shape=(8, 40, 30))
    lesion = lesion_at((slice(2, 4), slice(10, 20), slice(3, 5)), image.shape)
    assert [len(slice_plane(image, k, (lesion,), {}).pieces) for k in range(8)] == [0, 0, 1, 1, 0, 0, 0, 0]


def test_what_lies_outside_the_exposed_field_is_dark() -> None:
    valid = np.zeros((60, 50), bool)
    valid[:30] = True
    bright = np.ones((60, 50), np.float32)
    bright[:30, ::2] = 0
    grey = grey_of(radiograph_plane(radiograph(attenuation=bright, valid=valid), (), {}))
    assert grey[:30].max() == 255
    assert grey[30:].max() < 70


def test_a_crop_lies_inside_its_image_and_holds_its_lesion() -> None:
    image = radiograph(shape=(600, 500))
    lesion = lesion_at((slice(0, 12), slice(480, 500)), image.shape)
    whole = analysis(image=image, lesions=(lesion,))
    crop = scenes(image, whole.lesions, whole.measurements).crops[1]
    assert crop.corner[0] == 0
    assert crop.corner[1] + crop.width == 500
    assert crop.width <= CROP_PX
    inside = corners(crop.marks[0].path)
    assert (inside >= 0).all()

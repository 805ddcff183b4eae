"""The working grid: block means, valid field, silhouette, noise."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from radiograph_phantoms import SIZE, SPACING_MM, grid_mm, half_width_mm, limb, radiograph, soft_limb

from pipeline.model.known import Known, Unknown
from pipeline.segmentation.field import block_mean, noise_of, working_field


def test_block_means_of_a_ramp_are_the_ramp_at_block_centres() -> None:
    ramp = np.arange(12, dtype=np.float32)[:, None] * np.ones((1, 6), np.float32)
    assert block_mean(ramp, (3, 2)).tolist() == [[1.0] * 3, [4.0] * 3, [7.0] * 3, [10.0] * 3]


def test_the_last_block_may_be_smaller() -> None:
    assert block_mean(np.array([[1, 2, 3]], np.float32), (1, 2)).tolist() == [[1.5, 3.0]]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_block_means_keep_the_range(rows: int, cols: int, row_factor: int, col_factor: int) -> None:
    values = np.random.default_rng(rows * 41 + cols).random((rows, cols)).astype(np.float32)
    means = block_mean(values, (row_factor, col_factor))
    assert means.shape == (-(-rows // row_factor), -(-cols // col_factor))
    assert values.min() - 1e-5 <= means.min() <= means.max() <= values.max() + 1e-5


def test_the_grid_is_about_0_4_mm() -> None:
    field = working_field(radiograph(limb()))
    assert field.factor == (2, 2)
    assert field.spacing_mm == pytest.approx((0.4, 0.4))
    assert field.pixel_mm == pytest.approx((SPACING_MM, SPACING_MM))
    assert field.spacing_is_known


@pytest.mark.parametrize("spacing", [Unknown("absent"), Known((0.0, 0.0), "PixelSpacing"), Known((50.0, 50.0), "x")])
def test_without_a_possible_spacing_the_field_is_taken_as_280_mm_and_a_note_says_so(spacing: object) -> None:
    field = working_field(replace(radiograph(limb()), spacing_mm=spacing))
    assert not field.spacing_is_known
    assert field.pixel_mm[0] * SIZE[0] == pytest.approx(280)
    assert any("spacing not known" in note for note in field.notes)


def test_unknown_processing_is_noted() -> None:
    field = working_field(replace(radiograph(limb()), log_per_unit=Unknown("maker's processing")))
    assert any("processing unknown" in note for note in field.notes)


def test_the_silhouette_is_the_limb() -> None:
    field = working_field(radiograph(limb()))
    row, col = grid_mm(field.shape, field.spacing_mm[0])
    inside = np.abs(col) < half_width_mm(row)
    assert np.mean(field.body == inside) > 0.96


def test_a_body_that_fills_the_field_has_no_bare_beam() -> None:
    film = soft_limb()
    middle = replace(film, log=film.log[:, 150:330], truth=film.truth[:, 150:330])
    assert working_field(radiograph(middle)).body.all()


def test_what_is_not_valid_is_not_body() -> None:
    image = radiograph(limb())
    valid = image.valid.copy()
    valid[:100] = False
    field = working_field(replace(image, valid=valid))
    assert not field.body[:50].any()
    assert not field.valid[:50].any()


@pytest.mark.parametrize("sigma", [0.005, 0.02, 0.1])
def test_noise_is_measured_on_a_slope(sigma: float) -> None:
    rows, cols = np.indices((200, 200))
    values = (0.01 * rows + 0.02 * cols + sigma * np.random.default_rng(1).standard_normal((200, 200))).astype(
        np.float32
    )
    assert noise_of(values, np.ones((200, 200), bool)) == pytest.approx(sigma, rel=0.05)


def test_an_image_without_contrast_is_a_field() -> None:
    image = radiograph(limb())
    field = working_field(replace(image, attenuation=np.zeros(image.shape, np.float32)))
    assert field.noise == 0
    assert field.body.all()

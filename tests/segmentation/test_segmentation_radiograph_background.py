"""Backgrounds: what slopes, edges and bodies leave in the excess, and how holes are filled."""

from dataclasses import replace

import numpy as np
import pytest
from radiograph_phantoms import limb, radiograph, soft_limb, with_disc

from pipeline.segmentation.background import Kind, enlarged, excess_maps, layer_of, without
from pipeline.segmentation.field import working_field


def test_without_fills_a_hole_in_a_plane_with_the_plane() -> None:
    rows, cols = np.indices((80, 90), dtype=np.float32)
    plane = 0.01 * rows + 0.02 * cols
    hole = (rows - 40) ** 2 + (cols - 40) ** 2 < 12**2
    spoiled = np.where(hole, plane + 5, plane).astype(np.float32)
    filled = without(spoiled, hole, np.ones_like(hole))
    assert np.abs(filled - plane)[hole].max() < 0.05
    assert np.array_equal(filled[~hole], spoiled[~hole])


def test_what_is_not_usable_does_not_fill() -> None:
    values = np.zeros((40, 40), np.float32)
    values[:, 20:] = 9
    hole = np.zeros((40, 40), bool)
    hole[15:25, 12:18] = True
    usable = np.zeros((40, 40), bool)
    usable[:, :20] = True
    assert np.abs(without(values, hole, usable)[hole]).max() < 1e-3


def test_enlarging_keeps_a_ramp() -> None:
    ramp = np.arange(10, dtype=np.float32)[:, None] * np.ones((1, 8), np.float32)
    fine = enlarged(ramp, (2, 2), (20, 16))
    assert fine[3:17, 5] == pytest.approx((np.arange(3, 17) + 0.5) / 2 - 0.5, abs=1e-6)


def test_a_limb_of_soft_tissue_leaves_no_excess_over_a_narrow_opening() -> None:
    field = working_field(radiograph(soft_limb(), noise=0.0))
    narrow = excess_maps((layer_of(field, 1), layer_of(field, 2)))[0]
    assert narrow.kind is Kind.OPENING
    assert narrow.excess.max() < 0.05


@pytest.mark.parametrize("radius_mm", [1.5, 4.0, 12.0])
def test_a_disc_stands_out_of_some_map_by_its_height(radius_mm: float) -> None:
    film = with_disc(limb(), (0, 14), radius_mm, 0.3)
    image = radiograph(film, noise=0.0)
    field = working_field(image)
    height = 0.3 / field.log_per_unit
    maps = excess_maps((layer_of(field, 1), layer_of(field, 2)))
    row, col = field.shape[0] // 2, round(field.shape[1] / 2 + 14 / field.spacing_mm[1])
    best = max(float(m.excess[row // m.stride, col // m.stride]) for m in maps)
    assert best == pytest.approx(height, rel=0.35)


def test_the_edge_of_the_valid_field_is_no_excess() -> None:
    image = radiograph(limb(), noise=0.0)
    valid = image.valid.copy()
    valid[:, :240] = False
    values = image.attenuation.copy()
    values[:, :240] = 3.0
    field = working_field(replace(image, attenuation=values, valid=valid))
    openings = [m for m in excess_maps((layer_of(field, 1), layer_of(field, 2))) if m.kind is Kind.OPENING]
    for excess_map in openings:
        beside = excess_map.excess[20:-20, 120 // excess_map.stride : 128 // excess_map.stride]
        assert beside.max() < 0.06, excess_map.scale_mm


def test_rows_that_are_enlarged_alone_are_those_of_the_whole() -> None:
    values = np.random.default_rng(5).random((9, 7)).astype(np.float32)
    whole = enlarged(values, (4, 3), (35, 20))
    assert np.array_equal(enlarged(values, (4, 3), (35, 20), range(11, 30)), whole[11:30])

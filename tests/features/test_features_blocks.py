"""Filters in boxes give what they give on the whole array, wherever the mask lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.features.blocks import box_of, boxes, depth_of, filled, labelled, near_mask, near_values

Mask = NDArray[np.bool_]


@st.composite
def sparse_masks(draw: st.DrawFn) -> Mask:
    """Large masks with a few balls and shells, some of them at the edges."""
    axes = draw(st.sampled_from([2, 3]))
    shape = (260, 240) if axes == 2 else (60, 70, 80)
    grid = np.indices(shape)
    mask = np.zeros(shape, bool)
    for _ in range(draw(st.integers(1, 5))):
        middle = [draw(st.integers(0, n - 1)) for n in shape]
        radius = draw(st.integers(1, 9))
        away = np.sqrt(sum((g - m) ** 2 for g, m in zip(grid, middle, strict=True)))
        mask |= (away <= radius) & (away >= draw(st.sampled_from([0, radius - 2])))
    return mask


@settings(max_examples=25, deadline=None)
@given(sparse_masks())
def test_boxes_hold_the_mask_and_do_not_overlap(mask: Mask) -> None:
    held = np.zeros(mask.shape, int)
    for box in boxes(mask):
        held[box] += 1
    assert held.max() == 1
    assert held[mask].all()


@settings(max_examples=25, deadline=None)
@given(sparse_masks())
def test_filters_in_boxes_equal_those_on_the_whole(mask: Mask) -> None:
    size = (7,) * mask.ndim
    found = near_mask(mask, 3, 3, lambda box: ndimage.maximum_filter(mask[box], size=size))
    assert np.array_equal(found, ndimage.maximum_filter(mask, size=size))
    values = np.random.default_rng(0).normal(size=mask.shape).astype(np.float32)
    blurred = near_values(mask, 0, 4, lambda box: ndimage.gaussian_filter(values[box], 1.0))
    assert np.allclose(blurred[mask], ndimage.gaussian_filter(values, 1.0)[mask], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(sparse_masks())
def test_holes_depths_and_pieces_equal_those_on_the_whole(mask: Mask) -> None:
    padded = np.pad(mask, 1)
    assert np.array_equal(filled(mask), ndimage.binary_fill_holes(padded)[(slice(1, -1),) * mask.ndim])
    scale = (2.0, 0.5, 0.7)[: mask.ndim]
    depth = ndimage.distance_transform_edt(padded, sampling=scale)[(slice(1, -1),) * mask.ndim]
    assert np.allclose(depth_of(mask, scale), depth, atol=1e-5)
    labels, sizes = labelled(mask)
    expected, count = ndimage.label(mask, np.ones((3,) * mask.ndim))
    assert len(sizes) == count + 1
    pairs = np.unique(np.column_stack([labels[mask], expected[mask]]), axis=0)
    assert len(pairs) == count
    assert sizes.sum() == np.count_nonzero(mask)


def test_a_sparse_field_is_worked_on_in_a_small_share_of_its_box() -> None:
    mask = np.zeros((1000, 1000), bool)
    mask[10:20, 10:20] = mask[900:910, 50:60] = mask[500:505, 950:960] = True
    assert sum(np.prod([s.stop - s.start for s in box]) for box in boxes(mask)) < 5_000


@pytest.mark.parametrize("axes", [2, 3])
def test_an_empty_mask_has_no_boxes(axes: int) -> None:
    mask = np.zeros((50,) * axes, bool)
    assert boxes(mask) == ()
    assert not filled(mask).any()
    mask[(7,) * axes] = True
    assert box_of(mask) == (slice(7, 8),) * axes

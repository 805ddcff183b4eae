"""Elements near a mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, distance_transform_edt

from pipeline.segmentation.body import grown
from pipeline.segmentation.nearness import within


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (2.5, 0.7, 0.7), (0.6, 0.55, 1.1), (9.0, 8.0, 7.0)])
@pytest.mark.parametrize("reach_mm", [1.5, 2.0, 5.5])
def test_what_is_near_is_what_distances_say(spacing_mm: tuple[float, ...], reach_mm: float) -> None:
    rng = np.random.default_rng(3)
    mask = rng.random((7, 19, 16)) > 0.995
    expected = distance_transform_edt(~mask, sampling=spacing_mm) <= reach_mm
    assert np.array_equal(within(reach_mm, mask, spacing_mm), expected)


def test_near_nothing_lies_nothing() -> None:
    assert not within(3.0, np.zeros((3, 4, 5), bool), (1.0, 1.0, 1.0)).any()


def test_a_mask_at_the_border_reaches_as_far_as_the_array() -> None:
    mask = np.zeros((3, 4, 5), bool)
    mask[0, 0, 0] = mask[-1, -1, -1] = True
    assert within(10.0, mask, (1.0, 1.0, 1.0)).all()


@given(st.integers(0, 2**31), st.tuples(*[st.integers(1, 6)] * 3), st.tuples(*[st.sampled_from((1, 3, 5))] * 3))
def test_growing_by_shifts_is_growing_by_a_filter(seed: int, shape: tuple[int, ...], sides: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    mask, structure = rng.random(shape) > 0.8, rng.random(sides) > 0.4
    assert np.array_equal(grown(mask, structure), binary_dilation(mask, structure))

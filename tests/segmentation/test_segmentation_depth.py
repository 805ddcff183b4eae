"""Depths against the distance transform of scipy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt, gaussian_filter

from pipeline.segmentation.depth import depths


def test_the_middle_of_a_cube_is_half_its_side_deep() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[1:8, 1:8, 1:8] = True
    plane, space = depths(mask, (0.5, 1.0, 1.0))
    assert plane[4, 4, 4] == 4
    assert space[4, 4, 4] == 2


def test_nothing_has_no_depth() -> None:
    plane, space = depths(np.zeros((3, 4, 5), bool), (1.0, 1.0, 1.0))
    assert not plane.any()
    assert not space.any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.tuples(*[st.floats(0.3, 5.0)] * 3))
def test_depths_are_those_of_the_distance_transform(seed: int, spacing: tuple[float, float, float]) -> None:
    noise = np.random.default_rng(seed).normal(size=(9, 16, 18))
    mask = np.pad(gaussian_filter(noise, 1.5) > -0.02, 1)
    plane, space = depths(mask, spacing)
    assert np.allclose(space, distance_transform_edt(mask, sampling=spacing), atol=1e-4)
    assert np.allclose(plane, np.stack([distance_transform_edt(m, sampling=spacing[1:]) for m in mask]), atol=1e-4)

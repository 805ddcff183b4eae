import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage
from skimage.morphology import skeletonize

from pipeline.features.thinning import thinned
from pipeline.model.image import Mask


@settings(max_examples=200, deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=24)))
def test_the_lines_of_any_mask_are_those_of_scikit_image(mask: Mask) -> None:
    assert np.array_equal(thinned(mask), skeletonize(mask, method="lee") > 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.7, 6.0))
def test_the_lines_of_thick_rough_masks_are_those_of_scikit_image(seed: int, width: float) -> None:
    mask = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(90, 70)), width) > 0
    assert np.array_equal(thinned(mask), skeletonize(mask, method="lee") > 0)


def test_a_bar_becomes_a_line_one_element_wide() -> None:
    mask = np.zeros((40, 90), bool)
    mask[12:27, 10:80] = True
    lines = thinned(mask)
    assert lines[:, 25:65].sum(axis=0).tolist() == [1] * 40
    assert not (lines & ~mask).any()


def test_a_ring_stays_closed() -> None:
    away = np.hypot(*(np.mgrid[:61, :61] - 30))
    lines = thinned((away < 25) & (away > 12))
    assert ndimage.label(~lines)[1] == 2

"""Where bone is thick enough to read its inside."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.features.bones import deeper_than

DEPTH_MM = 3.0


@given(st.integers(0, 2**31), st.tuples(*[st.floats(0.4, 3.5)] * 3))
def test_what_lies_deep_is_what_distances_say(seed: int, spacing_mm: tuple[float, float, float]) -> None:
    seeds = np.random.default_rng(seed).random((12, 14, 16)) > 0.98
    mask = ndimage.binary_dilation(seeds, iterations=3)
    mask[0, 0, 0] = False
    expected = ndimage.distance_transform_edt(mask, sampling=spacing_mm) > DEPTH_MM
    assert np.array_equal(deeper_than(DEPTH_MM, mask, spacing_mm), expected)

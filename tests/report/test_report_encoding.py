import numpy as np

from pipeline.report.encoding import BAND, OUTSIDE_DIMMED, dimmed_outside, stretched


def test_greys_run_from_black_at_the_low_to_white_at_the_high_end_in_every_band() -> None:
    values = np.linspace(-1, 2, 3 * (2 * BAND + 5)).reshape(-1, 3).astype(np.float32)
    grey = stretched(values, 0.0, 1.0)
    assert np.array_equal(grey, (np.clip(values, 0, 1) * 255).astype(np.uint8))


def test_what_is_not_valid_is_darker_by_a_fixed_share() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    valid = np.eye(16, dtype=bool)
    shown = dimmed_outside(grey, valid)
    assert np.array_equal(shown[valid], grey[valid])
    assert np.array_equal(shown[~valid], (grey[~valid] * OUTSIDE_DIMMED).astype(np.uint8))

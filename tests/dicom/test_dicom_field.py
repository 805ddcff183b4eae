from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from pipeline.dicom.field import seen_field

SHAPE = (600, 480)


@cache
def thigh():
    """A limb, a little bowed, with its bone along the image, air on both sides, noise."""
    rows, columns = np.indices(SHAPE, dtype=float)
    columns = columns - 8 * np.sin(rows / 180)
    limb = 2 * np.sqrt(np.maximum(0, 1 - ((columns - 230) / 170) ** 2))
    bone = 1.2 * np.sqrt(np.maximum(0, 1 - ((columns - 240) / 35) ** 2))
    return (limb + bone + np.random.default_rng(0).normal(0, 0.02, SHAPE)).astype(np.float32)


@cache
def opening(tilt_deg=0.0, margin=50):
    """Bool, True within a rectangle turned by `tilt_deg`."""
    rows, columns = np.indices(SHAPE) - np.array(SHAPE)[:, None, None] / 2
    turn = np.radians(tilt_deg)
    u = columns * np.cos(turn) + rows * np.sin(turn)
    v = rows * np.cos(turn) - columns * np.sin(turn)
    return (np.abs(u) < SHAPE[1] / 2 - margin) & (np.abs(v) < SHAPE[0] / 2 - margin)


@cache
def collimated(tilt_deg):
    """Outside the opening only scatter arrives: attenuation is high and fades smoothly."""
    inside = opening(tilt_deg)
    share = gaussian_filter(inside.astype(float), 2)
    signal = np.exp(-thigh()) * (0.004 + share) + 0.12 * gaussian_filter(inside.astype(float), 60)
    return -np.log(signal).astype(np.float32)


def agreement(found, truth):
    return (found & truth).sum() / truth.sum(), (found & ~truth).sum() / truth.size


def test_a_plain_image_is_valid_all_over():
    field, notes = seen_field(thigh())
    assert field.all()
    assert notes == ()


def test_saturated_air_beside_a_limb_stays_valid():
    image = np.maximum(thigh(), 0.3)
    assert seen_field(image)[0].all()


@pytest.mark.parametrize("tilt_deg", [-6.0, 0.0, 2.5, 5.0])
def test_unexposed_borders_are_left_out(tilt_deg):
    truth = opening(tilt_deg)
    kept, wrong = agreement(seen_field(collimated(tilt_deg))[0], truth)
    assert kept > 0.94
    assert wrong < 0.006


@pytest.mark.parametrize("value", [-0.2, 4.0])
@pytest.mark.parametrize("tilt_deg", [0.0, 3.0])
def test_a_blackened_or_whitened_surrounding_is_left_out(value, tilt_deg):
    truth = opening(tilt_deg)
    kept, wrong = agreement(seen_field(np.where(truth, thigh(), np.float32(value)))[0], truth)
    assert kept > 0.94
    assert wrong < 0.01


@settings(max_examples=8, deadline=None)
@given(quarter=st.integers(0, 3), flip=st.booleans())
def test_the_field_turns_with_the_image(quarter, flip):
    image, truth = collimated(2.0), opening(2.0)
    image, truth = (np.rot90(a, quarter)[:, :: -1 if flip else 1] for a in (image, truth))
    kept, wrong = agreement(seen_field(np.ascontiguousarray(image))[0], truth)
    assert kept > 0.93
    assert wrong < 0.01


@given(gain=st.floats(0.01, 1000), offset=st.floats(-1000, 1000))
@settings(max_examples=6, deadline=None)
def test_the_unit_of_attenuation_does_not_matter(gain, offset):
    image = collimated(2.0)
    np.testing.assert_array_equal(
        seen_field(image)[0].mean().round(3), seen_field(image * gain + offset)[0].mean().round(3)
    )


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (30, 30), (700, 700)])
def test_flat_and_tiny_images_are_valid(shape):
    assert seen_field(np.full(shape, 7, np.float32))[0].all()
    assert seen_field(np.random.default_rng(0).normal(size=shape).astype(np.float32))[0].all()


def test_what_is_known_to_be_shut_stays_shut():
    inside = np.ones(SHAPE, bool)
    inside[:100] = False
    field, _ = seen_field(thigh(), inside)
    np.testing.assert_array_equal(field, inside)

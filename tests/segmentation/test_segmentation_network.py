import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ConfigurationError
from pipeline.model.identity import ImageIdentity
from pipeline.model.image import Radiograph
from pipeline.model.known import Known, Unknown
from pipeline.model.vocabulary import Region
from pipeline.segmentation import network
from pipeline.segmentation.network import at_image, class_maps, front_end, grid_step, to_grid

IDENTITY = ImageIdentity("2.25.1", "2.25.2", "2.25.3", "DX", ())
NOT_STATED = Unknown("not stated")


def radiograph(attenuation, valid=None, spacing=None, region=None):
    valid = np.ones(attenuation.shape, bool) if valid is None else valid
    spacing_mm, region = (NOT_STATED if v is None else Known(v, "test") for v in (spacing, region))
    unknown = (NOT_STATED,) * 4
    return Radiograph(attenuation.astype(np.float32), valid, NOT_STATED, spacing_mm, *unknown, region, IDENTITY)


def plate(shape, spacing=None, region=None):
    return radiograph(np.zeros(shape, np.float32), None, spacing, region)


def limb(rows=500, columns=400, seed=0):
    """A soft-tissue cylinder with a bone in it, and noise, on a 0.4 mm grid."""
    across = (np.arange(columns) - columns / 2) * 0.4
    water = 2 * np.sqrt(np.maximum(55.0**2 - across**2, 0)) / 10
    bone = np.where(abs(across) < 14, 0.8 + 0.9 * (abs(across) > 10), 0)
    profile = 0.23 * water + 0.6 * bone
    return (profile + np.random.default_rng(seed).normal(0, 0.01, (rows, columns))).astype(np.float32)


def test_a_grid_cell_has_0_4_mm_along_either_axis():
    assert grid_step(plate((1000, 2000), (0.2, 0.1))) == (pytest.approx(2.0), pytest.approx(4.0))


@pytest.mark.parametrize(("region", "long_side_mm"), [(None, 280), (Region.HAND, 280), (Region.CHEST, 400)])
def test_without_spacing_the_long_side_is_that_of_a_usual_plate(region, long_side_mm):
    step = 1400 * 0.4 / long_side_mm
    assert grid_step(plate((1400, 1000), None, region)) == (pytest.approx(step), pytest.approx(step))


@pytest.mark.parametrize(
    ("spacing", "region"), [((0.001, 0.001), None), ((5.0, 5.0), None), ((0.12, 0.12), Region.CHEST)]
)
def test_a_spacing_that_no_such_plate_has_is_not_believed(spacing, region):
    assert grid_step(plate((1400, 1000), spacing, region)) == grid_step(plate((1400, 1000), None, region))


def test_cells_are_means_of_the_pixels_they_cover():
    image = np.arange(48, dtype=np.float32).reshape(6, 8)
    grid, inside = to_grid(image, np.ones(image.shape, bool), (2.0, 4.0))
    assert grid == pytest.approx(image.reshape(3, 2, 2, 4).mean((1, 3)))
    assert inside.all()


def test_cells_smaller_than_pixels_are_interpolated():
    ramp = np.tile(np.arange(10, dtype=np.float32), (10, 1))
    grid, _ = to_grid(ramp, np.ones(ramp.shape, bool), (0.5, 0.5))
    assert grid.shape == (20, 20)
    assert np.diff(grid[5, 2:-2]) == pytest.approx(0.5)


def test_what_is_not_valid_does_not_reach_the_grid():
    image = np.ones((40, 40), np.float32)
    image[:, 20:] = 1000
    valid = np.zeros(image.shape, bool)
    valid[:, :19] = True
    grid, inside = to_grid(image, valid, (2.0, 2.0))
    assert grid.max() == pytest.approx(1)
    assert not inside[:, 10:].any()


@given(step=st.floats(0.4, 6.0), rows=st.integers(40, 130), columns=st.integers(40, 130))
@settings(max_examples=25, deadline=None)
def test_a_plane_survives_the_way_to_the_grid_and_back(step, rows, columns):
    plane = np.add.outer(np.arange(rows) * 0.5, np.arange(columns) * 0.25).astype(np.float32)
    grid, _ = to_grid(plane, np.ones(plane.shape, bool), (step, step))
    empty = np.zeros((1, 1), np.float32)
    maps = network.ClassMaps(empty, empty, empty, (step, step), network.ModelDigest("none", ""))
    back = at_image(grid, maps, plane.shape)
    margin = int(step * 1.5) + 1
    inner = (slice(margin, -margin), slice(margin, -margin))
    assert back.dtype == np.float32
    assert np.abs(back[inner] - plane[inner]).max() < 0.1


@given(scale=st.floats(0.01, 1000), offset=st.floats(-100, 100))
@settings(max_examples=15, deadline=None)
def test_channels_do_not_depend_on_the_scale_of_the_image(scale, offset):
    image = limb(120, 160)
    valid = np.ones(image.shape, bool)
    changed = (image.astype(np.float64) * scale + offset * scale).astype(np.float32)
    assert np.abs(front_end(changed, valid) - front_end(image, valid)).max() < 0.05


def test_channels_turn_with_the_image():
    image = limb(150, 200)
    valid = np.ones(image.shape, bool)
    turned = front_end(np.rot90(image).copy(), valid.T)
    assert np.abs(turned - np.rot90(front_end(image, valid), axes=(1, 2))).max() < 1e-3


def test_an_unexposed_border_changes_nothing_inside_when_it_is_not_valid():
    image = limb(200, 200)
    valid = np.ones(image.shape, bool)
    valid[:, :40] = False
    grid, inside = to_grid(np.where(valid, image, np.float32(-50)), valid, (1.0, 1.0))
    expected, _ = to_grid(image, valid, (1.0, 1.0))
    channels = front_end(grid, inside)
    assert (channels == front_end(expected, inside)).all()
    assert not channels[:, :, :40].any()
    assert channels[1, :, 41:].std() > 0.5


def test_an_image_without_any_valid_pixel_has_empty_channels():
    assert not front_end(np.ones((30, 40), np.float32), np.zeros((30, 40), bool)).any()


@pytest.mark.parametrize("cells", [320, 321, 500, 544, 545, 1401])
def test_tiles_cover_every_cell(cells):
    starts = network._starts(cells)
    assert starts[0] == 0
    assert starts[-1] == cells - network.TILE
    assert max(np.diff(starts), default=0) <= network.STRIDE


def test_maps_are_probabilities_on_the_grid_and_the_same_every_time():
    image = radiograph(limb(420, 380), spacing=(0.4, 0.4))
    first, second = class_maps(image), class_maps(image)
    for name in ("calcium", "bone", "foreign"):
        values = getattr(first, name)
        assert values.shape == image.shape
        assert values.dtype == np.float32
        assert 0 <= values.min() <= values.max() <= 1
        assert (values == getattr(second, name)).all()
    assert at_image(first.bone, first, image.shape).shape == image.shape


def test_the_digest_is_that_of_the_file():
    maps = class_maps(radiograph(limb(100, 100), spacing=(0.4, 0.4)))
    assert maps.digest.sha256 == hashlib.sha256(network.MODEL.read_bytes()).hexdigest()
    assert maps.digest.name == "radiograph"


def test_the_network_file_is_small():
    assert network.MODEL.stat().st_size < 6e6


def test_a_file_that_is_no_network_is_an_error_that_names_it(tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(ConfigurationError, match=r"broken\.onnx"):
        class_maps(radiograph(limb(100, 100)), broken)


def test_the_shaft_of_a_simple_limb_is_bone():
    maps = class_maps(radiograph(limb(), spacing=(0.4, 0.4)))
    shaft, muscle = np.median(maps.bone[100:400, 175:225]), np.median(maps.bone[100:400, 60:120])
    assert shaft > 0.5 > muscle


def test_a_dense_nodule_beside_the_bone_of_a_simple_limb_is_calcium():
    image = limb()
    rows, columns = np.mgrid[:500, :400]
    nodule = (rows - 250) ** 2 + (columns - 100) ** 2 < 15**2
    image[nodule] += 0.5
    maps = class_maps(radiograph(image, spacing=(0.4, 0.4)))
    assert np.median(maps.calcium[nodule]) > 0.5
    assert np.median(maps.calcium[~nodule]) < 0.1

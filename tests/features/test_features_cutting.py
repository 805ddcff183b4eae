import numpy as np
import pytest
from scipy import ndimage
from shapes import SPACING_MM, disc, grid, lesion, radiograph, segmentation, volume

from pipeline.features.cutting import FARTHEST_MM, cut, half_maximum
from pipeline.model.known import Known, Unknown


def test_the_half_maximum_outline_of_a_blurred_disc_is_the_disc() -> None:
    mask = disc(20, margin=20)
    blurred = ndimage.gaussian_filter(mask.astype(np.float32), 2)
    half = half_maximum(blurred, blurred > 0.1, (8, 8))
    assert np.count_nonzero(half) == pytest.approx(np.count_nonzero(mask), rel=0.02)


def test_a_lucent_inside_stays_in_the_outline() -> None:
    y, x = grid(81, 81)
    whole = y**2 + x**2 <= 25**2
    excess = np.where(whole, 1.0, 0.0).astype(np.float32)
    excess[y**2 + x**2 <= 10**2] = 0.2
    assert half_maximum(excess, whole, (5, 5))[40, 40]


def test_a_faint_part_keeps_its_own_half_maximum() -> None:
    excess = np.zeros((40, 100), np.float32)
    excess[15:25, 10:30] = 1.0
    excess[15:25, 60:80] = 0.2
    assert np.array_equal(half_maximum(excess, excess > 0.05, (5, 5)), excess > 0)


def test_density_is_the_excess_over_the_background() -> None:
    mask = disc(10)
    slope = np.linspace(0, 1, mask.shape[0])[:, None].repeat(mask.shape[1], 1).astype(np.float32)
    image = radiograph(slope + 0.3 * mask)
    seen = segmentation(image)
    found = cut(lesion(mask), image, seen)
    assert found.level == 0
    assert np.allclose(found.density, found.raw)


def test_the_level_of_ct_is_the_tissue_around() -> None:
    mask = np.zeros((30, 60, 60), bool)
    mask[12:18, 25:35, 25:35] = True
    image = volume(np.where(mask, 700, 45))
    found = cut(lesion(mask), image, segmentation(image))
    assert found.level == pytest.approx(45, abs=1)
    assert np.array_equal(np.argwhere(found.half) + found.offset, np.argwhere(mask))


def test_a_lesion_at_the_edge_touches_it() -> None:
    mask = np.zeros((40, 40), bool)
    mask[0:10, 10:20] = True
    image = radiograph(mask.astype(np.float32))
    assert cut(lesion(mask), image, segmentation(image)).at_border
    inner = np.roll(mask, 10, 0)
    image = radiograph(inner.astype(np.float32))
    assert not cut(lesion(inner), image, segmentation(image)).at_border
    valid = np.ones(mask.shape, bool)
    valid[:10] = False
    image = radiograph(inner.astype(np.float32), valid=valid)
    assert cut(lesion(inner), image, segmentation(image)).at_border


def test_depth_and_bone_are_distances() -> None:
    mask, body, bone = (np.zeros((120, 120), bool) for _ in range(3))
    body[:, 20:] = True
    mask[50:60, 40:50] = True
    bone[50:60, 70:90] = True
    image = radiograph(mask.astype(np.float32))
    around = cut(lesion(mask), image, segmentation(image, body=body, bone=bone)).around
    assert isinstance(around.depth_mm, Known)
    assert isinstance(around.bone_mm, Known)
    assert around.depth_mm.value.min() == pytest.approx(20 * SPACING_MM, abs=SPACING_MM)
    assert around.bone_mm.value.min() == pytest.approx(21 * SPACING_MM, abs=SPACING_MM)


def test_far_bone_is_at_most_so_far() -> None:
    mask, bone = (np.zeros((400, 400), bool) for _ in range(2))
    mask[20:30, 20:30] = True
    bone[380:390, 380:390] = True
    image = radiograph(mask.astype(np.float32))
    around = cut(lesion(mask), image, segmentation(image, bone=bone)).around
    assert isinstance(around.bone_mm, Known)
    assert around.bone_mm.value.max() == FARTHEST_MM


def test_without_spacing_there_are_no_distances() -> None:
    mask = disc(10)
    image = radiograph(mask.astype(np.float32), spacing_mm=Unknown("spacing not known"))
    found = cut(lesion(mask), image, segmentation(image))
    assert found.around.depth_mm == Unknown("spacing not known")
    assert found.scale == (1.0, 1.0)

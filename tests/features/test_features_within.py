"""Place in the body, lung around, mineral of bone, and what fills a lesion, on phantoms of known make."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.features.bones import mineral, mineral_of
from pipeline.features.cutting import cut
from pipeline.features.density import inner
from pipeline.features.within import within
from pipeline.model.known import Known, Unknown
from tests.shapes import ball, grid, lesion, patch, radiograph, segmentation, value, volume


def body_with(hu_of_bone: float = 200.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An elliptic body 60 wide (x) and 40 deep (y), a bone of radius 8 at its middle: HU, body, bone."""
    z, y, x = grid(24, 48, 72)
    body = (x / 30) ** 2 + (y / 20) ** 2 <= 1
    bone = body & (x**2 + y**2 <= 64)
    hu = np.where(bone, hu_of_bone, np.where(body, 50.0, -1000.0))
    return hu + 0 * z, body, bone


def deposit(at: tuple[int, int, int]) -> np.ndarray:
    z, y, x = grid(24, 48, 72)
    return (z - at[0]) ** 2 + (y - at[1]) ** 2 + (x - at[2]) ** 2 <= 9


def test_a_deposit_left_and_behind_is_told_so() -> None:
    hu, body, bone = body_with()
    mask = deposit((0, 10, 15))
    hu[mask] = 600
    to_patient = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)
    image = replace(volume(hu), voxel_to_patient=to_patient)
    found = within(cut(lesion(mask), image, segmentation(image, bone=bone, body=body, noise=10)))
    assert value(found["midline_offset"]) == pytest.approx(0.5, abs=0.08)
    assert value(found["midline_distance"]) == pytest.approx(0.5, abs=0.08)
    assert value(found["depth_fraction"]) == pytest.approx(0.75, abs=0.06)
    assert value(found["lung_fraction"]) < 0.2


def test_lung_about_a_deposit_is_seen() -> None:
    mask = ball(4, margin=10)
    found = within(patch(mask, np.where(mask, 600, -800).astype(np.float32)))
    assert value(found["lung_fraction"]) == 1.0
    soft = within(patch(mask, np.where(mask, 600, 40).astype(np.float32)))
    assert value(soft["lung_fraction"]) == 0.0


@pytest.mark.parametrize("hu_of_bone", [120.0, 250.0])
def test_the_inside_of_bone_is_read_beyond_its_cortex(hu_of_bone: float) -> None:
    hu, body, bone = body_with(hu_of_bone)
    _, y, x = grid(24, 48, 72)
    hu[bone & (x**2 + y**2 > 49)] = 1100
    image = volume(hu)
    assert value(mineral_of(segmentation(image, bone=bone, body=body), image)) == pytest.approx(hu_of_bone, abs=1)


def test_bone_on_a_radiograph_is_held_against_soft_tissue() -> None:
    _, x = grid(80, 80)
    bone, body = np.abs(x) < 8, np.abs(x) < 30
    image = radiograph(np.where(bone, 0.75, np.where(body, 0.5, 0.0)))
    found = mineral_of(segmentation(image, bone=bone, body=body), image)
    assert value(found) == pytest.approx(0.5)


def test_without_bone_there_is_no_mineral() -> None:
    hu, body, _ = body_with()
    image = volume(hu)
    assert isinstance(mineral_of(segmentation(image, body=body), image), Unknown)
    shown = patch(ball(4))
    told = replace(shown, around=replace(shown.around, mineral=Known(180.0, "test")))
    assert value(mineral(told)["trabecular_density"]) == 180.0


def test_what_fills_a_shell_is_read_away_from_it() -> None:
    mask = ball(10)
    z, y, x = grid(*mask.shape)
    radius = np.sqrt(z**2 + y**2 + x**2)
    noise = np.random.default_rng(0).normal(0, 60, mask.shape)
    hu = np.where(radius > 8, 900.0, 150.0 + noise).astype(np.float32)
    found = inner(patch(mask, hu))
    assert value(found["inner_density"]) == pytest.approx(150, abs=25)
    assert value(found["inner_unevenness"]) == pytest.approx(60, abs=20)

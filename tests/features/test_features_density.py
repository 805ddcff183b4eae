from dataclasses import replace

import numpy as np
import pytest
from shapes import ball, disc, patch, value

from pipeline.features.density import contrast, intensity, tissue
from pipeline.features.patch import Patch
from pipeline.features.place import bone as bone_features
from pipeline.features.place import border, overlap, skin
from pipeline.model.known import Known, Unknown


def test_intensity_is_read_where_there_is_no_partial_volume() -> None:
    mask = ball(6)
    hu = np.where(mask, 500.0, 50.0)
    rim = mask & ~patch(mask).core
    hu[rim] = 250
    assert value(intensity(patch(mask, hu.astype(np.float32)))["intensity_mean"]) == pytest.approx(500)


def test_a_speck_has_no_intensity() -> None:
    found = intensity(patch(ball(1)))["intensity_mean"]
    assert found == Unknown("too small for its slice: no element without partial volume")


def _specks_in(hu_between: float) -> Patch:
    inside = ball(12)
    specks = np.zeros_like(inside)
    specks[::6, ::6, ::6] = True
    specks &= inside
    specks |= np.roll(specks, 1, 0) | np.roll(specks, 1, 1)
    hu = np.where(specks, 600.0, np.where(inside, hu_between, 50.0)).astype(np.float32)
    return patch(specks, hu)


def test_fat_between_specks_is_fat() -> None:
    assert value(tissue(_specks_in(-100.0))["fat_fraction"]) > 0.6
    assert value(tissue(_specks_in(45.0))["fat_fraction"]) < 0.05


def test_specks_in_a_mass_have_much_mass() -> None:
    assert value(tissue(_specks_in(45.0))["surrounding_mass_ratio"]) > 5
    assert value(tissue(patch(ball(8)))["surrounding_mass_ratio"]) < 1.5


def test_fluid_enclosed_by_a_shell_is_fluid() -> None:
    outer, inner = ball(12), np.zeros_like(ball(12))
    middle = ball(9)
    pad = (outer.shape[0] - middle.shape[0]) // 2
    inner[(slice(pad, -pad),) * 3] = middle
    hu = np.where(inner, 10.0, np.where(outer, 700.0, 50.0)).astype(np.float32)
    assert value(tissue(patch(outer & ~inner, hu))["fluid_fraction"]) > 0.2
    assert value(tissue(patch(outer))["fluid_fraction"]) == 0


def test_contrast_counts_noise_and_bone() -> None:
    whole = patch(disc(10), noise=0.05)
    bone = replace(whole.around, bone_level=Known(2.0, "test"))
    found = contrast(replace(whole, around=bone))
    assert value(found["contrast_to_noise"]) == pytest.approx(20)
    assert value(found["relative_contrast"]) == pytest.approx(0.5)


def test_depth_on_a_radiograph_shows_only_near_the_outline() -> None:
    whole = patch(disc(10))
    near, far = (
        skin(replace(whole, around=replace(whole.around, depth_mm=Known(np.linspace(d, d + 3, 50), "test"))))
        for d in (2.0, 30.0)
    )
    assert value(near["depth_from_skin"]) == 2
    assert isinstance(far["depth_from_skin"], Unknown)


def test_contact_with_bone_is_a_share_of_the_border() -> None:
    mask, bone = np.zeros((60, 60), bool), np.zeros((60, 60), bool)
    mask[20:40, 20:40] = True
    bone[20:40, 40:50] = True
    found = bone_features(patch(mask, bone=bone))
    assert value(found["bone_contact_fraction"]) == pytest.approx(0.3, abs=0.1)


def test_overlap_and_border_are_told() -> None:
    mask = disc(10)
    bone = np.zeros_like(mask)
    bone[: mask.shape[0] // 2] = True
    assert value(overlap(patch(mask, bone=bone))["bone_overlap_fraction"]) == pytest.approx(0.5, abs=0.05)
    assert value(border(patch(mask, at_border=True))["border_contact"]) == 1

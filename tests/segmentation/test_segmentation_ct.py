"""A whole CT: what is calcium, what is not, and what turning and moving the patient changes."""

import numpy as np
import pytest
from ct_phantoms import Limb, as_volume

from pipeline.knowledge.settings import SegmentationSettings
from pipeline.model.image import Volume
from pipeline.model.lesion import Segmentation
from pipeline.segmentation.ct import segment_volume

SETTINGS = SegmentationSettings()


def seen(limb: Limb, noise_hu: float = 8.0) -> Segmentation:
    return segment_volume(limb.volume(noise_hu), SETTINGS)


def labelled(found: Segmentation, shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for lesion in found.lesions:
        for deposit in lesion:
            mask[tuple(deposit.crop.points().T)] = True
    return mask


def test_a_limb_with_bone_and_table_has_no_lesion() -> None:
    found = seen(Limb().bone().table())
    assert found.lesions == ()
    assert found.bone.mask.any()


def test_a_ball_in_muscle_is_found_and_bone_is_not() -> None:
    limb = Limb().bone().ball(30, 5, 7)
    found = seen(limb)
    mask = labelled(found, limb.shape)
    assert mask[limb.inside(30, 5)]
    assert not mask[limb.inside(0, 12)]
    assert found.bone.at(np.array([limb.inside(0, 12), limb.inside(0, 0), limb.inside(30, 5)])).tolist() == [
        True,
        True,
        False,
    ]


BALLS_ON_BONE = [
    (20, 0, 8, 700),
    (18, 0, 6, 500),
    (21, 4, 10, 400),
    (16, 8, 7, 900),
    (20, -6, 5, 600),
    (24, 0, 12, 300),
    (17, 0, 5, 800),
]
"""Row and column of the centre from the middle of a shaft of 14 mm, radius (mm), HU."""


def test_calcium_that_is_fused_to_a_shaft_is_told_from_it() -> None:
    found = 0
    for row, column, radius, hu in BALLS_ON_BONE:
        limb = Limb().bone().ball(row, column, radius, hu=hu)
        mask = labelled(seen(limb), limb.shape)
        far = np.array([row, column]) / np.hypot(row, column) * (14 + np.hypot(row, column) + radius) / 2
        found += bool(mask[limb.inside(*far)]) and not mask[limb.inside(-12, 0)]
    assert found >= 6


BARE_BONES = {
    "a thin shaft": lambda: Limb().bone(outer_mm=8, inner_mm=4),
    "a wide shaft": lambda: Limb().bone(outer_mm=17, inner_mm=14),
    "a pair of bones": lambda: Limb().bone(0, -16).bone(0, 17, 9, 5),
    "a thick bone end": lambda: Limb().bone_end(),
}


@pytest.mark.parametrize("bones", BARE_BONES)
def test_bare_bone_has_no_lesion(bones: str) -> None:
    assert seen(BARE_BONES[bones]()).lesions == ()


def test_a_speck_of_three_millimetres_is_found() -> None:
    limb = Limb(shape=(40, 140, 140), spacing=(1.0, 0.8, 0.8)).bone().ball(28, -10, 1.5, hu=900)
    assert labelled(seen(limb), limb.shape)[limb.inside(28, -10)]


def test_metal_is_foreign_and_never_calcium() -> None:
    limb = Limb().bone().ball(30, 0, 4, hu=9000)
    found = seen(limb)
    assert not labelled(found, limb.shape)[limb.inside(30, 0)]
    assert found.foreign.at(np.array([limb.inside(30, 0)])).all()
    assert any("metal" in note for note in found.notes)


def test_very_dense_calcium_with_single_bright_voxels_is_no_metal() -> None:
    limb = Limb().bone().ball(30, 0, 7, hu=2450)
    assert labelled(seen(limb, noise_hu=150.0), limb.shape)[limb.inside(30, 0)]


def test_noise_alone_makes_no_lesion_and_the_threshold_is_told() -> None:
    found = seen(Limb(), noise_hu=45.0)
    assert found.lesions == ()
    assert found.noise == pytest.approx(45, rel=0.2)
    assert found.notes[0].startswith("threshold ")


def test_nothing_but_air_has_no_lesion() -> None:
    found = segment_volume(as_volume(np.full((5, 20, 20), -1000.0), (3.0, 1.0, 1.0)), SETTINGS)
    assert found.lesions == ()
    assert not found.body.mask.any()


def turned(volume: Volume, axes: str) -> Volume:
    arrays = {
        "columns flipped": lambda a: a[:, :, ::-1],
        "rows flipped": lambda a: a[:, ::-1],
        "quarter turn": lambda a: np.rot90(a, axes=(1, 2)),
        "slices reversed": lambda a: a[::-1],
    }
    return as_volume(arrays[axes](volume.hu).astype(float), volume.spacing_mm)


@pytest.mark.parametrize("axes", ["columns flipped", "rows flipped", "quarter turn", "slices reversed"])
def test_turning_the_patient_turns_the_label(axes: str) -> None:
    limb = Limb().bone().ball(30, 5, 7)
    volume = limb.volume()
    upright = labelled(segment_volume(volume, SETTINGS), volume.shape)
    other = turned(volume, axes)
    found = labelled(segment_volume(other, SETTINGS), other.shape)
    expected = turned(as_volume(np.where(upright, 1.0, 0.0), volume.spacing_mm), axes).hu > 0
    dice = 2 * np.count_nonzero(found & expected) / (np.count_nonzero(found) + np.count_nonzero(expected))
    assert dice > 0.97


def test_moving_the_patient_changes_nothing() -> None:
    volume = Limb().bone().ball(30, 5, 7).volume()
    moved = as_volume(volume.hu.astype(float), volume.spacing_mm, origin=(-310.0, 45.0, 1200.0))
    here, there = segment_volume(volume, SETTINGS), segment_volume(moved, SETTINGS)
    assert (labelled(here, volume.shape) == labelled(there, volume.shape)).all()
    assert [lesion[0].confidence for lesion in here.lesions] == [lesion[0].confidence for lesion in there.lesions]


def test_the_least_confidence_is_kept() -> None:
    volume = Limb().bone().ball(30, 5, 7).volume()
    assert segment_volume(volume, SegmentationSettings(ct_confidence=1.01)).lesions == ()

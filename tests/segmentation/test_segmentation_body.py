"""The patient without table and clothes; noise and thresholds; metal."""

import numpy as np
from ct_phantoms import Limb, as_volume

from pipeline.model.image import CoarseMask, Volume
from pipeline.segmentation.body import coarse_factor, find_body, pooled_hu
from pipeline.segmentation.metal import find_metal, share_of
from pipeline.segmentation.noise import measure_quality


def body_of(volume: Volume) -> CoarseMask:
    return find_body(volume, pooled_hu(volume))


def test_the_table_is_no_part_of_the_body() -> None:
    limb = Limb().bone().table()
    body = body_of(limb.volume())
    points = np.array([limb.inside(0, 0), limb.inside(59.5, 0), limb.inside(-20, 20)])
    assert body.at(points).tolist() == [True, False, True]


def test_two_legs_are_both_the_body() -> None:
    limb = Limb(shape=(20, 140, 280))
    s, r, c = limb.middle
    limb.hu[:] = -1000.0
    for side in (-60, 60):
        limb.hu[limb.radius_mm((s, r, c + side)) < 50] = 50
    body = body_of(limb.volume())
    assert body.at(np.array([limb.inside(0, -60), limb.inside(0, 60), limb.inside(58, 0)])).tolist() == [
        True,
        True,
        False,
    ]


def test_gas_inside_the_body_belongs_to_it() -> None:
    limb = Limb().ball(10, 10, 8, hu=-1000.0)
    assert body_of(limb.volume()).at(np.array([limb.inside(10, 10)])).all()


def test_a_thin_body_survives_the_opening() -> None:
    hu = np.full((6, 40, 40), -1000.0)
    hu[:, 18:22, 10:30] = 40
    assert body_of(as_volume(hu, (1.0, 1.0, 1.0))).mask.any()


def test_the_grid_is_coarser_only_where_voxels_are_small() -> None:
    assert coarse_factor((0.8, 0.4, 0.4)) == (2, 4, 4)
    assert coarse_factor((5.0, 1.6, 1.6)) == (1, 1, 1)


def test_pooling_keeps_means_and_the_last_odd_voxels() -> None:
    hu = np.arange(3 * 5 * 5, dtype=float).reshape(3, 5, 5)
    pooled = pooled_hu(as_volume(hu, (1.6, 0.8, 0.8)))
    assert pooled.shape == (3, 3, 3)
    assert pooled[0, 0, 0] == int(hu[0, :2, :2].mean())
    assert pooled[2, 2, 2] == 74


def test_noise_and_muscle_are_measured() -> None:
    for noise in (6.0, 20.0):
        limb = Limb().bone()
        limb.hu = limb.hu.copy()
        volume = limb.volume(noise)
        body = find_body(volume, pooled_hu(volume))
        quality = measure_quality(volume, body, pooled_hu(volume))
        assert abs(quality.noise_hu - noise) < 0.25 * noise
        assert abs(quality.muscle_hu - 55) < 6
        assert (quality.smooth_noise_hu < quality.noise_hu).all()


def test_the_threshold_follows_the_noise_and_says_so() -> None:
    notes = []
    for noise in (6.0, 120.0):
        volume = Limb().volume(noise)
        body = find_body(volume, pooled_hu(volume))
        quality = measure_quality(volume, body, pooled_hu(volume))
        notes.append((float(quality.high_hu[0]), quality.note()))
    assert notes[1][0] > notes[0][0] + 30
    assert "5 x noise" in notes[1][1]
    assert notes[0][1].startswith("threshold ")


def test_metal_is_what_is_clipped_with_its_blur() -> None:
    limb = Limb().ball(20, 0, 4, hu=9000.0).ball(-20, 0, 4, hu=1500.0)
    volume = limb.volume()
    metal = find_metal(volume, body_of(volume))
    assert metal.at(np.array([limb.inside(20, 0), limb.inside(-20, 0)])).tolist() == [True, False]
    r, c = limb.inside(20, 0)[1:]
    assert share_of(np.ones((1, 2, 2), bool), (20, r, c), metal) == 1.0

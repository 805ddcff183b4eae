"""Hands and feet, grown and growing: what bones are there, how large they are, and that films of them hold bone."""

import numpy as np
import pytest

from pipeline.simulate.digits import GROWN, Growth, Tubular, chain, short, tubular
from pipeline.simulate.extremities import growing_knee, random_extremity
from pipeline.simulate.foot import FootBuild, FootPose, foot
from pipeline.simulate.hand import LENGTHS_MM, HandBuild, HandPose, hand
from pipeline.simulate.projection import Camera, trace

BONE = Tubular(
    "proximal", np.zeros(3), np.array([0.0, 0.0, 40.0]), np.array([1.0, 0.0, 0.0]), (7.4, 4.4, 5.7), 1.8, "base"
)  # fmt: skip


def names(scene):
    return [bone.name for bone in scene.bones]


def extent_mm(bone, axis):
    inside = np.argwhere(bone.distance.values < 0)[:, axis]
    return (inside.max() - inside.min() + 1) * bone.distance.lattice.step_mm


def test_a_tubular_bone_has_the_length_and_widths_that_were_asked_for():
    (shaft,) = tubular(BONE, GROWN)
    assert extent_mm(shaft, 2) == pytest.approx(40, abs=2.5)
    assert extent_mm(shaft, 0) == pytest.approx(2 * 7.4, abs=2.5)
    middle = shaft.distance.values[:, :, shaft.distance.values.shape[2] // 2]
    assert np.count_nonzero((middle < 0).any(axis=1)) * 0.9 == pytest.approx(2 * 4.4, abs=2.2)


def test_a_shaft_has_a_thick_cortex_at_its_waist_and_spongy_ends():
    (shaft,) = tubular(BONE, GROWN)
    cortex, spongy = dict(shaft.cortex_mm), dict(shaft.spongy)
    assert cortex[20.0] > 2 * cortex[0.0]
    assert spongy[20.0] < 0.2 * spongy[0.0]


def test_a_growing_bone_has_its_epiphysis_apart():
    shaft, epiphysis = tubular(BONE, Growth(7.0))
    low = shaft.distance.lattice.origin[2] + 0.9 * np.argwhere(shaft.distance.values < 0)[:, 2].min()
    high = epiphysis.distance.lattice.origin[2] + 0.9 * np.argwhere(epiphysis.distance.values < 0)[:, 2].max()
    assert low > high


def test_before_its_centre_appears_there_is_no_epiphysis_and_no_short_bone():
    assert len(tubular(BONE, Growth(1.0))) == 1
    assert short("lunate", [(np.zeros(3), 6.0)], Growth(2.0), 4.0) is None


@pytest.mark.parametrize("years", [3.0, 6.0, 10.0])
def test_a_short_bone_grows(years):
    small, grown = (short("capitate", [(np.zeros(3), 7.0)], g, 0.3) for g in (Growth(years), GROWN))
    assert extent_mm(small, 0) < extent_mm(grown, 0)


def test_bones_of_a_finger_follow_each_other():
    first, second = chain(np.zeros(3), (40.0, 25.0), 10.0, (0.0, 30.0))
    assert np.linalg.norm(second[0] - first[1]) == pytest.approx(1.6)
    assert second[1][1] < -5
    assert np.linalg.norm(second[1] - second[0]) == pytest.approx(25.0 - 1.6)


@pytest.fixture(scope="module")
def grown_hand():
    return hand(1, HandPose(40.0), HandBuild(), np.random.default_rng(2))


@pytest.fixture(scope="module")
def grown_foot():
    return foot(-1, FootPose(90.0), FootBuild(), np.random.default_rng(2))


@pytest.fixture(scope="module")
def small_hand():
    return hand(-1, HandPose(), HandBuild(0.55, Growth(2.0)), np.random.default_rng(1))


def test_a_grown_hand_has_all_its_bones(grown_hand):
    found = [n for n in names(grown_hand) if n != "sesamoid"]
    assert len(found) == sum(len(f) for f in LENGTHS_MM) + 8 + 2
    assert not any("epiphysis" in n for n in found)


def test_a_child_of_two_years_has_two_carpal_bones(small_hand):
    assert {"capitate", "hamate"} <= set(names(small_hand))
    late = {"lunate", "scaphoid", "trapezium", "trapezoid", "triquetrum", "pisiform", "sesamoid"}
    assert not late & set(names(small_hand))


def test_the_thumb_lies_on_its_side(grown_hand, small_hand):
    assert grown_hand.sites["tip 1"][0] > grown_hand.sites["tip 5"][0]
    assert small_hand.sites["tip 1"][0] < small_hand.sites["tip 5"][0]


@pytest.mark.parametrize("which", ["grown_hand", "grown_foot", "small_hand"])
def test_all_bones_lie_inside_the_skin(which, request):
    scene = request.getfixturevalue(which)
    skin = scene.tissue.skin
    low, high = np.array(scene.centre) - scene.reach_mm, np.array(scene.centre) + scene.reach_mm
    for bone in scene.bones:
        grid = bone.distance.lattice
        points = np.argwhere(bone.distance.values < -0.5) * grid.step_mm + grid.origin
        points = points[((points > low) & (points < high)).all(axis=1)]
        index = np.rint((points - np.array(skin.lattice.origin)) / skin.lattice.step_mm).astype(int)
        inside = skin.values[tuple(np.clip(index, 0, np.array(skin.values.shape) - 1).T)] < 2
        assert inside.mean() > 0.97 if len(inside) else True, bone.name


def test_a_foot_shows_sesamoids_only_when_grown(grown_foot):
    child = foot(1, FootPose(), FootBuild(0.6, Growth(5.0)), np.random.default_rng(3))
    assert sum(n.startswith("sesamoid") for n in names(grown_foot)) == 2
    assert not any(n.startswith("sesamoid") for n in names(child))


def test_a_growing_knee_has_gaps_and_no_early_patella():
    young, older = (growing_knee(1, y, np.random.default_rng(4)) for y in (2.0, 9.0))
    assert "patella" not in names(young)
    assert "patella" in names(older)


def test_a_film_of_a_hand_holds_bone_in_soft_tissue(small_hand):
    scene = small_hand
    shape = (int(2 * scene.reach_mm[2] / 1.5), int(2 * scene.reach_mm[0] / 1.5))
    paths = trace(scene, (), Camera("AP", scene.centre, shape, 1.5, 1045.0, 1100.0), np.random.default_rng(5))
    assert 0.1 < np.percentile(paths.mineral[paths.mineral > 0.02], 90) < 3
    assert 0.02 < (paths.mineral > 0.05).mean() < 0.6
    assert (paths.water[paths.mineral > 0.05] > 0.3).mean() > 0.98


def test_the_same_seed_gives_the_same_extremity():
    first, second = (random_extremity(np.random.default_rng(6), "knee") for _ in range(2))
    for a, b in zip(first[0].bones, second[0].bones, strict=True):
        assert np.array_equal(a.distance.values, b.distance.values)
    assert len(first[1]) == len(second[1])

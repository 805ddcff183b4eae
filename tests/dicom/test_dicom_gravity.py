import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dicom import words
from pipeline.dicom.gravity import DOWN, axes_gravity, letter_directions, radiograph_gravity
from pipeline.dicom.posture import Stance
from pipeline.model.known import Known, Unknown
from pipeline.model.vocabulary import Posture, Region

OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "H": "F", "F": "H"}


def known(posture, *meanings):
    return Stance(Known(posture, "said"), frozenset(meanings))


def gravity(posture, letters, view="AP", region=Region.HIP, meanings=()):
    found = radiograph_gravity(known(posture, *meanings), letters, view=view, region=region)
    return found.value if isinstance(found, Known) else None


@pytest.mark.parametrize(
    ("posture", "letters", "view", "expected"),
    [
        (Posture.ERECT, ("L", "F"), "AP", (1, 0)),
        (Posture.ERECT, ("P", "F"), "LAT", (1, 0)),
        (Posture.SUPINE, ("L", "F"), "AP", None),
        (Posture.SUPINE, ("P", "F"), "LAT", (0, 1)),
        (Posture.PRONE, ("P", "F"), "LAT", (0, -1)),
        (Posture.LEFT_DECUBITUS, ("L", "F"), "AP", (0, 1)),
        (Posture.RIGHT_DECUBITUS, ("L", "F"), "AP", (0, -1)),
        (Posture.LEFT_DECUBITUS, ("F", "R"), "AP", (-1, 0)),
        (Posture.ERECT, ("LA", "F"), "OBL", (1, 0)),
        (Posture.ERECT, ("L", "A"), "AP", None),
    ],
)
def test_posture_and_orientation_give_gravity(posture, letters, view, expected):
    assert gravity(posture, letters, view) == expected


@given(st.integers(0, 3), st.booleans())
def test_gravity_follows_a_turned_or_mirrored_storage(quarter, flip):
    right, down, expected = "L", "F", np.array([1.0, 0.0])
    for _ in range(quarter):
        right, down = down, OPPOSITE[right]
        expected = np.array([-expected[1], expected[0]])
    if flip:
        right, expected = OPPOSITE[right], expected * [1, -1]
    assert gravity(Posture.ERECT, (right, down)) == tuple(expected)


@pytest.mark.parametrize("region", [Region.HAND, Region.WRIST, Region.FOREARM, Region.ELBOW, None])
def test_a_limb_on_a_table_does_not_follow_the_patient(region):
    assert gravity(Posture.ERECT, ("L", "F"), region=region) is None


def test_a_standing_foot_shows_gravity_from_the_side_or_where_the_header_has_head_and_foot_in_the_image():
    assert gravity(Posture.ERECT, ("P", "F"), "LAT", Region.FOOT) == (1, 0)
    assert gravity(Posture.ERECT, ("L", "F"), "AP", Region.FOOT) == (1, 0)
    assert gravity(Posture.ERECT, ("L", "A"), "AP", Region.FOOT) is None
    assert gravity(Posture.ERECT, (), "AP", Region.FOOT) is None


def test_sitting_tells_gravity_for_the_trunk_but_not_for_the_leg():
    assert gravity(Posture.ERECT, ("L", "F"), region=Region.CHEST, meanings=(words.SITTING,)) == (1, 0)
    assert gravity(Posture.ERECT, ("L", "F"), region=Region.KNEE, meanings=(words.SITTING,)) is None


def test_half_upright_tells_gravity_from_the_front_only():
    assert gravity(Posture.ERECT, ("L", "F"), "AP", Region.CHEST, (words.SEMI_ERECT,)) == (1, 0)
    assert gravity(Posture.ERECT, ("P", "F"), "LAT", Region.CHEST, (words.SEMI_ERECT,)) is None


def test_without_orientation_only_an_upright_standard_view_is_known():
    assert gravity(Posture.ERECT, (), "AP") == (1, 0)
    assert gravity(Posture.ERECT, ("",), "LAT") == (1, 0)
    assert gravity(Posture.ERECT, (), None) is None
    assert gravity(Posture.ERECT, (), "AXIAL") is None
    assert gravity(Posture.SUPINE, (), "LAT") is None


def test_an_orientation_that_contradicts_the_view_tells_nothing_of_a_lying_patient():
    assert gravity(Posture.SUPINE, ("P", "F"), "AP") is None
    assert gravity(Posture.LEFT_DECUBITUS, ("L", "F"), "LAT") is None


@pytest.mark.parametrize("letters", [("L", "L"), ("L", "R"), ("L",), ("X", "F"), ("", ""), ("LRAP", "F"), ()])
def test_an_orientation_that_is_no_frame_is_not_used(letters):
    assert letter_directions(letters) is None


@pytest.mark.parametrize(
    ("posture", "expected"),
    [
        (Posture.SUPINE, (0, 1, 0)),
        (Posture.PRONE, (0, -1, 0)),
        (Posture.LEFT_DECUBITUS, (0, 0, 1)),
        (Posture.RIGHT_DECUBITUS, (0, 0, -1)),
    ],
)
def test_gravity_of_an_axial_ct_follows_the_posture(posture, expected):
    directions = np.array([[0, 0, 0.7], [0, 0.7, 0], [2.5, 0, 0]])
    assert axes_gravity(Known(posture, "said"), directions, "axes").value == expected


def test_gravity_of_a_tilted_ct_lies_in_the_slice_and_across_it():
    tilt = np.radians(20)
    directions = np.array([[0, 0, 1], [0, np.cos(tilt), 0], [3, -np.sin(tilt), 0]])
    assert axes_gravity(Known(Posture.SUPINE, "said"), directions, "axes").value == (0, 1, 0)


@given(st.sampled_from(list(Posture)), st.integers(0, 2**32 - 1))
def test_gravity_of_a_volume_is_a_unit_vector_along_the_patients(posture, seed):
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    along = axes_gravity(Known(posture, "said"), rotation * [3.0, 0.7, 0.8], "axes").value
    np.testing.assert_allclose(rotation @ along, DOWN[posture], atol=1e-5)


def test_unknown_posture_leaves_gravity_unknown_with_its_reason():
    assert axes_gravity(Unknown("posture not stated"), np.eye(3), "axes") == Unknown("posture not stated")
    found = radiograph_gravity(Stance(Unknown("posture not stated")), ("L", "F"), view="AP", region=Region.HIP)
    assert found == Unknown("posture not stated")

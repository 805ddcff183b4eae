import numpy as np
import pytest
from pydicom import Dataset

from pipeline.dicom.pose import radiograph_pose, volume_pose
from pipeline.model.context import ClinicalContext
from pipeline.model.known import Known, Unknown
from pipeline.model.vocabulary import Laterality, Posture, Region

NOTHING = ClinicalContext()


def header(**elements):
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def test_a_standing_hip_has_all_that_a_level_needs():
    pose = radiograph_pose(
        header(
            BodyPartExamined="HIP",
            SeriesDescription="HIP AP STANDING",
            ViewPosition="AP",
            PatientOrientation=["L", "F"],
            ImageLaterality="L",
        ),
        NOTHING,
    )
    assert pose.posture.value == Posture.ERECT
    assert pose.gravity.value == (1.0, 0.0)
    assert pose.region.value == Region.HIP
    assert pose.laterality.value == Laterality.LEFT
    assert pose.view.value == "AP"


@pytest.mark.parametrize("description", ["HAND PA ERECT", "Handgelenk stehend", "ELBOW AP STANDING"])
def test_an_erect_patient_with_an_arm_on_the_table_shows_no_gravity(description):
    pose = radiograph_pose(header(SeriesDescription=description, PatientOrientation=["L", "F"]), NOTHING)
    assert pose.posture.value == Posture.ERECT
    assert isinstance(pose.gravity, Unknown)


def test_an_invalid_orientation_is_noted():
    pose = radiograph_pose(header(SeriesDescription="KNEE AP STANDING", PatientOrientation=["L", "L"]), NOTHING)
    assert pose.gravity.value == (1.0, 0.0)
    assert "PatientOrientation is not valid and was not used" in pose.notes


def test_sitting_is_noted_as_tilted():
    pose = radiograph_pose(header(SeriesDescription="CHEST AP SITTING", PatientOrientation=["L", "F"]), NOTHING)
    assert any("tilted" in note for note in pose.notes)


def test_a_ct_localizer_takes_its_directions_from_the_image_plane():
    front = header(PatientPosition="HFS", ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
    side = header(PatientPosition="HFS", ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    assert isinstance(radiograph_pose(front, NOTHING).gravity, Unknown)
    assert radiograph_pose(side, NOTHING).gravity.value == (0.0, 1.0)


@pytest.mark.parametrize(
    ("position", "expected"), [("HFS", (0, 1, 0)), ("FFP", (0, -1, 0)), ("HFDL", (0, 0, 1)), ("FFDR", (0, 0, -1))]
)
def test_ct_gravity_follows_the_position_through_the_affine(position, expected):
    affine = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1]], float)
    assert volume_pose(header(PatientPosition=position), NOTHING, affine).gravity.value == expected


def test_a_ct_without_position_has_no_gravity_until_the_context_tells():
    assert isinstance(volume_pose(header(), NOTHING, np.eye(4)).gravity, Unknown)
    told = volume_pose(header(), ClinicalContext(posture=Posture.SUPINE), np.eye(4))
    assert isinstance(told.gravity, Known)
    contradicting = volume_pose(header(PatientPosition="HFS", SeriesDescription="PRONE"), NOTHING, np.eye(4))
    assert isinstance(contradicting.gravity, Unknown)

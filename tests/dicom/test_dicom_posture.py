import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from pipeline.dicom.posture import stance
from pipeline.model.context import ClinicalContext
from pipeline.model.known import Known, Unknown
from pipeline.model.vocabulary import Posture

NOTHING = ClinicalContext()


def header(**elements):
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def coded(value, modifier=None):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", "posture"
    if modifier:
        item.PatientOrientationModifierCodeSequence = Sequence([coded(modifier)])
    return item


def posture(ds, context=NOTHING, uid="1.2", view=None):
    found = stance(ds, context, uid=uid, view=view).posture
    return found.value if isinstance(found, Known) else None


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("C86043",), Posture.ERECT),
        (("C86043", "10904000"), Posture.ERECT),
        (("102538003", "40199007"), Posture.SUPINE),
        (("102538003", "1240000"), Posture.PRONE),
        (("102538003", "102536004"), Posture.LEFT_DECUBITUS),
        (("102538003", "102535000"), Posture.RIGHT_DECUBITUS),
        (("10904000",), Posture.ERECT),
        (("F-10440",), Posture.ERECT),
        (("102538003",), None),
        (("32185000",), None),
        (("999",), None),
    ],
)
def test_orientation_codes_tell_the_posture(codes, expected):
    assert posture(header(PatientOrientationCodeSequence=Sequence([coded(*codes)]))) == expected


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("HFS", Posture.SUPINE),
        ("FFP", Posture.PRONE),
        ("HFDL", Posture.LEFT_DECUBITUS),
        ("FFDR", Posture.RIGHT_DECUBITUS),
        ("LFP", None),
        ("", None),
    ],
)
def test_patient_position_tells_the_posture(position, expected):
    assert posture(header(PatientPosition=position)) == expected


def test_a_code_and_a_word_that_agree_are_known_by_the_code():
    item = Sequence([coded("C86043")])
    found = stance(
        header(PatientOrientationCodeSequence=item, SeriesDescription="standing"), NOTHING, uid="1", view=None
    )
    assert found.posture == Known(Posture.ERECT, "PatientOrientationCodeSequence: erect")


def test_a_general_code_is_narrowed_by_a_word():
    item = Sequence([coded("102538003")])
    assert posture(header(PatientOrientationCodeSequence=item, SeriesDescription="HIP PRONE")) == Posture.PRONE


def test_contradictory_headers_are_unknown_and_say_so():
    item = Sequence([coded("C86043")])
    found = stance(
        header(PatientOrientationCodeSequence=item, SeriesDescription="HIP SUPINE"), NOTHING, uid="1", view=None
    )
    assert isinstance(found.posture, Unknown)
    assert "contradictory" in found.posture.reason
    assert any("contradictory" in note for note in found.notes)


def test_a_study_description_with_both_postures_is_silent():
    assert posture(header(StudyDescription="ABDOMEN ERECT AND SUPINE", SeriesDescription="ERECT")) == Posture.ERECT


def test_a_lying_patient_seen_from_the_front_is_supine():
    assert posture(header(SeriesDescription="Becken liegend"), view="AP") == Posture.SUPINE
    assert posture(header(SeriesDescription="Becken liegend"), view="LAT") is None


def test_cross_table_means_supine_unless_prone_is_said():
    assert posture(header(SeriesDescription="HIP CROSS-TABLE LATERAL")) == Posture.SUPINE
    assert posture(header(SeriesDescription="PRONE CROSS-TABLE LATERAL")) == Posture.PRONE
    assert posture(header(SeriesDescription="ERECT CROSS-TABLE LATERAL")) is None


def test_an_upright_table_makes_erect_and_a_flat_one_says_nothing():
    assert posture(header(TableAngle="90")) == Posture.ERECT
    assert posture(header(TableAngle="0")) is None


def test_the_context_of_the_study_fills_silence_only():
    context = ClinicalContext(posture=Posture.ERECT)
    assert posture(header(), context) == Posture.ERECT
    assert posture(header(SeriesDescription="supine"), context) == Posture.SUPINE
    assert posture(header(SeriesDescription="lying"), context) is None
    assert posture(header(SeriesDescription="lying"), ClinicalContext(posture=Posture.PRONE)) == Posture.PRONE


def test_the_context_of_an_image_overrides_and_is_noted():
    context = ClinicalContext(image_postures={"1.2": Posture.SUPINE})
    found = stance(header(SeriesDescription="erect"), context, uid="1.2", view=None)
    assert found.posture == Known(Posture.SUPINE, "context.json: images")
    assert "overridden" in found.notes[0]
    assert posture(header(SeriesDescription="erect"), context, uid="1.3") == Posture.ERECT


def test_silence_is_unknown_with_a_reason():
    assert stance(header(), NOTHING, uid="1", view=None).posture == Unknown("posture not stated")

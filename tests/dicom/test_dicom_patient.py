import pytest
from made_dicom import LIMITS, image, saved

from pipeline.dicom.discovery import discover
from pipeline.dicom.patient import age, read_patient, sex
from pipeline.model.known import Known, Unknown


@pytest.mark.parametrize(
    ("stated", "years"), [("054Y", 54), ("22Y", 22), ("006M", 0.5), ("052W", 0.9966), ("010D", 0.0274), ("054y", 54)]
)
def test_an_age_has_a_number_and_a_unit(stated, years):
    found = age(image(PatientAge=stated))
    assert isinstance(found, Known)
    assert found.value == pytest.approx(years, rel=1e-3)


@pytest.mark.parametrize("stated", ["62", "5", "-1", "000Y", "999Y", "Y", "54 years", "05.Y"])
def test_an_impossible_age_is_unknown_with_a_reason(stated):
    found = age(image(PatientAge=stated))
    assert isinstance(found, Unknown)
    assert "PatientAge" in found.reason


def test_an_age_is_counted_from_birth_to_study():
    found = age(image(PatientBirthDate="19600101", StudyDate="20100702"))
    assert isinstance(found, Known)
    assert found.value == pytest.approx(50.5, abs=0.01)


@pytest.mark.parametrize(("born", "taken"), [("20200101", "20100101"), ("18000101", "20100101")])
def test_an_impossible_birth_date_is_unknown(born, taken):
    assert isinstance(age(image(PatientBirthDate=born, StudyDate=taken)), Unknown)


def test_age_and_birth_date_must_agree():
    same = age(image(PatientAge="050Y", PatientBirthDate="19600101", StudyDate="20100702"))
    assert same == Known(50.0, "PatientAge")
    other = age(image(PatientAge="030Y", PatientBirthDate="19600101", StudyDate="20100702"))
    assert isinstance(other, Unknown)
    assert "disagree" in other.reason


@pytest.mark.parametrize("date", ["2010", "20101301", "garbage!", ""])
def test_a_broken_date_states_no_age(date):
    assert age(image(PatientBirthDate=date, StudyDate="20100101")) == Unknown("age not stated")


@pytest.mark.parametrize(("stated", "expected"), [("F", "F"), ("m", "M"), ("O", "O")])
def test_the_sex_is_one_of_three(stated, expected):
    assert sex(image(PatientSex=stated)) == Known(expected, "PatientSex")


@pytest.mark.parametrize("stated", ["", "W", "unknown"])
def test_any_other_sex_is_unknown(stated):
    assert isinstance(sex(image(PatientSex=stated)), Unknown)


def read(tmp_path, *series):
    for number, changes in enumerate(series):
        saved(image(SeriesInstanceUID=f"1.2.3.{number}", **changes), tmp_path / "in" / f"{number}.dcm")
    (study,) = discover([tmp_path / "in"], LIMITS, tmp_path / "scratch").studies
    return read_patient(study, LIMITS)


def test_series_that_agree_make_a_patient(tmp_path):
    patient = read(tmp_path, {"PatientAge": "050Y", "PatientSex": "F"}, {"PatientSex": "F"})
    assert patient.age_years == Known(50.0, "PatientAge")
    assert patient.sex == Known("F", "PatientSex")


def test_series_that_disagree_make_it_unknown(tmp_path):
    patient = read(tmp_path, {"PatientAge": "050Y", "PatientSex": "F"}, {"PatientAge": "020Y", "PatientSex": "M"})
    assert patient.age_years == Unknown("the age differs between series")
    assert patient.sex == Unknown("the sex differs between series")

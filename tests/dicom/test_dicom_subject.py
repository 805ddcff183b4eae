"""Which studies are of one patient, and in what order they were made."""

import pytest
from dicom_files import header

from pipeline.dicom.subject import agreed_subject, read_subject
from pipeline.model.known import Known, Unknown


def test_two_files_of_one_patient_have_one_key_and_it_is_no_name() -> None:
    first, second = read_subject(header("DX", "1.2.1")), read_subject(header("CT", "1.2.2"))
    assert isinstance(first, Known)
    assert isinstance(second, Known)
    assert first.value.key == second.value.key
    assert first.value.made == "20210102101500"
    assert "CANARY" not in first.value.key


@pytest.mark.parametrize("keyword", ["PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"])
def test_each_of_what_names_a_patient_tells_two_apart(keyword: str) -> None:
    one, other = header("DX", "1.2.1"), header("DX", "1.2.2")
    setattr(other, keyword, {"PatientBirthDate": "19700101", "PatientSex": "M"}.get(keyword, "8"))
    keys = {found.value.key for ds in (one, other) if isinstance(found := read_subject(ds), Known)}
    assert len(keys) == 2


@pytest.mark.parametrize("number", ["", "0", "000", "ANONYMOUS", "anon", "Unknown", "xxx"])
def test_a_placeholder_names_nobody(number: str) -> None:
    ds = header("DX", "1.2.1")
    ds.PatientID = number
    assert isinstance(read_subject(ds), Unknown)


def test_without_a_date_there_is_no_order() -> None:
    ds = header("DX", "1.2.1")
    ds.StudyDate = ""
    assert isinstance(read_subject(ds), Unknown)


def test_a_study_of_two_patients_is_nobodys() -> None:
    other = header("DX", "1.2.1")
    other.PatientID = "8"
    both = [read_subject(header("DX", "1.2.1")), read_subject(other)]
    assert isinstance(agreed_subject(both), Unknown)
    assert isinstance(agreed_subject([both[0], Unknown("StudyDate absent or no date")]), Known)

"""A FHIR R4 Bundle as clinical context: what it tells, and what is refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.dicom.context import context_study, read_context
from pipeline.errors import ConfigurationError
from pipeline.model.context import ClinicalContext, Laboratory

CONFIRMED = {"coding": [{"code": "confirmed"}]}


def condition(code: str, system: str = "http://snomed.info/sct", status: str = "confirmed") -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "code": {"coding": [{"system": system, "code": code}]},
        "verificationStatus": {"coding": [{"code": status}]},
    }


def laboratory(code: str, value: float, unit: str, when: str = "2026-03-01") -> dict[str, Any]:
    quantity = {"value": value, "code": unit, "system": "http://unitsofmeasure.org"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": when,
        "valueQuantity": quantity,
    }


def own(key: str, value: bool) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "urn:calcinosis:context", "code": key}]},
        "valueBoolean": value,
    }


def read(folder: Path, *resources: dict[str, Any], **more: object) -> ClinicalContext:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources], **more}
    path = folder / "bundle.json"
    path.write_text(json.dumps(bundle))
    return read_context(path)


def test_conditions_observations_and_the_patient_are_read(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "gender": "female", "birthDate": "1990-06-01"}
    found = read(
        tmp_path,
        patient,
        condition("709044004"),
        condition("56717001", status="refuted"),
        condition("396230008", status="provisional"),
        laboratory("2777-1", 7.0, "mg/dL"),
        own("examination.mobile", True),
        timestamp="2026-06-01T10:00:00Z",
    )
    assert found.history == {"chronic_kidney_disease": True, "tuberculosis": False}
    assert found.labs == {"phosphate": Laboratory(7.0 * 0.323, "mmol/L")}
    assert found.examination == {"mobile": True}
    assert found.sex == "F"
    assert found.age_years == pytest.approx(36, abs=0.01)


def test_of_two_values_the_latest_counts_and_what_was_entered_in_error_does_not(tmp_path: Path) -> None:
    void = laboratory("14879-1", 9.0, "mmol/L", "2026-05-01") | {"status": "entered-in-error"}
    late, early = laboratory("14879-1", 2.0, "mmol/L", "2026-04-01"), laboratory("14879-1", 1.0, "mmol/L")
    assert read(tmp_path, late, early, void).labs["phosphate"].value == 2.0


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (condition("123456"), r"entry\[0\].code: unknown code .*123456"),
        (own("history.moon", True), "history.moon: unknown key"),
        (laboratory("14879-1", 2.0, "g/L"), "labs.phosphate.unit: g/L is none of"),
        (laboratory("14879-1", 200.0, "mmol/L"), "labs.phosphate.value: 200.0 is outside"),
        ({"resourceType": "Device"}, "Device is not read"),
        ({"resourceType": "Patient", "gender": "x"}, "gender: is none of"),
    ],
)
def test_what_is_not_known_or_not_possible_is_refused_by_name(
    tmp_path: Path, resource: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read(tmp_path, resource)


def test_a_bound_is_no_value(tmp_path: Path) -> None:
    row = laboratory("14879-1", 2.0, "mmol/L")
    row["valueQuantity"]["comparator"] = ">"
    with pytest.raises(ConfigurationError, match="a bound is no value"):
        read(tmp_path, row)


def test_a_bundle_names_its_study(tmp_path: Path) -> None:
    read(tmp_path, identifier={"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"})
    assert context_study(tmp_path / "bundle.json") == "1.2.3"


def test_another_resource_is_no_context(tmp_path: Path) -> None:
    (tmp_path / "context.json").write_text('{"resourceType": "Patient"}')
    with pytest.raises(ConfigurationError, match="must be Bundle"):
        read_context(tmp_path / "context.json")


def ranged(*rows: dict[str, Any]) -> dict[str, Any]:
    return laboratory("14879-1", 1.8, "mmol/L") | {"referenceRange": list(rows)}


def row(low: float | None, high: float | None, ages: tuple[float, float] | None = None, **more: Any) -> dict[str, Any]:
    ends = {k: {"value": v, "code": "mmol/L"} for k, v in (("low", low), ("high", high)) if v is not None}
    years = {"low": {"value": ages[0], "code": "a"}, "high": {"value": ages[1], "code": "a"}} if ages else None
    return ends | ({"age": years} if years else {}) | more


def test_the_laboratorys_own_range_for_the_age_is_kept(tmp_path: Path) -> None:
    child = {"resourceType": "Patient", "birthDate": "2020-01-01"}
    rows = (row(0.8, 1.5), row(0.8, 1.45, (18, 120)), row(1.2, 1.9, (1, 13)))
    found = read(tmp_path, ranged(*rows), child, timestamp="2026-06-01")
    assert found.labs["phosphate"] == Laboratory(1.8, "mmol/L", 1.2, 1.9)
    assert read(tmp_path, ranged(*rows)).labs["phosphate"] == Laboratory(1.8, "mmol/L", 0.8, 1.5)


def test_a_range_of_another_kind_or_unit_is_left_out_and_an_open_end_stays_open(tmp_path: Path) -> None:
    aim = row(0.5, 1.0, type={"coding": [{"code": "therapeutic"}]})
    other = {"high": {"value": 4.5, "code": "mg/dL"}}
    assert read(tmp_path, ranged(aim, other)).labs["phosphate"] == Laboratory(1.8, "mmol/L")
    assert read(tmp_path, ranged(row(None, 1.6))).labs["phosphate"] == Laboratory(1.8, "mmol/L", None, 1.6)

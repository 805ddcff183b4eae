"""Clinical context as a FHIR R4 Bundle: turned into the form of context.json, which is then checked like any other.

Read are Patient, Condition, Procedure and Observation (hl7.org/fhir/R4). Codes are those the project has verified; what
has no verified code is told in the system `urn:calcinosis:context` by its key in context.json ("history.trauma",
"examination.mobile", "medication.warfarin"). A code that is not known is a mistake, as is an unknown key of
context.json: send a Bundle of what matters here. What is refuted is false; what is not confirmed is not told.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, TypeAlias

from pipeline.dicom.context_ranges import own_range

Complain: TypeAlias = Callable[[str, str], None]
"""Takes the place of a mistake and what is wrong."""
LOINC, SNOMED, OWN = "http://loinc.org", "http://snomed.info/sct", "urn:calcinosis:context"
DICOM_UID = "urn:dicom:uid"
UCUM = "http://unitsofmeasure.org"
RESOURCES = ("Patient", "Condition", "Procedure", "Observation")
LABORATORY: Mapping[str, str] = {
    "14879-1": "phosphate", "2777-1": "phosphate", "2000-8": "calcium_total", "17861-6": "calcium_total",
    "29265-6": "calcium_total", "1995-0": "calcium_ionized", "14866-8": "pth", "2731-8": "pth",
    "14682-9": "creatinine", "33914-3": "egfr", "14635-7": "vitamin_d_25oh", "6768-6": "alkaline_phosphatase",
    "2157-6": "creatine_kinase",
}  # fmt: skip
"""LOINC code to key of context.json."""
CONDITIONS: Mapping[str, str] = {
    "56717001": "history.tuberculosis", "66999008": "history.hyperparathyroidism",
    "709044004": "history.chronic_kidney_disease", "396230008": "history.dermatomyositis",
    "89155008": "history.systemic_sclerosis",
}  # fmt: skip
"""SNOMED CT code to key of context.json."""
SEXES = {"female": "F", "male": "M", "other": "O", "unknown": None}
VOID = ("entered-in-error", "cancelled", "not-done")
UNSURE = ("unconfirmed", "provisional", "differential")
DAYS_PER_YEAR = 365.25


def is_fhir(content: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a FHIR resource."""
    return "resourceType" in content


def bundle_content(bundle: Mapping[str, Any], complain: Complain) -> dict[str, Any]:
    """The Bundle as the object of a context.json. Mistakes go to `complain`, the rest is read on."""
    if bundle.get("resourceType") != "Bundle":
        complain("resourceType", "must be Bundle")
        return {}
    found: dict[str, Any] = {"history": {}, "examination": {}, "medication": {}, "labs": {}}
    told: dict[tuple[str, str], str] = {}
    resources = list(_resources(bundle, complain))
    for place, resource in resources:
        if resource.get("resourceType") == "Patient":
            found |= _patient(resource, bundle.get("timestamp"), place, complain)
    age = found.get("age_years")
    for place, resource in resources:
        kind = resource.get("resourceType")
        if kind not in RESOURCES:
            complain(f"{place}.resourceType", f"{kind} is not read; known are {', '.join(RESOURCES)}")
        elif kind != "Patient":
            _put(found, told, resource, place, complain)
            _add_range(found["labs"], resource, age)
    uid = _study_uid(bundle)
    return found | ({"study_instance_uid": uid} if uid is not None else {})


def _resources(bundle: Mapping[str, Any], complain: Complain) -> Iterator[tuple[str, dict[str, Any]]]:
    entries = bundle.get("entry")
    if entries is not None and not isinstance(entries, list):
        complain("entry", "is not a list")
        return
    for i, entry in enumerate(entries or ()):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield f"entry[{i}]", resource
        else:
            complain(f"entry[{i}]", "has no resource")


def _patient(resource: Mapping[str, Any], now: object, place: str, complain: Complain) -> dict[str, Any]:
    """Sex, and the age at the Bundle's timestamp; without a timestamp the age stays unknown."""
    gender = resource.get("gender")
    if gender is not None and gender not in SEXES:
        complain(f"{place}.gender", f"is none of {', '.join(SEXES)}")
    found: dict[str, Any] = {"sex": SEXES.get(gender) if isinstance(gender, str) else None}
    born, stated = resource.get("birthDate"), _day(now)
    if born is None or stated is None:
        return found
    birth = _day(born)
    if birth is None or birth > stated:
        complain(f"{place}.birthDate", "is not a date of the form YYYY-MM-DD before the Bundle's timestamp")
    else:
        found["age_years"] = (stated - birth).days / DAYS_PER_YEAR
    return found


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def _put(
    found: dict[str, Any],
    told: dict[tuple[str, str], str],
    resource: Mapping[str, Any],
    place: str,
    complain: Complain,
) -> None:
    """One Condition, Procedure or Observation; of several of one key the latest counts."""
    status = _status(resource)
    if status in VOID or status in UNSURE:
        return
    section, key = _key(resource, place, complain)
    if not key:
        return
    value = _value(resource, section, place, complain)
    when = next((str(resource[k]) for k in ("effectiveDateTime", "recordedDate", "issued") if k in resource), "")
    if value is not None and when >= told.get((section, key), ""):
        told[section, key] = when
        found[section][key] = value


def _status(resource: Mapping[str, Any]) -> str | None:
    """The status of an observation or procedure, the verification status of a condition."""
    plain = resource.get("status")
    if isinstance(plain, str):
        return plain
    codes = [str(coding.get("code")) for coding in _codings(resource.get("verificationStatus"))]
    return codes[0] if codes else None


def _key(resource: Mapping[str, Any], place: str, complain: Complain) -> tuple[str, str]:
    """Section and key of context.json that the resource's code stands for; empty after a mistake."""
    shown = []
    for coding in _codings(resource.get("code")):
        system, code = coding.get("system"), str(coding.get("code"))
        if system == LOINC and code in LABORATORY:
            return "labs", LABORATORY[code]
        name = code if system == OWN else CONDITIONS.get(code, "") if system == SNOMED else ""
        section, _, key = name.partition(".")
        if section in ("history", "examination", "medication") and key:
            return section, key
        shown.append(f"{system} {code}")
    complain(f"{place}.code", f"unknown code {'; '.join(shown) or '(none)'}; use one of the manual, or {OWN}")
    return "", ""


def _codings(concept: object) -> list[dict[str, Any]]:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return [c for c in codings if isinstance(c, dict)] if isinstance(codings, list) else []


def _value(resource: Mapping[str, Any], section: str, place: str, complain: Complain) -> object:
    """True or false of a condition; the value of an observation, a quantity with its UCUM unit for a test."""
    if resource["resourceType"] != "Observation":
        return _status(resource) != "refuted"
    quantity = resource.get("valueQuantity")
    if section != "labs":
        if isinstance(resource.get("valueBoolean"), bool):
            return resource["valueBoolean"]
        if isinstance(quantity, dict):
            return quantity.get("value")
        complain(f"{place}", "has neither valueBoolean nor valueQuantity")
        return None
    if not isinstance(quantity, dict):
        complain(f"{place}.valueQuantity", "is missing")
        return None
    if quantity.get("comparator") is not None:
        complain(f"{place}.valueQuantity.comparator", "a bound is no value")
        return None
    if quantity.get("system") not in (None, UCUM):
        complain(f"{place}.valueQuantity.system", f"is not {UCUM}")
        return None
    return {"value": quantity.get("value"), "unit": quantity.get("code") or quantity.get("unit")}


def _add_range(labs: dict[str, Any], resource: Mapping[str, Any], age_years: float | None) -> None:
    """Give the value that came from an observation its own range."""
    codes = [str(c.get("code")) for c in _codings(resource.get("code")) if c.get("system") == LOINC]
    row = next((labs.get(LABORATORY[code]) for code in codes if code in LABORATORY), None)
    quantity = resource.get("valueQuantity")
    mine = isinstance(row, dict) and isinstance(quantity, dict) and row["value"] == quantity.get("value")
    if isinstance(row, dict) and mine and (own := own_range(resource, row["unit"], age_years)) is not None:
        row["range"] = own


def _study_uid(bundle: Mapping[str, Any]) -> str | None:
    """The study the Bundle speaks of: its identifier in the system of DICOM UIDs."""
    identifier = bundle.get("identifier")
    if not isinstance(identifier, dict) or identifier.get("system") != DICOM_UID:
        return None
    return str(identifier.get("value")).removeprefix("urn:oid:")

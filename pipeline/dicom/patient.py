"""Age and sex of the patient, from the headers of a study."""

import hashlib
import hmac
import re
from datetime import date
from pathlib import Path
from typing import Final

from pydicom import Dataset

from pipeline.dicom import headers
from pipeline.dicom.files import StudyFiles
from pipeline.dicom.reading import read_header
from pipeline.errors import InputError
from pipeline.knowledge.settings import DicomSettings, ReportSettings
from pipeline.model.context import Patient
from pipeline.model.known import Known, Maybe, Unknown

_AGE: Final = re.compile(r"(\d{1,3})([DWMY])")
_YEARS_PER_UNIT: Final = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_DAYS_PER_YEAR: Final = 365.25
_OLDEST_YEARS: Final = 120.0
_AGREEMENT_YEARS: Final = 1.01
"""PatientAge is cut to whole units, so it may lie up to a year below the age by date of birth."""
_PSEUDONYM_DIGITS: Final = 12
_SEXES: Final = frozenset({"F", "M", "O"})
_NOT_STATED: Final = Unknown("age not stated")


def read_patient(study: StudyFiles, limits: DicomSettings | None = None) -> Patient:
    """Age and sex from the first file of each series of `study`; what they disagree on is Unknown."""
    found = [ds for series in study.series if (ds := _header(series.files[0].path, limits or DicomSettings()))]
    return Patient(
        age_years=_agreed_age([age(ds) for ds in found]),
        sex=_agreed_sex([sex(ds) for ds in found]),
    )


def shown_identity(study: StudyFiles, shown: ReportSettings, limits: DicomSettings) -> str:
    """What a report says of who the patient is: "" (identify: none), a pseudonym, or name and number.

    A pseudonym is the beginning of the HMAC-SHA-256 of PatientID under the site's key, so that nobody without the key
    can try out numbers.
    """
    told = (shown_identity_in(series.files[0].path, shown, limits) for series in study.series)
    return next((identity for identity in told if identity), "")


def shown_identity_in(path: Path, shown: ReportSettings, limits: DicomSettings) -> str:
    """What is shown of the patient of one file, as `shown_identity`; "" also where it cannot be read."""
    ds = _header(path, limits) if shown.identify != "none" else None
    if ds is None:
        return ""
    number = headers.text(ds, "PatientID")
    if shown.identify == "pseudonym":
        digest = hmac.new((shown.pseudonym_key or "").encode(), number.encode("utf-8", "replace"), hashlib.sha256)
        return f"Patient {digest.hexdigest()[:_PSEUDONYM_DIGITS]}" if number else "Patient without PatientID"
    name = headers.text(ds, "PatientName").replace("^", " ").strip()
    return f"{name or 'name not stated'}, {number or 'number not stated'}"


def age(ds: Dataset) -> Maybe[float]:
    """Age in years from PatientAge, else from PatientBirthDate and the study's date; both must agree."""
    stated, counted = _stated_age(ds), _counted_age(ds)
    if isinstance(stated, Known) and isinstance(counted, Known):
        if abs(stated.value - counted.value) > _AGREEMENT_YEARS:
            return Unknown("PatientAge and PatientBirthDate disagree")
        return stated
    if isinstance(counted, Known) or stated == _NOT_STATED:
        return counted
    return stated


def sex(ds: Dataset) -> Maybe[str]:
    """PatientSex, one of "F", "M", "O"."""
    stated = headers.text(ds, "PatientSex").upper()
    if not stated:
        return Unknown("sex not stated")
    return Known(stated, "PatientSex") if stated in _SEXES else Unknown("PatientSex is none of F, M, O")


def _stated_age(ds: Dataset) -> Maybe[float]:
    stated = headers.text(ds, "PatientAge").upper()
    if not stated:
        return _NOT_STATED
    match = _AGE.fullmatch(stated)
    if match is None:
        return Unknown("PatientAge is no number with a unit (D, W, M, Y)")
    years = int(match[1]) * _YEARS_PER_UNIT[match[2]]
    if match[1].strip("0") == "" and match[2] == "Y":
        return Unknown("PatientAge is 0 years, which devices write for want of an age")
    if years > _OLDEST_YEARS:
        return Unknown("PatientAge is impossible")
    return Known(years, "PatientAge")


def _counted_age(ds: Dataset) -> Maybe[float]:
    born = _date(headers.text(ds, "PatientBirthDate"))
    taken = next((d for k in ("StudyDate", "SeriesDate", "AcquisitionDate") if (d := _date(headers.text(ds, k)))), None)
    if born is None or taken is None:
        return _NOT_STATED
    years = (taken - born).days / _DAYS_PER_YEAR
    if not 0 <= years <= _OLDEST_YEARS:
        return Unknown("PatientBirthDate and StudyDate make an impossible age")
    return Known(years, "PatientBirthDate and StudyDate")


def _date(text: str) -> date | None:
    """A DICOM date, also with the dots of older files."""
    digits = text.replace(".", "")
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])) if len(digits) == 8 else None
    except ValueError:
        return None


def _agreed_age(ages: list[Maybe[float]]) -> Maybe[float]:
    known = [found for found in ages if isinstance(found, Known)]
    if not known:
        return next((found for found in ages if found != _NOT_STATED), _NOT_STATED)
    values = [found.value for found in known]
    if max(values) - min(values) > _AGREEMENT_YEARS:
        return Unknown("the age differs between series")
    return known[0]


def _agreed_sex(sexes: list[Maybe[str]]) -> Maybe[str]:
    known = [found for found in sexes if isinstance(found, Known)]
    if len({found.value for found in known}) > 1:
        return Unknown("the sex differs between series")
    return known[0] if known else next(iter(sexes), Unknown("sex not stated"))


def _header(path: Path, limits: DicomSettings) -> Dataset | None:
    try:
        return read_header(path, limits).dataset
    except InputError:
        return None

"""Whose study it is: what tells that two studies are of one patient, and which was made first."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydicom import Dataset

from pipeline.dicom import headers
from pipeline.dicom.files import Subject
from pipeline.model.known import Known, Maybe, Unknown

_PLACEHOLDER: Final = re.compile(
    r"(0+|x+|anon(ymous|ymized|ymised)?|unknown|none|null|n/?a|test|patient)?", re.IGNORECASE
)
"""Values of PatientID that software writes for want of one; many patients share them."""


def read_subject(ds: Dataset) -> Maybe[Subject]:
    """Patient and moment of one file.

    Two files are of one patient when PatientID, its issuer, date of birth and sex are all the same.
    """
    number = headers.text(ds, "PatientID")
    if _PLACEHOLDER.fullmatch(number):
        return Unknown("PatientID absent or a placeholder")
    day = headers.text(ds, "StudyDate").replace(".", "")
    if not _is_date(day):
        return Unknown("StudyDate absent or no date")
    parts = [headers.text(ds, k) for k in ("IssuerOfPatientID", "PatientBirthDate", "PatientSex")]
    key = hashlib.sha256("\x1f".join((number, *parts)).encode("utf-8", "surrogatepass")).hexdigest()
    time = re.match(r"\d{0,6}", headers.text(ds, "StudyTime").replace(":", ""))
    return Known(Subject(key, day + (time[0] if time else "")), "PatientID, StudyDate")


def agreed_subject(found: Sequence[Maybe[Subject]]) -> Maybe[Subject]:
    """Patient and moment of a study: what its files say, Unknown where they name different patients."""
    known = [one for one in found if isinstance(one, Known)]
    if len({one.value.key for one in known}) > 1:
        return Unknown("PatientID differs within the study")
    if not known:
        return next(iter(found), Unknown("no file of the study was read"))
    return min(known, key=lambda one: one.value.made)


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return len(text) == 8

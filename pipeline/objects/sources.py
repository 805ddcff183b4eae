"""Headers of the images that an object is about, made fit for highdicom without touching the stored files."""

import os
import re
import stat
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from pipeline.errors import InputError
from pipeline.model.image import Image

TYPE_2 = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Attributes that may be empty but must be there (PS3.3 C.7.1.1, C.7.2.1)."""
_AGE = re.compile(r"\d{3}[DWMY]")
LONGEST = {"StudyID": 16, "AccessionNumber": 16}
"""Longest value, characters (VR SH, PS3.5 table 6.2-1): senders exceed it and our object would inherit the fault."""


def source_headers(image: Image, indices: tuple[int, ...], thickness_mm: float | None) -> list[Dataset]:
    """Headers (no pixels) of the frames at `indices` along the image's first axis, each file once.

    `thickness_mm` fills an absent SliceThickness of a CT slice on the copy in memory. InputError where a file is no
    longer what it was when its image was read.
    """
    paths: dict[Path, None] = {image.identity.sources[i].path: None for i in indices}
    return [_header(path, thickness_mm) for path in paths]


def _header(path: Path, thickness_mm: float | None) -> Dataset:
    header = _read(path)
    for keyword in TYPE_2:
        if keyword not in header:
            setattr(header, keyword, "")
    for keyword, length in LONGEST.items():
        setattr(header, keyword, str(header.get(keyword) or "")[:length])
    _drop_invalid(header)
    if thickness_mm is not None and not header.get("SliceThickness"):
        header.SliceThickness = round(thickness_mm, 4)
    return header


def _read(path: Path) -> Dataset:
    """The header of a regular file; nothing else is waited for."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                header = pydicom.dcmread(file, stop_before_pixels=True, force=True)
                if header.get("SOPInstanceUID") and header.get("StudyInstanceUID"):
                    return header
    except (OSError, EOFError, ValueError, InvalidDicomError):
        pass
    raise InputError(f"{path.name}: changed or vanished while its study was analysed; send it again")


def _drop_invalid(header: Dataset) -> None:
    """Leave out what breaks the standard and would be inherited: ages, half a clinical trial, spacings of zero."""
    if not _AGE.fullmatch(str(header.get("PatientAge") or "000D")):
        del header.PatientAge
    if not header.get("ClinicalTrialSponsorName"):
        for keyword in [k for k in header.dir() if k.startswith("ClinicalTrial")]:
            delattr(header, keyword)
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        if not all(float(v) > 0 for v in header.get(keyword) or ()):
            delattr(header, keyword)

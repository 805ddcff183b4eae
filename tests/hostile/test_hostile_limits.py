"""Every limit on what is read is a number in the settings; a breach is one line with the limit's name and number."""

import re
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hostile_files import element, encoded, film, nested, slices, study_uid, with_element, write
from hostile_geometry import enhanced
from pydicom import uid

from pipeline.dicom.context import read_context
from pipeline.dicom.discovery import discover
from pipeline.errors import CalcinosisError
from pipeline.knowledge.settings import BatchSettings, DicomSettings, Settings
from pipeline.model.context import ClinicalContext
from pipeline.study import read

STUDY = study_uid("limits")
Make = Callable[[Path], None]


def _zipped(folder: Path) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(3):
            made.writestr(f"{number}.dcm", bytes(60_000_000))


def _deflated(folder: Path) -> None:
    ds = film(STUDY)
    ds.PixelData = bytes(len(ds.PixelData))
    ds.add_new(0x00091010, "OB", bytes(90_000_000))
    write(folder, encoded(ds, uid.DeflatedExplicitVRLittleEndian))


def _with_context(folder: Path) -> None:
    write(folder, film(STUDY))
    (folder / "context.json").write_text('{"history": {"trauma": true}}')


BREACHES: dict[str, tuple[str, float, Make]] = {
    "a file": ("max_file_bytes", 5_000, lambda f: write(f, film(STUDY))),
    "a study of a film": ("max_study_bytes", 5_000, lambda f: write(f, film(STUDY))),
    "a study of slices": ("max_study_bytes", 3_000, lambda f: write(f, *slices(STUDY))),
    "a zip of much": ("max_zip_ratio", 200, _zipped),
    "a deflated file by its ratio": ("max_zip_ratio", 10, _deflated),
    "a deflated file by its size": ("max_file_bytes", 1_000_000, _deflated),
    "pixels": ("max_pixels", 5_000, lambda f: write(f, film(STUDY))),
    "frames of an object": ("max_frames", 5, lambda f: write(f, enhanced(STUDY, 6))),
    "slices of a series": ("max_frames", 4, lambda f: write(f, *slices(STUDY))),
    "nesting": ("max_nesting", 5, lambda f: write(f, with_element(encoded(film(STUDY)), nested(6)))),
    "a header": (
        "max_header_bytes",
        9_000,
        lambda f: write(f, with_element(encoded(film(STUDY)), element(0x00091010, "OB", bytes(9_000)))),
    ),
    "elements": ("max_elements", 20, lambda f: write(f, film(STUDY))),
    "files in a folder": ("max_files", 3, lambda f: write(f, *slices(STUDY))),
    "a context": ("max_context_bytes", 20, _with_context),
}


def reasons(folder: Path, limits: DicomSettings, scratch: Path) -> list[str]:
    """Every reason that reading a folder gives."""
    try:
        found = discover((folder,), limits, scratch)
    except CalcinosisError as error:
        return [str(error)]
    told = [one.reason for one in found.skipped]
    for study in found.studies:
        told += [one.reason for one in (*study.skipped, *read(study, ClinicalContext(), Settings(dicom=limits))[1])]
        try:
            read_context(study.context, max_bytes=limits.max_context_bytes) if study.context else None
        except CalcinosisError as error:
            told.append(str(error))
    return told


@pytest.mark.parametrize("what", BREACHES)
def test_a_breach_is_one_line_with_the_name_and_the_number_of_the_limit(what: str, tmp_path: Path) -> None:
    name, most, make = BREACHES[what]
    (tmp_path / "in").mkdir()
    make(tmp_path / "in")
    kind = type(getattr(DicomSettings(), name))
    told = reasons(tmp_path / "in", replace(DicomSettings(), **{name: kind(most)}), tmp_path / "scratch")
    (line,) = {reason for reason in told if f"({name})" in reason}
    assert "\n" not in line
    assert re.search(r"\d", line)


def test_every_limit_is_breached_here() -> None:
    assert {name for name, _, _ in BREACHES.values()} == {field.name for field in fields(DicomSettings)}


@pytest.mark.parametrize("name", [f"dicom.{f.name}" for f in fields(DicomSettings)] + [f"batch.{f.name}" for f in fields(BatchSettings)])  # fmt: skip # noqa: E501
def test_every_limit_is_a_positive_number_that_settings_and_page_name(name: str, root: Path) -> None:
    section, key = name.split(".")
    assert getattr(getattr(Settings(), section), key) > 0
    assert f"\n  {key}: " in (root / "configs" / "settings.yaml").read_text()
    assert f"`{name}`" in (root / "docs" / "reliability.md").read_text()

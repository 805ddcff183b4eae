"""Folders as other programs leave them are inputs as they are: names say nothing, headers everything."""

import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from dicom_files import write_ct, write_radiograph
from pydicom.fileset import FileSet

from pipeline.dicom.discovery import discover
from pipeline.dicom.files import Discovery
from pipeline.knowledge.settings import DicomSettings

DX, CT = "1.2.840.99999.11", "1.2.840.99999.12"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A radiograph and a CT, each in its folder."""
    write_radiograph(tmp_path / "plain" / "a")
    write_ct(tmp_path / "plain" / "b")
    return tmp_path / "plain"


def _all(plain: Path) -> list[Path]:
    return sorted(plain.rglob("*.dcm"))


def _one_folder(plain: Path, out: Path) -> Path:
    """Media of a modality: names of eight letters without ending."""
    for index, path in enumerate(_all(plain)):
        shutil.copy(path, out / f"IM{index:06}")
    return out


def _patient_study_series(plain: Path, out: Path) -> Path:
    """The tree of an Orthanc archive: names with blanks, carets and what a description may hold."""
    for index, path in enumerate(_all(plain)):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        series = out / "7 CANARY NAME" / f"{header.StudyID} Hüfte & Becken" / f"{header.Modality} (axial, 2.5 mm)"
        series.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, series / f"{header.Modality}{index:06}.dcm")
    return out


def _orthanc_zip(plain: Path, out: Path) -> Path:
    """The same, as the archive that Orthanc gives to download."""
    tree = _patient_study_series(plain, out)
    archive = out / "Archive.zip"
    files = sorted(p for p in tree.rglob("*.dcm"))
    with zipfile.ZipFile(archive, "w") as opened:
        for path in files:
            opened.write(path, path.relative_to(tree))
    return archive


def _media(plain: Path, out: Path) -> Path:
    """A CD: DICOMDIR and folders of its own."""
    medium = FileSet()
    for path in _all(plain):
        medium.add(path)
    medium.write(out)
    assert (out / "DICOMDIR").is_file()
    return out


def _dcm2niix_names(plain: Path, out: Path) -> Path:
    """Renamed by `dcm2niix -r y`, with conversions beside them."""
    for path in _all(plain):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        target = out / f"{header.SeriesNumber:03}_{header.Modality}_20210102101500_{header.InstanceNumber:05}.dcm"
        shutil.copy(path, target)
    (out / "001_CT_20210102101500.json").write_text('{"Modality": "CT"}')
    (out / "001_CT_20210102101500.nii.gz").write_bytes(b"\x1f\x8b no image for us")
    return out


def _dcm2niix_itself(plain: Path, out: Path) -> Path:
    """Sorted by the program."""
    tool = shutil.which("dcm2niix")
    if tool is None:
        pytest.skip("dcm2niix is not installed")
    command = [tool, "-r", "y", "-f", "%i/%k/%s_%t_%r", "-o", str(out), str(plain)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def _found(given: Path, scratch: Path) -> Discovery:
    scratch.mkdir(exist_ok=True)
    return discover([given], DicomSettings(), scratch)


def _images(found: Discovery) -> dict[str, list[str]]:
    return {
        study.study_instance_uid: sorted(file.sop_instance_uid for series in study.series for file in series.files)
        for study in found.studies
    }


@pytest.mark.parametrize(
    "layout", [_one_folder, _patient_study_series, _orthanc_zip, _media, _dcm2niix_names, _dcm2niix_itself]
)
def test_the_same_studies_are_found_in_every_layout(
    layout: Callable[[Path, Path], Path], plain: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    expected = _images(_found(plain, tmp_path / "scratch"))
    assert set(expected) == {DX, CT}
    found = _found(layout(plain, tmp_path / "out"), tmp_path / "scratch2")
    assert _images(found) == expected
    assert not [study for study in found.studies if study.refused]


def test_what_lies_beside_the_images_is_listed_with_a_reason(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    found = _found(_dcm2niix_names(plain, tmp_path / "out"), tmp_path / "scratch")
    assert {Path(s.path).suffix for s in found.skipped} == {".json", ".gz"}
    assert all(s.reason for s in found.skipped)


def test_a_dicomdir_is_no_image_and_says_so(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    found = _found(_media(plain, tmp_path / "out"), tmp_path / "scratch")
    listed = (*found.skipped, *(s for study in found.studies for s in study.skipped))
    assert [s.path for s in listed] == ["DICOMDIR"]

"""A SEG holds the lesions where they are, is accepted by a validator, and comes out the same each time."""

import shutil
import subprocess
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from builders import analysis, lesion_at, radiograph, volume
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from pipeline.model.identity import MANUFACTURER, ImageIdentity, SourceFrame
from pipeline.model.image import Radiograph, Volume
from pipeline.objects.segmentation import write_segmentations

STUDY = "1.2.840.99999.1"


def _file(path: Path, kind: str, sop_class: str, instance: str, **attributes: object) -> Path:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = sop_class
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = instance
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.StudyInstanceUID, header.SeriesInstanceUID, header.Modality = STUDY, "1.2.3", kind
    header.StudyDate, header.StudyTime, header.PatientName, header.PatientID = "20200102", "101500", "A^B", "7"
    header.PatientBirthDate, header.PatientSex, header.StudyID, header.AccessionNumber = "19700101", "F", "1", "1"
    header.ReferringPhysicianName, header.SeriesNumber, header.InstanceNumber = "", 1, 1
    header.Rows, header.Columns, header.SamplesPerPixel = 40, 30, 1
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 0
    header.PhotometricInterpretation = "MONOCHROME2"
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    header.PixelData = bytes(40 * 30 * 2)
    header.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def ct(tmp_path: Path) -> Volume:
    paths = []
    for i in range(8):
        where = {"ImagePositionPatient": [-15, -20, 5 + 2 * i], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
        paths.append(
            _file(
                tmp_path / f"{i}.dcm",
                "CT",
                CTImageStorage,
                f"1.2.3.{i + 1}",
                PixelSpacing=[1, 1],
                FrameOfReferenceUID="1.2.9",
                PositionReferenceIndicator="",
                **where,
            )
        )
    sources = tuple(SourceFrame(p, p.name, f"1.2.3.{i + 1}") for i, p in enumerate(paths))
    return volume(identity=ImageIdentity(STUDY, "1.2.3", None, "CT", sources))


@pytest.fixture
def dx(tmp_path: Path) -> Radiograph:
    path = _file(
        tmp_path / "dx.dcm",
        "DX",
        DigitalXRayImageStorageForPresentation,
        "1.2.3.1",
        PatientOrientation=["L", "F"],
        FrameOfReferenceUID="1.2.9",
        ImageLaterality="R",
    )
    source = SourceFrame(path, path.name, "1.2.3.1")
    return radiograph(shape=(40, 30), identity=ImageIdentity(STUDY, "1.2.3", "1.2.3.1", "DX", (source,)))


def _write(image: Radiograph | Volume, folder: Path) -> tuple[Path, object]:
    box = (slice(10, 20), slice(5, 12))
    boxes = [box, (slice(25, 28), slice(20, 22))]
    if isinstance(image, Volume):
        boxes = [(slice(2, 4), *boxes[0]), (slice(3, 6), *boxes[1])]
    lesions = tuple(lesion_at(b, image.shape, number=i) for i, b in enumerate(boxes, start=1))
    folder.mkdir(exist_ok=True)
    written, skipped = write_segmentations(analysis(image=image, lesions=lesions), folder)
    assert not skipped, skipped
    return written[0], lesions


def test_every_slice_of_a_ct_seg_lies_at_its_place(ct: Volume, tmp_path: Path) -> None:
    path, _ = _write(ct, tmp_path / "out")
    stored = highdicom.seg.segread(path)
    frames = stored.get_pixels_by_source_instance(
        [s.sop_instance_uid for s in ct.identity.sources[2:6]], combine_segments=True
    )
    expected = np.zeros((4, 40, 30), np.uint8)
    expected[0:2, 10:20, 5:12] = 1
    expected[1:4, 25:28, 20:22] = 2
    assert np.array_equal(frames, expected)
    assert stored.Manufacturer == MANUFACTURER
    assert "AI result" in stored.ContentDescription


def test_a_seg_of_a_radiograph_holds_its_masks(dx: Radiograph, tmp_path: Path) -> None:
    path, _ = _write(dx, tmp_path / "out")
    stored = pydicom.dcmread(path)
    assert stored.NumberOfFrames == 2
    assert "FrameOfReferenceUID" not in stored
    frames = stored.pixel_array
    assert frames[0, 10:20, 5:12].all()
    assert frames[0].sum() == 70
    assert frames[1].sum() == 6


@pytest.mark.parametrize("kind", ["ct", "dx"])
def test_the_validator_finds_no_error(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    tool = shutil.which("dciodvfy")
    if tool is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    path, _ = _write(request.getfixturevalue(kind), tmp_path / "out")
    said = subprocess.run([tool, "-new", str(path)], capture_output=True, text=True, check=False)
    assert not [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]


def test_the_same_result_gives_the_same_bytes_and_another_one_other_uids(ct: Volume, tmp_path: Path) -> None:
    first, _ = _write(ct, tmp_path / "a")
    second, _ = _write(ct, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    other = analysis(image=ct, lesions=(lesion_at((slice(2, 3), slice(1, 4), slice(1, 4)), ct.shape),))
    (changed,), _ = write_segmentations(other, tmp_path)
    assert pydicom.dcmread(changed).SOPInstanceUID != pydicom.dcmread(first).SOPInstanceUID


def test_no_lesion_means_no_object(ct: Volume, tmp_path: Path) -> None:
    assert write_segmentations(analysis(image=ct, lesions=(), findings=()), tmp_path) == ((), ())


def test_a_ct_without_frame_of_reference_is_told_not_guessed(ct: Volume, tmp_path: Path) -> None:
    for source in ct.identity.sources:
        header = pydicom.dcmread(source.path)
        del header.FrameOfReferenceUID
        header.save_as(source.path)
    lesions = (lesion_at((slice(2, 3), slice(1, 4), slice(1, 4)), ct.shape),)
    written, skipped = write_segmentations(analysis(image=ct, lesions=lesions), tmp_path)
    assert not written
    assert "no SEG" in skipped[0].reason

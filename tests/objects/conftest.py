"""Source images on disk, with headers as a modality writes them."""

from pathlib import Path

import pytest
from builders import radiograph, volume
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from pipeline.model.identity import ImageIdentity, SourceFrame
from pipeline.model.image import Radiograph, Volume

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

"""Small DICOM files made in a test: one radiograph, one CT series, and what can be wrong with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

CT_SHAPE = (12, 96, 96)


def header(modality: str, study: str, index: int = 0) -> Dataset:
    """A header without pixels; identifiers follow from the study's UID."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    sop_class = CTImageStorage if modality == "CT" else DigitalXRayImageStorageForPresentation
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = sop_class
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = f"{study}.1.{index + 1}"
    made.StudyInstanceUID, made.SeriesInstanceUID, made.Modality = study, f"{study}.1", modality
    made.PatientID, made.PatientName, made.PatientBirthDate, made.PatientSex = "7", "CANARY^NAME", "19601231", "F"
    made.PatientAge, made.StudyDate, made.StudyTime, made.StudyID = "060Y", "20210102", "101500", "1"
    made.AccessionNumber, made.ReferringPhysicianName, made.SeriesNumber, made.InstanceNumber = "", "", 1, index + 1
    return made


def save(made: Dataset, stored: np.ndarray[Any, Any], path: Path) -> Path:
    """Attach 12-bit pixels and write."""
    made.Rows, made.Columns, made.SamplesPerPixel = *stored.shape, 1
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.PhotometricInterpretation = "MONOCHROME2"
    made.PixelData = stored.astype(np.uint16).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, made, enforce_file_format=True)
    return path


def write_radiograph(folder: Path, study: str = "1.2.840.99999.11", *, disc: bool = True, **attributes: Any) -> Path:
    """A limb of 160 x 120 mm at 0.4 mm with a bone and, if `disc`, one dense deposit beside it."""
    rng = np.random.default_rng(3)
    rows, cols = np.mgrid[0:400, 0:300] * 0.4
    signal = 1.6 * np.sqrt(np.clip(1 - ((cols - 60) / 52) ** 2, 0, None))
    signal += 0.8 * np.sqrt(np.clip(1 - ((cols - 50) / 9) ** 2, 0, None))
    if disc:
        signal += 0.7 * np.sqrt(np.clip(1 - ((rows - 80) ** 2 + (cols - 84) ** 2) / 7**2, 0, None))
    signal += rng.normal(0, 0.01, signal.shape)
    made = header("DX", study)
    made.ImagerPixelSpacing, made.BodyPartExamined, made.ViewPosition = [0.4, 0.4], "THIGH", "AP"
    made.PresentationLUTShape, made.PixelIntensityRelationship = "IDENTITY", "LOG"
    made.PatientOrientation, made.ImageLaterality = ["L", "F"], "R"
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return save(made, np.clip(signal / 3 * 4000, 0, 4095), folder / "dx.dcm")


def claiming(folder: Path, keyword: str, claim: str) -> bytes:
    """The bytes of a radiograph in which one element bears another value representation, whatever its value."""
    content = write_radiograph(folder, Manufacturer="ACME").read_bytes()
    tag, true = {"Manufacturer": (b"\x08\0\x70\0", b"LO"), "SOPInstanceUID": (b"\x08\0\x18\0", b"UI")}[keyword]
    return content.replace(tag + true, tag + claim.encode("latin-1"), 1)


def write_ct(folder: Path, study: str = "1.2.840.99999.12", *, ball: bool = True) -> tuple[Path, ...]:
    """A thigh of 12 slices with a femur and, if `ball`, one deposit of 9 mm in the muscle."""
    rng = np.random.default_rng(4)
    slices, rows, cols = np.mgrid[0 : CT_SHAPE[0], 0 : CT_SHAPE[1], 0 : CT_SHAPE[2]].astype(float)
    from_axis = np.hypot(rows - 48, cols - 48) * 1.5
    from_bone = np.hypot(rows - 48, cols - 40) * 1.5
    hu = np.where(from_axis < 62, np.where(from_axis > 54, -100, 55), -1000).astype(float)
    hu[from_bone < 13] = 1100
    hu[from_bone < 7] = -20
    if ball:
        distance = np.sqrt((1.5 * (rows - 52)) ** 2 + (1.5 * (cols - 64)) ** 2 + (2 * (slices - 6)) ** 2)
        hu[distance < 4.5] = 600
    hu += rng.normal(0, 10, hu.shape)
    paths = []
    for k in range(CT_SHAPE[0]):
        made = header("CT", study, k)
        made.ImagePositionPatient, made.ImageOrientationPatient = [-72, -72, 2.0 * k], [1, 0, 0, 0, 1, 0]
        made.PixelSpacing, made.SliceThickness, made.PatientPosition, made.KVP = [1.5, 1.5], 2, "HFS", 120
        made.FrameOfReferenceUID, made.PositionReferenceIndicator = f"{study}.2", ""
        made.RescaleSlope, made.RescaleIntercept, made.RescaleType = 1, -1024, "HU"
        made.ImageType, made.BodyPartExamined = ["ORIGINAL", "PRIMARY", "AXIAL"], "THIGH"
        paths.append(save(made, np.clip(hu[k] + 1024, 0, 4095), folder / f"ct{k:02d}.dcm"))
    return tuple(paths)

"""Writing of DICOM objects. Every identifier follows from the seed, and no clock is read: same seed, same bytes."""

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
)

from pipeline.simulate.projection import Camera
from pipeline.simulate.tomography import Protocol

UID_ROOT = "2.25."
"""UUID-derived identifiers need no registration (PS3.5, annex B.2)."""
MAKER = "Calcinosis simulator"
DATE = "20240115"
BODY_PARTS = {
    "hip": ("HIP", "24136001", "Hip joint"), "pelvis": ("PELVIS", "12921003", "Pelvis"),
    "thigh": ("THIGH", "68367000", "Thigh"), "knee": ("KNEE", "72696002", "Knee"),
    "lower_leg": ("LEG", "30021000", "Lower leg"), "shoulder": ("SHOULDER", "16982005", "Shoulder"),
}  # fmt: skip
"""Body part examined and SNOMED CT code (PS3.16, CID 4)."""
POSITIONS = {"supine": "HFS", "prone": "HFP", "left_decubitus": "HFDL", "right_decubitus": "HFDR"}


@dataclass(frozen=True, slots=True)
class Patient:
    """An invented patient; `key` seeds all identifiers of the study."""

    number: str
    age_years: int
    sex: str
    key: str


def uid(*parts: object) -> str:
    """A UID that follows from its parts alone."""
    digest = hashlib.sha256("/".join(str(p) for p in parts).encode()).digest()
    return UID_ROOT + str(int.from_bytes(digest[:16], "big") | 1 << 120)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _header(patient: Patient, sop_class: str, modality: str, series: int, instance: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(uid(patient.key, series, instance))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(uid("calcinosis", "simulate"))
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(patient.key), uid(patient.key, series)
    ds.FrameOfReferenceUID = uid(patient.key, "frame", series)
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = DATE
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "101500"
    ds.PatientName, ds.PatientID = f"Simulated^{patient.number}", f"SIM-{patient.number}"
    ds.PatientSex, ds.PatientAge, ds.PatientBirthDate = patient.sex, f"{patient.age_years:03d}Y", ""
    ds.AccessionNumber, ds.StudyID, ds.ReferringPhysicianName = "", "1", ""
    ds.SeriesNumber, ds.InstanceNumber, ds.Modality = series, instance, modality
    ds.Manufacturer, ds.ManufacturerModelName = MAKER, "phantom"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "1", "1"
    return ds


def _body(ds: FileDataset, region: str) -> None:
    name, code, meaning = BODY_PARTS[region]
    ds.BodyPartExamined = name
    ds.AnatomicRegionSequence = Sequence([_code(code, "SCT", meaning)])


def _pixels(ds: FileDataset, values: NDArray[np.uint16], bits: int) -> None:
    ds.Rows, ds.Columns = values.shape
    ds.SamplesPerPixel = 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, bits, bits - 1, 0
    ds.PixelData = np.ascontiguousarray(values, "<u2").tobytes()
    ds["PixelData"].VR = "OW"


@dataclass(frozen=True, slots=True)
class FilmHeader:
    """What the header of a radiograph says beside geometry; `posture` "unknown" leaves it silent."""

    region: str
    laterality: str
    posture: str
    kilovolt: int
    bits: int
    inverted: bool
    instance: int = 1


def radiograph(patient: Patient, pixels: NDArray[np.uint16], camera: Camera, header: FilmHeader) -> FileDataset:
    """A Digital X-Ray image for presentation."""
    ds = _header(patient, DigitalXRayImageStorageForPresentation, "DX", 1, header.instance)
    del ds.FrameOfReferenceUID
    _body(ds, header.region)
    words = [BODY_PARTS[header.region][0], camera.view]
    if header.posture != "unknown":
        words.append(header.posture.replace("_", " ").upper())
        _posture(ds, header.posture)
    ds.StudyDescription = BODY_PARTS[header.region][0]
    ds.SeriesDescription = " ".join(words)
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.ViewPosition = {"AP": "AP", "LAT": "LL"}[camera.view]
    view = {"AP": ("399348003", "antero-posterior"), "LAT": ("399198007", "right to left lateral")}[camera.view]
    ds.ViewCodeSequence = Sequence([_code(view[0], "SCT", view[1])])
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = Sequence([])
    ds.PatientOrientation = ["L", "F"] if camera.view == "AP" else ["P", "F"]
    ds.ImageLaterality = {"R": "R", "L": "L"}.get(header.laterality, "B")
    grown = camera.source_to_detector_mm / camera.source_to_centre_mm
    ds.ImagerPixelSpacing = [f"{camera.pixel_mm * grown:.5f}"] * 2
    ds.DistanceSourceToDetector = f"{camera.source_to_detector_mm:.0f}"
    ds.DistanceSourceToPatient = f"{camera.source_to_centre_mm:.0f}"
    ds.EstimatedRadiographicMagnificationFactor = f"{grown:.5f}"
    ds.KVP = str(header.kilovolt)
    ds.PositionerType = "NONE"
    ds.DetectorType, ds.DetectorConfiguration = "DIRECT", "AREA"
    ds.FieldOfViewOrigin, ds.FieldOfViewRotation, ds.FieldOfViewHorizontalFlip = ["0", "0"], "0", "NO"
    _pixels(ds, pixels, header.bits)
    ds.PhotometricInterpretation = "MONOCHROME1" if header.inverted else "MONOCHROME2"
    ds.PresentationLUTShape = "INVERSE" if header.inverted else "IDENTITY"
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", -1 if header.inverted else 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.WindowCenter, ds.WindowWidth = f"{2 ** (header.bits - 1)}", f"{2**header.bits}"
    ds.LossyImageCompression, ds.BurnedInAnnotation = "00", "NO"
    ds.AcquisitionContextSequence = Sequence([])
    return ds


def _posture(ds: FileDataset, posture: str) -> None:
    """Patient Orientation Code Sequence (PS3.16, CID 19 and 20)."""
    if posture == "erect":
        item = _code("C86043", "NCIt", "Erect")
        item.PatientOrientationModifierCodeSequence = Sequence([_code("10904000", "SCT", "Standing")])
    else:
        item = _code("102538003", "SCT", "Recumbent")
        lying = {
            "supine": ("40199007", "Supine"), "prone": ("1240000", "Prone"),
            "left_decubitus": ("102536004", "Left lateral decubitus"),
            "right_decubitus": ("102535000", "Right lateral decubitus"),
        }[posture]  # fmt: skip
        item.PatientOrientationModifierCodeSequence = Sequence([_code(lying[0], "SCT", lying[1])])
    ds.PatientOrientationCodeSequence = Sequence([item])


def ct_slices(
    patient: Patient, hu: NDArray[np.int16], protocol: Protocol, *, region: str, laterality: str, posture: str
) -> tuple[FileDataset, ...]:
    """The slices of a CT series, from the feet upward."""
    z, y, x = protocol.axes()
    out = []
    for n, height in enumerate(z):
        ds = _header(patient, CTImageStorage, "CT", 1, n + 1)
        _body(ds, region)
        if laterality in ("R", "L"):
            ds.Laterality = laterality
        ds.StudyDescription, ds.SeriesDescription = f"CT {BODY_PARTS[region][0]}", "AXIAL SOFT TISSUE"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.PatientPosition = POSITIONS[posture]
        ds.PositionReferenceIndicator = ""
        ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
        ds.ImagePositionPatient = [f"{x[0]:.3f}", f"{y[0]:.3f}", f"{height:.3f}"]
        ds.SliceLocation = f"{height:.3f}"
        ds.PixelSpacing = [f"{protocol.pixel_mm:.5f}"] * 2
        ds.SliceThickness = f"{protocol.slice_mm:.3f}"
        ds.KVP, ds.ConvolutionKernel, ds.AcquisitionNumber = "120", "STANDARD", 1
        ds.PhotometricInterpretation = "MONOCHROME2"
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
        ds.WindowCenter, ds.WindowWidth = "50", "400"
        _pixels(ds, (np.clip(hu[n], -1024, 3071).astype(np.int32) + 1024).astype(np.uint16), 12)
        out.append(ds)
    return tuple(out)


def save(ds: FileDataset, path: Path) -> None:
    """Write one object, compressed without loss (JPEG 2000)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    ds.save_as(path, enforce_file_format=True)


def save_labels(labels: NDArray[np.uint16], path: Path) -> None:
    """A label image [row, col] as a 16-bit PNG."""
    Image.fromarray(labels).save(path, optimize=True)


def save_label_volume(labels: NDArray[np.uint8], protocol: Protocol, path: Path) -> None:
    """A label volume [slice, row, col] as NIfTI-1, axes column, row, slice, affine to RAS millimetres."""
    z, y, x = protocol.axes()
    affine = np.diag([-protocol.pixel_mm, -protocol.pixel_mm, protocol.slice_mm, 1.0])
    affine[:3, 3] = -float(x[0]), -float(y[0]), float(z[0])
    image = nib.Nifti1Image(np.ascontiguousarray(labels.transpose(2, 1, 0)), affine)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
        packed.write(image.to_bytes())


def save_json(content: object, path: Path) -> None:
    """Write readable JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

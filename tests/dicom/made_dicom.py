"""Small DICOM files made for a test: harmless defaults, changed by keyword."""

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

from pipeline.knowledge.settings import DicomSettings

LIMITS = DicomSettings()
STUDY = "1.2.3.1"


def image(values: Any = None, **changes: Any) -> Dataset:
    """A CR of `values` (default a 12 x 16 ramp, 12 bits of 16); a keyword sets an element, None deletes it."""
    array = np.arange(192, dtype=np.uint16).reshape(12, 16) * 21 if values is None else np.asarray(values)
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = ComputedRadiographyImageStorage, generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.PatientID = STUDY, STUDY + ".1", "P1"
    ds.Modality, ds.Manufacturer, ds.ImageType = "CR", "Made", ["ORIGINAL", "PRIMARY"]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = array.shape[-2:]
    if array.ndim == 3:
        ds.NumberOfFrames = len(array)
    bits = 8 * array.dtype.itemsize
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = int(array.dtype.kind == "i")
    if values is None:
        ds.BitsStored, ds.HighBit = 12, 11
    ds.PixelData = array.astype(array.dtype.newbyteorder("<")).tobytes()
    ds["PixelData"].VR = "OB" if bits == 8 else "OW"
    return changed(ds, **changes)


def ct(values: Any = None, **changes: Any) -> Dataset:
    """A CT slice like `image`, with a rescale of slope 1 and intercept -1024."""
    ds = image(values, SOPClassUID=CTImageStorage, Modality="CT", ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])
    ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
    return changed(ds, **changes)


def changed(ds: Dataset, **changes: Any) -> Dataset:
    """`ds` with elements set, or deleted where the value is None."""
    for keyword, value in changes.items():
        if value is not None:
            setattr(ds, keyword, value)
        elif keyword in ds:
            delattr(ds, keyword)
    return ds


def compressed(ds: Dataset, syntax: str, *frames: bytes) -> Dataset:
    """`ds` with compressed `frames` of transfer syntax `syntax` in place of its pixels."""
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2) for frame in frames])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def saved(ds: Dataset, path: Path, syntax: str | None = None) -> Path:
    """Write `ds` as a DICOM file, in transfer syntax `syntax` where that needs no compression."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if syntax:
        ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", "1.2.3")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", "1.2.3")
    ds.save_as(path, enforce_file_format=True)
    return path


def meta(syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Preamble, DICM and a file meta information with nothing but the transfer syntax."""
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    return b"\0" * 128 + b"DICM" + b"\x02\0\x10\0UI" + len(value).to_bytes(2, "little") + value

"""What kind of object a header describes: a radiograph, a CT image, or something to be listed with its reason."""

import re
from dataclasses import dataclass
from typing import Final

from pydicom import Dataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from pipeline.dicom import headers
from pipeline.dicom.codes import code, short
from pipeline.dicom.files import Kind
from pipeline.model.identity import MANUFACTURER

CAPTURE_NOTE: Final = "screen capture, processing unknown"

_CT: Final = frozenset({CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage})
_PROJECTION: Final = frozenset(
    {
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        DigitalXRayImageStorageForProcessing,
    }
)
_CAPTURE: Final = frozenset(
    {
        SecondaryCaptureImageStorage,
        MultiFrameSingleBitSecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)
_PROJECTION_MODALITIES: Final = frozenset({"CR", "DX", "RG", "OT", "RF", ""})
_CAPTURE_MODALITIES: Final = frozenset({"CR", "DX", "RG", "OT"})
_CLASS_OF_MODALITY: Final = {"CR": ComputedRadiographyImageStorage, "CT": CTImageStorage}
"""What a file of the time before SOP classes holds."""

_NOT_HOUNSFIELD: Final = {
    "LOCALIZER": "a localizer: a scout projection, not analysed",
    "PERFUSION": "a perfusion map: no Hounsfield units",
    "RCBF": "a perfusion map: no Hounsfield units",
    "RCBV": "a perfusion map: no Hounsfield units",
    "SCREEN SAVE": "a picture of a screen, not analysed",
    "SCREENSAVE": "a picture of a screen, not analysed",
    "DOSE_INFO": "a dose report, not analysed",
    "MIP": "a projection through slices, not analysed",
    "MINIP": "a projection through slices, not analysed",
    "MAX_IP": "a projection through slices, not analysed",
    "MIN_IP": "a projection through slices, not analysed",
    "PROJECTION IMAGE": "a projection through slices, not analysed",
    "VOLUME RENDERING": "a rendered view, not analysed",
    "VOLUME_RENDER": "a rendered view, not analysed",
    "EFF_ATOMIC_NUM": "no Hounsfield units",
    "MATERIAL_FRACTION": "no Hounsfield units",
}
"""Values of ImageType (PS3.3 C.8.2.1.1.1, C.8.15.3.1.1 and vendors') that are no slice in Hounsfield units."""
_HOUNSFIELD_TYPES: Final = frozenset({"", "HU", "HU_MOD", "US"})
"""RescaleType (PS3.3 C.11.1.1.2); US, unspecified, is what many scanners write."""

_CONVERSIONS: Final = {"SD": "a scanned document", "DRW": "a drawing", "DV": "a video picture"}
"""ConversionType (PS3.3 C.8.6.1) of captures that are no film."""
_DESCRIPTIONS: Final = (
    "SeriesDescription",
    "StudyDescription",
    "ProtocolName",
    "ImageComments",
    "DocumentTitle",
    "PerformedProcedureStepDescription",
    "RequestedProcedureDescription",
    "AcquisitionDeviceProcessingDescription",
    "DerivationDescription",
)
_REPORT_WORDS: Final = re.compile(
    r"\b(reports?|befund\w*|compte rendu|informe|referto|dose|dosis|dosage|summary|worksheet|letter|document|"
    r"consent|requisition|order form|protocol page|screen ?shots?|screen ?save\w*|screen ?capture|snapshots?|"
    r"key ?images?|patient protocol)\b",
    re.IGNORECASE,
)
_OTHER_MODALITY_WORDS: Final = re.compile(
    r"\b(ct|cta|hrct|cbct|tdm|mri?|mra|irm|rmn|pet|spect|ultraschall|ultrasound|sonograph\w*|us|computed tomograph\w*|"
    r"tomodensitometr\w*|mpr|mip|volume rendering|vrt|3d|scout|topogram|scanogram)\b",
    re.IGNORECASE,
)
_SECTIONAL: Final = frozenset({"CT", "MR", "PT", "NM", "US"})


@dataclass(frozen=True, slots=True)
class Classification:
    """`kind` is what to analyse it as, None with a `reason` to list it instead.

    `is_ours` is whether this program wrote it; `notes` go with an image that is analysed.
    """

    kind: Kind | None
    reason: str = ""
    is_ours: bool = False
    notes: tuple[str, ...] = ()


def classify(ds: Dataset) -> Classification:
    """What the header `ds` describes. Pixels are not looked at."""
    if code(ds, "Manufacturer").casefold() == MANUFACTURER.casefold():
        return Classification(None, "a result of this program, never taken as input", is_ours=True)
    if code(ds, "AnatomicalOrientationType").upper() == "QUADRUPED":
        return _listed("of an animal: not analysed")
    modality = code(ds, "Modality").upper()
    sop_class = code(ds, "SOPClassUID") or _CLASS_OF_MODALITY.get(modality, "")
    if sop_class in _CT:
        return _classify_ct(ds)
    if sop_class in _PROJECTION:
        return _classify_projection(ds, modality)
    if sop_class in _CAPTURE:
        return _classify_capture(ds, modality)
    return _listed(_other(sop_class, modality))


def _classify_ct(ds: Dataset) -> Classification:
    for word in _image_type(ds):
        if word in _NOT_HOUNSFIELD:
            return _listed(f"CT image, {_NOT_HOUNSFIELD[word]}")
    if (_whole(ds, "SamplesPerPixel") or 1) != 1:
        return _listed("CT image in colour: no Hounsfield units")
    if code(ds, "RescaleType").upper() not in _HOUNSFIELD_TYPES:
        return _listed("CT image whose RescaleType is not HU")
    return Classification("ct")


def _classify_projection(ds: Dataset, modality: str) -> Classification:
    if modality not in _PROJECTION_MODALITIES:
        return _listed(f"a projection image of modality {_printable(modality)}: not analysed")
    if (_whole(ds, "NumberOfFrames") or 1) > 1:
        return _listed("a radiograph of several frames: not analysed")
    return Classification("radiograph")


def _classify_capture(ds: Dataset, modality: str) -> Classification:
    """A capture is a radiograph when it is one grey frame of a projection modality, and no word speaks against it."""
    if modality not in _CAPTURE_MODALITIES:
        return _listed(f"a secondary capture of modality {_printable(modality)}: not analysed")
    if (_whole(ds, "NumberOfFrames") or 1) > 1:
        return _listed("a secondary capture of several frames: not analysed")
    if (_whole(ds, "SamplesPerPixel") or 1) != 1:
        return _listed("a secondary capture in colour: not analysed")
    conversion = code(ds, "ConversionType").upper()
    if conversion in _CONVERSIONS:
        return _listed(f"a secondary capture, {_CONVERSIONS[conversion]}: not analysed")
    if _shows_sections(ds):
        return _listed("a secondary capture of a sectional image: not analysed")
    described = " ".join(headers.text(ds, keyword) for keyword in _DESCRIPTIONS).replace("_", " ")
    if _REPORT_WORDS.search(described):
        return _listed("a secondary capture described as a report or screen picture: not analysed")
    if _OTHER_MODALITY_WORDS.search(described):
        return _listed("a secondary capture described as another modality's picture: not analysed")
    return Classification("radiograph", notes=(CAPTURE_NOTE,))


def _shows_sections(ds: Dataset) -> bool:
    """Whether the capture was made of a CT, MR or other sectional image."""
    sources = {headers.uid(item, "ReferencedSOPClassUID") for item in headers.items(ds, "SourceImageSequence")}
    if any(UID(source).name.startswith(("CT", "MR", "Enhanced CT", "Enhanced MR")) for source in sources if source):
        return True
    if set(_image_type(ds)) & (_NOT_HOUNSFIELD.keys() | {"AXIAL", "MPR", "CSA MPR", "CSA 3D"}):
        return True
    return code(ds, "ModalitiesInStudy").upper() in _SECTIONAL or "ImagePositionPatient" in ds


def _other(sop_class: str, modality: str) -> str:
    """The reason for an object that is neither radiograph nor CT, by its name."""
    if not sop_class:
        return f"no SOPClassUID, modality {_printable(modality)}: not analysed"
    name = UID(sop_class).name
    if name == sop_class:
        return f"SOP class {_printable(sop_class)} is not known: not analysed"
    return f"{name.removesuffix(' Storage')}: not analysed"


def _image_type(ds: Dataset) -> tuple[str, ...]:
    """ImageType in capitals; of a multi-frame object also the FrameType that all frames share."""
    values = code(ds, "ImageType").split("\\")
    shared = headers.single_item(ds, "SharedFunctionalGroupsSequence")
    frame_type = None if shared is None else headers.single_item(shared, "CTImageFrameTypeSequence")
    if frame_type is not None:
        values += headers.texts(frame_type, "FrameType")
    return tuple(value.upper() for value in values)


def _whole(ds: Dataset, keyword: str) -> int | None:
    value = short(ds, keyword)
    if value is not None:
        return value
    number = headers.number(ds, keyword)
    return None if number is None else int(number)


def _listed(reason: str) -> Classification:
    return Classification(None, reason)


def _printable(value: str) -> str:
    """A short code of the header, safe to print."""
    return re.sub(r"[^A-Za-z0-9._-]", "?", value)[:64] or "not stated"

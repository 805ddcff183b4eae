"""What discovery keeps of a file: a few identifiers and what it is. The data set itself is let go."""

from dataclasses import dataclass, field

from pydicom import Dataset
from pydicom.uid import DigitalXRayImageStorageForProcessing

from pipeline.dicom import headers
from pipeline.dicom.classify import Classification, classify
from pipeline.dicom.codes import code
from pipeline.dicom.files import Subject
from pipeline.dicom.inventory import Found
from pipeline.dicom.layout import check_pixels
from pipeline.dicom.reading import NotDicomError, read_header
from pipeline.dicom.subject import read_subject
from pipeline.errors import InputError
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.known import Maybe


@dataclass(frozen=True, slots=True)
class Exposure:
    """What tells whether two images show one exposure, and whether its values have a known relation to the dose."""

    for_processing: bool
    relation_known: bool
    event: str
    moment: str
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Described:
    """One DICOM file. `classification.kind` is None where it is not analysed; `refused` where it should have been."""

    found: Found
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    modality: str
    patient_id: str
    subject: Maybe[Subject]
    classification: Classification
    exposure: Exposure | None
    decoded_bytes: int = 0
    notes: tuple[str, ...] = ()
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is no DICOM or cannot be read as such."""

    found: Found
    reason: str
    is_dicom: bool = field(default=True)


def describe(found: Found, limits: DicomSettings) -> Described | Unreadable:
    """Read the header of one file and decide what it is. Never raises for what the file holds."""
    try:
        return _described(found, limits)
    except NotDicomError as error:
        return Unreadable(found, str(error), is_dicom=False)
    except InputError as error:
        return Unreadable(found, str(error))
    except Exception as error:  # element values are converted on touch and raise anything
        return Unreadable(found, f"broken header ({type(error).__name__}): ask the sender to send it again")


def _described(found: Found, limits: DicomSettings) -> Described:
    header = read_header(found.path, limits)
    ds = header.dataset
    classification, refused, decoded_bytes = classify(ds), False, 0
    if classification.kind is not None:
        try:
            _check_identifiers(ds)
            decoded_bytes = check_pixels(ds, header.structure, limits).decoded_bytes
        except InputError as error:
            classification, refused = Classification(None, str(error)), True
    return Described(
        found=found,
        study_instance_uid=code(ds, "StudyInstanceUID"),
        series_instance_uid=code(ds, "SeriesInstanceUID"),
        sop_instance_uid=code(ds, "SOPInstanceUID"),
        sop_class_uid=code(ds, "SOPClassUID"),
        modality=code(ds, "Modality"),
        patient_id=code(ds, "PatientID"),
        subject=read_subject(ds),
        classification=classification,
        exposure=_exposure(ds) if classification.kind == "radiograph" else None,
        decoded_bytes=decoded_bytes,
        notes=header.notes + classification.notes,
        refused=refused,
    )


def _check_identifiers(ds: Dataset) -> None:
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        if not code(ds, keyword):
            raise InputError(f"{keyword} is missing: ask the sender to send it again")


def _exposure(ds: Dataset) -> Exposure:
    intent = code(ds, "PresentationIntentType").upper()
    processing = DigitalXRayImageStorageForProcessing
    moment = code(ds, "AcquisitionDateTime") or code(ds, "AcquisitionTime")
    place = "|".join(code(ds, k) for k in ("ViewPosition", "ImageLaterality", "Laterality", "BodyPartExamined"))
    return Exposure(
        for_processing=intent == "FOR PROCESSING" or code(ds, "SOPClassUID") == processing,
        relation_known=code(ds, "PixelIntensityRelationship").upper() in ("LIN", "LOG"),
        event=code(ds, "IrradiationEventUID"),
        moment=f"{moment}|{place}" if moment else "",
        sources=frozenset(
            headers.uid(item, "ReferencedSOPInstanceUID") for item in headers.items(ds, "SourceImageSequence")
        ),
    )

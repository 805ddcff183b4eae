"""DICOM Segmentation (SEG) of the lesions of one image, one segment a lesion."""

import hashlib

import highdicom
import numpy as np
from highdicom.seg import Segmentation as SegmentationObject
from highdicom.seg import SegmentDescription
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from pipeline.model.identity import MANUFACTURER, derived_uid
from pipeline.model.image import Image, Radiograph
from pipeline.model.known import Known
from pipeline.model.lesion import Crop, Lesion, box_in
from pipeline.model.result import Analysis
from pipeline.objects import codes
from pipeline.objects.sources import source_headers
from pipeline.objects.stamp import stamp

SERIES_NUMBER = 901
"""High enough to stand behind the modality's own series."""

Labels = NDArray[np.uint16]


def segmentation_object(image: Image, lesions: tuple[Lesion, ...], analysis: Analysis) -> SegmentationObject:
    """A BINARY SEG. UIDs follow from the image, the lesions' masks and the software; dates are those of the study.

    ValueError, AttributeError and TypeError where the source header does not allow one (CT without frame of reference).
    """
    indices, mask = touched_frames(image, lesions)
    thickness = None if isinstance(image, Radiograph) else image.spacing_mm[0]
    headers = source_headers(image, indices, thickness)
    key = content_key(lesions, analysis)
    identity = image.identity
    made = SegmentationObject(
        headers,
        _stored_order(image, indices, headers, mask),
        "BINARY",
        [_description(n, lesion, key, analysis.software.version) for n, lesion in enumerate(lesions, start=1)],
        series_instance_uid=derived_uid("seg series", identity.series_instance_uid, key),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid("seg", identity.stem, key),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name="calcinosis",
        software_versions=analysis.software.version,
        device_serial_number="0",
        content_label="CALCIFICATION",
        content_description="Calcific deposits, AI result, not for primary diagnosis",
        series_description="Calcific deposits (AI)",
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    if isinstance(image, Radiograph):
        _mend_projection(made, headers[0])
    stamp(made, headers[0])
    return made


def content_key(lesions: tuple[Lesion, ...], analysis: Analysis) -> str:
    """SHA-256 over masks and software: a changed result gets other UIDs, a rerun the same."""
    digest = hashlib.sha256()
    for lesion in lesions:
        digest.update(repr((lesion.label, lesion.crop.offset, lesion.crop.mask.shape)).encode())
        digest.update(np.packbits(lesion.crop.mask).tobytes())
    software = analysis.software
    digest.update("\x1f".join((software.version, software.settings_sha256, software.knowledge_sha256)).encode())
    return digest.hexdigest()


def touched_frames(image: Image, lesions: tuple[Lesion, ...]) -> tuple[tuple[int, ...], Labels]:
    """Frames that hold a lesion, and their masks [frame, row, col]: 0, or n for the n-th lesion."""
    crops = [_in_frames(lesion.crop) for lesion in lesions]
    touched = [crop.offset[0] + np.flatnonzero(crop.mask.any(axis=(1, 2))) for crop in crops]
    frames = tuple(np.unique(np.concatenate(touched)).tolist())
    place = {frame: k for k, frame in enumerate(frames)}
    mask = np.zeros((len(frames), *image.shape[-2:]), np.uint16)
    for number, (crop, own) in enumerate(zip(crops, touched, strict=True), start=1):
        box = box_in(crop, (0, 0, 0))[1:]
        for frame in own.tolist():
            mask[place[frame]][box][crop.mask[frame - crop.offset[0]]] = number
    return frames, mask


def _in_frames(crop: Crop) -> Crop:
    """A crop [frame, row, col]; a projection is frame 0."""
    return crop if len(crop.offset) == 3 else Crop(crop.mask[None], (0, *crop.offset))


def _stored_order(image: Image, indices: tuple[int, ...], headers: list[Dataset], mask: Labels) -> Labels:
    """Masks as highdicom wants them: one a source file, or all frames of a multi-frame file in stored order."""
    frames = int(headers[0].get("NumberOfFrames") or 1)
    if len(headers) > 1 or frames == 1:
        return mask
    whole = np.zeros((frames, *mask.shape[1:]), np.uint16)
    for position, index in enumerate(indices):
        whole[image.identity.sources[index].frame - 1] = mask[position]
    return whole


def _description(number: int, lesion: Lesion, key: str, version: str) -> SegmentDescription:
    site = codes.SITES[lesion.region.value] if isinstance(lesion.region, Known) else codes.SOFT_TISSUE
    return SegmentDescription(
        number,
        f"lesion {lesion.id}",
        segmented_property_category=codes.ABNORMAL_STRUCTURE,
        segmented_property_type=codes.PATHOLOGIC_CALCIFICATION,
        algorithm_type="AUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name="calcinosis", version=version, family=codes.ARTIFICIAL_INTELLIGENCE
        ),
        tracking_uid=derived_uid("lesion", str(lesion.id), key),
        tracking_id=f"lesion {lesion.id}",
        anatomic_regions=[site],
    )


def _mend_projection(made: Dataset, source: Dataset) -> None:
    """Highdicom drops PatientOrientation, and keeps a frame of reference that would ask for a slice thickness."""
    made.PatientOrientation = source.get("PatientOrientation") or ""
    for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
        if keyword in made:
            delattr(made, keyword)

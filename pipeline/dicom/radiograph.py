"""A radiograph from its file: log attenuation whatever way it was stored, the field that was exposed, and its pose."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from pipeline.dicom.field import seen_field
from pipeline.dicom.files import SeriesFiles, SourceFile
from pipeline.dicom.headers import number, text, uid
from pipeline.dicom.pixels import grey, modality_values, padding_mask, read_dataset, stored_values
from pipeline.dicom.pose import radiograph_pose
from pipeline.dicom.shutter import stated_field
from pipeline.dicom.spacing import radiograph_spacing
from pipeline.errors import InputError, PixelError
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.context import ClinicalContext
from pipeline.model.identity import ImageIdentity, SourceFrame
from pipeline.model.image import Floats, Mask, Radiograph
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.result import Skipped

LOW_QUANTILE, HIGH_QUANTILE = 0.02, 0.98
"""Quantiles of the valid field that become 0 and 1."""
SAMPLE_PIXELS = 1_000_000
"""Quantiles of larger fields are taken from a regular sample of about this size."""
LEAST_SIGNAL = 1e-3
"""Signals below this part of the strongest are raised to it before the logarithm: nothing is seen there."""
QUADRUPED = "QUADRUPED"


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Values brought to attenuation (larger attenuates more), not normalised.

    `log_per_unit` is the change of natural-log signal for one unit, where known.
    """

    attenuation: Floats
    log_per_unit: Maybe[float]
    notes: tuple[str, ...] = ()


def read_radiographs(
    series: SeriesFiles, context: ClinicalContext, limits: DicomSettings
) -> tuple[tuple[Radiograph, ...], tuple[Skipped, ...]]:
    """Every radiograph of a series, in order of its files, and the files that gave none with the reason."""
    images: list[Radiograph] = []
    skipped: list[Skipped] = []
    for file in series.files:
        try:
            images.append(read_radiograph(file, context, limits))
        except InputError as error:
            skipped.append(Skipped(file.name, str(error)))
    return tuple(images), tuple(skipped)


def read_radiograph(file: SourceFile, context: ClinicalContext, limits: DicomSettings) -> Radiograph:
    """The radiograph of one file. Raises an InputError when the file holds none that can be analysed."""
    ds = read_dataset(file.path, limits)
    if text(ds, "AnatomicalOrientationType").upper() == QUADRUPED:
        raise PixelError("an animal's image (AnatomicalOrientationType QUADRUPED): not analysed")
    stored = _single_grey_frame(stored_values(ds))
    scale = attenuation_scale(ds, modality_values(ds, stored))
    valid, field_notes = valid_field(ds, scale.attenuation, padding_mask(ds, stored))
    attenuation, unit, flat = normalised(scale.attenuation, valid)
    spacing, spacing_notes = radiograph_spacing(ds)
    pose = radiograph_pose(ds, context)
    per_unit = scale.log_per_unit
    return Radiograph(
        attenuation=attenuation,
        valid=valid,
        log_per_unit=Known(per_unit.value * unit, per_unit.source) if isinstance(per_unit, Known) else per_unit,
        spacing_mm=spacing,
        gravity=pose.gravity,
        posture=pose.posture,
        view=pose.view,
        laterality=pose.laterality,
        region=pose.region,
        identity=_identity(ds, file),
        notes=(*file.notes, *scale.notes, *field_notes, *flat, *spacing_notes, *pose.notes),
    )


def attenuation_scale(ds: Dataset, values: Floats) -> Scale:
    """Modality values [row, col] as attenuation, by what the header says of their meaning.

    MONOCHROME2 shows large values bright, as bone is; MONOCHROME1 (PresentationLUTShape INVERSE) dark. Linear data
    (PixelIntensityRelationship LIN, or FOR PROCESSING without a word on it) become the negative logarithm of the
    signal; PixelIntensityRelationshipSign says which way the signal runs in data FOR PROCESSING, elsewhere the
    photometric interpretation decides. Source: DICOM PS3.3 C.8.11.3.1.2 and C.7.6.3.1.2.
    """
    inverse, notes = _is_inverse(ds)
    raw = text(ds, "PresentationIntentType").upper() == "FOR PROCESSING"
    relation = text(ds, "PixelIntensityRelationship").upper()
    if relation == "LIN" or (raw and relation not in ("LOG", "DISP")):
        if not relation:
            notes += ("FOR PROCESSING without PixelIntensityRelationship: taken as linear",)
        signal = values if inverse else np.float32(_largest(ds, values)) - values
        attenuation = _negative_log(signal)
        if raw:
            return Scale(attenuation, Known(1.0, "FOR PROCESSING, linear"), notes)
        return Scale(attenuation, Unknown("processing by the manufacturer is not known"), notes)
    attenuation = np.negative(values) if inverse else values
    if raw:
        return Scale(attenuation, Unknown("scale of the logarithm is not stated"), notes)
    return Scale(attenuation, Unknown("processing by the manufacturer is not known"), notes)


def valid_field(ds: Dataset, attenuation: Floats, padding: Mask) -> tuple[Mask, tuple[str, ...]]:
    """Bool [row, col]: exposed, not shut, not padding; with notes. All True when nothing else would be left."""
    stated, notes = stated_field(ds, attenuation.shape)
    inside = stated
    if padding.any():
        inside = ~padding if inside is None else inside & ~padding
    field, seen = seen_field(attenuation, inside)
    if not field.any():
        return np.ones(attenuation.shape, bool), (*notes, "no exposed field found: the whole image is searched")
    return field, (*notes, *seen)


def normalised(attenuation: Floats, valid: Mask) -> tuple[Floats, float, tuple[str, ...]]:
    """(image with the 2nd and 98th percentile of the valid field at 0 and 1, the old unit of one new unit, notes).

    A flat image becomes all 0.
    """
    stride = max(1, int(np.sqrt(np.count_nonzero(valid) / SAMPLE_PIXELS)))
    sample = attenuation[::stride, ::stride][valid[::stride, ::stride]]
    sample = sample if len(sample) else attenuation[valid]
    low, high = (float(q) for q in np.quantile(sample, (LOW_QUANTILE, HIGH_QUANTILE)))
    if not high > low:
        return np.zeros_like(attenuation), 0.0, ("no contrast in the image",)
    scaled = attenuation - np.float32(low)
    scaled *= np.float32(1 / (high - low))
    return scaled, high - low, ()


def _single_grey_frame(stored: NDArray[np.generic]) -> NDArray[np.generic]:
    """[row, col] of a single grey frame, whatever way it was wrapped."""
    while stored.ndim > 2 and stored.shape[0] == 1:
        stored = stored[0]
    if stored.ndim == 3 and stored.shape[-1] == 3:
        stored = grey(stored)
    if stored.ndim != 2:
        raise PixelError(f"{stored.shape[0]} frames: only single radiographs are analysed")
    return stored


def _is_inverse(ds: Dataset) -> tuple[bool, tuple[str, ...]]:
    """Whether large values are shown dark, that is, attenuate less; with notes on contradictions."""
    inverse = text(ds, "PhotometricInterpretation").upper() == "MONOCHROME1"
    notes: tuple[str, ...] = ()
    shape = text(ds, "PresentationLUTShape").upper()
    if shape in ("IDENTITY", "INVERSE") and (shape == "INVERSE") != inverse:
        notes = (f"PresentationLUTShape {shape} contradicts the photometric interpretation, which is followed",)
    sign = number(ds, "PixelIntensityRelationshipSign")
    if sign in (1, -1) and (sign == 1) != inverse:
        if text(ds, "PresentationIntentType").upper() == "FOR PROCESSING":
            return sign == 1, (*notes, "PixelIntensityRelationshipSign decides on polarity")
        notes += ("PixelIntensityRelationshipSign contradicts the photometric interpretation, which is followed",)
    return inverse, notes


def _largest(ds: Dataset, values: Floats) -> float:
    """The value of no attenuation in inverted linear data: the largest of the stored bits, or of the image."""
    bits = number(ds, "BitsStored")
    full = 2**bits - 1 if bits and number(ds, "PixelRepresentation") == 0 else 0.0
    return max(float(full), float(values.max()))


def _negative_log(signal: Floats) -> Floats:
    """-ln of a signal that cannot fall below `LEAST_SIGNAL` of its strongest, nor below one step of the digits."""
    strongest = float(signal.max())
    least = max(LEAST_SIGNAL * strongest, 1.0 if strongest > 1 else LEAST_SIGNAL)
    logged = np.log(np.maximum(signal, np.float32(least)))
    return np.negative(logged, out=logged)


def _identity(ds: Dataset, file: SourceFile) -> ImageIdentity:
    instance = uid(ds, "SOPInstanceUID") or file.sop_instance_uid
    return ImageIdentity(
        study_instance_uid=uid(ds, "StudyInstanceUID"),
        series_instance_uid=uid(ds, "SeriesInstanceUID"),
        sop_instance_uid=instance,
        modality=text(ds, "Modality"),
        sources=(SourceFrame(file.path, file.name, instance),),
    )

"""Values with harmless defaults, for tests of what comes after them."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.model.context import ClinicalContext, Patient
from pipeline.model.identity import ImageIdentity, SourceFrame
from pipeline.model.image import CoarseMask, Radiograph, Volume
from pipeline.model.known import Known, Unknown
from pipeline.model.lesion import Deposit, Lesion, Segmentation, crop_of
from pipeline.model.measure import Feature, Finding, Level, Measurement
from pipeline.model.ranking import Differential, Evidence, Ranked, Recommendation
from pipeline.model.result import Analysis, Software
from pipeline.model.vocabulary import Laterality, Posture, Region, State

STUDY_UID = "1.2.840.99999.1"


def identity(*, volume: bool = False, frames: int = 1, paths: tuple[Path, ...] = (Path("a.dcm"),)) -> ImageIdentity:
    sources = tuple(
        SourceFrame(paths[min(i, len(paths) - 1)], paths[min(i, len(paths) - 1)].name, f"1.2.3.{i + 1}")
        for i in range(frames)
    )
    return ImageIdentity(STUDY_UID, "1.2.3", None if volume else "1.2.3.1", "CT" if volume else "DX", sources)


def radiograph(**changes: Any) -> Radiograph:
    """A gradient of 60 x 50 pixels of 1 mm, erect, gravity along the rows."""
    shape = changes.pop("shape", (60, 50))
    values: dict[str, Any] = {
        "attenuation": np.linspace(0, 1, shape[0] * shape[1], dtype=np.float32).reshape(shape),
        "valid": np.ones(shape, bool),
        "log_per_unit": Unknown("processing not known"),
        "spacing_mm": Known((1.0, 1.0), "PixelSpacing"),
        "gravity": Known((1.0, 0.0), "erect"),
        "posture": Known(Posture.ERECT, "SeriesDescription: erect"),
        "view": Known("AP", "ViewPosition"),
        "laterality": Known(Laterality.RIGHT, "ImageLaterality"),
        "region": Known(Region.HIP, "BodyPartExamined"),
        "identity": identity(),
    }
    return Radiograph(**(values | changes))


def volume(**changes: Any) -> Volume:
    """Water of 8 x 40 x 30 voxels of 2 x 1 x 1 mm, supine."""
    shape = changes.pop("shape", (8, 40, 30))
    affine = np.array([[0, 0, 1, -15], [0, 1, 0, -20], [2, 0, 0, 5], [0, 0, 0, 1]], float)
    values: dict[str, Any] = {
        "hu": np.zeros(shape, np.int16),
        "voxel_to_patient": affine,
        "gravity": Known((0.0, 1.0, 0.0), "PatientPosition HFS"),
        "posture": Known(Posture.SUPINE, "PatientPosition HFS"),
        "region": Known(Region.HIP, "BodyPartExamined"),
        "identity": identity(volume=True, frames=shape[0]),
    }
    return Volume(**(values | changes))


def empty_mask(shape: tuple[int, ...]) -> CoarseMask:
    return CoarseMask(np.zeros(shape, bool), (1,) * len(shape))


def lesion_at(box: tuple[slice, ...], shape: tuple[int, ...], *, number: int = 1, image: int = 0) -> Lesion:
    mask = np.zeros(shape, bool)
    mask[box] = True
    crop = crop_of(mask)
    return Lesion(number, image, number, (Deposit(crop, 0.9),), crop, 0.9, Known(Region.HIP, "BodyPartExamined"))


def analysis(**changes: Any) -> Analysis:
    """One radiograph with one lesion and a fluid level."""
    image = changes.pop("image", radiograph())
    box = (slice(20, 40), slice(10, 30)) if len(image.shape) == 2 else (slice(2, 5), slice(10, 30), slice(10, 20))
    lesions = changes.pop("lesions", (lesion_at(box, image.shape),))
    ranked = (
        Ranked(
            "tumoral_calcinosis",
            "tumoral_calcinosis",
            0.8,
            evidence=(
                Evidence(
                    "fluid_level",
                    1,
                    "tumoral_calcinosis",
                    3.0,
                    ("A110",),
                    "levels belong to it",
                    "founding text, paragraph 10",
                ),
            ),
        ),
        Ranked("indeterminate", "indeterminate", 0.2),
    )
    level = Level((30.0, 12.0), (30.0, 27.0), 8.0, 1.0)
    features = (
        Feature("area", Known(400.0, "measured"), "mm2", "SCT:42798000"),
        Feature("depth_from_skin", Unknown("skin not in the field"), "mm"),
    )
    findings = (
        Finding("fluid_level", State.PRESENT, 0.97, "a straight step", ("fluid_level_score",), 1),
        Finding("bone_demineralization", State.NOT_ASSESSABLE, None, "not measured", would_help="CT"),
    )
    values: dict[str, Any] = {
        "study_instance_uid": STUDY_UID,
        "software": Software("0.1.0", "0" * 64, "1" * 64, "seed"),
        "patient": Patient(Known(54.0, "PatientAge"), Known("F", "PatientSex")),
        "context": ClinicalContext(),
        "region": Known(Region.HIP, "BodyPartExamined"),
        "images": (image,),
        "segmentations": (
            Segmentation((), empty_mask(image.shape), empty_mask(image.shape), empty_mask(image.shape), 0.1),
        ),
        "lesions": lesions,
        "measurements": tuple(Measurement(features, (level,) if len(image.shape) == 2 else ()) for _ in lesions),
        "findings": findings,
        "lesion_differentials": tuple(Differential(ranked) for _ in lesions),
        "differential": Differential(ranked),
        "differential_by_profile": {"seed": Differential(ranked), "literature": Differential(ranked)},
        "recommendations": (Recommendation("Make an erect view.", ("A108",)),),
        "seconds": {"load": 0.1},
    }
    return Analysis(**(values | changes))

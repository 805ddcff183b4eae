"""Everything that is known of one study at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.model.context import ClinicalContext, Patient
from pipeline.model.image import Image
from pipeline.model.known import Maybe, Unknown
from pipeline.model.lesion import Lesion, Segmentation
from pipeline.model.measure import Finding, Measurement
from pipeline.model.ranking import Differential, Recommendation
from pipeline.model.vocabulary import Region


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or series that was not analysed; `path` is relative to the input."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class KeyPicture:
    """The picture to look at first: RGB uint8 [row, col, 3] of image `image`, and what it shows in one sentence."""

    image: int
    rgb: NDArray[np.uint8]
    statement: str


@dataclass(frozen=True, slots=True)
class Software:
    """What made a result: version and digests."""

    version: str
    settings_sha256: str
    knowledge_sha256: str
    profile: str


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """One study, analysed, with its arrays.

    `segmentations` belong to `images`, `measurements` and `lesion_differentials` to `lesions`, one each and in order.
    `findings` are those of lesions and of the study. `seconds` maps a stage to its wall time.
    """

    study_instance_uid: str
    software: Software
    patient: Patient
    context: ClinicalContext
    region: Maybe[Region]
    images: tuple[Image, ...]
    segmentations: tuple[Segmentation, ...]
    lesions: tuple[Lesion, ...]
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...]
    lesion_differentials: tuple[Differential, ...]
    differential: Differential
    differential_by_profile: Mapping[str, Differential]
    recommendations: tuple[Recommendation, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    earlier: Unknown = Unknown("no earlier study of this patient in the run or store")
    """Why the study stands alone when it ends; a run compares the studies of a patient when all have ended."""

    @property
    def status(self) -> str:
        """The contract's word for how it ended."""
        return "analysed" if self.images else "nothing_to_analyse"

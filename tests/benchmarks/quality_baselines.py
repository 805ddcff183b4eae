"""Two yardsticks that need no pipeline, and the images themselves.

CT: everything above a fixed threshold, opened, in connected components, less the largest (the skeleton). Radiograph:
white top-hat, Otsu's threshold, opening, components. Both drop specks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from quality_truth import Affine, Answer, Answers, Labels, TrueStudy, on_grid
from scipy import ndimage
from skimage.filters import threshold_otsu

from pipeline.dicom.discovery import discover
from pipeline.dicom.radiograph import read_radiographs
from pipeline.dicom.volume import read_volumes
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.context import ClinicalContext
from pipeline.model.image import Radiograph

CT_HU = 160.0
"""Above contrast-free organs and most partial volume of bone, below most deposits."""
LEAST_MM3, LEAST_MM2 = 8.0, 3.0
TOP_HAT_MM = 7.0
"""Side of the square: structures narrower than this stand out."""

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """An image as read: HU or attenuation, more is denser. `place` maps (slice, row, col, 1) to patient mm on CT."""

    values: Values
    place: Affine | None


def read_images(study: TrueStudy, scratch: Path) -> dict[str, Shown]:
    """The images of a study by the uid that its truth has; what cannot be read is left out."""
    limits = DicomSettings()
    shown: dict[str, Shown] = {}
    for found in discover((study.folder,), limits, scratch).studies:
        for series in found.series:
            reader = read_radiographs if series.kind == "radiograph" else read_volumes
            for image in reader(series, ClinicalContext(), limits)[0]:
                if isinstance(image, Radiograph):
                    uid = image.identity.sources[0].sop_instance_uid
                    shown[uid] = Shown(np.where(image.valid, image.attenuation, 0).astype(np.float32), None)
                else:
                    place = np.asarray(image.voxel_to_patient, np.float64)
                    shown[series.series_instance_uid] = Shown(image.hu.astype(np.float32), place)
    return shown


def baseline(study: TrueStudy, images: Mapping[str, Shown]) -> Answers:
    """The yardstick's answer for one study: labels alone, each as sure as the other."""
    answers = {}
    for image in study.images:
        if image.uid in images:
            shown = images[image.uid]
            found = ct_labels if study.kind == "ct" else radiograph_labels
            labels = found(shown.values, image.spacing_mm)
            answers[image.uid] = on_grid(Answer(labels), shown.place, image)
    return Answers(answers)


def ct_labels(hu: Values, spacing_mm: tuple[float, ...]) -> Labels:
    """Components of a CT [slice, row, col] above `CT_HU`, less the largest."""
    pieces, count = ndimage.label(ndimage.binary_opening(hu > CT_HU, np.ones((1, 2, 2))), np.ones((3, 3, 3)))
    if count:
        pieces[pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))] = 0
    return _without_specks(pieces, LEAST_MM3 / float(np.prod(spacing_mm)))


def radiograph_labels(attenuation: Values, spacing_mm: tuple[float, ...]) -> Labels:
    """Components of the white top-hat of a radiograph [row, col] above Otsu's threshold, at half resolution."""
    rows, cols = (n // 2 * 2 for n in attenuation.shape)
    half = attenuation[:rows, :cols].reshape(rows // 2, 2, cols // 2, 2).mean(axis=(1, 3))
    side = 2 * int(TOP_HAT_MM / spacing_mm[0] / 4) + 1
    hat = half - ndimage.grey_opening(half, size=(side, side))
    pieces, _ = ndimage.label(ndimage.binary_opening(hat > threshold_otsu(hat)), np.ones((3, 3)))
    kept = _without_specks(pieces, LEAST_MM2 / (4 * float(np.prod(spacing_mm))))
    found = np.zeros(attenuation.shape, np.int32)
    found[:rows, :cols] = kept.repeat(2, axis=0).repeat(2, axis=1)
    return found


def _without_specks(pieces: Labels, least: float) -> Labels:
    """Labels of at least so many elements."""
    kept = np.bincount(pieces.ravel()) >= least
    kept[0] = False
    return np.where(kept[pieces], pieces, 0).astype(np.int32)

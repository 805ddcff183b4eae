"""Results of made studies, as a run writes them: results.json and label images, small enough for many."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from PIL import Image as Picture

from pipeline.model.identity import file_stem

SHAPE = (40, 60)
CT_SHAPE = (10, 30, 30)
AFFINE = np.diag([-0.8, -0.8, 2.0, 1.0])
"""RAS millimetres from (col, row, slice), as DICOM's patient axes run."""
Row = dict[str, Any]


def write_result(
    folder: Path,
    study: str = "1.2.3",
    boxes: Sequence[tuple[int, ...]] = ((5, 5, 15, 15), (25, 40, 35, 50)),
    *,
    ct: bool = False,
    features: Mapping[str, float] | None = None,
    region: str = "hip",
) -> Path:
    """Write the results of a study with one image and a square lesion a box (row, col, row end, col end).

    On CT the lesions fill slices 3 to 5. Returns the study's folder, `folder`/studies/STUDY.
    """
    made = folder / "studies" / file_stem(study)
    (made / "labels").mkdir(parents=True)
    name, shape = ("s.nii.gz", CT_SHAPE) if ct else ("i.png", SHAPE)
    labels = np.zeros(shape, np.uint16)
    for number, (top, left, bottom, right) in enumerate(boxes, 1):
        labels[(slice(3, 6),) * ct + (slice(top, bottom), slice(left, right))] = number
    if ct:
        nibabel.save(nibabel.Nifti1Image(labels.transpose(2, 1, 0), AFFINE, dtype=np.uint16), made / "labels" / name)
    else:
        Picture.fromarray(labels).save(made / "labels" / name)
    lesions = [_lesion(n, box, region, features or {}, ct) for n, box in enumerate(boxes, 1)]
    results = {
        "study": {"study_instance_uid": study, "status": "analysed", "age_years": 50.0, "sex": "F", "region": region},
        "images": [_image(study, f"labels/{name}", region, ct)],
        "lesions": lesions,
        "findings": [],
        "seconds": {"load": 0.1},
    }
    (made / "results.json").write_text(json.dumps(results))
    return made


def _image(study: str, labels: str, region: str, ct: bool) -> Row:
    return {
        "kind": "ct" if ct else "radiograph",
        "modality": "CT" if ct else "DX",
        "series_instance_uid": f"{study}.1",
        "sop_instance_uid": None if ct else f"{study}.1.1",
        "shape": list(CT_SHAPE if ct else SHAPE),
        "spacing_mm": [2.0, 0.8, 0.8] if ct else [0.5, 0.5],
        "region": region,
        "posture": "unknown",
        "gravity": None,
        "labels": labels,
    }


def _lesion(number: int, box: tuple[int, ...], region: str, features: Mapping[str, float], ct: bool) -> Row:
    top, left, bottom, right = box
    low, high = [3] * ct + [top, left], [5] * ct + [bottom - 1, right - 1]
    return {
        "id": number,
        "image": 0,
        "label": number,
        "region": region,
        "laterality": None,
        "bbox": [low, high],
        "parts": 1,
        "confidence": 0.9,
        "same_as": [],
        "features": {k: {"value": v, "unit": "1", "code": None} for k, v in features.items()},
        "findings": [],
    }

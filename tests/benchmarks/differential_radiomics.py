"""A random forest on radiomic features of MIRP (EUPL-1.2, benchmark alone), where it is installed.

Mask: the label of the largest lesion that the run found; image: the CT in HU. Radiographs are left out, for MIRP's
features of a plane need a calibrated one. Features are IBSI's families that do not need a choice of texture bins.
"""

import importlib.util
import logging
from collections.abc import Mapping
from typing import Any

import nibabel as nib
import numpy as np
from differential_cases import Sides, Study
from differential_figures import Row
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import ANSWERS

TREES = 500
FAMILIES = ["morphological", "statistical", "local_intensity"]
Features = dict[str, float]


def radiomics(trained: Sides, tested: Sides, knowledge: Knowledge) -> dict[str, list[Row]]:
    """Shares on the CT studies of `tested`; nothing where MIRP is not installed."""
    if importlib.util.find_spec("mirp") is None:
        print("MIRP is not installed: its forest is left out (pip install '.[benchmark]')")
        return {}
    logging.disable(logging.WARNING)
    known = [(s, features(s, trained)) for s in trained.studies if s.kind == "ct" and s.result is not None]
    names = sorted({name for _, row in known for name in row})
    model = RandomForestClassifier(TREES, min_samples_leaf=2, random_state=0)
    model.fit(np.array([_vector(row, names) for _, row in known]), [s.entity for s, _ in known])
    groups = {e: knowledge.group(e) for e in (*knowledge.entities, *ANSWERS)}
    rows = []
    for study in (s for s in tested.studies if s.kind == "ct"):
        shares = model.predict_proba(_vector(features(study, tested), names)[None])[0]
        given = {str(e): float(p) for e, p in zip(model.classes_, shares, strict=True)}
        rows.append(Row(study.name, study.kind, study.entity, study.visible, given, groups))
    return {"random forest on MIRP, without context": rows}


def features(study: Study, side: Sides) -> Features:
    """Features of the largest lesion, with the number of lesions; none where nothing was found."""
    lesions = study.result["lesions"] if study.result is not None else []
    found: Features = {"lesions": float(len(lesions))}
    if not lesions or study.result is None:
        return found
    image = study.result["images"][lesions[0]["image"]]
    uid = study.truth["study_instance_uid"]
    folder = next(r / "studies" / uid for r in side.runs.results if (r / "studies" / uid).exists())
    labels = np.asarray(nib.load(folder / image["labels"]).dataobj).round().astype(int).transpose(2, 1, 0)
    sizes = np.bincount(labels.ravel())
    mask = labels == int(np.argmax(sizes[1:])) + 1
    return found | _measured(_hu(study, side), mask, image["spacing_mm"])


def _hu(study: Study, side: Sides) -> NDArray[np.float64]:
    """HU [slice, row, col] of the study's files, slices in the order of their position."""
    import pydicom

    name, cohort = study.name.partition("/")[2], study.name.partition("/")[0]
    root = next(c for c in side.runs.cohorts if c.name == cohort) / "studies" / name
    slices = [pydicom.dcmread(path) for path in sorted(root.glob("**/*.dcm"))]
    normal = np.cross(*np.array(slices[0].ImageOrientationPatient, float).reshape(2, 3))
    slices.sort(key=lambda s: float(np.dot(normal, np.array(s.ImagePositionPatient, float))))
    return np.array([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices])


def _measured(hu: NDArray[np.float64], mask: NDArray[np.bool_], spacing: list[float]) -> Features:
    """MIRP's features of a mask."""
    from mirp import extract_features

    where = np.argwhere(mask)
    low, high = np.maximum(where.min(0) - 5, 0), where.max(0) + 6
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    table: Any = extract_features(
        image=hu[box], mask=mask[box].astype(int), image_modality="ct", image_spacing=tuple(spacing),
        base_feature_families=FAMILIES, base_discretisation_method="none",
    )  # fmt: skip
    row: Mapping[str, Any] = table[0].iloc[0].to_dict() if table else {}
    return {k: float(v) for k, v in row.items() if isinstance(v, int | float | np.number) and np.isfinite(v)}


def _vector(row: Features, names: list[str]) -> NDArray[np.float64]:
    return np.array([row.get(name, -1e6) for name in names])

"""Train the second look at dense pieces of a CT (pipeline/segmentation/models/ct_pieces.json).

python -m training.ct_pieces COHORT... --real REAL [--out FILE]

COHORT are folders of simulated studies with truth (contract, section 4), REAL is a folder of real studies with what
was seen in them. Real studies take part when their licence lets them train what ships. Figures that are printed are out
of fold by patient. The result is boosted trees as a JSON table.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier

from pipeline.dicom.discovery import discover
from pipeline.dicom.volume import read_volumes
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.context import ClinicalContext
from pipeline.model.image import Volume
from pipeline.segmentation.appearance import NAMES, describe, scene_of
from pipeline.segmentation.body import find_body, pooled_hu
from pipeline.segmentation.decision import MODEL
from pipeline.segmentation.dense import find_dense
from pipeline.segmentation.noise import measure_quality
from pipeline.segmentation.pieces import Piece, cut_components

LEFT_OUT = ("slice_mm", "noise_hu")
"""They tell which scanner or simulator made the study, not what the piece is."""
DEPOSIT_SHARE, OTHER_SHARE = 0.5, 0.15
"""Share of a piece's voxels inside a true deposit from which it is one, and up to which it is none."""
REAL_MARGIN_MM = 3.0
BONE_MM3 = 8000.0
"""In real studies that are not known to be clean, only pieces of such large components count as bone."""
STUDY_WEIGHT = 12.0
"""Weight of a study's pieces of one class together, at most: one pelvis or one field of grains swamps nothing."""
LESION_WEIGHT = 4.0
"""Weight of a lesion's pieces together, at least: a mass of one piece counts as much as a field."""
FOLDS = 5
SHAPE: dict[str, Any] = {
    "n_estimators": 600,
    "learning_rate": 0.04,
    "max_depth": 6,
    "min_samples_leaf": 12,
    "max_features": 0.3,
    "subsample": 0.8,
    "random_state": 1,
}

DEPOSIT, OTHER, UNSURE = 1, 0, -1


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """The pieces of one study: features [piece, name], class and lesion of each. `real`: not simulated."""

    name: str
    real: bool
    features: NDArray[np.float32]
    classes: NDArray[np.int_]
    lesions: NDArray[np.int_]


def volumes(folder: Path) -> Iterable[tuple[str, Volume]]:
    """Study UID and volume of every CT below `folder`."""
    limits = DicomSettings()
    with TemporaryDirectory() as scratch:
        for study in discover([folder], limits, Path(scratch)).studies:
            for series in study.series:
                if series.kind == "ct":
                    for volume in read_volumes(series, ClinicalContext(), limits)[0]:
                        yield study.study_instance_uid, volume


def pieces_of(volume: Volume) -> tuple[tuple[Piece, ...], NDArray[np.float32]]:
    """The pieces of a volume and their features, as segment_volume sees them."""
    body = find_body(volume)
    pooled = pooled_hu(volume, body.factor)
    quality = measure_quality(volume, body, pooled)
    pieces = cut_components(find_dense(volume, body, quality).components, volume.spacing_mm)
    return pieces, describe(pieces, scene_of(volume, body, pooled, quality))


def simulated(cohort: Path) -> Iterable[Pieces]:
    """The pieces of a simulated cohort's CT, by the share of each inside the true deposits."""
    truths = {}
    for path in sorted(cohort.glob("truth/*/truth.json")):
        truth = json.loads(path.read_text())
        if truth["kind"] == "ct":
            truths[truth["study_instance_uid"]] = (path.parent, truth)
    for folder, truth in truths.values():
        for _, volume in volumes(cohort / "studies" / folder.name):
            labels = nib.load(folder / truth["images"][0]["labels"])  # type: ignore[attr-defined]
            lesions = np.asarray(labels.dataobj).round().astype(int).transpose(2, 1, 0)
            pieces, features = pieces_of(volume)
            inside = [lesions[tuple(p.dense.points().T)] for p in pieces]
            share = np.array([(values > 0).mean() for values in inside])
            classes = np.where(share >= DEPOSIT_SHARE, DEPOSIT, np.where(share <= OTHER_SHARE, OTHER, UNSURE))
            numbers = np.array([int(np.bincount(values).argmax()) for values in inside])
            yield Pieces(folder.name, False, features, classes, numbers)


def real(folder: Path) -> Iterable[Pieces]:
    """The pieces of real CT that may train, by what was seen in them."""
    for case in json.loads((folder / "truth.json").read_text())["cases"]:
        if case["type"] != "ct" or not case.get("train_ok") or not case["files"][0].startswith("studies/"):
            continue
        for _, volume in volumes(folder / "studies" / case["id"]):
            pieces, features = pieces_of(volume)
            classes, lesions = _seen(case, volume, pieces)
            yield Pieces(case["id"], True, features, classes, lesions)


def _seen(case: dict[str, Any], volume: Volume, pieces: tuple[Piece, ...]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Class and deposit of each piece; in studies not known to be clean what is neither listed nor large is unsure."""
    lesions = np.zeros(len(pieces), int)
    if case.get("negative") is True:
        return np.full(len(pieces), OTHER), lesions
    spacing = np.asarray(volume.spacing_mm)
    points = [p.dense.points() * spacing for p in pieces]
    volume_mm3 = np.array([np.count_nonzero(p.dense.mask) * float(np.prod(spacing)) for p in pieces])
    of_component = np.bincount([p.component for p in pieces], volume_mm3)[[p.component for p in pieces]]
    classes = np.where(of_component > BONE_MM3, OTHER, UNSURE)
    inverse = np.linalg.inv(volume.voxel_to_patient)
    for number, deposit in enumerate(case["deposits"], 1):
        centre = (inverse @ np.array([*deposit["centre_mm"], 1.0]))[:3] * spacing
        radius = deposit["diameter_mm"] / 2
        for i, own in enumerate(points):
            apart = np.linalg.norm(own - centre, axis=1)
            inside = float((apart <= radius + REAL_MARGIN_MM).mean())
            at_centre = apart.min() <= max(3.5, 0.25 * radius)
            if at_centre and inside > 0.6 and deposit["confidence"] != "doubtful":
                classes[i], lesions[i] = DEPOSIT, number
            elif inside > 0.3 and classes[i] != DEPOSIT:
                classes[i] = UNSURE
    return classes, lesions


def weights(study: Pieces) -> NDArray[np.float64]:
    """Weight of each piece: lesions alike, classes of a study bounded, unsure pieces 0."""
    found = np.zeros(len(study.classes))
    others = study.classes == OTHER
    found[others] = min(1.0, STUDY_WEIGHT / max(1, others.sum()))
    for lesion in np.unique(study.lesions[study.classes == DEPOSIT]):
        own = (study.classes == DEPOSIT) & (study.lesions == lesion)
        found[own] = np.clip(1.0, LESION_WEIGHT / own.sum(), STUDY_WEIGHT / own.sum())
    return found


def fit(studies: list[Pieces], columns: list[int]) -> GradientBoostingClassifier:
    """Boosted trees on the pieces of `studies`."""
    classes = np.concatenate([s.classes for s in studies])
    features = np.concatenate([s.features for s in studies])[:, columns]
    weight = np.concatenate([weights(s) for s in studies])
    known = classes != UNSURE
    return GradientBoostingClassifier(**SHAPE).fit(features[known], classes[known], weight[known])


def table_of(model: GradientBoostingClassifier, columns: list[int]) -> dict[str, Any]:
    """The trees as the table that pipeline.segmentation.trees reads."""
    table: dict[str, Any] = {"names": [NAMES[c] for c in columns]}
    table |= {name: [] for name in ("column", "threshold", "left", "right", "value", "roots")}
    prior = float(model.init_.class_prior_[1])
    start = float(np.log(prior / (1 - prior)))
    for n, (estimator,) in enumerate(model.estimators_):
        tree, base = estimator.tree_, len(table["column"])
        leaf = tree.children_left < 0
        table["roots"].append(base)
        table["column"] += np.where(leaf, -1, tree.feature).tolist()
        table["threshold"] += np.where(leaf, 0.0, tree.threshold).tolist()
        table["left"] += np.where(leaf, 0, tree.children_left + base).tolist()
        table["right"] += np.where(leaf, 0, tree.children_right + base).tolist()
        step = model.learning_rate * tree.value[:, 0, 0] + (start if n == 0 else 0.0)
        table["value"] += np.round(np.where(leaf, step, 0.0), 6).tolist()
    return table


def out_of_fold(studies: list[Pieces], columns: list[int]) -> list[NDArray[np.float64]]:
    """Probability of each piece from a model that has not seen its study."""
    fold = np.random.default_rng(0).permutation(len(studies)) % FOLDS
    found: list[NDArray[np.float64]] = [np.zeros(0)] * len(studies)
    for k in range(FOLDS):
        model = fit([s for s, f in zip(studies, fold, strict=True) if f != k], columns)
        for i in np.flatnonzero(fold == k):
            features = studies[i].features[:, columns]
            found[i] = model.predict_proba(features)[:, 1] if len(features) else np.zeros(0)
    return found


def report(studies: list[Pieces], probabilities: list[NDArray[np.float64]]) -> None:
    """Print lesions found and false pieces a study at a few thresholds, simulated and real apart."""
    for kind in (False, True):
        for least in (0.3, 0.5, 0.7):
            lesions = found = false = 0
            for study, p in zip(studies, probabilities, strict=True):
                if study.real is kind:
                    false += int(((p >= least) & (study.classes == OTHER)).sum())
                    for lesion in np.unique(study.lesions[study.classes == DEPOSIT]):
                        own = (study.lesions == lesion) & (study.classes == DEPOSIT)
                        lesions, found = lesions + 1, found + bool((p[own] >= least).any())
            count = max(1, sum(s.real is kind for s in studies))
            print(
                f"{'real' if kind else 'simulated'} p >= {least}: {found}/{lesions} deposits in pieces found,"
                f" {false / count:.2f} false pieces a study ({count} studies)"
            )


def main() -> None:
    """Train, print the figures, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cohorts", nargs="+", type=Path)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL)
    options = parser.parse_args()
    studies = [s for cohort in options.cohorts for s in simulated(cohort)] + list(real(options.real))
    columns = [i for i, name in enumerate(NAMES) if name not in LEFT_OUT]
    report(studies, out_of_fold(studies, columns))
    table = table_of(fit(studies, columns), columns)
    options.out.write_text(json.dumps(table, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

"""Train the second look at dense pieces of a CT (pipeline/segmentation/models/ct_network_pieces.json, ct_pieces.json).

python -m training.ct_pieces COHORT... --real REAL [--halved COHORT...] [--network ONNX --half-networks ONNX ONNX]
    [--out FILE] [--folds FOLDER]

COHORT are folders of simulated studies with truth (contract, section 4), REAL is a folder of real studies with what
was seen in them. Real studies take part when their licence lets them train what ships. Deposits that ride on bone are
added to studies and to plain limbs (training/ct_riding.py). With a network (training/ct_network.py) pieces are cut and
described by what it sees as well; of the two half networks, in the order of their halves, a real study, or one of the
cohorts that were --halved, gets the one that was not shown it. Figures that are printed are out of fold by patient;
FOLDS gets the models of the folds, `fold0.json` and on, and `folds.json`: the fold of each study. Needs lightgbm.
"""

import argparse
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightgbm
import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from pipeline.dicom.discovery import discover
from pipeline.dicom.volume import read_volumes
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.context import ClinicalContext
from pipeline.model.image import Volume
from pipeline.segmentation.appearance import NAMES as APPEARANCE
from pipeline.segmentation.ct import NETWORK, Look, look_at, trees_of
from pipeline.segmentation.decision import COLUMNS, MODEL
from pipeline.segmentation.pieces import Piece
from training.ct_riding import Riding, limb, with_riders

LEFT_OUT = ("slice_mm", "noise_hu")
"""They tell which scanner or simulator made the study, not what the piece is."""
DEPOSIT_SHARE, OTHER_SHARE = 0.5, 0.15
"""Share of a piece's voxels inside a true deposit from which it is one, and up to which it is none."""
PATIENTS = {"ACRIN042_thorax": "ACRIN042", "ACRIN042_abdomen": "ACRIN042"}
"""Real studies that share a patient."""
REAL_MARGIN_MM = 3.0
BONE_MM3 = 8000.0
"""In real studies that are not known to be clean, only pieces of such large components count as bone."""
STUDY_WEIGHT = 12.0
"""Weight of a study's pieces of one class together, at most: one pelvis or one field of grains swamps nothing."""
LESION_WEIGHT = 4.0
"""Weight of a lesion's pieces together, at least: a mass of one piece counts as much as a field."""
FOLDS = 5
LIMBS, FIRST_LIMB = 40, 5000
"""Plain limbs with and without riding deposits: how many, and the first one's seed."""
VARIANTS_SIMULATED, VARIANTS_OTHER = 1, 2
"""Copies of a study with riding deposits: of a simulated one; of a real one or a limb."""
RIDING_WEIGHT = 0.3
"""Of pieces of such copies: at full weight they make bumps of bone calcium."""
ROUNDS = 600
SHAPE: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": 40,
    "max_depth": 8,
    "learning_rate": 0.04,
    "min_data_in_leaf": 12,
    "feature_fraction_bynode": 0.3,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "num_threads": 1,
    "deterministic": True,
    "seed": 1,
    "verbose": -1,
}

DEPOSIT, OTHER, UNSURE = 1, 0, -1
NO_NETWORKS: tuple[Path | None, ...] = (None, None)

Classes = NDArray[np.int_]


@dataclass(frozen=True, slots=True)
class Voice:
    """A set of trees: whether it hears the network, and its share in the log odds.

    `real_weight` is the weight of real studies, `clean_weight` once more of those known to hold no deposit.
    """

    network: bool
    share: float
    real_weight: float
    clean_weight: float

    def columns(self) -> list[int]:
        """Columns of `decision.COLUMNS` that take part."""
        names = COLUMNS if self.network else APPEARANCE
        return [i for i, name in enumerate(names) if name not in LEFT_OUT]


ALONE = (Voice(network=False, share=1.0, real_weight=2.5, clean_weight=1.0),)
BOTH = (replace(ALONE[0], share=0.3), Voice(network=True, share=0.7, real_weight=7.0, clean_weight=1.5))
"""The weighted mean of their log odds judges. Trees that hear the network follow it on real images too, which it was
not shown: the others keep them in check."""


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """The pieces of one study: features [piece, name], class and lesion of each.

    `real`: not simulated; `riding`: a copy to which riding deposits were added; `clean`: known to hold no deposit.
    """

    name: str
    real: bool
    features: NDArray[np.float32]
    classes: NDArray[np.int_]
    lesions: NDArray[np.int_]
    riding: bool = False
    clean: bool = False


def volumes(folder: Path) -> Iterable[tuple[str, Volume]]:
    """Study UID and volume of every CT below `folder`."""
    limits = DicomSettings()
    with TemporaryDirectory() as scratch:
        for study in discover([folder], limits, Path(scratch)).studies:
            for series in study.series:
                if series.kind == "ct":
                    for volume in read_volumes(series, ClinicalContext(), limits)[0]:
                        yield study.study_instance_uid, volume


def halves(names: Sequence[str]) -> dict[str, int]:
    """Half of each study, 0 or 1: every second patient in alphabetical order."""
    patients = {name: PATIENTS.get(name, name) for name in names}
    order = {patient: k % 2 for k, patient in enumerate(sorted(set(patients.values())))}
    return {name: order[patient] for name, patient in patients.items()}


def simulated(cohort: Path, networks: Sequence[Path | None] = NO_NETWORKS) -> Iterable[Pieces]:
    """The pieces of a simulated cohort's CT, by the share of each inside the true deposits.

    `networks` are those for studies of the first and of the second half.
    """
    truths = {}
    for path in sorted(cohort.glob("truth/*/truth.json")):
        truth = json.loads(path.read_text())
        if truth["kind"] == "ct":
            truths[truth["study_instance_uid"]] = (path.parent, truth)
    half = halves([folder.name for folder, _ in truths.values()])
    for folder, truth in truths.values():
        network = networks[half[folder.name]]
        for _, volume in volumes(cohort / "studies" / folder.name):
            labels: Any = nib.load(folder / truth["images"][0]["labels"])
            lesions = np.asarray(labels.dataobj).round().astype(int).transpose(2, 1, 0)
            seen = look_at(volume, network)
            name = f"{cohort.name}/{folder.name}"
            classes, numbers = _covered(seen.pieces, lesions)
            yield Pieces(name, False, seen.features, classes, numbers)
            yield from _riders(name, volume, network, (seen, classes, VARIANTS_SIMULATED))


def _covered(pieces: Sequence[Piece], lesions: Classes) -> tuple[Classes, Classes]:
    """Class and lesion of each piece by the share of it inside `lesions` [slice, row, col]."""
    inside = [lesions[tuple(p.dense.points().T)] for p in pieces]
    share = np.array([(values > 0).mean() for values in inside])
    classes = np.where(share >= DEPOSIT_SHARE, DEPOSIT, np.where(share <= OTHER_SHARE, OTHER, UNSURE))
    return classes.astype(int), np.array([int(np.bincount(values).argmax()) for values in inside], int)


def ridden(riding: Riding, pieces: Sequence[Piece]) -> tuple[Classes, Classes]:
    """Class and lesion of the pieces of bones that bear a deposit; all others are unsure, as they count already."""
    classes, lesions = _covered(pieces, riding.lesions)
    with_deposit = {p.component for p, c in zip(pieces, classes, strict=True) if c == DEPOSIT}
    beside = np.array([p.component in with_deposit for p in pieces], bool)
    return np.where(beside, classes, UNSURE), lesions


def _riders(name: str, volume: Volume, network: Path | None, base: tuple[Look, Classes, int]) -> Iterable[Pieces]:
    """The bones with riding deposits of some copies of a study; `base`: what was seen in it, classes, copies."""
    seen, classes, copies = base
    for copy in range(copies):
        rng = np.random.default_rng(zlib.crc32(f"{name}/{copy}".encode()))
        riding = with_riders(volume, seen.pieces, classes == OTHER, rng)
        if riding is not None:
            again = look_at(riding.volume, network)
            yield Pieces(name, False, again.features, *ridden(riding, again.pieces), riding=True)


def limbs(network: Path | None = None) -> Iterable[Pieces]:
    """The pieces of plain limbs, bare and with riding deposits."""
    for number in range(LIMBS):
        volume = limb(np.random.default_rng(FIRST_LIMB + number))
        seen = look_at(volume, network)
        bone = np.full(len(seen.pieces), OTHER)
        yield Pieces(f"limb{number}", False, seen.features, bone, np.zeros(len(bone), int))
        yield from _riders(f"limb{number}", volume, network, (seen, bone, VARIANTS_OTHER))


def real_cases(folder: Path) -> list[dict[str, Any]]:
    """Real CT that may train."""
    cases = json.loads((folder / "truth.json").read_text())["cases"]
    return [c for c in cases if c["type"] == "ct" and c.get("train_ok") and c["files"][0].startswith("studies/")]


def real(folder: Path, networks: Sequence[Path | None] = NO_NETWORKS) -> Iterable[Pieces]:
    """The pieces of real CT that may train, by what was seen in them; `networks` as for `simulated`."""
    cases = real_cases(folder)
    half = halves([case["id"] for case in cases])
    for case in cases:
        network = networks[half[case["id"]]]
        for _, volume in volumes(folder / "studies" / case["id"]):
            seen = look_at(volume, network)
            classes, lesions = seen_in(case, volume, seen.pieces)
            clean = case.get("negative") is True
            yield Pieces(case["id"], True, seen.features, classes, lesions, clean=clean)
            yield from _riders(case["id"], volume, network, (seen, classes, VARIANTS_OTHER))


def seen_in(case: dict[str, Any], volume: Volume, pieces: Sequence[Piece]) -> tuple[Classes, Classes]:
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


def weights(study: Pieces, voice: Voice) -> NDArray[np.float64]:
    """Weight of each piece: lesions alike, classes of a study bounded, unsure pieces 0."""
    found = np.zeros(len(study.classes))
    others = study.classes == OTHER
    found[others] = min(1.0, STUDY_WEIGHT / max(1, others.sum()))
    for lesion in np.unique(study.lesions[study.classes == DEPOSIT]):
        own = (study.classes == DEPOSIT) & (study.lesions == lesion)
        found[own] = np.clip(1.0, LESION_WEIGHT / own.sum(), STUDY_WEIGHT / own.sum())
    real_weight = voice.real_weight * (voice.clean_weight if study.clean else 1.0)
    return found * (RIDING_WEIGHT if study.riding else real_weight if study.real else 1.0)


def fit(studies: Sequence[Pieces], voice: Voice) -> lightgbm.Booster:
    """Boosted trees on the pieces of `studies`."""
    classes = np.concatenate([s.classes for s in studies])
    features = np.concatenate([s.features for s in studies])[:, voice.columns()]
    weight = np.concatenate([weights(s, voice) for s in studies])
    known = classes != UNSURE
    return lightgbm.train(SHAPE, lightgbm.Dataset(features[known], classes[known], weight=weight[known]), ROUNDS)


def table_of(models: Sequence[lightgbm.Booster], voices: Sequence[Voice]) -> dict[str, Any]:
    """The weighted mean of the log odds of `models` as the table that pipeline.segmentation.trees reads."""
    names = max(([COLUMNS[c] for c in voice.columns()] for voice in voices), key=len)
    table: dict[str, Any] = {"names": names}
    table |= {name: [] for name in ("column", "threshold", "left", "right", "value", "roots")}
    for model, voice in zip(models, voices, strict=True):
        places = [names.index(COLUMNS[c]) for c in voice.columns()]
        first = len(table["column"])
        for tree in model.dump_model()["tree_info"]:
            table["roots"].append(_add_node(table, tree["tree_structure"]))
        table["column"][first:] = [places[c] if c >= 0 else c for c in table["column"][first:]]
        table["value"][first:] = [round(voice.share * value, 6) for value in table["value"][first:]]
    return table


def _add_node(table: dict[str, Any], node: dict[str, Any]) -> int:
    """Append a node with all below it; its number."""
    number, leaf = len(table["column"]), "leaf_value" in node
    table["column"].append(-1 if leaf else node["split_feature"])
    table["threshold"].append(0.0 if leaf else node["threshold"])
    table["value"].append(node["leaf_value"] if leaf else 0.0)
    for name in ("left", "right"):
        table[name].append(0)
    if not leaf:
        for name in ("left", "right"):
            table[name][number] = _add_node(table, node[f"{name}_child"])
    return number


def folds_of(studies: Sequence[Pieces]) -> NDArray[np.int_]:
    """The fold of each study; studies of one patient, and a study's copies with riding deposits, share theirs."""
    patients = [PATIENTS.get(s.name, s.name) for s in studies]
    different = sorted(set(patients))
    fold = dict(zip(different, np.random.default_rng(0).permutation(len(different)) % FOLDS, strict=True))
    return np.array([fold[p] for p in patients])


def out_of_fold(studies: Sequence[Pieces], voices: Sequence[Voice], folder: Path | None) -> list[NDArray[np.float64]]:
    """Probability of each piece from models that have not seen its patient; the models are written to `folder`."""
    fold = folds_of(studies)
    found: list[NDArray[np.float64]] = [np.zeros(0)] * len(studies)
    for k in range(FOLDS):
        shown = [s for s, f in zip(studies, fold, strict=True) if f != k]
        models = [fit(shown, voice) for voice in voices]
        if folder is not None:
            (folder / f"fold{k}.json").write_text(json.dumps(table_of(models, voices)) + "\n")
        for i in np.flatnonzero(fold == k).tolist():
            features = studies[i].features
            odds = np.zeros(len(features))
            for model, voice in zip(models, voices, strict=True):
                if len(features):
                    odds += voice.share * np.asarray(model.predict(features[:, voice.columns()], raw_score=True))
            found[i] = 1 / (1 + np.exp(-odds))
    if folder is not None:
        names = {s.name: int(f) for s, f in zip(studies, fold, strict=True)}
        (folder / "folds.json").write_text(json.dumps(names) + "\n")
    return found


def report(studies: Sequence[Pieces], probabilities: Sequence[NDArray[np.float64]]) -> None:
    """Print lesions found and false pieces a study at a few thresholds: simulated, real, and riding deposits."""
    kinds = {"simulated": (False, False), "real": (True, False), "riding": (False, True)}
    for kind, which in kinds.items():
        chosen = [(s, p) for s, p in zip(studies, probabilities, strict=True) if (s.real, s.riding) == which]
        for least in (0.3, 0.5, 0.7):
            lesions = found = false = 0
            for study, p in chosen:
                false += int(((p >= least) & (study.classes == OTHER)).sum())
                for lesion in np.unique(study.lesions[study.classes == DEPOSIT]):
                    own = (study.lesions == lesion) & (study.classes == DEPOSIT)
                    lesions, found = lesions + 1, found + bool((p[own] >= least).any())
            print(
                f"{kind} p >= {least}: {found}/{lesions} deposits in pieces found,"
                f" {false / max(1, len(chosen)):.2f} false pieces a study ({len(chosen)} studies)"
            )


def main() -> None:
    """Train, print the figures, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cohorts", nargs="+", type=Path)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--halved", nargs="*", type=Path, default=[])
    parser.add_argument("--network", type=Path)
    parser.add_argument("--half-networks", nargs=2, type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--folds", type=Path)
    options = parser.parse_args()
    whole = (options.network, options.network)
    other = tuple(reversed(options.half_networks)) if options.half_networks else whole
    studies = [s for cohort in options.cohorts for s in simulated(cohort, whole)]
    studies += [s for cohort in options.halved for s in simulated(cohort, other)]
    studies += [*real(options.real, other), *limbs(options.network)]
    voices = BOTH if options.network else ALONE
    report(studies, out_of_fold(studies, voices, options.folds))
    table = table_of([fit(studies, voice) for voice in voices], voices)
    out = options.out or (trees_of(NETWORK) if options.network else MODEL)
    out.write_text(json.dumps(table, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

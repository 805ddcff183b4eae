"""Fit the judgement of candidates on radiographs, and write it as ONNX.

python -m training.radiograph_judgement --scenes TABLES --films TABLES --unseen TABLES [--unseen-scenes TABLES]
    [--unseen-films TABLES] [--out FOLDER]

`--scenes` and `--films` are tables of `training.radiograph_tables` without network, `--unseen` and `--unseen-scenes` of
cohorts and of scenes that the network has not seen, with it. A first table judges by the image's own contrasts and is
fitted on scenes and films. A second one goes on from it, with small trees over all features fitted on what the network
has not seen, for on images that it was trained on the network looks better than it is. The operating point is chosen
on the unseen cohorts, outside each fit by study: 0.5 stands for `FALSE_AN_IMAGE` false candidates an image.
Figures of `--unseen-films` are printed and nothing is fitted on them. Needs lightgbm and onnx.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from pipeline.segmentation.candidates import FEATURE_NAMES, NETWORK_NAMES, Candidates
from pipeline.segmentation.component_judgement import MODEL, likeliest

FALSE_AN_IMAGE = 0.40
"""False candidates an image at a confidence of 0.5; grouping makes some 0.32 lesions of them."""
LEAST_ODDS = -4.0
"""Log odds below which no candidate is looked at."""
FOLDS = 5
FILM_WEIGHT = 4.0
"""Weight of a real film's candidates: five films stand against hundreds of simulated ones."""
UNSEEN_SCENE_WEIGHT = 1.0
"""Weight of candidates of unseen scenes beside those of unseen cohorts."""
EMPTY_KEPT = 0.35
"""Share of the candidates without calcium that enter, weighted accordingly."""
LESION_CANDIDATES = 25.0
"""Candidates a lesion counts for, however many overlap it (within a factor of 0.2 to 3)."""
BASE_ROUNDS, CORRECTION_ROUNDS = 280, 500
BASE: dict[str, Any] = {
    "objective": "cross_entropy",
    "num_leaves": 15,
    "learning_rate": 0.07,
    "min_data_in_leaf": 80,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "lambda_l2": 20.0,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
    "seed": 1,
}
CORRECTION: dict[str, Any] = BASE | {
    "learning_rate": 0.03,
    "num_leaves": 31,
    "feature_fraction": 0.2,
    "min_data_in_leaf": 100,
    "boost_from_average": False,
}

Table = dict[str, NDArray[Any]]
Judge = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Log odds of the rows of a feature table."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Features, targets and weights of candidates."""

    features: NDArray[np.float32]
    target: NDArray[np.float64]
    weight: NDArray[np.float64]


def read(folders: Sequence[Path]) -> list[Table]:
    """All tables of `folders`, in order of their names."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.npz"))]
    return [dict(np.load(path)) | {"study": np.array(f"{path.parent}/{path.stem.split('_')[0]}")} for path in paths]


def by_study(tables: Sequence[Table]) -> list[int]:
    """A fold for each table; images of one study, which show the same deposits, have the same."""
    studies = list(dict.fromkeys(str(table["study"]) for table in tables))
    return [studies.index(str(table["study"])) % FOLDS for table in tables]


def rows(tables: Sequence[Table], columns: int, weight: float = 1.0) -> Rows:
    """Candidates of `tables` with their first `columns` features; of the empty ones a random share."""
    rng = np.random.default_rng(0)
    parts = []
    for table in tables:
        if not len(table["target"]):
            continue
        target = table["target"].astype(np.float64)
        weights = np.full(len(target), weight)
        owner = table["overlap"].argmax(axis=1) if table["overlap"].shape[1] else np.zeros(len(target), np.intp)
        for lesion in range(table["overlap"].shape[1]):
            own = (owner == lesion) & (target > 0.1)
            weights[own] *= np.clip(LESION_CANDIDATES / max(1, np.count_nonzero(own)), 0.2, 3)
        kept = (target > 0.05) | (rng.random(len(target)) < EMPTY_KEPT)
        weights[target <= 0.05] /= EMPTY_KEPT
        parts.append((table["features"][kept, :columns], target[kept], weights[kept]))
    features, targets, weights = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Rows(features, targets, weights)


def fitted(parts: Sequence[Rows], base: lightgbm.Booster | None = None) -> lightgbm.Booster:
    """A boosted table over `parts`, as a correction of `base` where one is given."""
    features, target, weight = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("features", "target", "weight")
    )
    start = None if base is None else base.predict(features[:, : len(FEATURE_NAMES)], raw_score=True)
    data = lightgbm.Dataset(features, target, weight=weight, init_score=start)
    if base is None:
        return lightgbm.train(BASE, data, BASE_ROUNDS)
    return lightgbm.train(CORRECTION, data, CORRECTION_ROUNDS)


def judge_of(*boosters: lightgbm.Booster) -> Judge:
    """Log odds by the sum of `boosters`, each over as many features as it knows."""

    def odds(features: NDArray[np.float32]) -> NDArray[np.float64]:
        scores = [b.predict(features[:, : b.num_feature()], raw_score=True) for b in boosters]
        return np.asarray(np.sum(scores, axis=0))

    return odds


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is chosen on one image: log odds, whether calcium is in it, and its overlap with each lesion."""

    odds: NDArray[np.float64]
    hit: NDArray[np.bool_]
    overlap: NDArray[np.float64]
    visibility: NDArray[np.float64]


def chosen(table: Table, judge: Judge) -> Chosen:
    """The candidates that are kept of one image, down to `LEAST_ODDS`."""
    odds = judge(table["features"]) if len(table["features"]) else np.zeros(0)
    found = Candidates(
        features=table["features"],
        elements=table["elements"].astype(np.intp),
        starts=table["starts"].astype(np.intp),
        strides=table["strides"].astype(np.intp),
    )
    shape = (int(table["shape"][0]), int(table["shape"][1]))
    at = np.array(likeliest(found, odds.astype(np.float32), LEAST_ODDS, shape), np.intp)
    return Chosen(odds[at], table["precision"][at] > 0, table["overlap"][at], table["visibility"])


def operating_point(images: Sequence[Chosen]) -> tuple[float, float]:
    """Slope and offset that make of log odds a confidence: see the module's docstring."""
    odds = np.concatenate([c.odds for c in images])
    hit = np.concatenate([c.hit for c in images])
    false = np.sort(odds[~hit])[::-1]
    at = float(false[min(len(false) - 1, round(FALSE_AN_IMAGE * len(images)))])
    near = odds > at - 1
    slope = 1.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-slope * (odds[near] - at)))
        step = np.sum((hit[near] - p) * (odds[near] - at)) / np.sum(p * (1 - p) * (odds[near] - at) ** 2)
        slope = float(np.clip(slope + step, 0.2, 3))
    return slope, -slope * at


def show(name: str, images: Sequence[Chosen], scale: tuple[float, float]) -> None:
    """Print sensitivity against false candidates at a few confidences."""
    for confidence in (0.3, 0.4, 0.5, 0.6, 0.7):
        least = (np.log(confidence / (1 - confidence)) - scale[1]) / scale[0]
        false = [np.count_nonzero(~c.hit[c.odds >= least]) for c in images]
        seen = [(c.overlap[c.odds >= least, k], v) for c in images for k, v in enumerate(c.visibility)]
        visible = [np.sum(o) >= 0.1 for o, v in seen if v >= 1]
        touched = [bool(np.any(o > 0)) for o, _ in seen]
        clean = [f == 0 for f, c in zip(false, images, strict=True) if not len(c.visibility)]
        figures = [np.mean(x) if x else np.nan for x in (visible, touched, clean)]
        print(
            f"{name} at {confidence:.1f}: {np.mean(false):.2f} false an image, visible {figures[0]:.2f}, "
            f"touched {figures[1]:.2f}, clean normals {figures[2]:.2f}"
        )


def write(path: Path, boosters: Sequence[lightgbm.Booster], scale: tuple[float, float]) -> None:
    """The sum of `boosters`, scaled, through a logistic: one ONNX tree ensemble."""
    columns = boosters[-1].num_feature()
    nodes: dict[str, list[Any]] = {name: [] for name in NODE_NAMES}
    targets: dict[str, list[Any]] = {f"target_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")}
    trees = [tree["tree_structure"] for booster in boosters for tree in booster.dump_model()["tree_info"]]
    for number, tree in enumerate(trees):
        _add(tree, number, scale[0], nodes, targets)
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["score"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=[scale[1]],
        **nodes,
        **targets,
    )
    graph = helper.make_graph(
        [ensemble, helper.make_node("Sigmoid", ["score"], ["probability"])],
        "judgement",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1])],
    )
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=8), path)


NODE_NAMES = (
    *("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes"),
    *("nodes_truenodeids", "nodes_falsenodeids"),
)


def _add(
    node: dict[str, Any], tree: int, slope: float, nodes: dict[str, list[Any]], targets: dict[str, list[Any]]
) -> int:
    """Append a node and what hangs below it; returns its number in the tree."""
    own = nodes["nodes_treeids"].count(tree) if nodes["nodes_treeids"][-1:] == [tree] else 0
    place = len(nodes["nodes_nodeids"])
    leaf = "split_feature" not in node
    split = 0.0 if leaf else float(np.float32(node["threshold"]))
    values = (tree, own, 0 if leaf else node["split_feature"], split, "LEAF" if leaf else "BRANCH_LEQ", 0, 0)
    for name, value in zip(NODE_NAMES, values, strict=True):
        nodes[name].append(value)
    if leaf:
        for name, value in zip(targets, (tree, own, 0, slope * float(node["leaf_value"])), strict=True):
            targets[name].append(value)
    else:
        nodes["nodes_truenodeids"][place] = _add(node["left_child"], tree, slope, nodes, targets)
        nodes["nodes_falsenodeids"][place] = _add(node["right_child"], tree, slope, nodes, targets)
    return own


def main() -> None:
    """Fit, print figures of images outside each fit, write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("scenes", "films", "unseen", "unseen-scenes", "unseen-films"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", default=[], required=name in ("scenes", "unseen"))
    parser.add_argument("--out", type=Path, default=MODEL.parent)
    options = parser.parse_args()
    few, many = len(FEATURE_NAMES), len(FEATURE_NAMES) + len(NETWORK_NAMES)
    films = [rows(read(options.films), few, FILM_WEIGHT)] if options.films else []
    base = fitted([rows(read(options.scenes), few), *films])
    unseen, held = read(options.unseen), read(options.unseen_films)
    also = [rows(read(options.unseen_scenes), many, UNSEEN_SCENE_WEIGHT)] if options.unseen_scenes else []
    folds = by_study(unseen)
    corrections = [
        fitted([rows([t for t, g in zip(unseen, folds, strict=True) if g != k], many), *also], base)
        for k in range(FOLDS)
    ]
    images = [chosen(t, judge_of(base, corrections[k])) for t, k in zip(unseen, folds, strict=True)]
    scale = operating_point(images)
    show("outside the fit", images, scale)
    correction = fitted([rows(unseen, many), *also], base)
    show("films", [chosen(t, judge_of(base, correction)) for t in held], scale)
    write(options.out / MODEL.name, [base, correction], scale)


if __name__ == "__main__":
    main()

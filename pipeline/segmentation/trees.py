"""Boosted trees from a plain JSON table: what training/ct_pieces.py writes, evaluated by numpy."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.model.image import Floats
from pipeline.model.lesion import ModelDigest


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """A sum of decision trees in the log-odds.

    `names` are the columns that it reads, in order. Node arrays hold one figure a node of all trees: `column` (-1 for a
    leaf), `threshold`, `left`, `right` (node numbers), `value` (of leaves). `roots` are the first nodes of the trees.
    """

    names: tuple[str, ...]
    column: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    roots: NDArray[np.int32]
    digest: ModelDigest


def load_trees(path: Path) -> Trees:
    """The trees of a model file, with its SHA-256."""
    content = path.read_bytes()
    table = json.loads(content)

    def whole(name: str) -> NDArray[np.int32]:
        return np.asarray(table[name], np.int32)

    def real(name: str) -> NDArray[np.float64]:
        return np.asarray(table[name], np.float64)

    return Trees(
        names=tuple(table["names"]),
        column=whole("column"),
        threshold=real("threshold"),
        left=whole("left"),
        right=whole("right"),
        value=real("value"),
        roots=whole("roots"),
        digest=ModelDigest(path.stem, hashlib.sha256(content).hexdigest()),
    )


def probability(trees: Trees, features: Floats) -> Floats:
    """Probability float32 [row] of each row of `features` [row, column of `trees.names`]."""
    node = np.tile(trees.roots, (len(features), 1))
    row = np.arange(len(features))[:, None]
    while True:
        column = trees.column[node]
        inner = column >= 0
        if not inner.any():
            break
        below = features[row, np.maximum(column, 0)] <= trees.threshold[node]
        node = np.where(inner, np.where(below, trees.left[node], trees.right[node]), node)
    found: Floats = (1 / (1 + np.exp(-trees.value[node].sum(axis=1)))).astype(np.float32)
    return found

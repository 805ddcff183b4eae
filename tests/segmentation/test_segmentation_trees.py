"""Boosted trees from their table."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.segmentation.appearance import NAMES
from pipeline.segmentation.decision import second_look
from pipeline.segmentation.trees import load_trees, probability

TABLE = {
    "names": ["a", "b"],
    "column": [0, -1, 1, -1, -1, -1],
    "threshold": [0.5, 0, 2.0, 0, 0, 0],
    "left": [1, 0, 3, 0, 0, 0],
    "right": [2, 0, 4, 0, 0, 0],
    "value": [0, -1.0, 0, 0.5, 2.0, 0.25],
    "roots": [0, 5],
}


@pytest.mark.parametrize(("row", "log_odds"), [((0.5, 9), -0.75), ((0.6, 2.0), 0.75), ((0.6, 2.1), 2.25)])
def test_rows_fall_through_the_trees(tmp_path: Path, row: tuple[float, float], log_odds: float) -> None:
    file = tmp_path / "small.json"
    file.write_text(json.dumps(TABLE))
    found = probability(load_trees(file), np.array([row], np.float32))
    assert found[0] == pytest.approx(1 / (1 + np.exp(-log_odds)), rel=1e-5)


def test_the_shipped_trees_read_known_features_and_bear_their_digest() -> None:
    trees = second_look()
    assert set(trees.names) <= set(NAMES)
    assert not {"slice_mm", "noise_hu"} & set(trees.names)
    assert trees.digest.name == "ct_pieces"
    assert len(trees.digest.sha256) == 64

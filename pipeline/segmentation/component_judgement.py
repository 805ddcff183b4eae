"""The second look: how likely a candidate is calcium, by a boosted table over features that a reader understands.

The table is an ensemble of small trees in an ONNX file (`training/radiograph_judgement.py` makes it, the card beside
it says from what). Its inputs are the features of `candidates.FEATURE_NAMES` and, behind them, those of the network's
map. Of nested and overlapping candidates the likeliest is kept.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ConfigurationError
from pipeline.model.image import Floats
from pipeline.model.lesion import ModelDigest
from pipeline.segmentation.candidates import Candidates
from pipeline.segmentation.inference import session

MODEL = Path(__file__).parent / "models" / "radiograph_judgement.onnx"
LARGEST_OVERLAP = 0.25
"""A candidate is dropped when more of it than this share lies in likelier ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A candidate that is kept: flat indices into the working grid, and its probability 0 to 1."""

    elements: NDArray[np.intp]
    probability: float


def judge(features: Floats) -> tuple[Floats, ModelDigest]:
    """Probability, 0 to 1, that each row of `features` [candidate, feature] outlines calcium; and what judged."""
    table, digest = session(MODEL)
    expected = table.get_inputs()[0].shape[1]
    if features.shape[1] != expected:
        raise ConfigurationError(
            f"models/{MODEL.name}: made for {expected} features, {features.shape[1]} given: train it again"
        )
    if not len(features):
        return np.zeros(0, np.float32), digest
    scores = table.run(None, {table.get_inputs()[0].name: features})[0]
    probabilities: Floats = np.asarray(scores, np.float32).reshape(-1)
    return probabilities, digest


def choose(found: Candidates, probabilities: Floats, least: float, shape: tuple[int, int]) -> tuple[Chosen, ...]:
    """The likeliest candidates, at least `least`, that do not overlap; `shape` is that of the working grid."""
    return tuple(
        Chosen(on_grid(found.of(index), int(found.strides[index]), shape), float(probabilities[index]))
        for index in likeliest(found, probabilities, least, shape)
    )


def likeliest(found: Candidates, probabilities: Floats, least: float, shape: tuple[int, int]) -> tuple[int, ...]:
    """Numbers of the candidates that `choose` keeps, the likeliest first."""
    taken = np.zeros(shape[0] * shape[1], bool)
    kept = []
    likely = np.flatnonzero(probabilities >= least)
    for index in likely[np.argsort(-probabilities[likely], kind="stable")]:
        elements = on_grid(found.of(int(index)), int(found.strides[index]), shape)
        if np.mean(taken[elements]) > LARGEST_OVERLAP:
            continue
        taken[elements] = True
        kept.append(int(index))
    return tuple(kept)


def on_grid(elements: NDArray[np.intp], stride: int, shape: tuple[int, int]) -> NDArray[np.intp]:
    """Flat indices on a layer of `stride` as flat indices into the working grid of `shape`."""
    if stride == 1:
        return elements
    rows, cols = np.unravel_index(elements, tuple(-(-n // stride) for n in shape))
    steps = np.arange(stride)
    fine_rows = (rows[:, None, None] * stride + steps[:, None]).repeat(stride, axis=2).ravel()
    fine_cols = (cols[:, None, None] * stride + steps).repeat(stride, axis=1).ravel()
    inside = (fine_rows < shape[0]) & (fine_cols < shape[1])
    fine: NDArray[np.intp] = np.ravel_multi_index((fine_rows[inside], fine_cols[inside]), shape)
    return fine

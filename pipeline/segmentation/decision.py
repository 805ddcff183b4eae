"""What each piece is: a deposit, bone, contrast or metal, and how sure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

from pipeline.model.image import CoarseMask, Floats, Volume
from pipeline.segmentation.appearance import NAMES
from pipeline.segmentation.metal import share_of
from pipeline.segmentation.pieces import Piece
from pipeline.segmentation.trees import Trees, load_trees, probability

MODEL = Path(__file__).parent / "models" / "ct_pieces.json"
METAL_SHARE = 0.15
"""A piece of which more lies in metal and its blur is metal."""
CONTRAST_SPREAD = 2.2
"""An even pool: the spread inside is near the noise, which no bone or calcium of this size shows."""
CONTRAST_HU = (120.0, 500.0)
CONTRAST_MM3 = 400.0
FOLLOWS_SHARE = 0.5
"""A piece that touches an accepted one, or lies within `FOLLOWS_MM` of it, needs this share of the confidence."""
FOLLOWS_MM = 10.0
ALONE_HU, ALONE_MM3 = 400.0, 1500.0
ALONE_RING_SHARE = 0.05
ALONE_CONFIDENCE, ALONE_LEAST = 0.5, 0.05
"""A bright grain by itself in soft tissue, without a cortex, is calcium unless the second look is nearly sure it is not
(out of fold 4 more real deposits found, no false one)."""


class Kind(StrEnum):
    """What a dense piece is."""

    DEPOSIT = "deposit"
    BONE = "bone"
    CONTRAST = "contrast"
    METAL = "metal"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a piece is; `confidence` 0 to 1 that it is a deposit."""

    kind: Kind
    confidence: float


@cache
def second_look() -> Trees:
    """The learned judgement of pieces that comes with the program."""
    return load_trees(MODEL)


def judge_pieces(
    pieces: Sequence[Piece], features: Floats, metal: CoarseMask, volume: Volume, *, least: float
) -> tuple[Judgement, ...]:
    """Each piece's kind, from `features` [piece, column of `appearance.NAMES`].

    Metal by its overlap with `metal`; deposits by the learned second look where it gives at least `least`, or as bright
    grains by themselves; pieces near a deposit follow it at half of `least`, since lobules, grains and walls come
    together. What is left is contrast when it is an even pool, else bone.
    """
    trees = second_look()
    columns = [NAMES.index(name) for name in trees.names]
    confidence = probability(trees, features[:, columns])
    confidence = np.where(_is_bright_alone(features, confidence), np.maximum(confidence, ALONE_CONFIDENCE), confidence)
    metallic = np.array([share_of(p.dense.mask, p.dense.offset, metal) > METAL_SHARE for p in pieces], bool)
    confidence[metallic] = 0.0
    deposit = _with_followers(pieces, confidence, least, volume.spacing_mm)
    even = _is_even_pool(features)
    kinds = np.select([metallic, deposit, even], [Kind.METAL, Kind.DEPOSIT, Kind.CONTRAST], Kind.BONE)
    return tuple(Judgement(Kind(k), float(c)) for k, c in zip(kinds, confidence, strict=True))


def _is_bright_alone(features: Floats, confidence: Floats) -> np.ndarray:
    column = {name: features[:, i] for i, name in enumerate(NAMES)}
    alone: np.ndarray = (
        (confidence >= ALONE_LEAST)
        & (column["contact_share"] == 0)
        & (column["component_volume_log_mm3"] < np.log(ALONE_MM3))
        & (column["hu_90"] > ALONE_HU)
        & (column["core_less_shell_hu"] >= 0)
        & (column["ring_dense_share"] < ALONE_RING_SHARE)
    )
    return alone


def _is_even_pool(features: Floats) -> np.ndarray:
    column = {name: features[:, i] for i, name in enumerate(NAMES)}
    low, high = CONTRAST_HU
    even: np.ndarray = (
        (column["hu_spread_of_noise"] < CONTRAST_SPREAD)
        & (column["hu_50"] > low)
        & (column["hu_50"] < high)
        & (column["volume_log_mm3"] > np.log(CONTRAST_MM3))
    )
    return even


def _with_followers(
    pieces: Sequence[Piece], confidence: Floats, least: float, spacing_mm: tuple[float, ...]
) -> np.ndarray:
    sure = confidence >= least
    maybe = np.flatnonzero((confidence >= FOLLOWS_SHARE * least) & ~sure).tolist()
    if not maybe or not sure.any():
        return sure
    spacing = np.asarray(spacing_mm)
    low = np.array([p.dense.offset for p in pieces]) * spacing
    high = np.array([p.dense.stop for p in pieces]) * spacing
    found = sure.copy()
    for i in maybe:
        apart = np.maximum(0.0, np.maximum(low[sure] - high[i], low[i] - high[sure]))
        touching = any(sure[c.other] for c in pieces[i].contacts)
        found[i] = touching or float(np.linalg.norm(apart, axis=1).min()) <= FOLLOWS_MM
    return found

"""What each piece is: a deposit, bone, contrast or metal, and how sure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipeline.model.image import CoarseMask, Floats, Volume
from pipeline.segmentation.appearance import NAMES
from pipeline.segmentation.ct_network import NAMES as NETWORK_NAMES
from pipeline.segmentation.metal import share_of
from pipeline.segmentation.pieces import Piece
from pipeline.segmentation.trees import Trees, load_trees, probability

MODEL = Path(__file__).parent / "models" / "ct_pieces.json"
COLUMNS = (*NAMES, *NETWORK_NAMES)
"""Names of the columns of a table of features; those of the network are there where it has looked."""
METAL_SHARE = 0.15
"""A piece of which more lies in metal and its blur is metal, if there is a core of metal near."""
METAL_CORE_HU = 2600.0
"""A tenth of a metal object exceeds this; the densest calcium reaches 2800 HU in single voxels only."""
METAL_CORE_MM = 5.0
"""Pieces within this of such a core may be its blur and streaks."""
SMALL_METAL_MM3 = 60.0
"""Clips and wires are smaller than this and too blurred to show a core."""
CONTRAST_SPREAD = 2.2
"""An even pool: the spread inside is near the noise, which no bone or calcium of this size shows."""
CONTRAST_HU = (120.0, 500.0)
CONTRAST_MM3 = 400.0
FOLLOWS_SHARE = 0.5
"""A piece that touches an accepted one, or lies within `FOLLOWS_MM` of it, needs this share of the confidence."""
FOLLOWS_MM = 10.0
ALONE_HU, ALONE_MM3 = 400.0, 1500.0
ALONE_RING_SHARE, ALONE_GAS_SHARE = 0.05, 0.2
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


@lru_cache(maxsize=2)
def second_look(path: Path = MODEL) -> Trees:
    """The learned judgement of pieces in file `path`."""
    return load_trees(path)


def judge_pieces(
    pieces: Sequence[Piece], features: Floats, metal: CoarseMask, volume: Volume, *, least: float, trees: Trees
) -> tuple[Judgement, ...]:
    """Each piece's kind, from `features` [piece, column of `COLUMNS`].

    Metal by its overlap with `metal`; deposits by the learned `trees` where they give at least `least`, or as bright
    grains by themselves; pieces near a deposit follow it at half of `least`, since lobules, grains and walls come
    together. What is left is contrast when it is an even pool, else bone.
    """
    columns = [COLUMNS.index(name) for name in trees.names]
    confidence = probability(trees, features[:, columns])
    alone = _is_bright_alone(features, confidence) & ~_at_an_end(pieces, volume)
    confidence = np.where(alone, np.maximum(confidence, ALONE_CONFIDENCE), confidence)
    metallic = _is_metal(pieces, features, metal, volume.spacing_mm)
    confidence[metallic] = 0.0
    deposit = _with_followers(pieces, confidence, least, volume.spacing_mm)
    even = _is_even_pool(features)
    kinds = np.select([metallic, deposit, even], [Kind.METAL, Kind.DEPOSIT, Kind.CONTRAST], Kind.BONE)
    return tuple(Judgement(Kind(k), float(c)) for k, c in zip(kinds, confidence, strict=True))


def _is_metal(
    pieces: Sequence[Piece], features: Floats, metal: CoarseMask, spacing_mm: tuple[float, ...]
) -> np.ndarray:
    within = np.array([share_of(p.dense.mask, p.dense.offset, metal) > METAL_SHARE for p in pieces], bool)
    if not within.any():
        return within
    core = features[:, NAMES.index("hu_90")] >= METAL_CORE_HU
    small = features[:, NAMES.index("volume_log_mm3")] < np.log(SMALL_METAL_MM3)
    found: np.ndarray = within & (small | (_gaps_mm(pieces, core, spacing_mm) <= METAL_CORE_MM))
    return found


def _gaps_mm(pieces: Sequence[Piece], chosen: np.ndarray, spacing_mm: tuple[float, ...]) -> np.ndarray:
    """Distance of each piece's box to the nearest box of the `chosen` pieces, mm; infinite where none is chosen."""
    low = np.array([p.dense.offset for p in pieces]).reshape(-1, 3) * np.asarray(spacing_mm)
    high = np.array([p.dense.stop for p in pieces]).reshape(-1, 3) * np.asarray(spacing_mm)
    if not chosen.any():
        return np.full(len(pieces), np.inf)
    apart = np.maximum(0.0, np.maximum(low[chosen][None] - high[:, None], low[:, None] - high[chosen][None]))
    found: np.ndarray = np.linalg.norm(apart, axis=2).min(axis=1)
    return found


def _is_bright_alone(features: Floats, confidence: Floats) -> np.ndarray:
    column = {name: features[:, i] for i, name in enumerate(NAMES)}
    alone: np.ndarray = (
        (confidence >= ALONE_LEAST)
        & (column["contact_share"] == 0)
        & (column["component_volume_log_mm3"] < np.log(ALONE_MM3))
        & (column["hu_90"] > ALONE_HU)
        & (column["core_less_shell_hu"] >= 0)
        & (column["ring_dense_share"] < ALONE_RING_SHARE)
        & (column["ring_gas_share"] < ALONE_GAS_SHARE)
    )
    return alone


def _at_an_end(pieces: Sequence[Piece], volume: Volume) -> np.ndarray:
    """Pieces in the first or last slice: what goes on beyond is not known, so that none can be called alone."""
    ends = [p.dense.offset[0] == 0 or p.dense.stop[0] == volume.shape[0] for p in pieces]
    return np.array(ends, bool)


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
    near = _gaps_mm(pieces, sure, spacing_mm) <= FOLLOWS_MM
    found = sure.copy()
    for i in maybe:
        found[i] = bool(near[i]) or any(sure[c.other] for c in pieces[i].contacts)
    return found

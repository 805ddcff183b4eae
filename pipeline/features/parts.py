"""A lesion as a field of parts: the form of one grain, and whether grains point one way or lie in one layer."""

import numpy as np
from numpy.typing import NDArray

from pipeline.features.geometry import cell_moments, sorted_labels, voxel
from pipeline.features.patch import Patch, Points, Values, known
from pipeline.features.size import MOST_PARTS, part_extents
from pipeline.model.known import Known, Maybe, Unknown

LONG = 1.5
"""A part points somewhere from this aspect ratio on."""
LEAST_PARTS = 3
"""Fewer parts make no field."""
LAYER_MM = 4.0
"""Thickness of one layer: skin with subcutis of a lean limb, or a fascia with its blur."""
TOO_FEW = Unknown("fewer than three long parts")


def field(patch: Patch) -> Values:
    """The form of the parts of a lesion.

    `part_aspect_ratio`: median of longest over next axis. `part_roundness`: median of area (volume) over that of the
    disc (ball) with the same greatest extent. `part_orientation_coherence`: 0 for parts that point anywhere, 1 for
    parallel ones.
    """
    index, owner = sorted_labels(np.where(patch.pieces <= MOST_PARTS, patch.pieces, 0))
    if not len(index):
        return dict.fromkeys(
            ("part_aspect_ratio", "part_roundness", "part_orientation_coherence"), Unknown("no part of three elements")
        )
    pieces = np.split(index * np.asarray(patch.scale), np.flatnonzero(np.diff(owner)) + 1)
    shapes = [cell_moments(p, patch.scale) for p in pieces]
    ratios = np.array([np.sqrt(values[0] / values[1]) for values, _ in shapes])
    axes = np.array([vectors[:, 0] for _, vectors in shapes])
    return {
        "part_aspect_ratio": known(float(np.median(ratios))),
        "part_roundness": known(_roundness(pieces, part_extents(patch), patch.scale)),
        "part_orientation_coherence": _coherence(axes[ratios >= LONG]),
    }


def sheet(patch: Patch) -> Values:
    """Share of a lesion that lies in one layer under the skin, `LAYER_MM` thick."""
    depth = patch.around.depth_mm
    if isinstance(depth, Unknown):
        return {"sheet_fraction": depth}
    order = np.sort(depth.value)
    inside = np.searchsorted(order, order + LAYER_MM, side="right") - np.arange(len(order))
    return {"sheet_fraction": known(float(inside.max() / len(order)))}


def _roundness(pieces: list[Points], extents: Points, scale: tuple[float, ...]) -> float:
    axes = len(scale)
    ball = np.pi / 4 * extents**2 if axes == 2 else np.pi / 6 * extents**3
    content = np.array([len(p) for p in pieces]) * voxel(scale)
    return float(np.median(np.minimum(content / ball, 1.0)))


def _coherence(axes: NDArray[np.float64]) -> Maybe[float]:
    """How much more than by chance axes agree: the greatest eigenvalue of their mean tensor, scaled to 0 to 1."""
    if len(axes) < LEAST_PARTS:
        return TOO_FEW
    number = axes.shape[1]
    greatest = float(np.linalg.eigvalsh(axes.T @ axes / len(axes))[-1])
    return Known((number * greatest - 1) / (number - 1), "measured")

"""What lies above and below a straight step: contrast, sharpness, and the pool of sediment with its depth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.features.rises import Frame
from pipeline.features.steps import Step
from pipeline.model.image import Floats

SHALLOW = 0.25
"""A pool whose depth is less than this share of its width must show that it has a floor; a deeper one does."""
MIDDLE, ENDS = 0.4, 0.3
"""Shares of the columns, by distance from the middle, that are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Measured about a step along gravity.

    `above`: density of the layer above. `contrast`: density of the layer below less that. `contrast_raw`: the same
    without the background taken away. `rise_elements`: from 20 to 80 % of the step. `depth_elements`: median depth of
    what is dense below. `shelving`: depth at the ends over that in the middle, 0 for a deep pool. `inside`: share of
    the columns with the lesion below and a valid image above.
    """

    above: float
    contrast: float
    contrast_raw: float
    rise_elements: float
    depth_elements: float
    shelving: float
    inside: float


def pool_of(step: Step, view: Frame) -> Pool:
    """The pool below a step."""
    density = _profile(step, view, view.density)
    raw = _profile(step, view, view.raw)
    above, below = _layers(density, view.layer)
    raw_above, raw_below = _layers(raw, view.layer)
    depth = _depth(step, view, (above + below) / 2)
    return Pool(
        above=above,
        contrast=below - above,
        contrast_raw=raw_below - raw_above,
        rise_elements=_rise(density, view.layer),
        depth_elements=float(np.median(depth)),
        shelving=_shelving(depth, step, view),
        inside=_inside(step, view),
    )


def _profile(step: Step, view: Frame, values: Floats) -> NDArray[np.float64]:
    """Mean over the columns, along gravity, of the two layers above and the two below a step."""
    offsets = np.arange(-2 * view.layer, 2 * view.layer)[:, None]
    rows = np.clip(np.ceil(step.height).astype(int)[None] + offsets, 0, values.shape[0] - 1)
    columns = tuple(np.broadcast_to(c, rows.shape) for c in step.column.T)
    mean: NDArray[np.float64] = values[(rows, *columns)].astype(np.float64).mean(axis=1)
    return mean


def _layers(profile: NDArray[np.float64], layer: int) -> tuple[float, float]:
    return float(np.median(profile[layer : 2 * layer])), float(np.median(profile[2 * layer : 3 * layer]))


def _rise(profile: NDArray[np.float64], layer: int) -> float:
    """Elements over which a profile rises from 20 to 80 % of its step."""
    window = profile[layer : 3 * layer]
    ends = max(1, layer // 2)
    low, high = window[:ends].mean(), window[-ends:].mean()
    if high <= low:
        return float(len(window))
    share = np.maximum.accumulate((window - low) / (high - low))
    at = np.arange(len(window))
    return float(np.interp(0.8, share, at) - np.interp(0.2, share, at))


def _depth(step: Step, view: Frame, limit: float) -> NDArray[np.intp]:
    """Elements below a step in each column that stay above `limit`, followed over half of the step's width."""
    reach = max(view.layer + 2, round(step.width / 2 / view.spacing[0]))
    rows = np.ceil(step.height).astype(int)[None] + np.arange(reach)[:, None]
    columns = tuple(np.broadcast_to(c, rows.shape) for c in step.column.T)
    low = view.density[(np.minimum(rows, view.density.shape[0] - 1), *columns)] <= limit
    low |= rows >= view.density.shape[0]
    found: NDArray[np.intp] = np.where(low.any(axis=0), np.argmax(low, axis=0), reach)
    return found


def _shelving(depth: NDArray[np.intp], step: Step, view: Frame) -> float:
    """Depth of a shallow pool at its ends over that in its middle; 0 for a deep one."""
    if float(np.median(depth)) * view.spacing[0] >= SHALLOW * step.width:
        return 0.0
    place = (step.column - step.column.mean(axis=0)) * view.spacing[1:]
    out = np.argsort(np.argsort(np.linalg.norm(place, axis=1))) / len(place)
    return float(depth[out > 1 - ENDS].mean() / max(depth[out < MIDDLE].mean(), 1.0))


def _inside(step: Step, view: Frame) -> float:
    below = np.minimum(step.row + view.layer // 2, view.visible.shape[0] - 1)
    above = np.maximum(step.row - view.layer, 0)
    columns = tuple(step.column.T)
    return float(np.mean(view.visible[(below, *columns)] & view.valid[(above, *columns)]))

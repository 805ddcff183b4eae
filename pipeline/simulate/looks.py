"""How a maker's processing turns detector counts into the picture that is stored; markers and collimation."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from pipeline.simulate import shapes
from pipeline.simulate.fields import Array, Grid
from pipeline.simulate.physics import COARSE

LETTERS = {
    "R": (
        ((0, 0), (0, 10)),
        ((0, 10), (4.5, 10), (6, 9), (6.4, 7.6), (6, 6.2), (4.5, 5.2), (0, 5.2)),
        ((3, 5.2), (6.8, 0)),
    ),
    "L": (((0, 10), (0, 0), (6, 0)),),
}
"""Strokes of the side letters, 10 mm high, (right, up)."""
STROKE_MM = 0.9


@dataclass(frozen=True, slots=True)
class Look:
    """A display processing.

    `flatten` is the share of broad differences (over `broad_mm`) that is taken out, `edge` the gain of detail below
    `fine_mm`, `latitude` the half width of the sigmoid in log signal, `shift` its middle in the same unit.
    """

    flatten: float = 0.45
    broad_mm: float = 28.0
    edge: float = 0.7
    fine_mm: float = 1.6
    latitude: float = 0.66
    shift: float = 0.1
    bits: int = 12
    inverted: bool = False
    shutter: bool = True


def processed(counts: Array, field: Array, pixel_mm: float, look: Look) -> Array:
    """Stored values, larger where more is absorbed (unless `inverted`), 0 to 2**bits - 1, not yet rounded."""
    body = _log_absorption(counts, field)
    middle = float(np.median(body[(field > 0.5) & (body > -1.6)]))
    broad = _blurred(np.maximum(body, middle - 1.7), look.broad_mm / pixel_mm)
    fine = gaussian_filter(body, look.fine_mm / pixel_mm)
    crisp = body - np.float32(look.flatten) * (broad - middle) + np.float32(look.edge) * (body - fine)
    value = 1 / (1 + np.exp(-(crisp - middle - np.float32(look.shift)) / np.float32(look.latitude)))
    if look.shutter:
        value = np.where(field > 0.5, value, 0)
    if look.inverted:
        value = 1 - value
    result: Array = (value * np.float32(2**look.bits - 1)).astype(np.float32)
    return result


def _log_absorption(counts: Array, field: Array) -> Array:
    typical = float(np.median(counts[field > 0.5]))
    result: Array = -np.log(np.maximum(counts, 1e-3) / np.float32(max(typical, 1e-3)))
    return result


def _blurred(values: Array, sigma: float) -> Array:
    small = zoom(gaussian_filter(values, COARSE / 3), 1 / COARSE, order=1)
    soft = gaussian_filter(small, sigma / COARSE)
    result: Array = zoom(soft, [n / m for n, m in zip(values.shape, soft.shape, strict=True)], order=1)
    return result


def collimated(
    shape: tuple[int, int], margins: tuple[float, float, float, float], pixel_mm: float, turn_deg: float
) -> Array:
    """Open field 0 to 1 [row, col]; `margins` are mm closed at the top, bottom, left and right, edges 0.6 mm soft."""
    rows = (np.arange(shape[0], dtype=np.float32)[:, None] - (shape[0] - 1) / 2) * np.float32(pixel_mm)
    columns = (np.arange(shape[1], dtype=np.float32)[None, :] - (shape[1] - 1) / 2) * np.float32(pixel_mm)
    c, s = np.float32(np.cos(np.radians(turn_deg))), np.float32(np.sin(np.radians(turn_deg)))
    down, right = rows * c + columns * s, columns * c - rows * s
    half = (shape[0] * pixel_mm / 2, shape[1] * pixel_mm / 2)
    room = np.minimum(
        np.minimum(down + (half[0] - margins[0]), half[0] - margins[1] - down),
        np.minimum(right + (half[1] - margins[2]), half[1] - margins[3] - right),
    )
    result: Array = np.clip(0.5 + room / np.float32(0.6), 0, 1).astype(np.float32)
    return result


def side_marker(
    letter: str, shape: tuple[int, int], at_mm: tuple[float, float], pixel_mm: float, turn_deg: float
) -> Array:
    """Lead path (cm) of a side letter; its lower left corner lies `at_mm` (row, col) from the film's upper left."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None, None] * np.float32(pixel_mm)
    columns = np.arange(shape[1], dtype=np.float32)[None, :, None] * np.float32(pixel_mm)
    c, s = np.float32(np.cos(np.radians(turn_deg))), np.float32(np.sin(np.radians(turn_deg)))
    up, right = np.float32(at_mm[0]) - rows, columns - np.float32(at_mm[1])
    box = (slice(max(0, int((at_mm[0] - 18) / pixel_mm)), int((at_mm[0] + 8) / pixel_mm)),
           slice(max(0, int((at_mm[1] - 8) / pixel_mm)), int((at_mm[1] + 18) / pixel_mm)))  # fmt: skip
    grid: Grid = (
        (right * c + up * s)[box], (up * c - right * s)[box], np.zeros((1, 1, 1), np.float32)
    )  # fmt: skip
    near = np.min(
        [shapes.tube(grid, [(a, b, 0.0) for a, b in line], [STROKE_MM] * len(line)) for line in LETTERS[letter]], axis=0
    )
    out = np.zeros(shape, np.float32)
    out[box] = 0.12 * shapes.occupancy(near, pixel_mm)[..., 0]
    return out

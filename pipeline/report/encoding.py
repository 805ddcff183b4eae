"""Greys that a page holds: a wide range in eight bits, from which the reader's windows are cut by the page itself."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from pipeline.model.image import Mask
from pipeline.report.planes import Plane

Grey = NDArray[np.uint8]

WEBP_QUALITY = 92
"""Measured on slices of 384 pixels: 45 dB in 16 to 18 kB, where JPEG keeps 43 dB in 18 to 20. Lower would show in the
narrow window, which spreads greys by two and a half."""
HU_KNOTS = (-1024.0, -200.0, 300.0, 900.0, 2000.0)
GREY_KNOTS = (0.0, 24.0, 168.0, 224.0, 255.0)
"""Grey of each of `HU_KNOTS`, straight between: 3.5 HU a grey where soft tissue and faint calcium lie."""
RADIOGRAPH_PERCENTILES = (0.5, 99.8)
"""Of the valid field: black and white of a radiograph."""
OUTSIDE_DIMMED = 0.25
"""What lies outside the valid field is darkened to this share, so that white borders do not dazzle."""
BAND = 64
"""Rows that are turned to greys at a time."""
TABLE_STEPS = 52
"""Entries of a window's table: one every fifth of 255 greys."""


@dataclass(frozen=True, slots=True)
class Window:
    """A choice of greys: `key` on the page, `name` for readers; `table` is what evenly spaced greys become, 0 to 1.

    `range` is what of the image it shows, in words; empty where that depends on the image.
    """

    key: str
    name: str
    table: tuple[float, ...]
    range: str = ""


def _cut(key: str, name: str, low_hu: float, high_hu: float) -> Window:
    hu = np.interp(np.linspace(0, 255, TABLE_STEPS), GREY_KNOTS, HU_KNOTS)
    table = tuple(np.clip((hu - low_hu) / (high_hu - low_hu), 0, 1).round(3).tolist())
    return Window(key, name, table, f"{low_hu:g} to {high_hu:g} HU".replace("-", "−"))


CT_WINDOWS = (
    _cut("calcium", "Calcium", -150, 850),
    _cut("soft", "Soft tissue", -160, 240),
    _cut("bone", "Bone", -500, 1500),
)
"""The first is what the page opens with."""
RADIOGRAPH_WINDOWS = (
    Window("whole", "Whole", (0.0, 1.0)),
    Window("thin", "Soft", (0.0, 0.55, 1.0, 1.0, 1.0)),
    Window("dense", "Dense", (0.0, 0.0, 0.0, 0.5, 1.0)),
    Window("inverted", "Inverted", (1.0, 0.0)),
)


def grey_of(plane: Plane) -> Grey:
    """Greys of a plane [row, col]: HU by the knots, a radiograph between percentiles of its valid field."""
    if plane.valid is None:
        cut: Grey = np.interp(plane.values, HU_KNOTS, GREY_KNOTS).astype(np.uint8)
        return cut
    inside = plane.values[plane.valid]
    low, high = np.percentile(inside[::7], RADIOGRAPH_PERCENTILES) if inside.size else (0.0, 1.0)
    return dimmed_outside(stretched(plane.values, low, high), plane.valid)


def stretched(values: NDArray[np.generic], low: float, high: float) -> Grey:
    """Greys of values [row, col] from black at `low` to white at `high`; in bands, for a large image takes memory."""
    span = max(float(high) - float(low), 1e-6)
    grey: Grey = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), BAND):
        band = slice(start, start + BAND)
        grey[band] = np.clip((values[band].astype(np.float32) - low) / span, 0, 1) * 255
    return grey


def dimmed_outside(grey: Grey, valid: Mask) -> Grey:
    """Greys [row, col], darker where the image shows nothing."""
    dim = (np.arange(256) * OUTSIDE_DIMMED).astype(np.uint8)
    return np.where(valid, grey, dim[grey])


def fitted(grey: Grey, aspect: float, *, widest: int, longest: int) -> Picture.Image:
    """A picture with square millimetres, at most `widest` wide and `longest` on its longer side; never enlarged."""
    height, width = grey.shape[0] * aspect, float(grey.shape[1])
    scale = min(1.0, widest / width, longest / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Picture.fromarray(grey)
    return picture if picture.size == size else picture.resize(size, Picture.Resampling.BOX)


def data_uri(picture: Picture.Image) -> str:
    """A picture as a WebP data URI."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "WEBP", quality=WEBP_QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")

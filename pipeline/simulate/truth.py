"""What is known of an image, measured on the simulation itself, in the form of the contract's section 4."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label, maximum_filter
from scipy.spatial.distance import pdist

from pipeline.simulate.fields import Array
from pipeline.simulate.lesions import Lesion

SMOOTHING_MM = 0.4
BROAD_MM = 5.0
REACH_MM = 3.0
"""Visibility: noise is what is left between these two widths, in and within the reach of the deposit."""
LEAST_PART = 3
DIRECTIONS = 40
SITES = ("axilla", "elbow", "hip", "inguinal", "neck", "popliteal", "shoulder")

Mask = NDArray[np.bool_]
Json = dict[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The final image without noise with and without calcium, the noisy one, where the body is, and the spacing."""

    with_calcium: Array
    without: Array
    noisy: Array
    body: Mask
    spacing_mm: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SeenLevel:
    """Middle of a level in array index, and its width in mm."""

    at: tuple[float, ...]
    width_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A lesion as one image shows it."""

    lesion: Lesion
    label: int
    visibility: float
    size_mm: float
    parts: int
    levels: tuple[SeenLevel, ...]
    assessable: bool


def seen(
    lesion: Lesion, number: int, mask: Mask, pictures: Pictures, *, levels: Sequence[SeenLevel], assessable: bool
) -> Seen:
    """Measure a lesion on an image."""
    return Seen(
        lesion,
        number,
        contrast_to_noise(mask, pictures),
        extent_mm(mask, pictures.spacing_mm),
        count_parts(mask),
        tuple(levels),
        assessable,
    )


def extent_mm(mask: Mask, spacing_mm: tuple[float, ...]) -> float:
    """Largest distance between two pixels of a mask, one pixel added; of the ends along 40 directions."""
    points = np.argwhere(mask) * np.asarray(spacing_mm)
    if len(points) < 2:
        return float(max(spacing_mm)) * len(points)
    rng = np.random.default_rng(0)
    ends = []
    for direction in rng.normal(size=(DIRECTIONS, points.shape[1])):
        place = points @ direction
        ends += [points[place.argmin()], points[place.argmax()]]
    return float(pdist(np.array(ends)).max() + min(spacing_mm))


def count_parts(mask: Mask) -> int:
    """Connected pieces (all neighbours) of at least `LEAST_PART` pixels."""
    pieces, count = label(mask, np.ones((3,) * mask.ndim))
    return int((np.bincount(pieces.ravel())[1:] >= LEAST_PART).sum()) if count else 0


def contrast_to_noise(mask: Mask, pictures: Pictures) -> float:
    """Mean change by the calcium in the mask over the spread (half of percentiles 16 to 84) of the image without it.

    Fine anatomy counts as noise: the spread is taken in and within `REACH_MM` of the mask, inside the body, after
    smoothing over `SMOOTHING_MM` and with changes broader than `BROAD_MM` taken out.
    """
    index = np.argwhere(mask)
    if len(index) == 0:
        return 0.0
    spacing = np.asarray(pictures.spacing_mm)
    pad = np.ceil(BROAD_MM / spacing).astype(int)
    low, high = np.maximum(index.min(0) - pad, 0), index.max(0) + pad + 1
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    size = [2 * round(REACH_MM / s) + 1 for s in pictures.spacing_mm]
    inside = pictures.body[box] | mask[box]
    around = (maximum_filter(mask[box].astype(np.uint8), size=size) > 0) & inside
    background = (pictures.without + pictures.noisy - pictures.with_calcium)[box].astype(np.float32)
    background[~inside] = np.median(background[around])
    fine = gaussian_filter(background, SMOOTHING_MM / spacing)
    fine = fine - gaussian_filter(fine, BROAD_MM / spacing)
    spread = float(np.subtract(*np.percentile(fine[around], [84, 16]))) / 2
    change = gaussian_filter((pictures.with_calcium - pictures.without)[box].astype(np.float32), SMOOTHING_MM / spacing)
    return float(np.abs(change[mask[box]]).mean() / max(spread, 1e-6))


def lesion_row(item: Seen, image: int) -> Json:
    """One row of `lesions` in truth.json."""
    lesion = item.lesion
    findings = {**lesion.findings, "fluid_level": bool(item.levels)}
    if lesion.region in SITES:
        findings[f"site_{lesion.region}"] = True
    return {
        "label": item.label,
        "image": image,
        "entity": lesion.entity,
        "visibility": round(item.visibility, 2),
        "region": lesion.region,
        "size_mm": round(item.size_mm, 1),
        "parts": item.parts,
        "fluid_level": {
            "present": bool(item.levels),
            "assessable": item.assessable,
            "levels": [
                {"at": [round(float(a), 1) for a in level.at], "width_mm": round(level.width_mm, 1)}
                for level in item.levels
            ],
        },
        "measures": {k: (v if isinstance(v, str) else round(float(v), 2)) for k, v in lesion.measures.items()},
        "findings": findings,
    }

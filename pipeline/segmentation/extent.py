"""The visible extent of deposits on a radiograph: what rises enough above the image as it would be without them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pipeline.model.image import Floats, Mask, Radiograph
from pipeline.model.lesion import Crop, Deposit, crop_of
from pipeline.segmentation.background import enlarged, without
from pipeline.segmentation.component_judgement import Chosen
from pipeline.segmentation.field import Field

VISIBLE_LOG = 0.012
"""Least change of log signal that counts as visible (contract, section 3)."""
VISIBLE_SHARE = 0.15
"""Least share of the deposit's strongest excess that counts as visible (contract, section 3)."""
STRONGEST_PERCENTILE = 98.0
MARGIN_MM = 1.2
MARGIN_SHARE = 0.08
"""Around a candidate its deposit may reach farther by this length plus this share of its diameter."""
SMOOTHING_MM = 0.3
NOISE_FACTOR = 1.5
"""The level of the extent is at least this multiple of the noise that is left after smoothing."""
LEAST_MM2 = 0.8
BAND = 256
"""Rows of the image whose background is made at a time: whole images of it would take the most memory of all."""
LEAST_WITHIN = 0.3
"""Least share of a candidate that lies where deposits may lie."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Deposits, and `background` float32 [row, col] of the image: its attenuation as it would be without them."""

    deposits: tuple[Deposit, ...]
    background: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Masks [row, col] of the working grid.

    `usable`: what the background may be read from; `within`: where deposits may lie.
    """

    usable: Mask
    within: Mask


def draw(radiograph: Radiograph, field: Field, chosen: tuple[Chosen, ...], bounds: Bounds) -> Drawn:
    """Visible extents of the `chosen` candidates on the stored pixels.

    Candidates of which less than `LEAST_WITHIN` lies where deposits may lie are left out. Pieces that touch are one
    deposit, as confident as the likeliest candidate in it.
    """
    chosen = _confined(chosen, bounds.within.ravel())
    reach = _reach(field, chosen) & bounds.within
    if not reach.any():
        return Drawn((), radiograph.attenuation)
    background = without(field.value, reach, bounds.usable)
    seen, confidence = _seen(field, chosen, reach, field.value - background)
    fine_background = _background(radiograph, field, background, seen)
    deposits = _deposits(radiograph, field, seen, confidence)
    return Drawn(deposits, fine_background)


def _confined(chosen: tuple[Chosen, ...], within: Mask) -> tuple[Chosen, ...]:
    """The candidates cut to `within`, flat over the working grid."""
    cut = ((c, c.elements[within[c.elements]]) for c in chosen)
    return tuple(Chosen(e, c.probability) for c, e in cut if len(e) > LEAST_WITHIN * len(c.elements))


def _reach(field: Field, chosen: tuple[Chosen, ...]) -> Mask:
    """Where the deposits of the candidates may lie: each candidate grown by its margin."""
    reach = np.zeros(field.value.shape, bool)
    for candidate in chosen:
        crop = _crop(candidate, field)
        reach[_box(crop, _margin(field, candidate), field)] |= _grown(crop, _margin(field, candidate), field)
    return reach & field.valid


def _crop(candidate: Chosen, field: Field) -> Crop:
    """A candidate's elements as a crop of the working grid."""
    rows, cols = np.unravel_index(candidate.elements, field.shape)
    low = (int(rows.min()), int(cols.min()))
    mask = np.zeros((int(rows.max()) - low[0] + 1, int(cols.max()) - low[1] + 1), bool)
    mask[rows - low[0], cols - low[1]] = True
    return Crop(mask, low)


def _margin(field: Field, candidate: Chosen) -> float:
    return MARGIN_MM + MARGIN_SHARE * float(np.sqrt(len(candidate.elements) * field.element_mm2))


def _box(crop: Crop, margin_mm: float, field: Field) -> tuple[slice, ...]:
    steps = [int(np.ceil(m)) for m in field.pixels(margin_mm)]
    limits = zip(crop.offset, crop.stop, steps, field.value.shape, strict=True)
    return tuple(slice(max(0, o - s), min(n, e + s)) for o, e, s, n in limits)


def _grown(crop: Crop, margin_mm: float, field: Field) -> Mask:
    """The crop's mask grown by `margin_mm`, on its box."""
    box = _box(crop, margin_mm, field)
    mask = np.zeros([s.stop - s.start for s in box], bool)
    at = tuple(slice(o - s.start, o - s.start + n) for o, s, n in zip(crop.offset, box, crop.mask.shape, strict=True))
    mask[at] = crop.mask
    grown: Mask = ndimage.distance_transform_edt(~mask, field.spacing_mm) <= margin_mm
    return grown


def _seen(field: Field, chosen: tuple[Chosen, ...], reach: Mask, excess: Floats) -> tuple[Mask, Floats]:
    """The visible extents on the working grid, and the confidence of the candidate each element belongs to."""
    smooth = ndimage.gaussian_filter(excess, [SMOOTHING_MM / s for s in field.spacing_mm])
    seen = np.zeros(field.value.shape, bool)
    confidence = np.zeros(field.value.shape, np.float32)
    for candidate in chosen:
        crop = _crop(candidate, field)
        margin = _margin(field, candidate)
        box = _box(crop, margin, field)
        near = _grown(crop, margin, field) & reach[box]
        values = smooth[box]
        strongest = float(np.percentile(smooth.ravel()[candidate.elements], STRONGEST_PERCENTILE))
        level = max(VISIBLE_LOG / field.log_per_unit, VISIBLE_SHARE * strongest, NOISE_FACTOR * field.noise / 2)
        piece = near & (values > level)
        seen[box] |= piece
        confidence[box] = np.where(piece, np.maximum(confidence[box], candidate.probability), confidence[box])
    return seen, confidence


def _background(radiograph: Radiograph, field: Field, background: Floats, seen: Mask) -> Floats:
    """The image with the deposits' place, and one element around it, taken from `background` of the working grid."""
    around = ndimage.binary_dilation(seen, iterations=2)
    soft = ndimage.gaussian_filter(around.astype(np.float32), 0.7)
    mixed: Floats = np.empty(radiograph.shape, np.float32)
    for start in range(0, len(mixed), BAND):
        rows = range(start, min(start + BAND, len(mixed)))
        share = enlarged(soft, field.factor, radiograph.shape, rows)
        fill = enlarged(background, field.factor, radiograph.shape, rows)
        mixed[rows.start : rows.stop] = radiograph.attenuation[rows.start : rows.stop] * (1 - share) + fill * share
    return mixed


def _deposits(radiograph: Radiograph, field: Field, seen: Mask, confidence: Floats) -> tuple[Deposit, ...]:
    """Connected pieces of the extents, brought to the stored pixels."""
    numbers, _ = ndimage.label(seen, structure=np.ones((3, 3)))
    deposits = []
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        mask = numbers[box] == number
        if np.count_nonzero(mask) * field.element_mm2 < LEAST_MM2:
            continue
        deposits.append(Deposit(_fine(mask, box, field, radiograph.shape), float(confidence[box][mask].max())))
    return tuple(deposits)


def _fine(mask: Mask, box: tuple[slice, ...], field: Field, shape: tuple[int, ...]) -> Crop:
    """A mask of the working grid on the stored pixels, its outline interpolated."""
    padded = np.pad(mask.astype(np.float32), 1)
    size = tuple(n * f for n, f in zip(padded.shape, field.factor, strict=True))
    smooth = enlarged(padded, field.factor, size) > 0.5
    start = [s.start * f - f for s, f in zip(box, field.factor, strict=True)]
    low = [max(0, -s) for s in start]
    high = [min(n, m - s) for n, m, s in zip(size, shape, start, strict=True)]
    cut = smooth[low[0] : high[0], low[1] : high[1]]
    return crop_of(cut, (start[0] + low[0], start[1] + low[1]))

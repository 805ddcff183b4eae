"""One image held against its truth: which deposits were found and how well, what was marked for nothing.

Definitions: a deposit is found at an intersection over union (IoU) of 0.1, with one lesion or with all that touch it;
Dice and the boundary error are those of all that touch it. A lesion is false when all of it lies farther than 3 mm
(along each axis) from every deposit. A deposit that is only a box around it (`"outline": "box"`, drawn by a reader) is
found by any touch; nothing else is read from it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from quality_truth import Answer, Kind, Row, TrueImage
from scipy import ndimage

VISIBLE = {"radiograph": 1.0, "ct": 2.0}
"""Contrast-to-noise from which a deposit must be found."""
REACH_MM = 3.0
LEAST_IOU = 0.1
DIRECTIONS = 64
"""Directions in which the extent of a mask is read."""
MOST_SHARE = 3.0
"""Relative errors of counts are cut here: 300 %."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Hit:
    """A lesion that touches a deposit: its label and confidence, its elements and those they share."""

    label: int
    confidence: float
    elements: int
    common: int


@dataclass(frozen=True, slots=True, eq=False)
class Deposit:
    """A deposit of the truth with what touches it; `errors` holds measurement errors by name."""

    row: Row
    elements: int
    hits: tuple[Hit, ...]
    dice: float | None = None
    boundary_mm: float | None = None
    says_level: bool = False
    errors: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_box(self) -> bool:
        """Whether only a box around it is known."""
        return self.row.get("outline") == "box"

    def iou(self, least: float) -> float:
        """Best IoU with one lesion, or all together, of those at least this sure."""
        kept = [hit for hit in self.hits if hit.confidence >= least]
        pairs = [(hit.common, hit.elements) for hit in kept]
        pairs.append((sum(hit.common for hit in kept), sum(hit.elements for hit in kept)))
        return max((common / (self.elements + size - common) for common, size in pairs if common), default=0.0)

    def touched(self, least: float) -> bool:
        """Whether a lesion at least this sure touches it."""
        return any(hit.confidence >= least for hit in self.hits)


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """One image: its deposits, its false lesions as (label, confidence), and the lesions in which a level is said.

    `answered` is False where nothing was said of the image at all.
    """

    uid: str
    kind: Kind
    row: Row
    deposits: tuple[Deposit, ...]
    false: tuple[tuple[int, float], ...] = ()
    levels: tuple[int, ...] = ()
    answered: bool = True

    def false_count(self, least: float) -> int:
        """False lesions at least this sure."""
        return sum(confidence >= least for _, confidence in self.false)


def match(image: TrueImage, answer: Answer | None, least: float) -> Matched:
    """Hold an answer against the truth; `least` is the confidence at which Dice, levels and measures are read."""
    if answer is None:
        empty = tuple(Deposit(row, int(np.count_nonzero(image.labels == row["label"])), ()) for row in image.lesions)
        return Matched(image.uid, image.kind, image.row, empty, answered=False)
    sizes = np.bincount(answer.labels.ravel())
    deposits = tuple(_deposit(row, image, answer, sizes, least) for row in image.lesions)
    close = _near_deposits(image, answer) if image.labels.any() else frozenset()
    false = tuple((int(n), answer.confidence(int(n))) for n in np.flatnonzero(sizes) if n and n not in close)
    levels = tuple(n for n in answer.lesions if answer.confidence(n) >= least and answer.says_level(n))
    return Matched(image.uid, image.kind, image.row, deposits, false, levels)


def is_visible(row: Row, image: TrueImage | Matched) -> bool:
    """Whether a deposit must be found."""
    return float(row["visibility"]) >= VISIBLE[image.kind]


def extent_mm(points_mm: NDArray[np.float64], element_mm: float) -> float:
    """Largest extent of points over a fan of directions, with the size of an element."""
    fan = np.random.default_rng(0).normal(size=(DIRECTIONS, points_mm.shape[1]))
    fan /= np.linalg.norm(fan, axis=1, keepdims=True)
    return float(np.ptp(points_mm @ fan.T, axis=0).max() + element_mm)


def boundary_error_mm(first: Mask, second: Mask, spacing_mm: tuple[float, ...]) -> float:
    """Mean symmetric distance of the borders of two masks that are not empty, mm."""
    box = ndimage.find_objects((first | second).astype(np.int8))[0]
    pair = [np.pad(mask[box], 1) for mask in (first, second)]
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in pair]
    ways = [ndimage.distance_transform_edt(~edge, sampling=spacing_mm) for edge in edges]
    both = np.concatenate([ways[1][edges[0]], ways[0][edges[1]]])
    return float(both.mean())


def _near_deposits(image: TrueImage, answer: Answer) -> frozenset[int]:
    """Labels of an answer with an element within `REACH_MM` of a deposit along each axis."""
    size = [2 * round(REACH_MM / s) + 1 for s in image.spacing_mm]
    near = ndimage.maximum_filter(image.labels > 0, size=size)
    return frozenset(np.unique(answer.labels[near]).tolist()) - {0}


def _deposit(row: Row, image: TrueImage, answer: Answer, sizes: NDArray[np.intp], least: float) -> Deposit:
    """A deposit with what touches it; `sizes` are the elements of each label of the answer."""
    whole = image.labels == row["label"]
    common = np.bincount(answer.labels[whole], minlength=len(sizes))
    hits = tuple(
        Hit(int(n), answer.confidence(int(n)), int(sizes[n]), int(common[n])) for n in np.flatnonzero(common) if n
    )
    deposit = Deposit(row, int(np.count_nonzero(whole)), hits)
    if deposit.is_box or deposit.iou(least) < LEAST_IOU:
        return deposit
    labels = [hit.label for hit in hits if hit.confidence >= least]
    union = np.isin(answer.labels, labels)
    shared = np.count_nonzero(whole & union)
    return Deposit(
        row,
        deposit.elements,
        hits,
        dice=2 * shared / (np.count_nonzero(whole) + np.count_nonzero(union)),
        boundary_mm=boundary_error_mm(whole, union, image.spacing_mm),
        says_level=any(answer.says_level(n) for n in labels),
        errors=dict(_errors(row, image, answer, (whole, union))),
    )


def _errors(row: Row, image: TrueImage, answer: Answer, masks: tuple[Mask, Mask]) -> Iterable[tuple[str, float]]:
    """Errors of what was measured where the truth knows it and a value was given.

    Values are those of the lesion with the lowest label that touches the deposit. Size and content (area, volume) are
    compared between the masks as well: features are measured at half of the maximum, the truth labels all that shows.
    """
    whole, union = masks
    labels = [int(n) for n in np.unique(answer.labels[whole & union]) if n]
    rows = [answer.lesions[n] for n in labels if n in answer.lesions]
    points = [np.argwhere(m) * np.asarray(image.spacing_mm) for m in masks]
    long, found = (extent_mm(p, min(image.spacing_mm)) for p in points)
    yield "size of mask %", 100 * abs(found / long - 1)
    yield "content of mask %", 100 * min(abs(len(points[1]) / len(points[0]) - 1), MOST_SHARE)
    if not rows:
        return
    parts = [r.get("parts") for r in rows]
    if row.get("parts") and all(isinstance(p, int) for p in parts):
        yield "parts %", 100 * min(abs(sum(map(int, filter(None, parts))) / row["parts"] - 1), MOST_SHARE)
    content = np.count_nonzero(whole) * float(np.prod(image.spacing_mm))
    content_name = "area" if image.kind == "radiograph" else "volume_voxel_counting"
    if len(rows) == 1:
        yield from _relative(f"{content_name} %", answer.feature(labels[0], content_name), content)
        yield from _relative("largest diameter %", answer.feature(labels[0], "largest_extent"), float(row["size_mm"]))
    own = min(n for n in labels if n in answer.lesions)
    yield from _relative("lobules %", answer.feature(own, "lobules"), _number(row["measures"].get("lobules")))
    for name, feature, known in (
        ("rim completeness", "rim_completeness", row["measures"].get("rim_completeness")),
        ("depth from skin mm", "depth_from_skin", row["measures"].get("depth_mm")),
    ):
        value = answer.feature(own, feature)
        if value is not None and _number(known) is not None:
            yield name, abs(value - float(known))
    yield from _level_errors(row, image, answer, own)


def _level_errors(row: Row, image: TrueImage, answer: Answer, label: int) -> Iterable[tuple[str, float]]:
    """Height of the best level against the nearest true one, mm, and its tilt against the horizontal, degrees."""
    levels = row["fluid_level"]["levels"]
    height = answer.feature(label, "fluid_level_row")
    axis = image.labels.ndim - 2
    if levels and height is not None:
        yield "level position mm", min(abs(level["at"][axis] - height) for level in levels) * image.spacing_mm[axis]
    tilt = answer.feature(label, "fluid_level_tilt")
    if levels and tilt is not None:
        nearest = min(levels, key=lambda level: abs(level["at"][axis] - (height or 0.0)))
        yield "level tilt deg", abs(tilt - float(nearest.get("tilt_deg", 0.0)))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _relative(name: str, value: float | None, known: float | None) -> Iterable[tuple[str, float]]:
    """A relative error in percent, cut at 300."""
    if value is not None and known:
        yield name, 100 * min(abs(value / max(known, 1e-9) - 1), MOST_SHARE)

"""Figures of a cohort: sums over studies, their ratios with bootstrap intervals over studies, and the curve.

Every figure is a ratio of two sums (found deposits over deposits, millimetres over measured deposits), so a study is a
pair of numbers for each figure and drawing studies anew is adding pairs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from quality_match import LEAST_IOU, Deposit, Matched, is_visible
from quality_truth import Kind

DRAWS = 400
GOOD_IOU = 0.3
BANDS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, float("inf"))
"""Contrast-to-noise: deposits from 1 (radiograph) or 2 (CT) must be found."""
CURVE = tuple(round(0.05 * k, 2) for k in range(20))
"""Confidences at which the curve is read; those below what the run kept repeat its lowest point."""

Pairs = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One study with its images held against their answers; `failed` where the run said nothing."""

    name: str
    kind: Kind
    is_normal: bool
    images: tuple[Matched, ...]
    failed: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio with its 95 % interval over studies, how many it counts, and the median of single values."""

    value: float
    low: float
    high: float
    count: int
    median: float | None = None


Picked = Iterator[tuple[Matched, Deposit]]
Chosen = Callable[[Matched, Deposit], bool]


def table(scored: Sequence[Scored], least: float, chosen: Chosen | None = None) -> dict[str, Figure]:
    """All figures of some studies at a confidence; with `chosen`, of the deposits it takes alone."""
    values: dict[str, list[list[float]]] = defaultdict(lambda: [[] for _ in scored])
    for number, study in enumerate(scored):
        for name, value in _values(study, least, chosen):
            values[name][number].append(value)
    return {name: _figure(each) for name, each in values.items()}


def curve(scored: Sequence[Scored]) -> list[dict[str, float]]:
    """Sensitivity (any touch, IoU 0.1 and 0.3) of visible deposits against false lesions per image, by confidence."""
    images = [image for study in scored for image in study.images]
    seen = [(image, d) for image in images for d in image.deposits if is_visible(d.row, image)]
    rows = []
    for least in CURVE:
        row = {
            "confidence": least,
            "false lesions per image": sum(i.false_count(least) for i in images) / max(1, len(images)),
        }
        ious = [d.iou(least) for _, d in seen if not d.is_box]
        row["any touch"] = float(np.mean([d.touched(least) for _, d in seen])) if seen else float("nan")
        row["IoU >= 0.1"] = float(np.mean([iou >= LEAST_IOU for iou in ious])) if ious else float("nan")
        row["IoU >= 0.3"] = float(np.mean([iou >= GOOD_IOU for iou in ious])) if ious else float("nan")
        rows.append(row)
    return rows


def band(visibility: float) -> str:
    """The visibility band of a deposit."""
    edge = int(np.searchsorted(BANDS, visibility, side="right")) - 1
    low, high = BANDS[edge], BANDS[edge + 1]
    return f"visibility {low:g} and more" if np.isinf(high) else f"visibility {low:g} to {high:g}"


def groups(scored: Sequence[Scored]) -> dict[str, Chosen]:
    """What tables are made for beside the whole: each visibility band and each entity."""
    rows = [d.row for study in scored for image in study.images for d in image.deposits]
    bands = sorted({float(BANDS[int(np.searchsorted(BANDS, r["visibility"], side="right")) - 1]) for r in rows})
    found: dict[str, Chosen] = {band(low): _in_band(band(low)) for low in bands}
    found |= {entity: _of_entity(entity) for entity in sorted({str(r["entity"]) for r in rows})}
    return found


def _in_band(name: str) -> Chosen:
    return lambda image, deposit: band(float(deposit.row["visibility"])) == name


def _of_entity(entity: str) -> Chosen:
    return lambda image, deposit: deposit.row["entity"] == entity


def _values(study: Scored, least: float, chosen: Chosen | None) -> Iterator[tuple[str, float]]:
    """Single values of one study by the name of their figure."""
    for image in study.images:
        for deposit in image.deposits:
            if chosen is None or chosen(image, deposit):
                yield from _of_deposit(image, deposit, least)
        if chosen is None:
            yield "false lesions per image", image.false_count(least)
            yield from _of_image(image, study.failed)
    if chosen is None:
        if study.is_normal:
            clean = all(i.answered and i.false_count(least) == 0 for i in study.images)
            yield "normals without false lesion", float(clean and not study.failed)
        yield "failed or missing", float(study.failed)


def _of_deposit(image: Matched, deposit: Deposit, least: float) -> Iterator[tuple[str, float]]:
    iou = deposit.iou(least)
    for kind in ("visible", "all") if is_visible(deposit.row, image) else ("all",):
        yield f"any touch, {kind}", float(deposit.touched(least))
        if deposit.is_box:
            continue
        yield f"IoU >= 0.1, {kind}", float(iou >= LEAST_IOU)
        yield f"IoU >= 0.3, {kind}", float(iou >= GOOD_IOU)
    if deposit.is_box:
        return
    if deposit.touched(least):
        labels = {hit.label for hit in deposit.hits if hit.confidence >= least}
        others = {hit.label for other in image.deposits if other is not deposit for hit in other.hits}
        yield "split: lesions a touched deposit", len(labels)
        yield "merged: touched deposits that share a lesion", float(bool(labels & others))
    level = deposit.row["fluid_level"]
    if deposit.dice is not None:
        yield "Dice of found", deposit.dice
    if deposit.boundary_mm is not None:
        yield "boundary error mm", deposit.boundary_mm
        if level["assessable"] and not level["present"]:
            yield "level specificity, per found lesion", float(not deposit.says_level)
    if level["assessable"] and level["present"] and is_visible(deposit.row, image):
        yield "level sensitivity, per visible lesion", float(deposit.says_level)
    for name, error in deposit.errors.items():
        yield f"error of {name}", error


def _of_image(image: Matched, failed: bool) -> Iterator[tuple[str, float]]:
    """Levels of an image where one could be told; sensitivity also where the study tells posture and it is visible."""
    level = image.row["fluid_level"]
    if not level["assessable"]:
        return
    if not level["present"]:
        yield "level specificity, per image", float(not failed and not image.levels)
        return
    yield "level sensitivity, per image, unfiltered", float(bool(image.levels))
    clear = any(d.row["fluid_level"]["present"] and is_visible(d.row, image) for d in image.deposits)
    if image.row.get("posture_told", True) and clear:
        yield "level sensitivity, per image", float(bool(image.levels))


def _figure(each: Sequence[Sequence[float]]) -> Figure:
    """Mean of all values, its interval by drawing studies, and their median."""
    sums = np.array([(sum(values), len(values)) for values in each], np.float64)
    total, count = sums.sum(axis=0)
    draws = np.random.default_rng(0).integers(0, len(each), (DRAWS, len(each)))
    drawn = sums[draws].sum(axis=1)
    ratios = drawn[drawn[:, 1] > 0, 0] / drawn[drawn[:, 1] > 0, 1]
    low, high = np.percentile(ratios, [2.5, 97.5]) if len(ratios) else (np.nan, np.nan)
    median = float(np.median(np.concatenate([np.asarray(v, np.float64) for v in each])))
    return Figure(float(total / count), float(low), float(high), int(count), median)

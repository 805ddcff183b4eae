"""Contact sheets: the worst ten of each kind, cut out of their images, truth and answer outlined.

Green is the truth, orange the answer, grey what counts neither way. A CT shows the slice with most of what is meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from quality_baselines import Shown
from quality_figures import Scored
from quality_match import LEAST_IOU, Deposit, Matched, is_visible
from quality_truth import IGNORED, Affine, Answer, Answers, TrueImage, TrueStudy, resampled
from scipy import ndimage

WORST = 10
COLUMNS = 5
SIDE_PX, CAPTION_PX = 320, 48
MARGIN_MM = 25.0
"""Surroundings that a tile shows about what it is about."""
TRUTH, ANSWER, LEFT_OUT = (60, 220, 90), (255, 150, 30), (150, 150, 150)
MADE_UP = 100.0
"""A level that is not there is worse than any that was missed."""
WINDOW_HU = (-160.0, 500.0)

Mask = NDArray[np.bool_]
Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Tile:
    """What a tile shows: labels of the truth or of the answer on an image, two lines of words, and how bad it is."""

    study: str
    uid: str
    in_truth: bool
    labels: tuple[int, ...]
    caption: tuple[str, str]
    badness: float


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A study with all that its tiles need."""

    study: TrueStudy
    answers: Answers
    images: Mapping[str, Shown]


def worst(scored: Sequence[Scored], least: float) -> dict[str, list[Tile]]:
    """The worst of each kind at a confidence: missed, false, poor Dice, level wrong."""
    found: dict[str, list[Tile]] = {"missed": [], "false": [], "poor_dice": [], "level_wrong": []}
    for study in scored:
        for image in study.images:
            for deposit in image.deposits:
                _sort_deposit(study, image, deposit, least, found)
            _add_false(study, image, least, found["false"])
            _add_level(study, image, found["level_wrong"])
    return {name: sorted(tiles, key=lambda t: -t.badness)[:WORST] for name, tiles in found.items()}


def draw_sheet(tiles: Sequence[Tile], drawn: Mapping[str, Drawn], path: Path) -> None:
    """Write a sheet of tiles; `drawn` are their studies by name."""
    rows = max(1, -(-len(tiles) // COLUMNS))
    sheet = Picture.new("RGB", (COLUMNS * SIDE_PX, rows * (SIDE_PX + CAPTION_PX)))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, tile in enumerate(tiles):
        left, top = number % COLUMNS * SIDE_PX, number // COLUMNS * (SIDE_PX + CAPTION_PX)
        sheet.paste(Picture.fromarray(_tile(tile, drawn[tile.study])), (left, top))
        for line, words in enumerate(tile.caption):
            pen.text((left + 4, top + SIDE_PX + 4 + 20 * line), words, font=font, fill=(230, 230, 230))
    sheet.save(path)


def _sort_deposit(
    study: Scored, image: Matched, deposit: Deposit, least: float, found: Mapping[str, list[Tile]]
) -> None:
    """A deposit to the missed or the poor ones. Missed the more visibly, the worse."""
    visible, iou = float(deposit.row["visibility"]), deposit.iou(least)
    words = f"{study.name} {deposit.row['entity']}, visibility {visible:.1f}"
    about = (study.name, image.uid, True, (int(deposit.row["label"]),))
    is_missed = not deposit.touched(least) if deposit.is_box else iou < LEAST_IOU
    if deposit.elements and is_missed and is_visible(deposit.row, image):
        said = f"best IoU {iou:.2f}, {deposit.row['size_mm']:.0f} mm"
        found["missed"].append(Tile(*about, (words, said), visible))
    elif deposit.dice is not None:
        said = f"Dice {deposit.dice:.2f}, border {deposit.boundary_mm:.1f} mm"
        found["poor_dice"].append(Tile(*about, (words, said), -deposit.dice))


def _add_false(study: Scored, image: Matched, least: float, found: list[Tile]) -> None:
    for label, confidence in image.false:
        if confidence >= least:
            caption = (f"{study.name} false lesion {label}", f"confidence {confidence:.2f}")
            found.append(Tile(study.name, image.uid, False, (label,), caption, confidence))


def _add_level(study: Scored, image: Matched, found: list[Tile]) -> None:
    """An image whose level was missed or made up, where one could be told; missed ones by their visibility."""
    level = image.row["fluid_level"]
    own = [d for d in image.deposits if d.row["fluid_level"]["present"] and d.elements]
    if not level["assessable"] or level["present"] == bool(image.levels) or (level["present"] and not own):
        return
    if level["present"]:
        deposit = max(own, key=lambda d: float(d.row["visibility"]))
        caption = (f"{study.name} level missed", f"{deposit.row['entity']}, IoU {deposit.iou(0.0):.2f}")
        label, visible = int(deposit.row["label"]), float(deposit.row["visibility"])
        found.append(Tile(study.name, image.uid, True, (label,), caption, visible))
    else:
        caption = (f"{study.name} level where none is", "lesions " + ", ".join(map(str, image.levels)))
        found.append(Tile(study.name, image.uid, False, image.levels, caption, MADE_UP))


def _tile(tile: Tile, drawn: Drawn) -> Rgb:
    """The picture of a tile, `SIDE_PX` square; black where there is nothing to show."""
    found = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    image = next(image for image in drawn.study.images if image.uid == tile.uid)
    shown, answer = drawn.images.get(tile.uid), drawn.answers.images.get(tile.uid, Answer(np.zeros_like(image.labels)))
    about = np.isin(image.labels if tile.in_truth else answer.labels, tile.labels)
    if shown is None or not about.any():
        return found
    values, plane = _plane(image, shown, about)
    truth = image.labels[plane]
    box = _square(about[plane], image.spacing_mm[-2:])
    grey = _grey(values[box], image.kind == "ct")
    scale = SIDE_PX / max(grey.shape)
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    rgb = np.asarray(Picture.fromarray(grey).resize(size).convert("RGB")).copy()
    left_out, own = np.where(truth == IGNORED, truth, 0), np.where(truth == IGNORED, 0, truth)
    for labels, colour in ((left_out, LEFT_OUT), (answer.labels[plane], ANSWER), (own, TRUTH)):
        large = Picture.fromarray(labels[box].astype(np.int32)).resize(size, Picture.Resampling.NEAREST)
        rgb[_outline(np.asarray(large))] = colour
    found[: rgb.shape[0], : rgb.shape[1]] = rgb[:SIDE_PX, :SIDE_PX]
    return found


def _plane(image: TrueImage, shown: Shown, about: Mask) -> tuple[NDArray[np.float32], int | slice]:
    """The plane to show, as values and as an index of the truth's arrays."""
    if image.place is None or shown.place is None:
        return shown.values, slice(None)
    number = int(np.argmax(about.sum(axis=(1, 2))))
    shift: Affine = np.eye(4)
    shift[0, 3] = number
    shape = (1, *image.labels.shape[1:])
    hu = resampled(shown.values.astype(np.int32), np.linalg.inv(shown.place) @ image.place @ shift, shape)
    return hu[0].astype(np.float32), number


def _square(mask: Mask, spacing_mm: tuple[float, ...]) -> tuple[slice, slice]:
    """A square about a mask with a margin, inside the image where that is large enough."""
    where = np.argwhere(mask)
    middle = (where.min(axis=0) + where.max(axis=0)) / 2
    half = float(np.ptp(where, axis=0).max()) / 2 + MARGIN_MM / spacing_mm[0]
    low = [max(0, int(m - half)) for m in middle]
    high = [min(n, int(m + half) + 1) for m, n in zip(middle, mask.shape, strict=True)]
    return slice(low[0], high[0]), slice(low[1], high[1])


def _grey(values: NDArray[np.float32], is_ct: bool) -> NDArray[np.uint8]:
    low, high = WINDOW_HU if is_ct else np.percentile(values, [1, 99.7])
    return np.asarray(np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255, np.uint8)


def _outline(labels: NDArray[np.int32]) -> Mask:
    """The inner border of each label."""
    edge: Mask = (labels > 0) & (ndimage.minimum_filter(labels, size=3) != ndimage.maximum_filter(labels, size=3))
    return edge

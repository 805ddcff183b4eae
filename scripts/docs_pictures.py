"""Makes the pictures of docs/pictures from the sample studies: `python scripts/docs_pictures.py`, from the checkout.

They are kept in the repository, so that the pages are built without an analysis; run it again when what is seen or
weighed has changed.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pipeline import analyse_study, pictures  # noqa: E402
from pipeline.model.ranking import Evidence  # noqa: E402
from pipeline.model.result import Analysis  # noqa: E402

STUDIES = ROOT / "sample_data" / "studies"
OUT = ROOT / "docs" / "pictures"
PANEL_WIDTH_PX = 420
GAP_PX = 8
CAPTION_PX = 36
CROP = (0.28, 0.33, 0.72, 0.9)
"""The mass of the hip: top, left, bottom, right, shares of the film."""
PAPER, INK, FOR, AGAINST, FAINT = (255, 255, 255), (30, 30, 30), (0, 114, 178), (213, 94, 0), (225, 225, 225)
"""Blue and orange of Okabe and Ito, told apart by colour-blind eyes too."""
QUALITY = 80
EXCESS_RANGE = 0.35
"""Excess shown as white, units of attenuation."""
MOST_BARS = 9

Rgb = NDArray[np.uint8]


def main() -> None:
    """Write every picture."""
    OUT.mkdir(exist_ok=True)
    erect = analyse_study(STUDIES / "tumoral_calcinosis_hip_erect")
    supine = analyse_study(STUDIES / "tumoral_calcinosis_hip_supine")
    volume = analyse_study(STUDIES / "tumoral_calcinosis_hip_ct")
    _save("seen", _row([("the film", _plain(erect)), ("excess", _excess(erect)), ("what is found", _marked(erect))]))
    _save("posture", _row([("erect", _cropped(_plain(erect))), ("supine", _cropped(_plain(supine)))]))
    _save("ct", _row([("CT slice", _plain(volume)), ("what is found", _marked(volume))]))
    _save("evidence", _evidence(erect))


def _plain(analysis: Analysis) -> Rgb:
    return list(pictures(analysis, outlines=False).values())[-1]


def _marked(analysis: Analysis) -> Rgb:
    return list(pictures(analysis).values())[-1]


def _excess(analysis: Analysis) -> Rgb:
    """What the film shows beyond what would be there without deposits."""
    background, film = analysis.segmentations[0].background, analysis.images[0]
    beyond = np.clip((film.attenuation - background) / EXCESS_RANGE, 0, 1)
    grey = (beyond * film.valid * 255).astype(np.uint8)
    height, width = _plain(analysis).shape[:2]
    return np.asarray(Image.fromarray(grey).resize((width, height)).convert("RGB"))


def _cropped(rgb: Rgb) -> Rgb:
    height, width = rgb.shape[:2]
    top, left, bottom, right = CROP
    return rgb[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]


def _row(panels: Sequence[tuple[str, Rgb]]) -> Image.Image:
    """Panels side by side, each with its caption below."""
    shown = [_scaled(rgb) for _, rgb in panels]
    width = len(shown) * (PANEL_WIDTH_PX + GAP_PX) - GAP_PX
    height = max(panel.height for panel in shown)
    sheet = Image.new("RGB", (width, height + CAPTION_PX), PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, ((caption, _), panel) in enumerate(zip(panels, shown, strict=True)):
        left = index * (PANEL_WIDTH_PX + GAP_PX)
        sheet.paste(panel, (left, 0))
        draw.text((left + 4, height + 4), caption, INK, ImageFont.load_default(22))
    return sheet


def _scaled(rgb: Rgb) -> Image.Image:
    panel = Image.fromarray(np.ascontiguousarray(rgb))
    return panel.resize((PANEL_WIDTH_PX, round(panel.height * PANEL_WIDTH_PX / panel.width)))


def _evidence(analysis: Analysis) -> Image.Image:
    """Diverging bars of the first two causes: natural-log likelihood ratios, for to the right, against to the left."""
    ranked = [r for r in analysis.differential.ranked if r.evidence][:2]
    blocks = [(f"{r.entity.replace('_', ' ')}, {r.probability:.2f}", r.evidence[:MOST_BARS]) for r in ranked]
    rows = sum(len(evidence) + 2 for _, evidence in blocks)
    sheet = Image.new("RGB", (860, rows * 24 + 12), PAPER)
    draw = ImageDraw.Draw(sheet)
    top = 8
    for title, evidence in blocks:
        draw.text((12, top), title, INK, ImageFont.load_default(17))
        top = _bars(draw, evidence, top + 26) + 20
    return sheet


def _bars(draw: ImageDraw.ImageDraw, evidence: Iterable[Evidence], top: int) -> int:
    middle, unit = 590, 110
    for item in evidence:
        end = middle + round(item.weight * unit)
        draw.text((24, top), f"{item.finding.replace('_', ' ')}", INK, ImageFont.load_default(14))
        draw.line((middle, top - 2, middle, top + 22), FAINT, 2)
        draw.rectangle((min(middle, end), top + 2, max(middle, end), top + 16), FOR if item.weight >= 0 else AGAINST)
        draw.text((end + (6 if item.weight >= 0 else -42), top), f"{item.weight:+.1f}", INK, ImageFont.load_default(14))
        top += 24
    return top


def _save(name: str, picture: Image.Image) -> None:
    picture.save(OUT / f"{name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    main()

"""How much a measurement changes when only the way of looking changes: the table of docs/invariance.md.

Usage:
  python tests/benchmarks/bench_invariance.py [--write]

Six shapes, flat (0.2 mm a pixel) and solid (0.6 mm a voxel), are drawn as they are and turned, mirrored, magnified, on
other elements, with half the contrast, with noise; every feature is measured through the same call as in the program,
with the outline that the noise-free density gives. A figure is the worst change over the shapes: of lengths,
areas and other quantities with a unit, and of counts, in percent of the unchanged value, after a magnified one is
scaled back; of ratios within 0 and 1 as the difference itself. Features that are the image's own row are left out.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import shapes as given
from invariance_shapes import SHAPES, Shape
from numpy.typing import NDArray

from pipeline.features.measure import measure
from pipeline.features.table import FEATURES, FeatureRow
from pipeline.model.image import Image
from pipeline.model.known import Known
from pipeline.model.measure import Feature

ROOT = Path(__file__).resolve().parents[2]
ELEMENT_MM = {2: 0.2, 3: 0.6}
HALF_WIDTH_MM = {2: 36.0, 3: 30.0}
PEAK = {2: 0.5, 3: 500.0}
"""Log signal and HU above the surroundings at density 1."""
VISIBLE = {2: 0.075, 3: 60.0}
"""Visible extent: 15 % of the strongest log signal; 60 HU."""
SURROUNDINGS_HU = 50.0
POWERS = {"mm": 1, "mm2": 2, "mm3": 3, "/mm": -1, "/cm2": -2}
LEFT_OUT = frozenset({"fluid_level_row", "border_contact"})
TARGET = ROOT / "docs" / "invariance.md"


@dataclass(frozen=True)
class Look:
    """A way of looking: turn in the plane of the first two axes, mirror, scale, element size, contrast, noise."""

    turn_deg: float = 0.0
    mirrored: bool = False
    scale: float = 1.0
    elements: float = 1.0
    contrast: float = 1.0
    noise: float = 0.0


LOOKS: Mapping[str, tuple[Look, ...]] = {
    "turn by 90 deg": (Look(turn_deg=90), Look(turn_deg=180)),
    "turn by 15, 30, 45 deg": (Look(turn_deg=15), Look(turn_deg=30), Look(turn_deg=45)),
    "mirror": (Look(mirrored=True),),
    "magnified 1.25": (Look(scale=1.25),),
    "elements x 0.75": (Look(elements=0.75),),
    "elements x 1.5": (Look(elements=1.5),),
    "contrast x 0.5": (Look(contrast=0.5),),
    "noise 4 %": (Look(noise=0.04),),
}


def main() -> int:
    """Measure, print and, when wanted, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.relative_to(ROOT)}")
    options = parser.parse_args()
    text = page({2: changes(2), 3: changes(3)})
    print(text)
    if options.write:
        TARGET.write_text(text)
    return 0


def changes(axes: int) -> dict[str, dict[str, float | str]]:
    """Worst change of each feature over the shapes, by way of looking; `lost` where it became unknown."""
    rows = {row.name: row for row in FEATURES if row.name not in LEFT_OUT}
    worst: dict[str, dict[str, float | str]] = {}
    for shape in SHAPES.values():
        plain = measured(shape, axes, Look())
        for name, looks in LOOKS.items():
            for look in looks:
                for feature, now in measured(shape, axes, look).items():
                    if feature in rows:
                        _note(worst.setdefault(feature, {}), name, _change(rows[feature], plain[feature], now, look))
    return worst


def _note(row: dict[str, float | str], name: str, change: float | str | None) -> None:
    before = row.get(name)
    if change is None or isinstance(before, str):
        return
    row[name] = change if isinstance(change, str) or before is None else max(before, change)


def _change(row: FeatureRow, before: Feature, after: Feature, look: Look) -> float | str | None:
    """Change of a value; None when it cannot be told on this shape."""
    if not isinstance(before.value, Known):
        return None
    if not isinstance(after.value, Known):
        return "lost"
    old, new = before.value.value, after.value.value / look.scale ** POWERS.get(row.unit, 0)
    if is_share(row):
        return abs(new - old)
    return abs(new - old) / abs(old) * 100 if abs(old) > 1e-6 else None


def is_share(row: FeatureRow) -> bool:
    """Whether a feature is a ratio within 0 and 1."""
    ends = ("fraction", "completeness", "score", "coherence", "contact", "roundness", "variation")
    whole = ("solidity", "circularity", "linearity", "sphericity", "elongation", "flatness", "edge_sharpness")
    return row.unit == "1" and (row.name.endswith(ends) or row.name in (*whole, "lucent_centre_contrast"))


def measured(shape: Shape, axes: int, look: Look) -> dict[str, Feature]:
    """The features of a shape under one way of looking."""
    density, spacing_mm = drawn(shape, axes, look)
    excess = density * PEAK[axes] * look.contrast
    visible = excess > VISIBLE[axes] * (look.contrast if axes == 2 else 1.0)
    noise = look.noise * PEAK[axes] * look.contrast
    values = excess + np.random.default_rng(7).normal(0, 1, excess.shape) * noise
    angle = np.radians(look.turn_deg)
    gravity = Known((float(np.cos(angle)), float(-np.sin(angle)), 0.0)[:axes], "test")
    image: Image
    if axes == 2:
        flat = (spacing_mm, spacing_mm)
        image = given.radiograph(values.astype(np.float32), spacing_mm=Known(flat, "test"), gravity=gravity)
    else:
        image = given.volume(np.rint(values + SURROUNDINGS_HU), (spacing_mm,) * 3, gravity=gravity)
    found = given.segmentation(image, noise=max(noise, 0.002 * PEAK[axes]))
    return {f.name: f for f in measure(given.lesion(visible), image, found).features}


def drawn(shape: Shape, axes: int, look: Look) -> tuple[NDArray[np.float32], float]:
    """Density on a grid and its element in mm; borders are as soft as an element."""
    element = ELEMENT_MM[axes] * look.elements
    count = int(2 * HALF_WIDTH_MM[axes] * look.scale / element)
    places = ((np.arange(count) - (count - 1) / 2) * element / look.scale).astype(np.float32)
    down, across, *rest = np.meshgrid(*[places] * axes, indexing="ij")
    angle = np.radians(look.turn_deg)
    turned = np.cos(angle) * down - np.sin(angle) * across, np.sin(angle) * down + np.cos(angle) * across
    sides = -turned[1] if look.mirrored else turned[1]
    return shape(np.stack([turned[0], sides, *rest]).astype(np.float32), element / look.scale), element


def page(tables: Mapping[int, Mapping[str, Mapping[str, float | str]]]) -> str:
    """The page as Markdown."""
    lines = [
        "# How measurements hold",
        "",
        "Written by `python tests/benchmarks/bench_invariance.py --write`; worst change over six shapes (lobulated",
        "mass, rim, branched line, vessel walls, grains, fluid level) when only the way of looking changes. With %: of",
        "the unchanged value; without: difference of a ratio within 0 and 1. Turned shapes carry gravity along. An",
        "empty cell: not measured on any of the shapes, or nothing there to change. Small counts jump: one branch more",
        "of two is 50 %. Contrast halves the density itself, so densities and their scatter halve with it. Noise is",
        "4 % of the peak, about 25 to 1.",
    ]
    for axes, title in ((2, "Radiograph, 0.2 mm a pixel"), (3, "CT, 0.6 mm a voxel")):
        lines += ["", f"## {title}", "", "| feature | " + " | ".join(LOOKS) + " |", "|---|" + "---|" * len(LOOKS)]
        for row in FEATURES:
            found = tables[axes].get(row.name)
            if found:
                cells = " | ".join(_cell(row, found.get(name)) for name in LOOKS)
                lines.append(f"| {row.name} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(row: FeatureRow, change: float | str | None) -> str:
    if change is None or isinstance(change, str):
        return change or ""
    return f"{change:.2f}" if is_share(row) else f"{change:.1f} %"


if __name__ == "__main__":
    sys.exit(main())

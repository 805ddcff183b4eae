"""What the page says of each lesion: picture, main measurements, findings by state."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.scenes import MOST_CROPS, Shown
from pipeline.report.templating import measure_text

Row = Mapping[str, Any]

MAIN = (
    ("largest_extent", "Largest extent"),
    ("least_extent", "Least extent"),
    ("area", "Area"),
    ("volume_mesh", "Volume"),
    ("intensity_mean", "Mean density"),
    ("intensity_maximum", "Highest density"),
    ("relative_contrast", "Density against bone"),
    ("depth_from_skin", "Depth below skin"),
    ("distance_to_bone", "Distance to bone"),
    ("lobules", "Lobules"),
    ("fluid_level_count", "Fluid levels"),
)
"""Measurements that a card opens with, in this order, where they are known."""


def lesion_cards(
    results: Row, images: Sequence[Row], shown: Mapping[int, Shown]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Cards of the surest lesions in the order of their ids, and of the others, which get a row alone."""
    surest = sorted(results["lesions"], key=lambda row: -row["confidence"])[:MOST_CROPS]
    chosen = {row["id"] for row in surest}
    cards = [_card(row, images, shown) for row in results["lesions"]]
    return [c for c in cards if c["row"]["id"] in chosen], [c for c in cards if c["row"]["id"] not in chosen]


def _card(row: Row, images: Sequence[Row], shown: Mapping[int, Shown]) -> dict[str, Any]:
    features: Mapping[str, Row] = row["features"]
    known = [(name, feature) for name, feature in features.items() if "value" in feature]
    values = dict(known)
    missing: dict[str, list[str]] = {}
    for name, feature in features.items():
        if "not_assessable" in feature:
            missing.setdefault(feature["not_assessable"], []).append(name.replace("_", " "))
    present = sorted((f for f in row["findings"] if f["state"] == "present"), key=lambda f: -f["probability"])
    pictures = shown.get(row["image"])
    return {
        "row": row,
        "image": images[row["image"]],
        "crop": pictures.crops.get(row["id"]) if pictures else None,
        "main": [(label, measure_text(values[name])) for name, label in MAIN if name in values],
        "size": measure_text(values["largest_extent"]) if "largest_extent" in values else "not known",
        "density": _density(values),
        "present": present,
        "absent": [f for f in row["findings"] if f["state"] == "absent"],
        "unknown": [f for f in row["findings"] if f["state"] == "not_assessable"],
        "known": known,
        "missing": list(missing.items()),
    }


def _density(values: Mapping[str, Row]) -> str:
    """Mean HU, or the contrast relative to bone of a radiograph."""
    if "intensity_mean" in values:
        return measure_text(values["intensity_mean"])
    return f"{values['relative_contrast']['value']:.2f} of bone" if "relative_contrast" in values else "not known"

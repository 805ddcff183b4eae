"""What became of a patient's lesions since an earlier study: matched by site, side and position, with their growth.

Both studies are given as results.json says them (contract, section 3), so that finished studies can be compared at any
time. Nothing is registered: pictures must show the same region and side from the same view, and lesions keep their
place in the picture but for one shift that all share.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Row = Mapping[str, Any]
Floats = NDArray[np.float64]

GROWTH = 1.2
"""Ratio of largest extents from which a lesion has grown: RECIST 1.1 (Eisenhauer 2009) calls 20% a progression."""
LEAST_ELEMENTS = 2.0
"""A change smaller than so many elements of the coarser image is not told from none."""
ALONE_MM = 40.0
"""How far a lesion may lie from its place when nothing but the picture's middle ties the two studies: repositioning of
a limb or trunk within the field. Own estimate."""
TOGETHER_MM = 15.0
"""How far, when a shift that several lesions share ties them. Own estimate: turning and breathing remain."""
FARTHEST_SHARE = 0.25
"""Largest shift between the studies, share of the field along each axis."""
FIELD_MM = 400.0
"""Assumed length of the longer side of a radiograph without spacing, so that places are compared as shares of it."""
LEAST_AGREEMENT = 0.7
"""Least cosine between the directions of gravity: a picture that was turned is not compared."""
MEASURES = (
    ("size", "largest_extent"),
    ("size", "area"),
    ("size", "volume_mesh"),
    ("density", "intensity_mean"),
    ("density", "relative_contrast"),
)
"""What is compared, by kind; parts are compared besides."""


def not_assessed(reason: str) -> dict[str, Any]:
    """The value of `follow_up` where there is nothing to compare."""
    return {"not_assessed": reason}


def compare(earlier: Row, later: Row, days: int) -> dict[str, Any] | None:
    """The value of `follow_up` for `later`, `days` after `earlier`; None where no pair of images can be compared.

    Lesions on images without a partner are neither new nor gone: they were not in view.
    """
    pairs = _image_pairs(earlier["images"], later["images"])
    if not pairs:
        return None
    found: dict[str, Any] = {"earlier_study": earlier["study"]["study_instance_uid"], "days": days}
    lesions, new, gone = [], [], []
    for before, after in pairs:
        old, young = _on(earlier, before), _on(later, after)
        matched = _matches(old, young, earlier["images"][before], later["images"][after])
        element = max(_spacing(earlier["images"][before])[-1], _spacing(later["images"][after])[-1])
        lesions += [_pair(old[i], young[j], element) for i, j in matched]
        gone += [x["id"] for i, x in enumerate(old) if i not in {i for i, _ in matched}]
        new += [x["id"] for j, x in enumerate(young) if j not in {j for _, j in matched}]
    notes = []
    left = len(later["images"]) - len(pairs)
    if left:
        notes.append(f"{left} of {len(later['images'])} images have no earlier one of the same region, side and view")
    if any(image["spacing_mm"] is None for before, _ in pairs for image in [earlier["images"][before]]):
        notes.append("Without pixel spacing places are compared as shares of the picture")
    return found | {"lesions": lesions, "new": new, "gone": gone, "notes": notes}


def _image_pairs(earlier: Sequence[Row], later: Sequence[Row]) -> list[tuple[int, int]]:
    """Indices of images that show the same, each used once."""
    pairs: list[tuple[int, int]] = []
    for after, image in enumerate(later):
        taken = {before for before, _ in pairs}
        fits = [i for i, other in enumerate(earlier) if i not in taken and _alike(other, image)]
        if fits:
            pairs.append((fits[0], after))
    return pairs


def _alike(earlier: Row, later: Row) -> bool:
    """Whether two images show the same region and side from the same view, held the same way."""
    same = all(earlier[key] == later[key] for key in ("kind", "region", "view"))
    sides = {earlier["laterality"], later["laterality"]} - {None}
    if not same or earlier["region"] == "unknown" or len(sides) > 1:
        return False
    ways = (earlier["gravity"], later["gravity"])
    return None in ways or float(np.dot(*ways)) >= LEAST_AGREEMENT


def _on(results: Row, image: int) -> list[Row]:
    return [x for x in results["lesions"] if x["image"] == image]


def _spacing(image: Row) -> Floats:
    """Millimetres an element; for a radiograph without spacing what makes its longer side `FIELD_MM`."""
    if image["spacing_mm"] is not None:
        return np.asarray(image["spacing_mm"], float)
    return np.full(2, FIELD_MM / max(image["shape"]))


def _matches(old: Sequence[Row], young: Sequence[Row], before: Row, after: Row) -> list[tuple[int, int]]:
    """Pairs of indices of lesions that lie at the same place, with the least sum of distances."""
    if not old or not young:
        return []
    first, second = _places(old, before), _places(young, after)
    shift, within = _shift(first, second, np.asarray(before["shape"]) * _spacing(before))
    distances = np.linalg.norm(second[None] - first[:, None] - shift, axis=2)
    cost = np.minimum(distances, 10 * within)
    chosen = zip(*linear_sum_assignment(cost), strict=True)
    return [(int(i), int(j)) for i, j in chosen if distances[i, j] <= within]


def _places(lesions: Sequence[Row], image: Row) -> Floats:
    """Centroids from the middle of the image, mm [lesion, axis]."""
    middle = (np.asarray(image["shape"], float) - 1) / 2
    return (np.array([x["centroid"] for x in lesions], float) - middle) * _spacing(image)


def _shift(first: Floats, second: Floats, field_mm: Floats) -> tuple[Floats, float]:
    """The shift that most lesions share, mm, and how far from their place they may then lie.

    None is assumed unless at least two pairs agree on it.
    """
    none = np.zeros(first.shape[1])
    candidates = [second[j] - first[i] for i, j in product(range(len(first)), range(len(second)))]
    allowed = [t for t in candidates if np.all(np.abs(t) <= FARTHEST_SHARE * field_mm)]
    counted = [(_agreeing(first + t, second), -float(np.linalg.norm(t)), i) for i, t in enumerate(allowed)]
    if not counted:
        return none, ALONE_MM
    count, _, index = max(counted)
    return (allowed[index], TOGETHER_MM) if count >= 2 else (none, ALONE_MM)


def _agreeing(moved: Floats, second: Floats) -> int:
    """How many lesions find one of their own at their place."""
    distances = np.linalg.norm(second[None] - moved[:, None], axis=2)
    return int(min((distances.min(axis=1) <= TOGETHER_MM).sum(), (distances.min(axis=0) <= TOGETHER_MM).sum()))


def _pair(old: Row, young: Row, element_mm: float) -> dict[str, Any]:
    measures = []
    for kind, name in MEASURES:
        before, after = old["features"].get(name, {}), young["features"].get(name, {})
        if "value" in before and "value" in after:
            measures.append(_measure(kind, name, before["value"], after["value"]) | {"unit": after["unit"]})
    measures.append(_measure("parts", "parts", old["parts"], young["parts"]) | {"unit": "1"})
    change = _change(old, young, element_mm)
    return {"lesion": young["id"], "earlier_lesion": old["id"], "change": change, "measures": measures}


def _measure(kind: str, name: str, before: float, after: float) -> dict[str, Any]:
    relative = round(after / before - 1, 4) if before > 0 else None
    return {"kind": kind, "name": name, "earlier": before, "later": after, "relative": relative}


def _change(old: Row, young: Row, element_mm: float) -> str:
    """What became of the largest extent, in one word."""
    before, after = (x["features"].get("largest_extent", {}).get("value") for x in (old, young))
    if not before or not after:
        return "not_comparable"
    if abs(after - before) < LEAST_ELEMENTS * element_mm:
        return "unchanged"
    return "grown" if after >= GROWTH * before else "smaller" if before >= GROWTH * after else "unchanged"

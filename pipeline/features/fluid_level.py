"""Fluid level: sediment under clearer fluid, seen as a straight step across gravity inside a lesion or a loculus.

A level is judged by what makes it one (clinical reference 2.3): it is wide enough, lies across gravity, goes from wall
to wall and ends there, is flat and sharp, belongs to the deposit and not to bone before or behind it, has fluid and no
gas above it and a pool below. Each property is a ramp from 0 to 1 that is 0.5 at its limit, and the score of a step is
their product. The same search upside down shows how often such steps come about by chance in this lesion: cortex,
septa and vessel walls face both ways, sediment only one.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.features.patch import Patch, Values, known
from pipeline.features.pool import Pool, pool_of
from pipeline.features.rises import Frame, frame
from pipeline.features.steps import Step, beyond, bulge, find_steps
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.measure import Level

PRESENT = 0.5
"""Score from which a step counts as a level."""
COMPARTMENT_MM, COMPARTMENT_ELEMENTS = 5.0, 10
"""A compartment shows a level from this width on (clinical reference 2.3)."""
WIDTH_MM = (3.0, 7.0)
WIDTH_ELEMENTS = (6.0, 14.0)
"""Ramps about these limits."""
AREA_ELEMENTS = (8.0, 24.0)
"""Columns of a step in all, on CT over two directions."""
TILT_DEG = (15.0, 5.0)
"""A level lies across gravity within 10 degrees; menisci and a patient not quite upright take 5."""
BEYOND = (0.8, 0.2)
RISING = (1.0, 0.7)
"""Beyond its ends a level stops. The top of a round deposit goes on, bending down; the floor of a shell goes on all
round, bending up slowly, where the wall of a loculus is steep."""
FILL = (0.3, 0.7)
"""Share of its own extent that a level fills; arcs and scattered columns are slices of a curved surface."""
BULGE = (1.6, 0.4)
"""Bulge of the step in tolerances: 2 for a slice of anything round, 0 for a level, less for a meniscus."""
INSIDE = (0.6, 0.9)
"""Share of the step that has the deposit right below it and the exposed field above."""
CLEAR = (4.0, 8.0)
"""Rise of the whole step over its noise: 6, a little above the Rose criterion of 5."""
OWN = (0.25, 0.75)
"""Share of the step that remains when the background with its bone is taken away."""
SHARP_MM = (2.2, 0.8)
SHARP_ELEMENTS = (4.0, 2.0)
"""Rise from 20 to 80 % along gravity: sharp in millimetres, or as sharp as the elements allow."""
POOL_ELEMENTS = (1.0, 5.0)
"""Depth of the pool: 3 elements (clinical reference 2.3)."""
DEEP_SHARE = (0.04, 0.16)
DEEP_MM = (3.0, 5.0)
"""... and a tenth of its width or 4 mm; plates on a vessel's wall and in a fascia are wide and 1 to 2 mm thick."""
SHELVING = (0.95, 0.65)
"""Depth of a shallow pool at its ends over that in its middle: 0.3 to 0.55 in a ball, 1 in a bar or septum."""
BAND = (0.95, 0.65)
"""Share of the step that has an equally straight lower side closer than its own width: a vessel, a septum, a bar."""
CONTRAST = (0.05, 0.15)
"""Step as a share of the deposit's strongest density; less is texture."""
GAS_HU = (-250.0, -150.0)
GAS_SHARE = (-0.7, -0.3)
"""What lies above a level is fluid or fat; below this it is gas: HU, or on a radiograph excess as a share of the
deposit's strongest."""
ONE_WAY = (0.4, 0.7)
"""Share that steps facing up have in all steps, the best three of each way; by chance it is one half."""
STRONGEST_QUANTILE = 95
NO_LEVEL = Unknown("no fluid level seen")
TOO_SMALL = Unknown("too small to show a fluid level (5 mm and 10 pixels across)")
STEP_ONLY = "straight step seen, but "


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A step with its pool, its properties (each 0 to 1) and their product."""

    step: Step
    pool: Pool
    properties: dict[str, float]
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What was found with one direction taken for down: steps, best first, and the score of the whole."""

    view: Frame
    steps: tuple[Judged, ...]
    score: float

    @property
    def levels(self) -> tuple[Judged, ...]:
        """Steps that count as levels."""
        return tuple(j for j in self.steps if j.score >= PRESENT) if self.score >= PRESENT else ()


def fluid_level(patch: Patch) -> Values:
    """The fluid-level features of a patch."""
    match patch.gravity:
        case Unknown(reason):
            return dict.fromkeys(_NAMES, _posture_reason(patch, reason))
        case Known(gravity):
            return _values(patch, search(patch, gravity)) if _wide(patch, gravity) else dict.fromkeys(_NAMES, TOO_SMALL)


def levels(patch: Patch) -> tuple[Level, ...]:
    """The levels of a patch to draw, in image indices; none without gravity."""
    if isinstance(patch.gravity, Unknown) or not _wide(patch, patch.gravity.value):
        return ()
    found = search(patch, patch.gravity.value)
    return tuple(_drawn(j, found.view, patch) for j in found.levels)


@lru_cache(maxsize=2)
def search(patch: Patch, gravity: tuple[float, ...]) -> Search:
    """All straight steps of a patch with `gravity` (unit vector) pointing down."""
    view, facing_up = _judged(patch, gravity)
    if not facing_up or facing_up[0].score == 0:
        return Search(view, facing_up, 0.0)
    _, facing_down = _judged(patch, tuple(-g for g in gravity))
    rows = view.raw.shape[0]
    single = [_without_band(j, facing_down, view, rows) for j in facing_up]
    single.sort(key=lambda j: -j.score)
    upward, downward = (sum(j.score for j in way[:3]) for way in (single, facing_down))
    share = upward / (upward + downward) if upward > 0 else 0.0
    return Search(view, tuple(single), single[0].score * ramp(share, ONE_WAY))


def _without_band(judged: Judged, facing_down: tuple[Judged, ...], view: Frame, rows: int) -> Judged:
    """A step with the property that no straight step the other way lies close below it: a band has two sides."""
    own = {tuple(c) for c in judged.step.column.tolist()}
    height = float(judged.step.height.mean())
    worst = 0.0
    for other in facing_down:
        below = (rows - 1 - float(other.step.height.mean()) - height) * view.spacing[0]
        if 0 < below <= judged.step.width:
            common = sum(tuple(c) in own for c in other.step.column.tolist()) / len(own)
            worst = max(worst, common * other.properties["flat"] * other.properties["whole"])
    single = ramp(worst, BAND)
    return replace(judged, properties=judged.properties | {"no band": single}, score=judged.score * single)


def ramp(value: float, ends: tuple[float, float]) -> float:
    """0 at the first end, 1 at the second, straight between."""
    return float(np.clip((value - ends[0]) / (ends[1] - ends[0]), 0, 1))


_NAMES = (
    "fluid_level_width_fraction",
    "fluid_level_tilt",
    "fluid_level_contrast_to_noise",
    "fluid_level_count",
    "fluid_level_row",
    "fluid_level_score",
)


def _wide(patch: Patch, gravity: tuple[float, ...]) -> bool:
    """Whether the lesion is wide enough across gravity for one compartment."""
    down = int(np.argmax(np.abs(gravity)))
    inside = np.nonzero(patch.visible)
    extents = [int(np.ptp(w)) + 1 for i, w in enumerate(inside) if i != down]
    wide_mm = max(n * s for n, s in zip(extents, np.delete(patch.scale, down), strict=True))
    return max(extents) >= COMPARTMENT_ELEMENTS and (isinstance(patch.spacing_mm, Unknown) or wide_mm >= COMPARTMENT_MM)


def _posture_reason(patch: Patch, reason: str) -> Unknown:
    """Without gravity nothing is a level; a straight step is worth a word."""
    for axis in range(patch.visible.ndim - 2, patch.visible.ndim):
        for sign in (1.0, -1.0):
            gravity = tuple(sign if i == axis else 0.0 for i in range(patch.visible.ndim))
            if _wide(patch, gravity) and search(patch, gravity).score >= PRESENT:
                return Unknown(STEP_ONLY + reason)
    return Unknown(reason)


@lru_cache(maxsize=4)
def _judged(patch: Patch, gravity: tuple[float, ...]) -> tuple[Frame, tuple[Judged, ...]]:
    view = frame(patch, gravity)
    strongest = max(float(np.percentile(patch.density[patch.visible], STRONGEST_QUANTILE)) - patch.level, 1e-9)
    found = [_judge(step, view, patch, strongest) for step in find_steps(view, _least_columns(view, patch))]
    return view, tuple(sorted((j for j in found if j is not None), key=lambda j: -j.score))


def _least_columns(view: Frame, patch: Patch) -> int:
    """Columns that an edge must have lest its form rule it out."""
    least = int(max(AREA_ELEMENTS[0], WIDTH_ELEMENTS[0])) + 1
    if len(view.across) > 1 or isinstance(patch.spacing_mm, Unknown):
        return least
    return max(least, int(np.floor(WIDTH_MM[0] / view.spacing[1])))


def _judge(step: Step, view: Frame, patch: Patch, strongest: float) -> Judged | None:
    """A step with its properties; None when its form alone rules it out."""
    columns = max(len(np.unique(c)) for c in step.column.T)
    form = {
        "wide": ramp(step.width, WIDTH_MM) if isinstance(patch.spacing_mm, Known) else 1.0,
        "wide in elements": ramp(columns, WIDTH_ELEMENTS),
        "enough columns": ramp(len(step.height), AREA_ELEMENTS),
        "across gravity": ramp(step.tilt_deg, TILT_DEG),
        "whole": ramp(step.fill, FILL),
        "clear": ramp(step.clearness, CLEAR),
    }
    if not all(form.values()):
        return None
    form["flat"] = ramp(bulge(step, view), BULGE)
    if not form["flat"]:
        return None
    pool = pool_of(step, view)
    sharp = ramp(pool.rise_elements, SHARP_ELEMENTS)
    deep = ramp(pool.depth_elements * view.spacing[0] / step.width, DEEP_SHARE)
    if isinstance(patch.spacing_mm, Known):
        deep = max(deep, ramp(pool.depth_elements * view.spacing[0], DEEP_MM))
        sharp = max(sharp, ramp(pool.rise_elements * view.spacing[0], SHARP_MM))
    falling, rising = beyond(step, view)
    properties = form | {
        "wall to wall": ramp(falling, BEYOND),
        "no floor": ramp(rising, RISING),
        "inside": ramp(pool.inside, INSIDE),
        "own": ramp(pool.contrast / max(pool.contrast_raw, 1e-9), OWN),
        "sharp": sharp,
        "pool": ramp(pool.depth_elements, POOL_ELEMENTS),
        "deep": deep,
        "no bar": ramp(pool.shelving, SHELVING),
        "dense": ramp(pool.contrast / strongest, CONTRAST),
        "no gas": ramp(pool.above, GAS_HU)
        if patch.kind == "ct"
        else ramp((pool.above - patch.level) / strongest, GAS_SHARE),
    }
    return Judged(step, pool, properties, float(np.prod(list(properties.values()))))


def _values(patch: Patch, found: Search) -> Values:
    """The features of a search; without a level its place and tilt are unknown."""
    best = found.levels[:1]
    columns = np.asarray(found.view.visible.any(axis=0), bool)
    covered = np.zeros_like(columns)
    for judged in found.levels:
        covered[tuple(judged.step.column.T)] = True

    def of_best(value: float | None) -> Maybe[float]:
        return NO_LEVEL if value is None else known(value)

    place = [_middle(j, found.view, patch)[-2] for j in best]
    return {
        "fluid_level_width_fraction": known(np.count_nonzero(covered & columns) / np.count_nonzero(columns)),
        "fluid_level_tilt": of_best(best[0].step.tilt_deg if best else None),
        "fluid_level_contrast_to_noise": of_best(best[0].pool.contrast / max(patch.noise, 1e-9) if best else None),
        "fluid_level_count": known(len(found.levels)),
        "fluid_level_row": of_best(place[0] if place else None),
        "fluid_level_score": known(found.score),
    }


def _middle(judged: Judged, view: Frame, patch: Patch) -> NDArray[np.float64]:
    """Image index of the middle of a level."""
    points = view.back(np.column_stack([judged.step.height, judged.step.column]))
    middle: NDArray[np.float64] = points.mean(axis=0) + np.asarray(patch.offset)
    return middle


def _drawn(judged: Judged, view: Frame, patch: Patch) -> Level:
    """A level as a line in the slice where it is widest."""
    step = judged.step
    row, column = step.height, step.column
    if column.shape[1] == 2:
        values, counts = np.unique(column[:, 0], return_counts=True)
        chosen = column[:, 0] == values[int(np.argmax(counts))]
        row, column = row[chosen], column[chosen]
    along = column[:, -1].astype(np.float64)
    line = np.polyfit(along, row, 1) if np.ptp(along) > 0 else np.array([0.0, row.mean()])
    ends = np.array([along.min(), along.max()])
    points = np.column_stack([np.polyval(line, ends), *(np.repeat(c, 2) for c in column[0, :-1]), ends])
    start, end = view.back(points) + np.asarray(patch.offset)
    noise = judged.pool.contrast / max(patch.noise, 1e-9)
    return Level(tuple(map(float, start)), tuple(map(float, end)), float(noise), step.tilt_deg)

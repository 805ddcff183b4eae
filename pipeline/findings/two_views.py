"""One lesion on two views with gravity another way: a level that is level on both has moved, and is worth more.

Views are framed alike (`same_as` of a lesion says so), so the two directions of gravity can be compared in the images.
A septum, a cortex or a border of the film keeps its place in the body and is square to gravity on one view at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.findings.rules import EVEN, state_of
from pipeline.model.image import Image
from pipeline.model.known import Known
from pipeline.model.lesion import Lesion
from pipeline.model.measure import Finding
from pipeline.model.vocabulary import State

LEVEL = "fluid_level"
TURNED_DEG = 45.0
"""From this angle between the directions of gravity on, a level on both views has moved."""
MOVED, STAYED_AWAY = 10.0, 0.5
"""Factors on the odds of a level: seen on the other view as well (a level is seen in 0.85 of lesions that have one and
in 0.02 of others, a factor of 40, taken down because the two looks share their weaknesses); not seen there, which says
little because sediment may lie too thin (own estimates)."""
MOST = 0.995
"""Probability that is not exceeded."""


def compare_views(
    findings: Sequence[Finding], lesions: Sequence[Lesion], images: Sequence[Image]
) -> tuple[Finding, ...]:
    """The findings, levels changed where another view with gravity another way confirms or does not confirm them."""
    levels = {f.lesion: f for f in findings if f.id == LEVEL and f.lesion is not None}
    numbered = {lesion.id: lesion for lesion in lesions}
    changed = {
        own: _compared(level, [levels[other] for other in _turned(numbered[own], numbered, images) if other in levels])
        for own, level in levels.items()
        if own in numbered
    }
    return tuple(changed.get(f.lesion, f) if f.id == LEVEL and f.lesion is not None else f for f in findings)


def _turned(lesion: Lesion, numbered: Mapping[int, Lesion], images: Sequence[Image]) -> list[int]:
    """Ids of the same lesion on views with gravity another way."""
    others = [numbered[n] for n in lesion.same_as if n in numbered]
    return [o.id for o in others if _angle_deg(images[lesion.image], images[o.image]) >= TURNED_DEG]


def _angle_deg(first: Image, second: Image) -> float:
    """Between the directions of gravity on two images; 0 where one is not known."""
    if not (isinstance(first.gravity, Known) and isinstance(second.gravity, Known)):
        return 0.0
    product = float(np.dot(first.gravity.value, second.gravity.value))
    return float(np.degrees(np.arccos(np.clip(product, -1, 1))))


def _compared(level: Finding, others: Sequence[Finding]) -> Finding:
    judged = [f.probability for f in others if f.probability is not None]
    if level.probability is None or level.state is State.ABSENT or not judged:
        return level
    seen = max(judged) >= EVEN
    odds = level.probability / max(1 - level.probability, 1e-9) * (MOVED if seen else STAYED_AWAY)
    probability = min(odds / (1 + odds), max(MOST, level.probability))
    said = "also level on the view with gravity another way: it moves" if seen else "not seen with gravity another way"
    because = ", ".join(filter(None, (level.because, said)))
    return replace(level, probability=probability, state=state_of(probability), because=because)

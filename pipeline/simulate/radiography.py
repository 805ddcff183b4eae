"""One radiograph: exposure with and without the calcium, processing, and what is truly seen on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate import looks, physics, truth
from pipeline.simulate.anatomy import Scene
from pipeline.simulate.fields import Array
from pipeline.simulate.lesions import GRAVITY, Lesion
from pipeline.simulate.projection import Camera, trace

VISIBLE_LOG = 0.012
"""Least fall of log signal that counts as visible calcium (contract, section 3)."""
VISIBLE_SHARE = 0.15
"""Least share of the lesion's own strongest fall (contract, section 3)."""
STEP_LOG = 0.03
STEP_SHARE = 0.12
"""A sediment's top is a level on the film where the signal steps by this much, and this share of the strongest fall."""


@dataclass(frozen=True, slots=True)
class Technique:
    """How a film is made."""

    camera: Camera
    exposure: physics.Exposure
    look: looks.Look
    margins_mm: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    turn_deg: float = 0.0
    marker: str | None = None
    marker_at_mm: tuple[float, float] = (20.0, 12.0)


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """Stored values uint16 [row, col], label image, and rows of truth for lesions seen on it."""

    pixels: NDArray[np.uint16]
    labels: NDArray[np.uint16]
    lesions: tuple[truth.Seen, ...] = field(default_factory=tuple)


def expose(
    scene: Scene, lesions: Sequence[Lesion], technique: Technique, posture: str, rng: np.random.Generator
) -> Film:
    """Make a film of a scene."""
    camera, exposure, look = technique.camera, technique.exposure, technique.look
    paths = trace(scene, lesions, camera, rng)
    open_field = looks.collimated(camera.shape, technique.margins_mm, camera.pixel_mm, technique.turn_deg)
    if technique.marker is not None:
        marker = looks.side_marker(
            technique.marker, camera.shape, technique.marker_at_mm, camera.pixel_mm, float(rng.normal(0, 2.5))
        )
        paths = physics.Paths(paths.water, paths.mineral, paths.calcium, marker)
    with_calcium = physics.transmission(paths, exposure.beam, calcium=paths.calcium)
    without = physics.transmission(paths, exposure.beam, calcium=())
    typical = physics.typical_transmission(without, paths, open_field)
    bright = physics.signal(without, open_field, typical, exposure)
    mean = physics.signal(with_calcium, open_field, typical, exposure)
    final = looks.processed(physics.noisy(mean, rng), open_field, camera.pixel_mm, look)
    pixels = np.clip(np.rint(final), 0, 2**look.bits - 1).astype(np.uint16)
    fall = np.log(bright / mean)
    labels, falls = _labels(fall, paths, open_field)
    pictures = truth.Pictures(
        looks.processed(mean, open_field, camera.pixel_mm, look),
        looks.processed(bright, open_field, camera.pixel_mm, look),
        final,
        (paths.water > 0.3) & (open_field > 0.5) & (paths.metal < 0.002),
        (camera.pixel_mm, camera.pixel_mm),
    )
    gravity = np.array(GRAVITY.get(posture, (0.0, 0.0, 0.0)))
    assessable = abs(float(gravity[camera.orientation.depth])) < 0.5 and bool(np.any(gravity))
    seen = []
    for number, (lesion, own) in enumerate(zip(lesions, falls, strict=True), 1):
        mask = labels == number
        if mask.any():
            levels = _levels(lesion, own, camera) if assessable else ()
            seen.append(truth.seen(lesion, number, mask, pictures, levels=levels, assessable=assessable))
    return Film(pixels, labels, tuple(seen))


def film_gravity(camera: Camera, posture: str) -> tuple[float, float] | None:
    """Gravity in the image as (row, col), None when it runs along the beam or is not known."""
    fall = GRAVITY.get(posture)
    if fall is None:
        return None
    down, right = -fall[camera.orientation.row], fall[camera.orientation.column]
    return (float(down) + 0.0, float(right) + 0.0) if abs(down) + abs(right) > 0.5 else None


def _labels(fall: Array, paths: physics.Paths, open_field: Array) -> tuple[NDArray[np.uint16], list[Array]]:
    total = np.full(fall.shape, 1e-9, np.float32)
    for calcium in paths.calcium:
        total += calcium
    labels = np.zeros(fall.shape, np.uint16)
    falls = []
    for number, calcium in enumerate(paths.calcium, 1):
        own = fall * np.minimum(calcium / total, 1)
        where = calcium > 1e-4
        strongest = float(np.percentile(own[where], 98)) if where.any() else 0.0
        mask = (own >= max(VISIBLE_LOG, VISIBLE_SHARE * strongest)) & (open_field > 0.5) & (paths.metal < 0.002)
        labels[mask & (labels == 0)] = number
        falls.append(own)
    return labels, falls


def _levels(lesion: Lesion, own: Array, camera: Camera) -> tuple[truth.SeenLevel, ...]:
    """Tops of sediment at which the signal truly steps on this film."""
    strongest = float(np.percentile(own[own > VISIBLE_LOG], 98)) if (own > VISIBLE_LOG).any() else 0.0
    found = []
    for level in lesion.levels:
        row, column = camera.pixel(level.point)
        half = max(int(0.35 * level.width_mm / camera.pixel_mm), 2)
        near, far = int(0.8 / camera.pixel_mm), int(2.8 / camera.pixel_mm) + 1
        r, c = round(row), round(column)
        if not (far <= r < own.shape[0] - far and half <= c < own.shape[1] - half):
            continue
        columns = slice(c - half, c + half + 1)
        step = float(own[r + near : r + far, columns].mean() - own[r - far + 1 : r - near + 1, columns].mean())
        if step >= max(STEP_LOG, STEP_SHARE * strongest):
            found.append(truth.SeenLevel((row, column), level.width_mm))
    return tuple(found)

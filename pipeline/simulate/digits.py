"""Small tubular and short bones of hands and feet, grown or growing, at any turn in space.

A growing bone ends at a growth plate; its epiphysis is a bone of its own beyond a gap, from the age at which its
centre appears. Ages are those of the usual atlases (W. Greulich, S. Pyle, 2nd ed. 1959), rounded, both sexes together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate import shapes
from pipeline.simulate.anatomy import Bone, Profile
from pipeline.simulate.fields import Array, Field, Grid, Point, lattice, noise

STEP_MM = 0.9
MARGIN_MM = 3.5
LYING = 0.35
"""Rise over length below which a bone's cortex is taken as even along z."""
ADULT_YEARS = 15.0
"""Age from which growth plates are closed."""

Vector = NDArray[np.floating]
Plate = Literal["base", "head", "none"]


@dataclass(frozen=True, slots=True)
class Growth:
    """How far a skeleton has grown: age in years (30 for all grown), and share of full mineral."""

    years: float = 30.0
    mineral: float = 1.0

    def share(self, first_years: float, last_years: float = 13.0) -> float:
        """Share of its grown size that a centre has which appears at `first_years`, 0 before."""
        if self.years < first_years:
            return 0.0
        return float(np.clip(0.3 + 0.7 * (self.years - first_years) / (last_years - first_years), 0, 1))


GROWN = Growth()


@dataclass(frozen=True, slots=True, eq=False)
class Tubular:
    """A tubular bone from `base` to `head` (mm), with radii there and at its waist, and its cortex there.

    `across` is the direction in which its ends are wide; `tuft` makes the head the tip of a finger, `flat_head` ends it
    in a plane.
    """

    name: str
    base: Vector
    head: Vector
    across: Vector
    radii_mm: tuple[float, float, float]
    cortex_mm: float
    plate: Plate = "none"
    centre_years: float = 2.0
    tuft: bool = False
    flat_head: bool = False


def made(
    name: str, distance: Callable[[Grid], Array], box: tuple[Vector, Vector], walls: tuple[Profile, Profile]
) -> Bone:
    """A bone on its own lattice from a distance function, the box (mm) of its axis and radii, cortex and spongiosa."""
    low, high = box[0] - MARGIN_MM, box[1] + MARGIN_MM
    where = lattice(point(low), point(high), STEP_MM)
    values = np.broadcast_to(distance(where.grid()), where.shape)
    return Bone(name, Field(where, np.ascontiguousarray(values, np.float32)), *walls, trabecula_deg=(80.0, 100.0))


def point(vector: Vector) -> Point:
    """A vector as the tuple that shapes take."""
    return float(vector[0]), float(vector[1]), float(vector[2])


def tubular(plan: Tubular, growth: Growth) -> tuple[Bone, ...]:
    """The shaft and, while it grows, its epiphysis."""
    growing = plan.plate != "none" and growth.years < ADULT_YEARS
    length = float(np.linalg.norm(plan.head - plan.base))
    axis = (plan.head - plan.base) / length
    radius = plan.radii_mm[0] if plan.plate == "base" else plan.radii_mm[2]
    thick = float(np.clip(0.55 * radius, 1.6, 5.0))
    gap = float(np.interp(growth.years, (1.0, 8.0, ADULT_YEARS), (2.6, 1.7, 0.9)))
    sign = 1.0 if plan.plate == "base" else -1.0
    end = plan.base if plan.plate == "base" else plan.head
    edge = end + sign * axis * (thick + gap)

    def shaft(grid: Grid) -> Array:
        out = _whole(grid, plan, axis, length)
        if growing:
            beyond = -sign * _along(grid, edge, axis)
            out = -shapes.smooth_union(-out, -beyond, 1.0)
        return out

    reach = max(plan.radii_mm) * 1.25
    corners = np.stack([plan.base, plan.head])
    box = (corners.min(0) - reach, corners.max(0) + reach)
    bones = [made(plan.name, shaft, box, _walls(plan, growth))]
    share = growth.share(plan.centre_years, 9.0)
    if growing and share:
        centre = end + sign * axis * thick / 2
        axes = np.stack([plan.across, np.cross(axis, plan.across), axis])
        half = (radius * 1.08 * share, radius * 0.85 * share, max(0.62 * thick * share, 0.9))
        spread = np.full(3, radius * 1.2)

        def epiphysis(grid: Grid) -> Array:
            return shapes.ellipsoid(shapes.turned(grid, point(centre), axes), (0.0, 0.0, 0.0), half)

        walls: tuple[Profile, Profile] = (((0.0, 0.55),), ((0.0, 0.24 * growth.mineral),))
        bones.append(made(f"{plan.name} epiphysis", epiphysis, (centre - spread, centre + spread), walls))
    return tuple(bones)


def _along(grid: Grid, origin: Vector, axis: Vector) -> Array:
    x, y, z = shapes.shifted(grid, point(origin))
    result: Array = x * np.float32(axis[0]) + y * np.float32(axis[1]) + z * np.float32(axis[2])
    return result


def _whole(grid: Grid, plan: Tubular, axis: Vector, length: float) -> Array:
    base, waist, head = plan.radii_mm
    stops = np.array([0.10, 0.22, 0.52, 0.80, 0.93]) if not plan.tuft else np.array([0.12, 0.26, 0.62, 0.84, 0.95])
    radii = (0.82 * base, 0.70 * base, waist, 0.5 * (waist + 0.75 * head), 0.72 * head)
    bow = 0.018 * length * np.sin(np.pi * stops)
    back = np.cross(axis, plan.across)
    path = [point(plan.base + s * length * axis + b * back) for s, b in zip(stops, bow, strict=True)]
    out = shapes.swept(grid, path, radii)
    for sign in (-1, 1):
        low = plan.base + axis * 0.42 * base + sign * 0.5 * base * plan.across
        out = shapes.smooth_union(out, shapes.ball(grid, point(low), 0.5 * base), 0.7 * base)
        high = plan.head - axis * 0.52 * head + sign * 0.47 * head * plan.across
        out = shapes.smooth_union(out, shapes.ball(grid, point(high), 0.53 * head), 0.35 * head)
    flat = -_along(grid, plan.base + axis * 0.16 * base, axis)
    out = -shapes.smooth_union(-out, -flat, 0.8)
    if plan.flat_head:
        out = -shapes.smooth_union(-out, -_along(grid, plan.head - axis * 0.22 * head, axis), 2.0)
    return np.asarray(out, np.float32)


def _walls(plan: Tubular, growth: Growth) -> tuple[Profile, Profile]:
    low, high = (plan.base, plan.head) if plan.base[2] < plan.head[2] else (plan.head, plan.base)
    rise = high[2] - low[2]
    spongy = 0.24 * growth.mineral
    if rise < LYING * np.linalg.norm(high - low):
        return ((0.0, 0.55 * plan.cortex_mm),), ((0.0, 0.6 * spongy),)
    stops = (0.0, 0.14, 0.30, 0.5, 0.66, 0.86, 1.0)
    heights = [float(low[2] + s * rise) for s in stops]
    wall = np.interp(stops, (0, 0.14, 0.34, 0.62, 0.86, 1), (0.5, 0.6, plan.cortex_mm, plan.cortex_mm, 0.55, 0.5))
    fill = np.interp(stops, (0, 0.14, 0.40, 0.62, 0.84, 1), (1, 0.9, 0.12, 0.12, 0.9, 1)) * spongy
    return (
        tuple((h, float(v)) for h, v in zip(heights, wall, strict=True)),
        tuple((h, float(v)) for h, v in zip(heights, fill, strict=True)),
    )


def short(
    name: str, lobes: Sequence[tuple[Vector, float]], growth: Growth, centre_years: float, *, blend_mm: float = 5.0
) -> Bone | None:
    """A short bone of rounded lobes (centre, radius in mm), about its middle as small as it still is; None before."""
    share = growth.share(centre_years)
    if not share:
        return None
    middle = np.mean([c for c, _ in lobes], axis=0)
    placed = [(middle + (c - middle) * share, r * share) for c, r in lobes]

    def distance(grid: Grid) -> Array:
        out = shapes.ball(grid, point(placed[0][0]), placed[0][1])
        for centre, radius in placed[1:]:
            out = shapes.smooth_union(out, shapes.ball(grid, point(centre), radius), blend_mm * share)
        return out

    largest = max(r for _, r in placed)
    corners = np.stack([c for c, _ in placed])
    walls: tuple[Profile, Profile] = (((0.0, 0.75),), ((0.0, 0.25 * growth.mineral),))
    return made(name, distance, (corners.min(0) - largest, corners.max(0) + largest), walls)


def weathered(bones: Sequence[Bone], rng: np.random.Generator) -> tuple[Bone, ...]:
    """The same bones, uneven: tubular ones a little, short ones and epiphyses by a twelfth of their size."""
    out = []
    for item in bones:
        grid = item.distance.lattice
        wide = min(grid.shape) * grid.step_mm / 2 - MARGIN_MM
        slender = max(grid.shape) > 2.2 * min(grid.shape)
        bulge = (0.04 if slender else 0.085) * wide
        ripple = bulge * noise(grid, (0.9 * wide, 0.9 * wide, 1.1 * wide), rng)
        out.append(replace(item, distance=Field(grid, item.distance.values + ripple.astype(np.float32))))
    return tuple(out)


def turned_about_z(points: Vector, angle_deg: float) -> Vector:
    """Points or directions [..., 3] turned about the z axis."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return np.stack([c * x - s * y, s * x + c * y, z], axis=-1)


def chain(
    start: Vector, lengths_mm: Sequence[float], aside_deg: float, bends_deg: Sequence[float], gap_mm: float = 1.6
) -> list[tuple[Vector, Vector]]:
    """Ends of successive bones: all lean `aside_deg` from z towards x; each bends toward -y by its angle more."""
    ends: list[tuple[Vector, Vector]] = []
    bend = 0.0
    for length, more in zip(lengths_mm, bends_deg, strict=True):
        bend += np.radians(more)
        lean = np.radians(aside_deg)
        direction = np.array([np.sin(lean) * np.cos(bend), -np.sin(bend), np.cos(lean) * np.cos(bend)])
        end = start + direction * (length - gap_mm)
        ends.append((start, end))
        start = end + direction * gap_mm
    return ends

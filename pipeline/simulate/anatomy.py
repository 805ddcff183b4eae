"""What a scene of the body is: skin, fat, muscles with planes of fat between them, bones, gas and vessels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.simulate import shapes
from pipeline.simulate.build import Build, mirrored
from pipeline.simulate.fields import Array, Field, Grid, Lattice, Point, lattice, noise

BONE_STEP_MM = 2.0
BONE_MARGIN_MM = 5.0
FAR_MM = 1e4
TISSUE_STEP_MM = 3.0
SEPTUM_STEP_MM = 4.0
SEPTUM_SPREAD_MM = 5.0
"""Distance to the third-nearest muscle within which a plane of fat widens to a corner."""

Profile = tuple[tuple[float, float], ...]
"""(z in mm, value), ascending in z; linear between, constant beyond."""


@dataclass(frozen=True, slots=True, eq=False)
class Bone:
    """A bone: its surface, and along z the thickness of its cortex (mm) and the mineral of its inside (g/cm3).

    `trabecula_deg` are the directions of trabeculae on a frontal film, from the columns' axis toward the rows' axis.
    """

    name: str
    distance: Field
    cortex_mm: Profile
    spongy: Profile
    trabecula_deg: tuple[float, ...] = (75.0, 105.0, 90.0)


@dataclass(frozen=True, slots=True, eq=False)
class Inclusion:
    """Soft tissue or gas that replaces what is around it."""

    name: str
    distance: Field
    hu: float


@dataclass(frozen=True, slots=True, eq=False)
class Tissue:
    """Signed distances (mm, negative inside) to skin, muscle and fat planes, and a texture of unit spread."""

    skin: Field
    fascia: Field
    septa: Field
    texture: Field


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A part of a body. `side` is +1 where x grows laterally (left), -1 on the right, 0 with both sides."""

    region: str
    side: int
    tissue: Tissue
    bones: tuple[Bone, ...]
    inclusions: tuple[Inclusion, ...]
    vessels: Mapping[str, tuple[Point, ...]]
    sites: Mapping[str, Point]
    centre: Point
    reach_mm: Point

    def clearance_mm(self, point: Point) -> float:
        """About the distance of a point from the nearest bone, negative inside."""
        found = []
        for item in self.bones:
            grid = item.distance.lattice
            at = [(p - o) / grid.step_mm for p, o in zip(point, grid.origin, strict=True)]
            index = [min(max(round(a), 0), n - 1) for a, n in zip(at, grid.shape, strict=True)]
            beyond = grid.step_mm * float(np.linalg.norm(np.subtract(at, index)))
            found.append(float(item.distance.values[index[0], index[1], index[2]]) + beyond)
        return min(found)

    def bulged(self, envelope: Callable[[Grid], Array], cover_mm: float) -> "Scene":
        """The scene with skin raised over a mass so that `cover_mm` of tissue lie between."""
        skin = self.tissue.skin
        raised = shapes.smooth_union(skin.values, envelope(skin.lattice.grid()) - np.float32(cover_mm), 26.0)
        return replace(self, tissue=replace(self.tissue, skin=Field(skin.lattice, raised.astype(np.float32))))


@dataclass(frozen=True, slots=True)
class Muscle:
    """A muscle belly along a path; those with more `weight_mm` take more room."""

    path: tuple[Point, ...]
    weight_mm: float = 0.0


def along(profile: Profile, z: Array) -> Array:
    """A profile's values at heights."""
    heights, values = zip(*profile, strict=True)
    result: Array = np.interp(z, heights, values).astype(np.float32)
    return result


@dataclass(frozen=True, slots=True)
class BonePlan:
    """A bone of the mean skeleton, x measured laterally: distance function, box that holds it, and what it is made of.

    `spongy` is the mineral at full mineralisation.
    """

    name: str
    distance: Callable[[Grid], Array]
    box: tuple[Point, Point]
    cortex_mm: Profile
    spongy: Profile
    trabecula_deg: tuple[float, ...] = (75.0, 105.0, 90.0)


def bone(plan: BonePlan, side: int, build: Build, span: tuple[float, float] = (-FAR_MM, FAR_MM)) -> Bone | None:
    """The bone of this patient and side (±1) between two heights; None when nothing of it lies there."""
    k = build.scale
    low, high = plan.box
    bottom, top = max(low[2] * k, span[0]), min(high[2] * k, span[1])
    if top <= bottom:
        return None
    ends = sorted((side * low[0] * k, side * high[0] * k))
    where = lattice(
        (ends[0] - BONE_MARGIN_MM, low[1] * k - BONE_MARGIN_MM, bottom - BONE_MARGIN_MM),
        (ends[1] + BONE_MARGIN_MM, high[1] * k + BONE_MARGIN_MM, top + BONE_MARGIN_MM),
        BONE_STEP_MM,
    )
    distance = plan.distance(mirrored(where.grid(), side, k)) * np.float32(k)
    return Bone(
        plan.name,
        Field(where, np.ascontiguousarray(np.broadcast_to(distance, where.shape), np.float32)),
        tuple((z * k, value) for z, value in plan.cortex_mm),
        tuple((z * k, value * build.mineral) for z, value in plan.spongy),
        tuple(90 - side * (90 - angle) for angle in plan.trabecula_deg),
    )


def roughened(bones: Sequence[Bone], rng: np.random.Generator) -> tuple[Bone, ...]:
    """The same bones with surfaces that are not perfectly smooth."""
    out = []
    for item in bones:
        grid = item.distance.lattice
        ripple = 0.3 * noise(grid, (12.0, 12.0, 16.0), rng) + 0.4 * noise(grid, (30.0, 30.0, 50.0), rng)
        out.append(replace(item, distance=Field(grid, item.distance.values + ripple.astype(np.float32))))
    return tuple(out)


def inclusion(name: str, path: Sequence[Point], radii_mm: Sequence[float], hu: float) -> Inclusion:
    """A tube of other density, such as a vessel, a sleeve of fat or bowel gas."""
    reach = max(radii_mm) + 6
    points = np.asarray(path)
    low, high = points.min(0) - reach, points.max(0) + reach
    where = lattice(tuple(low.tolist()), tuple(high.tolist()), 2.0)
    return Inclusion(name, Field(where, shapes.tube(where.grid(), path, radii_mm).astype(np.float32)), hu)


def tissue(
    box: tuple[Point, Point],
    skin: Callable[[Grid], Array],
    fat_mm: Callable[[Grid], Array],
    muscles: Sequence[Muscle],
    rng: np.random.Generator,
    *,
    uneven: float = 1.0,
) -> Tissue:
    """Soft tissue: an uneven skin, fat of varying thickness, muscles that meet in planes of fat of varying width.

    `uneven` scales how far the skin departs from its mean shape: 1 for thighs, less for fingers.
    """
    where = lattice(*box, TISSUE_STEP_MM)
    grid = where.grid()
    waves = 1.6 * noise(where, (70.0, 70.0, 110.0), rng) + 0.5 * noise(where, (24.0, 24.0, 40.0), rng)
    outside = np.broadcast_to(skin(grid), where.shape) + (uneven * waves).astype(np.float32)
    thickness = fat_mm(grid) * (1 + 0.16 * noise(where, (45.0, 45.0, 70.0), rng))
    fascia = outside + np.maximum(thickness, 2.0).astype(np.float32)
    texture = noise(where, (7.0, 7.0, 34.0), rng)
    return Tissue(
        Field(where, outside.astype(np.float32)),
        Field(where, fascia.astype(np.float32)),
        _septa(lattice(*box, SEPTUM_STEP_MM), muscles, rng),
        Field(where, texture),
    )


def _septa(where: Lattice, muscles: Sequence[Muscle], rng: np.random.Generator) -> Field:
    """Signed distance to the fat between muscles: half the difference to the two nearest, less a half width."""
    grid = where.grid()
    bent = [axis + 3.5 * noise(where, (30.0, 30.0, 60.0), rng) for axis in grid[:2]]
    warped = (bent[0].astype(np.float32), bent[1].astype(np.float32), grid[2])
    nearest = np.full((3, *where.shape), 1e3, np.float32)
    for muscle in muscles:
        distance = shapes.tube(warped, muscle.path, [muscle.weight_mm] * len(muscle.path))
        for rank in range(3):
            nearest[rank], distance = np.minimum(nearest[rank], distance), np.maximum(nearest[rank], distance)
    gap = (nearest[1] - nearest[0]) / 2
    width = 0.55 + 0.5 * noise(where, (26.0, 26.0, 50.0), rng)
    corner = 3.4 * np.exp(-(nearest[2] - nearest[0]) / SEPTUM_SPREAD_MM)
    return Field(where, (gap - np.maximum(width, 0.1) - corner).astype(np.float32))

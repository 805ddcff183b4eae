"""The foot with the ankle, grown or growing, turned from dorsoplantar (0) over oblique to lateral (90 degrees).

Sizes are estimates from looking at radiographs of adults (a foot of some 245 mm). Lengths are measured from the base
of the third metatarsal; z points to the toes, x to the big toe, y to the back of the foot.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.simulate import shapes
from pipeline.simulate.anatomy import Bone, Inclusion, Muscle, Scene, inclusion, tissue
from pipeline.simulate.digits import (
    GROWN,
    Growth,
    Plate,
    Tubular,
    Vector,
    chain,
    point,
    short,
    tubular,
    turned_about_z,
    weathered,
)
from pipeline.simulate.fields import Array, Grid, Point

LENGTHS_MM = (
    (62.0, 31.0, 22.0), (73.0, 27.0, 12.5, 9.5), (69.0, 25.0, 10.0, 9.0), (67.0, 23.0, 8.0, 8.5),
    (66.0, 21.0, 7.0, 8.0),
)  # fmt: skip
"""Metatarsal and phalanges, big toe to little toe."""
BASES_MM = ((17.0, 2.0, 4.0), (6.0, 5.0, -1.0), (-3.0, 4.0, 0.0), (-12.0, 1.0, -4.0), (-21.0, -4.0, -9.0))
LEAN_DEG = (3.0, -1.0, -4.0, -8.0, -13.0)
DROP_DEG = (14.0, 13.0, 11.0, 9.0, 6.0)
"""How steeply metatarsals fall toward the sole."""
WIDTHS_MM = {
    "metatarsal": (7.4, 4.0, 6.4), "proximal": (6.2, 3.3, 4.8), "middle": (4.8, 3.4, 4.4), "distal": (4.4, 2.5, 3.2),
}  # fmt: skip
BIG_TOE = {"metatarsal": (11.5, 7.0, 10.5), "proximal": (10.0, 6.2, 8.4), "distal": (9.0, 4.6, 6.2)}
CORTEX_MM = {"metatarsal": 2.1, "proximal": 1.3, "middle": 1.0, "distal": 0.8}
TARSALS: dict[str, tuple[float, tuple[tuple[tuple[float, float, float], float], ...]]] = {
    "medial cuneiform": (2.2, (((17, 2, -4), 8.5), ((15, 0, -14), 8.5))),
    "intermediate cuneiform": (3.0, (((6, 7, -8), 6.4), ((6, 4, -13), 6.0))),
    "lateral cuneiform": (0.7, (((-4, 5, -7), 7.0), ((-2, 3, -15), 6.6))),
    "cuboid": (0.1, (((-17, -5, -15), 8.6), ((-15, -7, -27), 9.4))),
    "navicular": (3.0, (((16, 3, -25), 7.4), ((6, 6, -25), 8.4), ((-1, 7, -24), 6.4))),
    "talus": (0.0, (((8, 9, -35), 10.5), ((4, 14, -48), 9.0), ((-1, 20, -62), 14.0), ((-1, 14, -72), 10.0))),
    "calcaneus": (0.0, (((-10, -6, -42), 9.5), ((-8, -8, -60), 12.5), ((-6, -12, -82), 12.0), ((-5, -18, -98), 12.5),
                        ((-5, -24, -104), 9.0))),
}  # fmt: skip
HEEL_APOPHYSIS_YEARS = 8.0


@dataclass(frozen=True, slots=True)
class FootPose:
    """Turn about its length (0 dorsoplantar, 90 lateral), how far the shank leans back, and bend of the toes."""

    turn_deg: float = 0.0
    shank_deg: float = 0.0
    toes_deg: tuple[float, float, float] = (-12.0, 14.0, 8.0)
    spread: float = 1.0


@dataclass(frozen=True, slots=True)
class FootBuild:
    """Size relative to a grown mean, growth, thickness of soft tissue and slenderness of bones."""

    scale: float = 1.0
    growth: Growth = GROWN
    flesh: float = 1.0
    stout: float = 1.0


def _place(vector: Vector, side: int, pose: FootPose, scale: float) -> Vector:
    flat = np.asarray(vector, float) * [side, 1, 1] * scale
    return turned_about_z(flat, side * pose.turn_deg)


def _rays(pose: FootPose) -> list[list[tuple[Vector, Vector]]]:
    found = []
    for n, (base, lengths) in enumerate(zip(BASES_MM, LENGTHS_MM, strict=True)):
        lean = LEAN_DEG[n] * pose.spread
        metatarsal = chain(np.array(base), lengths[:1], lean, (DROP_DEG[n],))
        start = metatarsal[0][1] + 1.8 * (metatarsal[0][1] - metatarsal[0][0]) / lengths[0]
        toe = chain(start, lengths[1:], lean * 0.6 - (6.0 if n == 0 else 0.0), pose.toes_deg[: len(lengths) - 1])
        found.append(metatarsal + toe)
    return found


def _shank(pose: FootPose) -> Vector:
    lean = np.radians(pose.shank_deg)
    return np.array([0.0, np.cos(lean), np.sin(lean)])


def _bones(side: int, pose: FootPose, build: FootBuild, rng: np.random.Generator) -> list[Bone]:
    growth, k = build.growth, build.scale
    bones: list[Bone] = []
    for n, ray in enumerate(_rays(pose)):
        kinds = ("metatarsal", "proximal", "distal") if n == 0 else ("metatarsal", "proximal", "middle", "distal")
        for kind, (base, head) in zip(kinds, ray, strict=True):
            widths = (BIG_TOE if n == 0 else WIDTHS_MM)[kind]
            lean = np.radians(LEAN_DEG[n])
            across = turned_about_z(np.array([side * np.cos(lean), 0.0, -np.sin(lean)]), side * pose.turn_deg)
            a, b, c = (w * k * build.stout for w in widths)
            plate: Plate = "base" if kind != "metatarsal" or n == 0 else "head"
            ends = (_place(base, side, pose, k), _place(head, side, pose, k))
            plan = Tubular(f"{kind} {n + 1}", *ends, across, (a, b, c), CORTEX_MM[kind] * k, plate, 2.5,
                           tuft=kind == "distal")  # fmt: skip
            bones += tubular(plan, growth)
    lobes = {name: (years, list(parts)) for name, (years, parts) in TARSALS.items()}
    if growth.years > HEEL_APOPHYSIS_YEARS:
        lobes["heel"] = (HEEL_APOPHYSIS_YEARS, [((-5, -22, -108.5), 6.0), ((-5, -12, -109), 5.0)])
    head = _rays(pose)[0][0][1]
    for across_mm in (-5.5, 5.5):
        lobes[f"sesamoid {across_mm}"] = (
            11.0,
            [(tuple(head + np.array([across_mm, -10.5, -4.0])), float(rng.uniform(3.2, 4.8)))],
        )
    if rng.random() < 0.15:
        lobes["accessory navicular"] = (11.0, [((25.0, 1.0, -30.0), float(rng.uniform(2.5, 4.5)))])
    for name, (years, parts) in lobes.items():
        shift = rng.normal(0, 0.8, 3)
        placed = [(_place(np.array(c) + shift, side, pose, k), r * k * build.stout) for c, r in parts]
        bone = short(name, placed, growth, years, blend_mm=8.0 * k)
        bones += [bone] if bone else []
    return bones + _leg_bones(side, pose, build)


def _leg_bones(side: int, pose: FootPose, build: FootBuild) -> list[Bone]:
    k, growth, up = build.scale, build.growth, _shank(pose)
    across = turned_about_z(np.array([float(side), 0.0, 0.0]), side * pose.turn_deg)
    top = 105.0
    tibia_end, fibula_end = np.array([3.0, 34.0, -62.0]), np.array([-21.0, 16.0, -66.0])
    parts = (
        Tubular("tibia", _place(tibia_end + up * top, side, pose, k), _place(tibia_end, side, pose, k), across,
                (12 * k, 11.5 * k, 18.0 * k), 3.6 * k, "head", 0.5, flat_head=True),
        Tubular("fibula", _place(fibula_end + up * (top + 18), side, pose, k), _place(fibula_end, side, pose, k),
                across, (7 * k, 6.0 * k, 8.5 * k), 2.2 * k, "head", 1.0),
    )  # fmt: skip
    malleolus = short("medial malleolus", [
        (_place(np.array(c), side, pose, k), r * k) for c, r in (((17, 34, -60), 7.0), ((19, 25, -60), 6.0))
    ], growth, 4.0)  # fmt: skip
    return [*(b for part in parts for b in tubular(part, growth)), *([malleolus] if malleolus else [])]


def _skin(side: int, pose: FootPose, build: FootBuild) -> Callable[[Grid], Array]:
    k, flesh = build.scale, build.flesh

    def line(points: list[Vector]) -> list[Point]:
        return [point(_place(np.asarray(p, float), side, pose, k)) for p in points]

    def skin(grid: Grid) -> Array:
        out: Array | None = None
        for n, ray in enumerate(_rays(pose)):
            path = [end for _, end in ray]
            wide = np.interp(np.arange(len(path)), (0, 1, len(path) - 1), (15, 10.5, 8.0)) * (1.25 if n == 0 else 0.92)
            toe = shapes.tube(grid, line([p - [0, 2.5, 0] for p in path]), [float(r) * k * flesh for r in wide])
            base, head = ray[0]
            inner = shapes.tube(grid, line([base * [0.9, 1, 1] - [0, 4, 22], base - [0, 5, 0], head - [0, 5, 0]]),
                                [24 * k * flesh, 20 * k * flesh, 15 * k * flesh])  # fmt: skip
            own = shapes.smooth_union(toe, inner, 6.0 * k)
            out = own if out is None else shapes.smooth_union(out, own, 5.0 * k)
        heel = shapes.tube(grid, line([np.array(p) for p in ((0, 0, -20), (-2, 4, -60), (-4, -10, -92))]),
                           [30 * k * flesh, 30 * k * flesh, 28 * k * flesh])  # fmt: skip
        up = _shank(pose)
        ankle = [np.array([-4.0, 10, -66]), np.array([-5.0, 36, -68]), np.array([-4.0, 36, -72]) + up * 140]
        shank = shapes.tube(grid, line(ankle), [31 * k * flesh, 31 * k * flesh, 40 * k * flesh])
        assert out is not None
        result: Array = shapes.smooth_union(shapes.smooth_union(heel, out, 14.0 * k), shank, 16.0 * k).astype(
            np.float32
        )
        return result

    return skin


def foot(side: int, pose: FootPose, build: FootBuild, rng: np.random.Generator) -> Scene:
    """Scene of a foot; `side` is +1 left, -1 right."""
    k, rays = build.scale, _rays(pose)

    def place(p: Vector | tuple[float, float, float]) -> Point:
        return point(_place(np.asarray(p, float), side, pose, k))

    up = _shank(pose)
    corners = [p for ray in rays for bone in ray for p in bone]
    corners += [np.array([-5.0, -24, -106]), np.array([20.0, 14, -60]), np.array([-30.0, 14, -60])]
    corners += [np.array([x, 36, -62]) + up * 78 for x in (-22.0, 16.0)]
    ends = np.array([place(p) for p in corners])
    low, high = ends.min(0) - 24 * k, ends.max(0) + 24 * k
    box_low, box_high = np.minimum(low, -45 * k), np.maximum(high, 45 * k)
    muscles = [
        Muscle(tuple(place(p) for p in path), weight)
        for path, weight in (
            (((16, -14, -20), (16, -18, 40)), 6), (((0, -16, -80), (-2, -16, 30)), 7),
            (((-18, -14, -40), (-24, -16, 30)), 5),
            (((0, -10, -30), (0, -8, 40)), 4), (((-8, 14, -30), (-10, 10, 10)), 3),
            (((-4, 22, -90), tuple(np.array([-4.0, 36, -90]) + up * 120)), 9),
            (((0, 40, -50), tuple(np.array([0.0, 40, -46]) + up * 120)), 8),
        )
    ]  # fmt: skip
    soft = tissue((point(box_low - 8), point(box_high + 8)), _skin(side, pose, build),
                  lambda grid: 0 * grid[2] + np.float32(3.4 * build.flesh), muscles, rng, uneven=0.4)  # fmt: skip
    vessels: dict[str, list[Vector | Point]] = {
        "posterior tibial": [
            np.array([14.0, 36, -84]) + up * 60,
            (19, 22, -80),
            (19, 6, -66),
            (14, -10, -40),
            (4, -14, 0),
        ],
        "dorsal artery": [np.array([2.0, 44, -44]) + up * 60, (3, 32, -44), (5, 18, -20), (8, 10, 10), (11, 2, 40)],
        "saphenous vein": [np.array([22.0, 40, -56]) + up * 70, (24, 26, -50), (22, 12, -26), (16, 12, 20)],
    }
    courses = {n: shapes.smooth_path([place(p) for p in path], 40) for n, path in vessels.items()}
    sites = {f"toe {n + 1}": place(ray[-1][1] - [0, 4, 3]) for n, ray in enumerate(rays)}
    sites |= {
        "ball": place(rays[0][0][1] - [-2, 15, 0]), "heel": place((-4, -34, -96)), "tendon": place((-4, 16, -104)),
        "ankle": place((22, 20, -62)), "outer": place((-28, -6, -6)),
    }  # fmt: skip
    parts = _soft_parts(place, rays, up)
    bones = weathered(_bones(side, pose, build, rng), rng)
    return Scene("foot", side, soft, bones, parts, courses, sites, point((low + high) / 2), point((high - low) / 2))


def _soft_parts(
    place: Callable[[Vector | Point], Point], rays: list[list[tuple[Vector, Vector]]], up: Vector
) -> tuple[Inclusion, ...]:
    """Nail of the big toe, the tendon of the heel, and the fat before it."""
    base, head = rays[0][-1]
    nail = [place(p + np.array([0, 8, 0])) for p in (0.4 * base + 0.6 * head, head + 0.2 * (head - base))]
    tendon = [place(p) for p in ((-4.0, -4, -110), (-4.0, 20, -107), np.array([-4.0, 36, -100]) + up * 90)]
    fat = [place(p) for p in ((-4.0, 8, -92), np.array([-4.0, 26, -92]) + up * 40)]
    return (
        inclusion("nail", nail, [2.0, 1.6], 160.0), inclusion("tendon", tendon, [3.2, 3.0, 3.0], 75.0),
        inclusion("fat", fat, [7.0, 6.0], -95.0),
    )  # fmt: skip

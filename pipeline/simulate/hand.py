"""The hand with the wrist, grown or growing, in any turn from palm down to lateral, flat or with bent fingers.

Lengths of metacarpals and phalanges are the means of A. Buryanov, V. Kotiuk, Proportions of hand segments,
Int J Morphol 2010; 28: 755-758. Widths, carpal bones and soft tissue are estimates from looking at radiographs.
Lengths are measured from the base of the third metacarpal; z points to the finger tips, x to the thumb, -y to the palm.
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
    (46.2, 31.6, 21.7), (68.1, 39.8, 22.4, 15.8), (64.6, 44.6, 26.3, 17.4), (58.0, 41.4, 25.7, 17.3),
    (53.7, 32.7, 18.1, 16.0),
)  # fmt: skip
"""Metacarpal and phalanges, thumb to little finger."""
BASES_MM = ((19.0, -4.0, -6.0), (9.5, 0.0, 1.0), (0.0, 1.0, 0.0), (-8.5, 0.0, -2.0), (-16.0, -1.5, -6.0))
LEAN_DEG = (44.0, 7.0, 0.0, -6.0, -13.0)
WIDTHS_MM = {
    "metacarpal": (7.6, 4.3, 7.4), "proximal": (7.4, 4.4, 5.7), "middle": (6.6, 3.8, 5.0), "distal": (5.4, 2.5, 3.7),
}  # fmt: skip
"""Radii of base, waist and head of the middle finger."""
THICK = (1.05, 1.03, 1.0, 0.94, 0.84)
CORTEX_MM = {"metacarpal": 2.2, "proximal": 1.8, "middle": 1.5, "distal": 1.0}
CARPALS: dict[str, tuple[float, tuple[tuple[tuple[float, float, float], float], ...]]] = {
    "capitate": (0.3, (((0, 1, -7), 7.2), ((-1, 1, -19), 6.6))),
    "hamate": (0.4, (((-13, 0, -9), 7.0), ((-9.5, 1, -18), 5.0), ((-12, -8, -9), 3.4))),
    "triquetrum": (2.5, (((-18, 0, -20), 6.2), ((-13.5, 0, -24), 6.0))),
    "lunate": (4.0, (((-3, 0, -29), 6.6), ((-4, -3, -27), 6.0))),
    "scaphoid": (5.3, (((9, 0, -27), 6.4), ((15, -3, -19), 5.6), ((18, -5, -15), 4.4))),
    "trapezium": (5.0, (((20, -4, -11), 6.4), ((17, -2, -8), 5.0))),
    "trapezoid": (5.5, (((10.5, 1, -7), 5.6), ((10, 2, -10), 4.6))),
    "pisiform": (9.5, (((-17.5, -10, -21), 5.2), ((-18, -10, -24), 4.6))),
}  # fmt: skip
"""Years at which the centre appears; lobes: centre and radius, mm."""
SESAMOIDS = ((0, (7.0, 12.0), 1.0), (0, (-1.0, 3.5), 0.8), (1, (-4.0, 6.0), 0.4), (4, (-6.0, 4.0), 0.6))
"""Finger; place beside the axis of its metacarpal, mm toward the little finger, from and to: the thumb lies on its
side, so that its sesamoids are seen beside the bone; share of people who have it. Estimates."""

SESAMOID_YEARS = 11.5
Fingers = list[list[tuple[Vector, Vector]]]
"""Per finger the ends (base, head) of its bones, metacarpal first."""


@dataclass(frozen=True, slots=True)
class HandPose:
    """How a hand lies: turn about its length (0 palm down, 90 lateral), spread and bend of its fingers."""

    turn_deg: float = 0.0
    spread: float = 1.0
    bends_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    jitter_deg: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class HandBuild:
    """Size relative to a grown mean, growth, thickness of soft tissue and slenderness of bones."""

    scale: float = 1.0
    growth: Growth = GROWN
    flesh: float = 1.0
    stout: float = 1.0


class _Frame:
    """From the hand's own directions to the patient's: side, turn and scale."""

    def __init__(self, side: int, pose: HandPose, build: HandBuild) -> None:
        self.side, self.turn, self.scale = side, pose.turn_deg, build.scale

    def place(self, vector: Vector) -> Vector:
        flat = np.asarray(vector, float) * [self.side, 1, 1] * self.scale
        return turned_about_z(flat, self.side * self.turn)

    def across(self, lean_deg: float) -> Vector:
        lean = np.radians(lean_deg)
        return turned_about_z(np.array([self.side * np.cos(lean), 0.0, -np.sin(lean)]), self.side * self.turn)


def _fingers(pose: HandPose) -> Fingers:
    found = []
    for n, (base, lengths) in enumerate(zip(BASES_MM, LENGTHS_MM, strict=True)):
        lean = LEAN_DEG[n] * (pose.spread if n else 0.6 + 0.4 * pose.spread)
        bends = (0.0, *pose.bends_deg) if n else (12.0, 0.4 * pose.bends_deg[0], 0.5 * pose.bends_deg[1])
        metacarpal = chain(np.array(base), lengths[:1], LEAN_DEG[n] if n else lean, bends[:1])
        start = metacarpal[0][1] + 1.6 * (metacarpal[0][1] - metacarpal[0][0]) / lengths[0]
        rest = chain(start, lengths[1:], lean * (1.1 if n else 0.75) + pose.jitter_deg[n], (sum(bends[:2]), *bends[2:]))
        found.append(metacarpal + rest)
    return found


def _bones(frame: _Frame, fingers: Fingers, build: HandBuild, rng: np.random.Generator) -> list[Bone]:
    growth, k = build.growth, build.scale
    bones: list[Bone] = []
    for n, finger in enumerate(fingers):
        kinds = ("metacarpal", "proximal", "distal") if n == 0 else ("metacarpal", "proximal", "middle", "distal")
        for kind, (base, head) in zip(kinds, finger, strict=True):
            lean = float(np.degrees(np.arctan2(head[0] - base[0], head[2] - base[2])))
            a, b, c = (w * THICK[n] * k * build.stout for w in WIDTHS_MM[kind])
            plate: Plate = "base" if kind != "metacarpal" or n == 0 else "head"
            cortex = CORTEX_MM[kind] * k * min(1.0, 0.5 + 0.5 * growth.mineral)
            plan = Tubular(
                f"{kind} {n + 1}", frame.place(base), frame.place(head), frame.across(lean), (a, b, c), cortex,
                plate, 1.8, tuft=kind == "distal",
            )  # fmt: skip
            bones += tubular(plan, growth)
    for name, (years, lobes) in CARPALS.items():
        shift = rng.normal(0, 0.8, 3)
        placed = [(frame.place(np.array(c) + shift), r * k * build.stout * 0.98) for c, r in lobes]
        carpal = short(name, placed, growth, years)
        bones += [carpal] if carpal else []
    for finger_number, beside_mm, likely in SESAMOIDS:
        if growth.years < SESAMOID_YEARS or rng.random() > likely:
            continue
        base, head = fingers[finger_number][0]
        axis = (head - base) / np.linalg.norm(head - base)
        at = head + np.array([-axis[2], 0.0, axis[0]]) * rng.uniform(*beside_mm) + axis * rng.uniform(-5.0, 2.0)
        at = at - np.array([0.0, rng.uniform(5.0, 8.5), 0.0])
        radius = float(rng.uniform(1.6, 3.2)) * k
        sesamoid = short("sesamoid", [(frame.place(at), radius), (frame.place(at + 0.8 * axis), radius)], growth, 9.0)
        bones += [sesamoid] if sesamoid else []
    return bones + _forearm(frame, build)


def _forearm(frame: _Frame, build: HandBuild) -> list[Bone]:
    k, growth = build.scale, build.growth
    across = frame.across(0.0)
    radius = Tubular(
        "radius", frame.place(np.array([2.0, 0.0, -150.0])), frame.place(np.array([5.5, 0.0, -38.0])), across,
        (8 * k, 7.4 * k, 15.5 * k), 2.6 * k, "head", 1.1, flat_head=True,
    )  # fmt: skip
    ulna = Tubular(
        "ulna", frame.place(np.array([-14.0, 0.0, -150.0])), frame.place(np.array([-18.5, 2.0, -38.5])), across,
        (7.5 * k, 6.2 * k, 9.0 * k), 2.4 * k, "head", 6.0, flat_head=True,
    )  # fmt: skip
    return [*tubular(radius, growth), *tubular(ulna, growth)]


def _skin(frame: _Frame, fingers: Fingers, build: HandBuild) -> Callable[[Grid], Array]:
    k, flesh = build.scale, build.flesh

    def skin(grid: Grid) -> Array:
        out: Array | None = None
        for n, finger in enumerate(fingers):
            path = [finger[0][1], *[end for _, end in finger[1:]]]
            path[-1] = path[-1] + 2.2 * (path[-1] - path[-2]) / max(float(np.linalg.norm(path[-1] - path[-2])), 1e-6)
            wide = np.interp(np.arange(len(path)), (0, len(path) - 2, len(path) - 1), (11.8, 9.2, 6.4)) * THICK[n]
            tube = shapes.tube(
                grid, [point(frame.place(p - [0, 2, 0])) for p in path], [float(r) * k * flesh for r in wide]
            )
            palm = shapes.tube(
                grid, [point(frame.place(p - [0, 4, 0])) for p in (finger[0][0] * 0.85, finger[0][0], finger[0][1])],
                [15 * k * flesh, 15.5 * k * flesh, 11.5 * k * flesh],
            )  # fmt: skip
            own = shapes.smooth_union(tube, palm, 5.0 * k)
            out = own if out is None else shapes.smooth_union(out, own, 6.5 * k)
        arm = shapes.tube(
            grid, [point(frame.place(np.array(p))) for p in ((-5.0, -2, -24), (-5, -1, -60), (-5, 0, -170))],
            [21 * k * flesh, 24 * k * flesh, 31 * k * flesh],
        )  # fmt: skip
        wrist = shapes.tube(
            grid, [point(frame.place(np.array(p))) for p in ((8.0, -2, -26), (6, -1, -60), (3, 0, -170))],
            [20 * k * flesh, 22 * k * flesh, 30 * k * flesh],
        )  # fmt: skip
        thumb, index = fingers[0][0], fingers[1][0]
        ends = (0.3 * thumb[0] + 0.7 * thumb[1], 0.5 * index[0] + 0.5 * index[1])
        web = shapes.tube(
            grid, [point(frame.place(p - [0, 5, 0])) for p in ends], [13 * k * flesh, 12 * k * flesh],
        )  # fmt: skip
        assert out is not None
        out = shapes.smooth_union(out, web, 8.0 * k)
        result: Array = shapes.smooth_union(shapes.smooth_union(arm, wrist, 8.0), out, 12.0 * k).astype(np.float32)
        return result

    return skin


def _vessels(frame: _Frame, fingers: Fingers) -> dict[str, tuple[Point, ...]]:
    def path(points: list[Vector], count: int) -> tuple[Point, ...]:
        return shapes.smooth_path([point(frame.place(np.asarray(p, float))) for p in points], count)

    named = {
        "radial artery": path([np.array(p) for p in ((9, -9, -150), (14, -10, -60), (17, -8, -30), (14, -10, 6))], 40),
        "ulnar artery": path(
            [np.array(p) for p in ((-16, -10, -150), (-19, -11, -60), (-17, -12, -24), (-10, -12, 20))], 40
        ),
        "dorsal vein": path([np.array(p) for p in ((-8, 12, 40), (-4, 12, 5), (6, 12, -40), (10, 12, -110))], 30),
    }
    for n in (1, 2, 3):
        side = np.array([-5.5, -6.0, 0.0])
        named[f"digital artery {n + 1}"] = path([b + side for b, _ in fingers[n][1:]] + [fingers[n][-1][1] + side], 30)
    return named


def hand(side: int, pose: HandPose, build: HandBuild, rng: np.random.Generator) -> Scene:
    """Scene of a hand; `side` is +1 left, -1 right."""
    frame = _Frame(side, pose, build)
    fingers = _fingers(pose)
    bones = weathered(_bones(frame, fingers, build, rng), rng)
    ends = np.array([frame.place(p) for finger in fingers for bone in finger for p in bone] + [
        frame.place(np.array([x, 0.0, -72.0])) for x in (-26.0, 26.0)
    ])  # fmt: skip
    low, high = ends.min(0) - 22 * build.scale, ends.max(0) + 22 * build.scale
    low[1], high[1] = min(low[1], -42.0 * build.scale), max(high[1], 36.0 * build.scale)
    muscles = [
        Muscle(tuple(point(frame.place(np.array(p))) for p in path), weight)
        for path, weight in (
            (((17, -14, -14), (24, -18, 12), (30, -14, 32)), 6), (((-17, -12, -14), (-20, -12, 12), (-22, -10, 40)), 5),
            (((10, -8, 5), (12, -8, 55)), 2), (((0, -10, 5), (0, -10, 60)), 2), (((-9, -8, 5), (-10, -8, 50)), 2),
            (((8, -12, -150), (6, -12, -30)), 9), (((-12, -12, -150), (-10, -12, -30)), 9),
            (((6, 12, -150), (4, 10, -30)), 8), (((-12, 12, -150), (-10, 10, -30)), 8),
        )
    ]  # fmt: skip
    soft = tissue(
        (point(low - 8), point(high + 8)), _skin(frame, fingers, build),
        lambda grid: 0 * grid[2] + np.float32(2.4 * build.flesh), muscles, rng, uneven=0.3,
    )  # fmt: skip
    sites = {f"tip {n + 1}": point(frame.place(f[-1][1] - [0, 5, 2])) for n, f in enumerate(fingers)}
    sites |= {f"knuckle {n + 1}": point(frame.place(f[0][1] - [0, 9, 0])) for n, f in enumerate(fingers)}
    sites |= {
        "thenar": point(frame.place(np.array([28.0, -12, 14]))),
        "wrist": point(frame.place(np.array([2.0, -12, -32]))),
    }
    middle = (low + high) / 2
    return Scene(
        "hand", side, soft, bones, _soft_parts(frame, fingers, rng), _vessels(frame, fingers), sites, point(middle),
        point((high - low) / 2),
    )  # fmt: skip


def _soft_parts(frame: _Frame, fingers: Fingers, rng: np.random.Generator) -> tuple[Inclusion, ...]:
    """Nails, and fat at the pronator."""
    found = []
    for finger in fingers:
        base, head = finger[-1]
        nail = [
            point(frame.place(p + np.array([0, 5.5, 0]))) for p in (0.4 * base + 0.6 * head, head + 0.2 * (head - base))
        ]
        found.append(inclusion("nail", nail, [1.6, 1.4], float(rng.uniform(120, 260))))
    fat = [point(frame.place(np.array(p))) for p in ((0.0, -11, -95), (0.0, -10, -48))]
    return (*found, inclusion("pronator fat", fat, [2.2, 1.6], -95.0))

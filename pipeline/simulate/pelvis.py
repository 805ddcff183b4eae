"""The pelvis with both hips. Heights are measured from the hip centres, sides mirrored; sizes are those of an adult.

Distances between landmarks (head diameter 48 mm, neck-shaft angle 128 degrees, hip centres 176 mm apart, crest to crest
about 280 mm) are textbook means; every scene scales and varies them.
"""

from functools import partial

import numpy as np

from pipeline.simulate import shapes
from pipeline.simulate.anatomy import Bone, BonePlan, Inclusion, Muscle, Scene, bone, inclusion, roughened, tissue
from pipeline.simulate.build import Build
from pipeline.simulate.fields import Array, Grid, Point

HEAD_MM = 24.0
HIP_X_MM = 88.0
WING = ((-20, 20), (-8, 12), (16, 12), (24, 22), (34, 33), (40, 30), (43, 38), (47, 56), (60, 74), (67, 82), (65, 94),
        (52, 116), (30, 131), (4, 138), (-24, 138), (-54, 126), (-78, 104), (-86, 88), (-80, 70), (-66, 58), (-50, 52),
        (-38, 42), (-30, 30))  # fmt: skip
SACRUM = ((-54, 108), (-30, 116), (0, 118), (30, 116), (54, 108), (57, 92), (50, 66), (36, 46), (24, 26), (16, 8),
          (9, -8),          (-9, -8), (-16, 8), (-24, 26), (-36, 46), (-50, 66), (-57, 92))  # fmt: skip
OPENING = np.array([0.76, -0.30, -0.57], np.float32)
WING_AXES = np.array([[0.62, -0.785, 0.0], [0.0, 0.0, 1.0], [0.785, 0.62, 0.0]], np.float32)


def _femur(grid: Grid) -> Array:
    head = shapes.ball(grid, (HIP_X_MM, 0, 0), HEAD_MM)
    neck = shapes.swept(grid, ((90, 0, -2), (106, 4, -18), (122, 9, -34)), (17, 15.5, 18))
    out = shapes.smooth_union(head, neck, 5)
    trochanter = shapes.swept(grid, ((140, 16, -16), (139, 14, -32), (132, 11, -58)), (9.5, 13.5, 16))
    out = shapes.smooth_union(out, trochanter, 9)
    lesser = shapes.tube(grid, ((112, 24, -66), (121, 14, -74)), (6.5, 12))
    shaft = shapes.swept(grid, ((127, 9, -48), (126, 8, -85), (122, 4, -140), (114, 0, -300)), (19, 15.5, 14.2, 13.8))
    return shapes.smooth_union(shapes.smooth_union(out, shaft, 10), lesser, 8)


def _wing(grid: Grid) -> Array:
    u, v, w = shapes.turned(grid, (88.0, 5.0, 0.0), WING_AXES)
    edge = shapes.polygon_distance(WING, u, v)
    bowl = 0.20 * (v - 30) + 9 * np.sin((v - 20) / 118 * np.pi) * -0.9 + 0.0012 * u * u
    half = 2.8 + 4.6 * np.exp(np.minimum(edge, 0) / 5.5) + 9 * np.exp(-np.maximum(v - 12, 0) / 15)
    column = 4.5 * np.exp(-(((u - 12 - 0.2 * (v - 60)) / 13) ** 2))
    return -shapes.smooth_union(-(np.abs(w - bowl) - half - column), -edge, 3.0)


def _hip_bone(grid: Grid) -> Array:
    out = _wing(grid)
    socket = shapes.ball(grid, (HIP_X_MM - 2, 1, 3), 36.5)
    out = shapes.smooth_union(out, socket, 14)
    brim = shapes.swept(grid, ((50, 50, 68), (63, 33, 42), (68, 10, 22), (66, -14, 8)), (7, 8.5, 9, 12))
    upper = shapes.swept(grid, ((66, -16, 6), (46, -32, 0), (26, -40, -8), (12, -41, -20)), (12, 8.2, 8, 10))
    seat = shapes.swept(grid, ((78, 26, -14), (74, 36, -42), (64, 34, -66), (57, 27, -74)), (15, 12.5, 14, 12))
    lower = shapes.swept(grid, ((56, 25, -74), (38, 2, -62), (20, -22, -50), (10, -32, -38)), (10, 6.2, 6.4, 9))
    body = shapes.tube(grid, ((11, -40, -18), (9.5, -35, -42)), (9, 8))
    for part, blend in ((brim, 9), (upper, 9), (seat, 10), (lower, 6), (body, 7)):
        out = shapes.smooth_union(out, part, blend)
    x, y, z = shapes.shifted(grid, (HIP_X_MM, 0.0, 0.0))
    opening = 9 - (x * OPENING[0] + y * OPENING[1] + z * OPENING[2])
    inside = shapes.ball(grid, (HIP_X_MM, 0, 0), HEAD_MM + 4.2)
    out = shapes.smooth_cut(out, inside, 1.5)
    near = shapes.ball(grid, (HIP_X_MM, 0, 0), HEAD_MM + 22)
    out = shapes.smooth_cut(out, np.maximum(opening, near - 4) + 0 * out, 4)
    result: Array = np.maximum(out, 2.1 + 0.5 * np.sin(grid[2] / 4.0) - grid[0])
    return result


def _sacrum(grid: Grid) -> Array:
    x, y, z = grid
    edge = shapes.polygon_distance(SACRUM, x, z)
    middle = 50 + 26 * np.sin(np.clip((116 - z) / 124, 0, 1) * np.pi * 0.85)
    half = 8 + 7 * np.clip((z + 8) / 120, 0, 1) + 3 * np.exp(-((x / 12) ** 2))
    edge = edge + 1.6 * np.sin(z / 3.6) * np.clip((86 - z) / 40, 0, 1)
    out = -shapes.smooth_union(-(np.abs(y - middle) - half), -edge, 9.0)
    for height, across in ((91, 25), (70, 22), (50, 19), (32, 16)):
        for sign in (-1, 1):
            path = (
                (sign * (across + 8), 20, height - 8),
                (sign * (across + 3), 44, height - 3),
                (sign * across, 64, height),
            )
            hole = shapes.swept(grid, path, (8.5, 6.0, 1.5))
            out = shapes.smooth_cut(out, hole, 5)
    return out


def _vertebra(grid: Grid, height: float) -> Array:
    waist = 3.0 * (1 - ((grid[2] - height) / 14) ** 2)
    body = shapes.bar(grid, (0, 42, height), (26, 18, 14), 6.0) + np.clip(waist, 0, 3)
    for sign in (-1, 1):
        pedicle = shapes.tube(grid, ((sign * 14, 52, height + 5), (sign * 15, 74, height + 3)), (6, 6))
        wing = shapes.tube(grid, ((sign * 18, 70, height + 4), (sign * 43, 74, height + 7)), (5.5, 4))
        body = shapes.smooth_union(shapes.smooth_union(body, pedicle, 4), wing, 5)
    spine = shapes.tube(grid, ((0, 76, height), (0, 98, height - 7)), (5, 5))
    return shapes.smooth_union(body, spine, 6)


PAIRED = (
    BonePlan(
        "femur", _femur, ((58, -30, -250), (160, 42, 28)),
        ((-200, 6.4), (-120, 5.8), (-80, 4.2), (-55, 2.4), (-25, 1.3), (10, 0.9)),
        ((-160, 0.02), (-100, 0.05), (-60, 0.12), (-20, 0.19), (0, 0.26)), (62.0, 78.0, 138.0),
    ),
    BonePlan(
        "hip bone", _hip_bone, ((0, -58, -92), (160, 84, 146)),
        ((-80, 1.3), (20, 1.5), (60, 1.4), (140, 1.5)), ((-70, 0.10), (15, 0.16), (60, 0.08), (140, 0.12)),
        (125.0, 105.0, 60.0),
    ),
)  # fmt: skip
MIDDLE = (
    BonePlan("sacrum", _sacrum, ((-62, 25, -12), (62, 100, 122)), ((0, 1.0), (120, 1.0)), ((0, 0.08), (120, 0.10))),
    BonePlan(
        "L5", partial(_vertebra, height=136.0), ((-50, 18, 112), (50, 108, 154)), ((0, 0.9),), ((0, 0.13),), (90.0, 0.0)
    ),
    BonePlan(
        "L4", partial(_vertebra, height=173.0), ((-50, 18, 149), (50, 108, 191)), ((0, 0.9),), ((0, 0.13),), (90.0, 0.0)
    ),
)


def _bones(build: Build, rng: np.random.Generator) -> tuple[Bone, ...]:
    made = [bone(plan, side, build) for plan in PAIRED for side in (-1, 1)] + [bone(plan, 1, build) for plan in MIDDLE]
    return roughened([item for item in made if item is not None], rng)


TRUNK = np.array([
    (-120, 150, 80, 0, 12), (-60, 172, 96, 0, 10), (-10, 178, 106, 0, 10), (40, 168, 106, 0, 10), (90, 156, 102, 0, 8),
    (140, 146, 98, 0, 4), (230, 146, 100, 0, 0),
])  # fmt: skip
MUSCLES = (
    (((150, 30, 60), (150, 30, 10)), 12), (((120, -10, 85), (150, 0, 0)), 10), (((70, 92, 60), (120, 80, -40)), 22),
    (((150, -20, 30), (140, -30, -60), (125, -40, -250)), 8), (((118, -52, 40), (116, -62, -60), (112, -72, -250)), 8),
    (((95, -58, 30), (60, -62, -150)), 4), (((60, -20, 120), (84, -36, 20), (108, -6, -60)), 12),
    (((40, -48, -20), (88, -24, -150), (96, -30, -250)), 6), (((32, -20, -40), (84, 12, -220)), 12),
    (((60, 42, -70), (92, 52, -250)), 8), (((52, 52, -75), (76, 62, -250)), 6), (((30, 0, -50), (52, 6, -250)), 6),
    (((150, -6, -50), (146, -14, -250)), 16), (((126, 40, -40), (128, 42, -250)), 10),
    (((100, 30, 20), (120, 26, -20)), 4),    (((66, 10, -20), (110, 24, -38)), 4),
    (((84, 4, 100), (92, 30, 60)), 10), (((40, 90, 100), (36, 80, 190)), 14),
    (((118, -40, 150), (130, -10, 190)), 8), (((20, -88, 60), (20, -86, 190)), 6), (((36, 10, 190), (56, 5, 110)), 10),
)  # fmt: skip


def _outline(grid: Grid, build: Build) -> Array:
    g = build.girth
    out: Array = shapes.stack(grid, TRUNK * np.array([1, g, g, 1, 1]), 2.35) + 0.35 * np.maximum(-60 - grid[2], 0)
    for side in (-1, 1):
        leg = shapes.swept(
            grid, ((side * 98, 12, -30), (side * 100, 8, -120), (side * 96, 4, -340)), (86 * g, 84 * g, 72 * g)
        )
        buttock = shapes.ellipsoid(grid, (side * 66, 62 * g, -14), (74 * g, 66 * g, 72))
        out = shapes.smooth_union(shapes.smooth_union(out, leg, 20), buttock, 18)
    return np.asarray(out, np.float32)


def _gas(rng: np.random.Generator) -> tuple[Inclusion, ...]:
    """Bowel gas in the rectum and colon, fat about the vessels of the groin, the bladder."""
    found = []
    for centre, wide in (
        ((0, 46, 46), 16),
        ((-62, -30, 112), 24),
        ((70, -10, 104), 20),
        ((30, 20, 78), 15),
        ((-18, -40, 128), 17),
    ):
        path: list[Point] = []
        for n in range(5):
            jitter = rng.normal(0, wide * 0.55, 3)
            path.append((centre[0] + jitter[0] + 7.0 * (n - 2), centre[1] + 0.4 * jitter[1], centre[2] + jitter[2]))
        radii = [float(r) for r in rng.uniform(0.3, 0.62, 5) * wide]
        found.append(
            inclusion(
                "bowel gas", shapes.smooth_path(path, 9), list(np.interp(np.linspace(0, 4, 9), range(5), radii)), -960
            )
        )
    return tuple(found)


def pelvis(region: str, side: int, build: Build, rng: np.random.Generator) -> Scene:
    """Scene of the pelvis (`region` "pelvis", side 0) or of one hip (`region` "hip", side ±1)."""
    k = build.scale
    box = ((-246.0, -150.0, -255.0), (246.0, 174.0, 210.0))
    muscles = [Muscle(tuple((s * p[0], p[1], p[2]) for p in path), weight) for path, weight in MUSCLES for s in (-1, 1)]
    soft = tissue(
        box,
        lambda g: _outline(g, build),
        lambda g: (
            build.fat_mm * (0.75 + 0.35 * np.clip((np.abs(g[0]) - 60) / 90, 0, 1) + 0.3 * np.clip(g[1] / 90, 0, 1))
        ),
        muscles,
        rng,
    )
    groin = []
    vessels: dict[str, tuple[Point, ...]] = {}
    for s, name in ((-1, "right"), (1, "left")):
        artery = shapes.smooth_path(
            ((s * 30, 20, 120), (s * 62, -10, 60), (s * 80, -50, 10), (s * 84, -48, -60), (s * 76, -30, -250)), 24
        )
        vein = tuple((p[0] - s * 11, p[1] + 4, p[2]) for p in artery)
        vessels[f"{name} artery"] = artery
        vessels[f"{name} vein"] = shapes.smooth_path(
            ((s * 26, 52, 40), (s * 42, 46, 14), (s * 50, 36, -14), (s * 40, 22, -34)), 16
        )
        groin.append(inclusion("sleeve", tuple((p[0] - s * 5, p[1], p[2]) for p in artery), [8.5] * 24, -95.0))
        groin.append(inclusion("artery", artery, [3.7] * 24, 45.0))
        groin.append(inclusion("vein", vein, [4.6] * 24, 42.0))
    sites = {
        "trochanter": (side * 166.0 * k, 20.0 * k, -38.0 * k),
        "buttock": (side * 90.0, 78.0, 10.0),
        "groin": (side * 84.0, -62.0, -20.0),
        "hip centre": (side * HIP_X_MM * k, 0.0, 0.0),
    }
    centre = (0.0, 0.0, 18.0) if side == 0 else (side * 112.0 * k, 0.0, -22.0 * k)
    reach = (200.0, 150.0, 150.0) if side == 0 else (112.0, 150.0, 140.0)
    return Scene(region, side, soft, _bones(build, rng), (*_gas(rng), *groin), vessels, sites, centre, reach)

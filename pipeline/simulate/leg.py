"""The leg from the middle of the thigh to the ankle. Heights are measured from the knee's joint line, x laterally.

Sizes are textbook means of an adult; every scene scales and varies them.
"""

import numpy as np

from pipeline.simulate import shapes
from pipeline.simulate.anatomy import BonePlan, Inclusion, Muscle, Scene, bone, inclusion, roughened, tissue
from pipeline.simulate.build import Build, mirrored
from pipeline.simulate.fields import Array, Grid, Point

SKIN = np.array([
    (-420, 37, 44, 0, 6), (-385, 36, 42, 0, 6), (-340, 38, 44, 0, 8), (-280, 44, 50, 1, 10), (-210, 53, 58, 2, 14),
    (-140, 58, 62, 2, 16), (-85, 57, 61, 2, 12), (-40, 56, 59, 1, 5), (0, 59, 62, 0, 1), (35, 61, 65, 0, 0),
    (80, 66, 69, -1, 2), (140, 74, 77, -2, 3), (210, 82, 84, -3, 3), (300, 90, 90, -4, 2), (400, 96, 95, -5, 2),
], np.float64)  # fmt: skip
MUSCLES = (
    (((2, -50, 60), (14, -64, 210), (18, -66, 420)), 7), (((34, -22, 50), (56, -24, 150), (60, -18, 420)), 15),
    (((8, -28, 60), (26, -32, 200), (28, -34, 420)), 9), (((-34, -22, 40), (-40, -34, 110), (-24, -38, 300)), 12),
    (((-44, 28, 20), (-58, 4, 150), (-52, -46, 330), (-30, -60, 420)), 3),
    (((-42, 34, 20), (-62, 34, 200), (-66, 24, 420)), 3),
    (((-30, -4, 190), (-42, -10, 280), (-44, -8, 420)), 8), (((-24, 10, 100), (-34, 26, 240), (-34, 26, 420)), 14),
    (((-32, 44, 10), (-26, 58, 150), (-22, 62, 420)), 10), (((-20, 58, 10), (-6, 72, 180), (2, 76, 420)), 8),
    (((36, 36, 0), (30, 60, 160), (22, 66, 420)), 10), (((38, 28, 20), (34, 36, 160), (24, 34, 260)), 6),
    (((22, -20, -50), (24, -24, -140), (8, -26, -300)), 9), (((36, -8, -50), (36, -12, -150), (22, -20, -320)), 6),
    (((46, 10, -60), (44, 6, -160), (36, 14, -320)), 6), (((6, 34, -60), (8, 36, -160), (2, 34, -330)), 15),
    (((-22, 46, 30), (-28, 54, -80), (-16, 50, -190)), 13), (((22, 46, 30), (28, 54, -80), (18, 50, -180)), 12),
    (((6, 14, -60), (6, 12, -180), (-8, 16, -320)), 7), (((-18, 18, -70), (-18, 20, -190), (-14, 20, -330)), 5),
    (((0, 24, -20), (-8, 20, -70)), 8),
)  # fmt: skip


def _femur(grid: Grid) -> Array:
    shaft = shapes.swept(grid, ((26, -10, 440), (16, -14, 260), (6, -9, 130), (2, -5, 78)), (14, 13.6, 14.4, 15.8))
    inner = shapes.swept(grid, ((-1, -5, 84), (-15, -3, 46), (-21, 2, 26)), (13.5, 16, 16))
    outer = shapes.swept(grid, ((4, -5, 84), (16, -4, 46), (21, 1, 25)), (13.5, 15.5, 15))
    medial = shapes.ellipsoid(grid, (-23, 7, 20.5), (15.5, 30, 20))
    lateral = shapes.ellipsoid(grid, (23, 5, 20), (15, 29, 19))
    out = shapes.smooth_union(shapes.smooth_union(shaft, inner, 9), outer, 9)
    out = shapes.smooth_union(shapes.smooth_union(out, medial, 7), lateral, 7)
    out = shapes.smooth_union(out, shapes.ball(grid, (-37, 2, 33), 6), 7)
    notch = shapes.swept(grid, ((0, 4, 2), (0, 22, 9), (0, 48, 16)), (5.5, 8.6, 10))
    return shapes.smooth_cut(out, notch, 5)


def _tibia(grid: Grid) -> Array:
    x, y, z = grid
    medial = shapes.ellipsoid(grid, (-19, 4, -17), (20, 25, 14))
    lateral = shapes.ellipsoid(grid, (19.5, 5, -17), (18.5, 23, 14))
    top = z + 4.6 + 0.010 * np.minimum((np.abs(x) - 20) ** 2, 300.0) - 1.2
    plateau = -shapes.smooth_union(-shapes.smooth_union(medial, lateral, 8), -top - 0 * y, 2.5)
    shaft = shapes.swept(
        grid, ((0, 2, -24), (0, -1, -52), (-1, -4, -105), (-3, -2, -250), (-4, 3, -345), (-3, 4, -372)),
        (26, 18.5, 13.5, 11.6, 14, 19))  # fmt: skip
    out = shapes.smooth_union(plateau, -shapes.smooth_union(-shaft, -(z + 9) - 0 * x, 3), 6)
    for sign in (-1, 1):
        spine = shapes.tube(grid, ((sign * 6, 2, -8), (sign * 5, 2, 1.5)), (5, 1.8))
        out = shapes.smooth_union(out, spine, 4)
    out = shapes.smooth_union(out, shapes.ball(grid, (1, -22, -44), 7), 9)
    ankle = shapes.tube(grid, ((-18, 0, -360), (-22, 0, -384)), (9, 6))
    out = shapes.smooth_union(out, ankle, 8)
    return np.maximum(out, -378 - z - 12 * np.clip((-13 - x) / 5, 0, 1))


def _fibula(grid: Grid) -> Array:
    return shapes.swept(
        grid, ((36, 19, -18), (37, 19, -30), (38, 18, -55), (35, 15, -160), (30, 14, -300), (26, 13, -350),
               (25, 11, -388)),
        (7.5, 8.6, 5.4, 6.6, 6.2, 7.5, 9))  # fmt: skip


def _patella(grid: Grid) -> Array:
    body = shapes.ellipsoid(grid, (1, -46, 29), (22, 9.5, 18.5))
    pole = shapes.swept(grid, ((1, -47, 26), (0, -46, 14), (-1, -44, 5)), (14, 9, 3.5))
    ridge = shapes.tube(grid, ((0, -40, 36), (0, -40, 22)), (6, 6))
    return shapes.smooth_union(shapes.smooth_union(body, pole, 9), ridge, 8)


def _talus(grid: Grid) -> Array:
    return shapes.smooth_union(
        shapes.ellipsoid(grid, (0, -2, -396), (17, 26, 14)), shapes.ellipsoid(grid, (0, 14, -428), (17, 32, 18)), 6
    )


BONES = (
    BonePlan(
        "femur", _femur, ((-48, -40, -4), (56, 42, 440)),
        ((10, 0.9), (45, 0.9), (80, 1.6), (120, 3.4), (180, 5.4), (440, 6.2)),
        ((0, 0.25), (50, 0.21), (90, 0.13), (140, 0.04), (220, 0.0)), (78.0, 102.0, 90.0),
    ),
    BonePlan(
        "tibia", _tibia, ((-46, -40, -384), (46, 36, 8)),
        ((-370, 1.0), (-330, 2.0), (-270, 4.6), (-130, 5.0), (-80, 2.8), (-45, 1.3), (-6, 0.9)),
        ((-380, 0.24), (-330, 0.10), (-260, 0.0), (-130, 0.02), (-60, 0.14), (-8, 0.26)), (90.0, 90.0, 84.0),
    ),
    BonePlan(
        "fibula", _fibula, ((14, 0, -402), (50, 30, -6)),
        ((-390, 0.9), (-330, 2.0), (-160, 2.6), (-55, 1.8), (-25, 0.8)),
        ((-380, 0.2), (-320, 0.05), (-60, 0.06), (-25, 0.18)), (90.0,),
    ),
    BonePlan("patella", _patella, ((-26, -62, -4), (28, -30, 56)), ((0, 0.8),), ((0, 0.19),), (90.0, 80.0)),
    BonePlan("talus", _talus, ((-20, -46, -450), (22, 50, -380)), ((0, 0.9),), ((0, 0.21),), (60.0, 120.0)),
)  # fmt: skip


def _vessels(side: int) -> dict[str, tuple[Point, ...]]:
    artery = ((-34, -34, 430), (-40, -10, 300), (-30, 16, 170), (-10, 30, 70), (-2, 36, 10), (0, 34, -40), (4, 24, -90))
    back = ((4, 24, -90), (-4, 26, -180), (-14, 24, -300), (-20, 22, -400))
    front = ((8, 22, -90), (20, 4, -120), (18, -6, -220), (6, -22, -380))
    saphenous = ((-52, -38, 420), (-62, 12, 150), (-52, 26, 10), (-46, 14, -120), (-34, -12, -300), (-30, -14, -400))
    named = {"artery": artery, "posterior tibial": back, "anterior tibial": front, "saphenous vein": saphenous}
    return {name: shapes.smooth_path([(side * x, y, z) for x, y, z in path], 40) for name, path in named.items()}


CENTRES = {"thigh": 232.0, "knee": 14.0, "lower_leg": -205.0}
REACHES = {"thigh": (98.0, 100.0, 205.0), "knee": (80.0, 82.0, 120.0), "lower_leg": (72.0, 76.0, 205.0)}


def leg(region: str, side: int, build: Build, rng: np.random.Generator) -> Scene:
    """Scene of a "thigh", "knee" or "lower_leg"; `side` is +1 left, -1 right."""
    k = build.scale
    middle, reach = CENTRES[region] * k, REACHES[region]
    span = (middle - 1.12 * reach[2], middle + 1.12 * reach[2])
    wide = 118.0 if region == "thigh" else 96.0
    box = ((-wide * build.girth, -wide * build.girth, span[0]), (wide * build.girth, (wide + 4) * build.girth, span[1]))
    g = build.girth
    soft = tissue(
        box,
        lambda grid: shapes.stack(mirrored(grid, side, 1.0), SKIN * np.array([k, g, g, 1, 1]), 2.15),
        lambda grid: _fat(grid, side, build),
        [Muscle(tuple((side * x, y, z) for x, y, z in path), weight) for path, weight in MUSCLES],
        rng,
    )
    vessels = _vessels(side)
    made = [bone(plan, side, build, span) for plan in BONES]
    bones = roughened([item for item in made if item is not None], rng)
    sites: dict[str, Point] = {"femur": (side * 14.0, -14.0, 215.0), "front": (side * 46.0, -30.0, 225.0),
             "back": (side * -8.0, 58.0, 205.0), "popliteal": (side * 2.0, 42.0, 14.0)}  # fmt: skip
    return Scene(region, side, soft, bones, _soft_parts(vessels, side, span), vessels, sites, (0.0, 0.0, middle), reach)


def _fat(grid: Grid, side: int, build: Build) -> Array:
    x, y, z = mirrored(grid, side, 1.0)
    more = np.clip((z + 60) / 240, 0.35, 1.0) + 0.25 * np.clip(-x / 60, 0, 1) + 0.2 * np.clip(y / 60, 0, 1)
    knee_front = np.clip(1 - np.hypot(z - 20, 0) / 45, 0, 1) * np.clip(-y / 40, 0, 1)
    result: Array = (0.55 * build.fat_mm * more * (1 - 0.55 * knee_front)).astype(np.float32)
    return result


def _soft_parts(vessels: dict[str, tuple[Point, ...]], side: int, span: tuple[float, float]) -> tuple[Inclusion, ...]:
    found = []

    def add(name: str, path: tuple[Point, ...], radius: float, hu: float) -> None:
        near = tuple(p for p in path if span[0] - 20 <= p[2] <= span[1] + 20)
        if len(near) >= 2:
            found.append(inclusion(name, near, [radius] * len(near), hu))

    add("sleeve", vessels["artery"], 8.2, -96.0)
    add("joint fat", ((side * 1.0, -34.0, -2.0), (side * 1.0, -32.0, -14.0)), 9.0, -90.0)
    add("artery", tuple((x - side * 1.5, y - 3.6, z) for x, y, z in vessels["artery"]), 2.9, 46.0)
    add("vein", tuple((x + side * 2.5, y + 4.2, z) for x, y, z in vessels["artery"]), 3.6, 42.0)
    add("patellar tendon", ((side * 1.0, -52.0, 8.0), (side * 1.0, -40.0, -40.0)), 4.5, 75.0)
    add("quadriceps tendon", ((side * 2.0, -50.0, 44.0), (side * 4.0, -52.0, 80.0)), 5.0, 72.0)
    add("saphenous sleeve", vessels["saphenous vein"], 4.2, -98.0)
    add("saphenous vein", vessels["saphenous vein"], 2.2, 40.0)
    return tuple(found)

"""Random studies of hands, feet and growing knees: normal ones, and deposits as they lie there."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from pipeline.simulate import deposits, masses
from pipeline.simulate.anatomy import Bone, Scene
from pipeline.simulate.build import Build
from pipeline.simulate.digits import ADULT_YEARS, Growth
from pipeline.simulate.fields import Field, Point
from pipeline.simulate.foot import FootBuild, FootPose, foot
from pipeline.simulate.hand import HandBuild, HandPose, hand
from pipeline.simulate.leg import leg
from pipeline.simulate.lesions import Lesion

NORMAL_SHARE = 0.4
CHILD_SHARE = 0.45
SIZE_AT_YEARS = ((1.0, 4.0, 8.0, 12.0, 15.0), (0.52, 0.66, 0.80, 0.92, 1.0))
"""Size of hands and feet relative to grown ones: an estimate from charts of growth."""
PLATES_MM = {"femur": 27.0, "tibia": -19.0, "fibula": -31.0}
"""Heights of the growth plates at the knee of the mean skeleton."""
LEAST_PLATE_MM = 1.3
"""Half of a growth plate's width: thinner ones are lost between the points of a bone's lattice."""
REGIONS = ("hand", "foot", "knee")
Painter = Callable[[Scene, np.random.Generator], Lesion]


def random_extremity(rng: np.random.Generator, region: str | None = None) -> tuple[Scene, tuple[Lesion, ...]]:
    """A random hand, foot or growing knee, with the deposits in it."""
    region = region or str(rng.choice(REGIONS, p=(0.5, 0.35, 0.15)))
    side = int(rng.choice([-1, 1]))
    child = region == "knee" or rng.random() < CHILD_SHARE
    years = float(rng.uniform(0.8, ADULT_YEARS)) if child else 30.0
    scene = {"hand": random_hand, "foot": random_foot, "knee": growing_knee}[region](side, years, rng)
    if rng.random() < NORMAL_SHARE:
        return scene, ()
    if region == "knee":
        veins = {n: p for n, p in scene.vessels.items() if "vein" in n}
        return scene, (deposits.phleboliths(region, veins, int(rng.integers(1, 5)), rng),)
    if rng.random() < 0.2:
        return _with_mass(scene, rng)
    painters = PAINTERS if not child else {n: PAINTERS[n] for n in CHILDRENS}
    names = sorted(painters)
    return scene, (painters[names[int(rng.integers(len(names)))]](scene, rng),)


def random_hand(side: int, years: float, rng: np.random.Generator) -> Scene:
    """A hand at an age, in a random pose."""
    growth = Growth(years, float(np.clip(rng.normal(0.92, 0.15), 0.5, 1.2)))
    scale = float(np.interp(years, *SIZE_AT_YEARS) * rng.uniform(0.92, 1.08))
    turn = float(rng.normal(0, 7)) if rng.random() < 0.65 else float(rng.choice([40, 85]) + rng.normal(0, 8))
    bent = rng.uniform(10, 75, 3) if rng.random() < 0.25 else np.abs(rng.normal(0, 5, 3))
    jitter = rng.normal(0, 2.5, 5)
    pose = HandPose(
        turn, float(rng.uniform(0.1, 1.9)), (float(bent[0]), float(bent[1]), float(0.6 * bent[2])),
        (float(jitter[0] * 3), float(jitter[1]), float(jitter[2]), float(jitter[3]), float(jitter[4])),
    )  # fmt: skip
    flesh = float(rng.uniform(0.9, 1.1) + 0.3 * (1 - min(scale, 1)))
    return hand(side, pose, HandBuild(scale, growth, flesh, float(rng.uniform(0.9, 1.08))), rng)


def random_foot(side: int, years: float, rng: np.random.Generator) -> Scene:
    """A foot at an age, in a random pose."""
    growth = Growth(years, float(np.clip(rng.normal(0.92, 0.15), 0.5, 1.2)))
    scale = float(np.interp(years, *SIZE_AT_YEARS) * rng.uniform(0.92, 1.08))
    turn = float(rng.choice([0, 0, 40, 90]) + rng.normal(0, 6))
    pose = FootPose(
        turn, float(rng.normal(0, 12)), (float(rng.normal(-12, 8)), float(rng.normal(14, 10)), float(rng.normal(8, 8))),
        float(rng.uniform(0.5, 1.4)),
    )  # fmt: skip
    flesh = float(rng.uniform(0.88, 1.08) + 0.25 * (1 - min(scale, 1)))
    return foot(side, pose, FootBuild(scale, growth, flesh, float(rng.uniform(0.9, 1.08))), rng)


def growing_knee(side: int, years: float, rng: np.random.Generator) -> Scene:
    """A child's knee: the adult one made smaller, its epiphyses apart, without patella before the fourth year."""
    scale = float(np.interp(years, (1, 15), (0.7, 1.0)) * rng.uniform(0.95, 1.05))
    build = Build(scale, float(rng.uniform(0.7, 1.1)), float(rng.uniform(8, 20)), scale * float(rng.uniform(0.85, 1.0)))
    scene = leg("knee", side, build, rng)
    half = float(np.interp(years, (1, 15), (2.4, LEAST_PLATE_MM)))
    grown = [_parted(b, PLATES_MM[b.name] * scale, half) if b.name in PLATES_MM else b for b in scene.bones]
    return replace(scene, bones=tuple(b for b in grown if b.name != "patella" or years >= 4))


def _parted(bone: Bone, height_mm: float, half_mm: float) -> Bone:
    """A bone with a wavy gap at a height."""
    grid = bone.distance.lattice
    x, y, z = grid.grid()
    plate = half_mm - np.abs(z - height_mm - 1.5 * np.cos(x / 6) - 1.0 * np.cos(y / 7))
    return replace(bone, distance=Field(grid, np.maximum(bone.distance.values, plate).astype(np.float32)))


def _site(scene: Scene, rng: np.random.Generator, spread_mm: float = 2.0) -> Point:
    names = sorted(scene.sites)
    x, y, z = scene.sites[names[int(rng.integers(len(names)))]]
    jitter = rng.normal(0, spread_mm, 3)
    return float(x + jitter[0]), float(y + jitter[1]), float(z + jitter[2])


def _with_mass(scene: Scene, rng: np.random.Generator) -> tuple[Scene, tuple[Lesion, ...]]:
    size = float(rng.uniform(7, 17))
    stretch = rng.uniform(0.7, 1.3, 3) * size
    mass = masses.loculi(
        _site(scene, rng, 5.0), (float(stretch[0]), float(stretch[1]), float(stretch[2])), rng,
        sediment_share=float(rng.choice([0.0, 0.5])), clear_mm=scene.clearance_mm,
    )  # fmt: skip
    if not len(mass.radii):
        return scene, ()
    bulged = scene.bulged(lambda grid: masses.envelope(grid, mass), float(rng.uniform(2, 6)))
    return bulged, (masses.tumoral_calcinosis(mass, str(rng.choice(["erect", "supine"])), scene.region),)


def _specks(entity: str, half_mm: tuple[float, float], most: int) -> Painter:
    """Clouds at several sites, as in calcinosis of finger tips."""

    def paint(scene: Scene, rng: np.random.Generator) -> Lesion:
        parts = []
        for _ in range(int(rng.integers(1, most + 1))):
            half = rng.uniform(*half_mm) * rng.uniform(0.6, 1.4, 3)
            size = (float(half[0]), float(half[1]), float(half[2]))
            parts.append(deposits.cloud(entity, scene.region, _site(scene, rng), size, rng,
                                        density=float(rng.uniform(0.35, 0.8))))  # fmt: skip
        return replace(parts[0], patches=tuple(p for part in parts for p in part.patches))

    return paint


def _vessel(scene: Scene, rng: np.random.Generator) -> Lesion:
    paths = [p for n, p in sorted(scene.vessels.items()) if "vein" not in n]
    entity = str(rng.choice(["arterial_calcification", "atheromatous_plaque"]))
    path = paths[int(rng.integers(len(paths)))]
    return deposits.artery(entity, scene.region, path, float(rng.uniform(1.8, 4.0)), rng)


def _stones(scene: Scene, rng: np.random.Generator) -> Lesion:
    veins = {n: p for n, p in scene.vessels.items() if "vein" in n}
    return deposits.phleboliths(scene.region, veins, int(rng.integers(1, 6)), rng)


PAINTERS: Mapping[str, Painter] = {
    "calcinosis_circumscripta": _specks("calcinosis_circumscripta", (0.8, 3.5), 8),
    "dystrophic": _specks("dystrophic_calcification", (2.0, 6.0), 3),
    "metastatic": _specks("metastatic_calcification", (4.0, 11.0), 2),
    "peritendinitis": _specks("peritendinitis_calcarea", (1.5, 5.0), 1),
    "artery": _vessel,
    "phlebolith": _stones,
    "sheets": lambda s, r: deposits.sheets("calcinosis_universalis", s.region, s, int(r.integers(2, 7)), r),
    "shell": lambda s, r: deposits.zonal_shell(s.region, _site(s, r, 4.0), (6.0, 5.0, float(r.uniform(6, 12))), r),
    "cyst": lambda s, r: deposits.rim_cyst("calcified_bursa", s.region, _site(s, r, 4.0), float(r.uniform(4, 9)), r,
                                           gap_share=float(r.uniform(0.05, 0.5))),
    "synovial": lambda s, r: deposits.rings("synovial_tumor", s.region, _site(s, r, 4.0), float(r.uniform(6, 13)), r),
    "matrix": lambda s, r: deposits.rings("matrix_producing_tumor", s.region, _site(s, r, 4.0),
                                          float(r.uniform(6, 13)), r),
}  # fmt: skip
CHILDRENS = ("calcinosis_circumscripta", "dystrophic", "phlebolith", "sheets", "shell")
"""Painters that are drawn for children."""

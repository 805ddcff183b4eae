"""One random study: region, entity, patient, lesion and look, all from one generator."""

from collections.abc import Callable, Mapping

import numpy as np

from pipeline.simulate import deposits, masses
from pipeline.simulate.anatomy import Scene
from pipeline.simulate.build import Build
from pipeline.simulate.fields import Point
from pipeline.simulate.files import Patient
from pipeline.simulate.lesions import Lesion
from pipeline.simulate.looks import Look
from pipeline.simulate.recording import Shot, Study, scene_of
from pipeline.simulate.tomography import Protocol

CT_SHARE = 0.3
NORMAL_SHARE = 0.25
REGIONS = ("hip", "pelvis", "thigh", "knee", "lower_leg")
LIMBS = ("thigh", "knee", "lower_leg")
Painter = Callable[[Scene, np.random.Generator, str], Lesion]


def random_study(seed: int, number: int, rng: np.random.Generator) -> Study:
    """Study `number` of a seed."""
    entity, region = _what(rng)
    side = 0 if region == "pelvis" else int(rng.choice([-1, 1]))
    age = int(rng.integers(9, 86))
    build = Build(
        float(rng.uniform(0.9, 1.08)), float(np.clip(1.25 - age / 120 + rng.normal(0, 0.1), 0.45, 1.25)),
        float(rng.uniform(10, 34)), float(rng.uniform(0.88, 1.1)),
    )  # fmt: skip
    scene = scene_of(region, side, build, rng)
    ct = bool(rng.random() < CT_SHARE)
    name = f"{'ct' if ct else 'xr'}{number:04d}"
    patient = Patient(f"{seed}-{number:04d}", age, str(rng.choice(["F", "M"])), f"cohort/{seed}/{number}")
    posture = str(rng.choice(["supine", "supine", "supine", "prone", "left_decubitus"] if ct else ["erect", "supine"]))
    mass = None
    if entity == "tumoral_calcinosis":
        size = float(rng.uniform(12, 30))
        mass = masses.loculi(_soft_site(scene, rng), (size, size, size * float(rng.uniform(1, 1.7))), rng,
                             sediment_share=float(rng.choice([0.0, 0.4, 0.75])),
                             clear_mm=scene.clearance_mm)  # fmt: skip
        grown = mass
        scene = scene.bulged(lambda grid: masses.envelope(grid, grown), float(rng.uniform(5, 14)))
    shots = () if ct else _shots(region, posture, rng)

    def lesions(held: str) -> tuple[Lesion, ...]:
        return (masses.tumoral_calcinosis(mass, held, region),) if mass is not None else fixed

    fixed = (PAINTERS[entity](scene, rng, region),) if entity in PAINTERS else ()
    placed = tuple(lesions(s.posture) for s in shots) or (lesions(posture),)
    protocol = _protocol(scene, placed[0], rng) if ct else None
    return Study(name, patient, entity, scene, placed, shots, protocol, posture)


def _what(rng: np.random.Generator) -> tuple[str, str]:
    if rng.random() < NORMAL_SHARE:
        return "no_calcification", str(rng.choice(REGIONS))
    entity = str(rng.choice(["tumoral_calcinosis", *PAINTERS], p=[0.28] + [0.72 / len(PAINTERS)] * len(PAINTERS)))
    return entity, str(rng.choice(WHERE.get(entity, REGIONS)))


def _shots(region: str, posture: str, rng: np.random.Generator) -> tuple[Shot, ...]:
    two = region in LIMBS and rng.random() < 0.35
    margins = rng.uniform(0, 14, 4)
    look = Look(
        flatten=float(rng.uniform(0.15, 0.6)), edge=float(rng.uniform(0.0, 1.2)), fine_mm=float(rng.uniform(0.8, 2.5)),
        latitude=float(rng.uniform(0.42, 0.9)), shift=float(rng.uniform(-0.15, 0.4)),
        bits=int(rng.choice([10, 12, 14])),
        inverted=bool(rng.random() < 0.2), shutter=bool(rng.random() < 0.7),
    )  # fmt: skip
    shot = Shot(
        posture=posture, pixel_mm=float(round(rng.uniform(0.2, 0.38), 3)), look=look,
        counts=float(rng.uniform(600, 4000)),
        margins_mm=(float(margins[0]), float(margins[1]), float(margins[2]), float(margins[3])),
        turn_deg=float(rng.normal(0, 1.2)), marker=bool(rng.random() < 0.7), told=bool(rng.random() < 0.75),
    )  # fmt: skip
    side = Shot(
        "LAT", posture, shot.pixel_mm, look, shot.counts, shot.margins_mm, shot.turn_deg, shot.marker, shot.told
    )  # fmt: skip
    return (shot, side) if two else (shot,)


def _protocol(scene: Scene, lesions: tuple[Lesion, ...], rng: np.random.Generator) -> Protocol:
    height = scene.centre[2]
    if lesions:
        z = [p.lattice.origin[2] + p.lattice.step_mm * p.lattice.shape[2] / 2 for p in lesions[0].patches]
        height = float(np.median(z))
    wide = 400.0 if scene.region in ("hip", "pelvis") else 230.0
    count = int(rng.choice([256, 320, 384]))
    slice_mm = float(rng.choice([2.0, 3.0, 4.0, 5.0]))
    slices = int(110 / slice_mm)
    return Protocol((0.0, 6.0, height), (slices, count, count), wide / count, slice_mm,
                    float(rng.uniform(0.4, 0.8)), float(rng.uniform(7, 20)))  # fmt: skip


def _soft_site(scene: Scene, rng: np.random.Generator) -> Point:
    """A point in soft tissue near a joint or muscle of the scene."""
    names = {"hip": ("trochanter", "buttock"), "pelvis": ("groin",), "thigh": ("front", "back")}.get(
        scene.region, ("popliteal",)
    )
    x, y, z = scene.sites[str(rng.choice(names))]
    jitter = rng.normal(0, 5, 3)
    drop = -110.0 if scene.region == "lower_leg" else 0.0
    return float(x + jitter[0]), float(y + jitter[1]), float(z + drop + jitter[2])


def _cyst(scene: Scene, rng: np.random.Generator, region: str) -> Lesion:
    return deposits.rim_cyst("hydatid_cyst", region, _soft_site(scene, rng), float(rng.uniform(14, 32)), rng,
                             gap_share=float(rng.uniform(0.02, 0.4)))  # fmt: skip


def _bursa(scene: Scene, rng: np.random.Generator, region: str) -> Lesion:
    return deposits.rim_cyst("calcified_bursa", region, _soft_site(scene, rng), float(rng.uniform(8, 18)), rng,
                             gap_share=float(rng.uniform(0.3, 0.6)))  # fmt: skip


def _shell(scene: Scene, rng: np.random.Generator, region: str) -> Lesion:
    half = float(rng.uniform(9, 20))
    return deposits.zonal_shell(
        region, _soft_site(scene, rng), (half, half * 0.9, half * float(rng.uniform(1, 2.2))), rng
    )


def _vessel(entity: str) -> Painter:
    def paint(scene: Scene, rng: np.random.Generator, region: str) -> Lesion:
        names = [n for n in sorted(scene.vessels) if "artery" in n or "tibial" in n]
        near = [[p for p in scene.vessels[n] if abs(p[2] - scene.centre[2]) < 0.95 * scene.reach_mm[2]] for n in names]
        paths = [p for p in near if len(p) > 8]
        return deposits.artery(entity, region, paths[int(rng.integers(len(paths)))], float(rng.uniform(4.5, 8.5)), rng)

    return paint


def _stones(scene: Scene, rng: np.random.Generator, region: str) -> Lesion:
    veins = {n: p[2:] for n, p in scene.vessels.items() if "vein" in n}
    return deposits.phleboliths(region, veins, int(rng.integers(1, 9)), rng)


def _cloud(entity: str, size: tuple[float, float], **findings: bool) -> Painter:
    def paint(scene: Scene, rng: np.random.Generator, region: str) -> Lesion:
        half = rng.uniform(*size, 3)
        size_mm = (float(half[0]), float(half[1]), float(half[2]))
        return deposits.cloud(entity, region, _soft_site(scene, rng), size_mm, rng,
                              density=float(rng.uniform(0.3, 0.6)), findings=findings)  # fmt: skip

    return paint


PAINTERS: Mapping[str, Painter] = {
    "hydatid_cyst": _cyst,
    "calcified_bursa": _bursa,
    "myositis_ossificans": _shell,
    "calcinosis_universalis": lambda s, r, g: deposits.sheets(
        "calcinosis_universalis", g, s, int(r.integers(6, 20)), r
    ),
    "dermatomyositis": lambda s, r, g: deposits.sheets("dermatomyositis", g, s, int(r.integers(8, 24)), r),
    "cysticercosis": lambda s, r, g: deposits.rice_grains(g, s, int(r.integers(8, 50)), r),
    "calcified_worm": lambda s, r, g: deposits.worm(g, _soft_site(s, r), r),
    "arterial_calcification": _vessel("arterial_calcification"),
    "atheromatous_plaque": _vessel("atheromatous_plaque"),
    "phlebolith": _stones,
    "peritendinitis_calcarea": _cloud("peritendinitis_calcarea", (3, 9), in_tendon=True),
    "metastatic_calcification": _cloud("metastatic_calcification", (10, 24), periarticular=True),
    "granuloma": _cloud("granuloma", (4, 9)),
    "calcified_lymph_node": _cloud("calcified_lymph_node", (6, 13), nodal_pattern=True),
    "postsurgical_paralytic": _cloud("postsurgical_paralytic", (10, 26)),
    "matrix_producing_tumor": lambda s, r, g: deposits.rings(
        "matrix_producing_tumor", g, _soft_site(s, r), float(r.uniform(16, 34)), r
    ),
    "synovial_tumor": lambda s, r, g: deposits.rings(
        "synovial_tumor", g, _soft_site(s, r), float(r.uniform(14, 28)), r
    ),
}
WHERE: Mapping[str, tuple[str, ...]] = {
    "tumoral_calcinosis": ("hip", "hip", "knee", "thigh"), "phlebolith": ("pelvis",),
    "calcified_lymph_node": ("pelvis",),
    "peritendinitis_calcarea": ("hip",), "synovial_tumor": ("knee",), "calcinosis_universalis": ("thigh", "lower_leg"),
    "dermatomyositis": ("thigh",), "cysticercosis": ("thigh",), "metastatic_calcification": ("hip", "knee"),
    "postsurgical_paralytic": ("hip",),
}  # fmt: skip
"""Regions in which an entity is drawn; the others anywhere."""

"""What is simulated: the sample studies behind `calcinosis sample`, and cohorts of random ones."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from pipeline.simulate import deposits, looks, masses
from pipeline.simulate.build import Build
from pipeline.simulate.cohort import random_study
from pipeline.simulate.files import Patient
from pipeline.simulate.recording import Shot, Study, scene_of, write_study
from pipeline.simulate.tomography import Protocol

SEED = 7
Made = tuple[Study, np.random.Generator]


def write_samples(out: Path) -> None:
    """Write the sample studies below `out` (folders `studies` and `truth`); always the same bytes."""
    for make in SAMPLES:
        for study, rng in make():
            write_study(study, out, rng)


def write_cohort(out: Path, seed: int, count: int) -> None:
    """Write `count` random studies below `out`; study n of a seed is the same whatever `count` is."""
    for n in range(count):
        rng = np.random.default_rng((seed, n))
        write_study(random_study(seed, n, rng), out, rng)


def _tumoral_hip() -> Iterator[Made]:
    """One patient three times: erect film, supine film, supine CT."""
    rng = np.random.default_rng((SEED, 1))
    scene = scene_of("hip", 1, Build(fat_mm=19.0), rng)
    x, y, z = scene.sites["trochanter"]
    own = np.random.default_rng((SEED, 1, 6))
    mass = masses.loculi((x - 6, y + 4, z + 8), (29.0, 33.0, 48.0), own, clear_mm=scene.clearance_mm)
    scene = scene.bulged(lambda grid: masses.envelope(grid, mass), 9.0)
    context: dict[str, object] = {
        "history": {"trauma": False, "dialysis": False, "family_tumoral_calcinosis": True},
        "labs": {"phosphate": {"value": 2.1, "unit": "mmol/L"}, "calcium_total": {"value": 2.38, "unit": "mmol/L"}},
        "examination": {"mobile": True, "well_defined": True},
    }
    for name, posture in (("tumoral_calcinosis_hip_erect", "erect"), ("tumoral_calcinosis_hip_supine", "supine")):
        patient = Patient("1001", 23, "F", name)
        lesion = masses.tumoral_calcinosis(mass, posture, "hip")
        shot = Shot(posture=posture, pixel_mm=0.27, margins_mm=(3.0, 6.0, 7.0, 3.0), turn_deg=0.5)
        told = context if posture == "erect" else None
        yield Study(name, patient, "tumoral_calcinosis", scene, ((lesion,),), (shot,), context=told), rng
    protocol = Protocol((8.0, 6.0, -32.0), (30, 416, 416), 0.96, 4.0)
    lesion = masses.tumoral_calcinosis(mass, "supine", "hip")
    name = "tumoral_calcinosis_hip_ct"
    yield Study(name, Patient("1001", 23, "F", name), "tumoral_calcinosis", scene, ((lesion,),), protocol=protocol), rng


def _universalis() -> Iterator[Made]:
    rng = np.random.default_rng((SEED, 2))
    scene = scene_of("thigh", -1, Build(scale=0.94, fat_mm=30.0, girth=0.92), rng)
    lesion = deposits.sheets("calcinosis_universalis", "thigh", scene, 15, rng)
    name = "calcinosis_universalis_thigh"
    yield Study(name, Patient("1002", 31, "F", name), "calcinosis_universalis", scene, ((lesion,),), (Shot(),)), rng


def _phleboliths() -> Iterator[Made]:
    rng = np.random.default_rng((SEED, 3))
    scene = scene_of("pelvis", 0, Build(scale=1.02, fat_mm=24.0), rng)
    veins = {name: path[2:] for name, path in scene.vessels.items() if name.endswith("vein")}
    lesion = deposits.phleboliths("pelvis", veins, 7, rng)
    shot = Shot(pixel_mm=0.36, margins_mm=(3.0, 3.0, 5.0, 5.0), turn_deg=-0.4)
    name = "phleboliths_pelvis"
    yield Study(name, Patient("1003", 58, "F", name), "phlebolith", scene, ((lesion,),), (shot,)), rng


def _hydatid() -> Iterator[Made]:
    rng = np.random.default_rng((SEED, 4))
    scene = scene_of("thigh", 1, Build(fat_mm=20.0), rng)
    lesion = deposits.rim_cyst("hydatid_cyst", "thigh", (34.0, 40.0, 225.0), 27.0, rng, gap_share=0.10)
    protocol = Protocol((0.0, 4.0, 225.0), (26, 320, 320), 0.70, 4.0, noise_hu=11.0)
    context: dict[str, object] = {"history": {"sheep_contact": True, "trauma": False}}
    name = "hydatid_cyst_thigh_ct"
    patient = Patient("1004", 44, "M", name)
    yield Study(name, patient, "hydatid_cyst", scene, ((lesion,),), protocol=protocol, context=context), rng


def _myositis() -> Iterator[Made]:
    rng = np.random.default_rng((SEED, 5))
    scene = scene_of("thigh", -1, Build(scale=1.04, fat_mm=15.0), rng)
    lesion = deposits.zonal_shell("thigh", (-45.0, -34.0, 222.0), (15.0, 13.0, 34.0), rng)
    context: dict[str, object] = {"history": {"trauma": True, "trauma_weeks_ago": 9, "trauma_site": "thigh"}}
    name = "myositis_ossificans_thigh"
    patient = Patient("1005", 19, "M", name)
    yield Study(name, patient, "myositis_ossificans", scene, ((lesion,),), (Shot(),), context=context), rng


def _cysticercosis() -> Iterator[Made]:
    rng = np.random.default_rng((SEED, 6))
    scene = scene_of("thigh", 1, Build(fat_mm=17.0), rng)
    lesion = deposits.rice_grains("thigh", scene, 34, rng)
    shot = Shot(look=looks.Look(inverted=True))
    name = "cysticercosis_thigh"
    yield Study(name, Patient("1006", 39, "M", name), "cysticercosis", scene, ((lesion,),), (shot,)), rng


def _arteries() -> Iterator[Made]:
    rng = np.random.default_rng((SEED, 7))
    scene = scene_of("knee", -1, Build(mineral=0.75, fat_mm=17.0), rng)
    path = [p for p in scene.vessels["artery"] if p[2] < 140]
    path += [p for p in scene.vessels["posterior tibial"] if p[2] > -115]
    lesion = deposits.artery("arterial_calcification", "knee", path, 6.4, rng)
    shots = (Shot(pixel_mm=0.25), Shot(view="LAT", pixel_mm=0.25))
    name = "arterial_calcification_knee"
    patient = Patient("1007", 72, "M", name)
    yield Study(name, patient, "arterial_calcification", scene, ((lesion,), (lesion,)), shots), rng


def _normal_knee() -> Iterator[Made]:
    rng = np.random.default_rng((SEED, 8))
    scene = scene_of("knee", 1, Build(fat_mm=18.0), rng)
    shots = (Shot(pixel_mm=0.25, posture="erect", turn_deg=0.8), Shot(view="LAT", pixel_mm=0.25))
    name = "normal_knee"
    yield Study(name, Patient("1008", 35, "F", name), "no_calcification", scene, ((), ()), shots), rng


SAMPLES: tuple[Callable[[], Iterator[Made]], ...] = (
    _tumoral_hip, _universalis, _phleboliths, _hydatid, _myositis, _cysticercosis, _arteries, _normal_knee,
)  # fmt: skip

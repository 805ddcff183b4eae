"""Scenes of the project's own simulator, before the detector.

python -m training.radiograph_simulated OUT --seed 41 --count 120 [--what extremities]

One .npz a projection in the form of `training.radiograph_scenes`, of the random studies that
`pipeline.simulate.studies.write_cohort` draws (an AP view for those that would be CT). Study n of a seed is the same
as there: keep seeds of training and test apart. `--what extremities` draws hands, feet and growing knees instead
(`hands`: hands alone), half of them at a scale at which the program sees films that state no spacing, some two on a
plate, some with rings.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.simulate.anatomy import Scene
from pipeline.simulate.cohort import random_study
from pipeline.simulate.extremities import random_extremity
from pipeline.simulate.fields import Array, Lattice
from pipeline.simulate.lesions import Lesion
from pipeline.simulate.physics import Paths
from pipeline.simulate.projection import Camera, trace
from pipeline.simulate.recording import Shot, camera
from training.radiograph_scenes import BONE, METAL, WATER

GRID_MM = 0.4
UNKNOWN_CELLS = 700
"""Long side on the grid of a film that states no spacing: the program takes it for 280 mm."""
SOURCE_MM, GAP_MM = 1100.0, 55.0
RING_CM = 0.25
LEAST_G_CM2 = 1e-4
"""Less calcium is none."""


def main() -> None:
    """Write the scenes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--what", choices=tuple(KINDS), default="studies")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(options.first, options.first + options.count):
        KINDS[options.what](options.out, options.seed, number)


def cohort_study(out: Path, seed: int, number: int) -> None:
    """The films of study `number` of a seed."""
    rng = np.random.default_rng((seed, number))
    study = random_study(seed, number, rng)
    lesions = study.lesions if study.shots else study.lesions[:1]
    for view, (shot, own) in enumerate(zip(study.shots or (Shot(),), lesions, strict=True), 1):
        film = camera(study.scene, dataclasses.replace(shot, pixel_mm=GRID_MM))
        write(trace(study.scene, own, film, rng), out / f"own{seed}_{number:04d}_{view}.npz")


def extremity(out: Path, seed: int, number: int, region: str | None = None) -> None:
    """One plate of a hand, foot or growing knee, or of two hands or feet."""
    rng = np.random.default_rng((seed, number))
    region = region or str(rng.choice(("hand", "foot", "knee"), p=(0.52, 0.33, 0.15)))
    parts = [random_extremity(rng, region)]
    if region != "knee" and rng.random() < 0.12:
        parts.append(random_extremity(rng, region))
    longest = max(2 * float(max(scene.reach_mm[0], scene.reach_mm[2])) for scene, _ in parts)
    pixel_mm = longest / UNKNOWN_CELLS * float(rng.uniform(1.0, 1.5)) if rng.random() < 0.5 else GRID_MM
    plates = [_plate(scene, lesions, pixel_mm, rng) for scene, lesions in parts]
    write(plates[0] if len(plates) == 1 else beside(*plates), out / f"ext{seed}_{number:04d}_1.npz")


def _plate(scene: Scene, lesions: Sequence[Lesion], pixel_mm: float, rng: np.random.Generator) -> Paths:
    margin = rng.uniform(0.9, 1.25)
    shape = (int(2 * scene.reach_mm[2] * margin / pixel_mm), int(2 * scene.reach_mm[0] * margin / pixel_mm))
    where = Camera("AP", scene.centre, shape, pixel_mm, SOURCE_MM - GAP_MM, SOURCE_MM)
    paths = trace(scene, lesions, where, rng)
    fingers = [b for b in scene.bones if b.name.startswith("proximal") and "epiphysis" not in b.name]
    if fingers and rng.random() < 0.25:
        bone = fingers[int(rng.integers(len(fingers)))]
        _ring(paths, where, bone.distance.lattice, rng)
    return paths


def _ring(paths: Paths, where: Camera, box: Lattice, rng: np.random.Generator) -> None:
    """A ring about a finger, seen nearly from the side."""
    x, y, z = (sum(box.span(axis)) / 2 for axis in (0, 1, 2))
    row, column = where.pixel((x, y, z))
    rows, columns = (np.arange(n, dtype=np.float32) for n in paths.metal.shape)
    half = 10.0 / where.pixel_mm
    tilt = float(rng.normal(0, 0.15))
    u = (columns[None, :] - column) / half
    v = rows[:, None] - row - tilt * half * u
    flat = float(rng.uniform(0.05, 0.3)) * half
    thick = float(rng.uniform(1.0, 2.5)) / where.pixel_mm
    for sign in (-1, 1):
        arc = np.abs(v - sign * flat * np.sqrt(np.maximum(1 - u * u, 0))) < thick / 2
        paths.metal[arc & (np.abs(u) < 1)] += np.float32(RING_CM * rng.uniform(0.3, 1))


def beside(first: Paths, second: Paths) -> Paths:
    """Two plates as one, side by side, the shorter one filled up with air."""
    tall = max(first.water.shape[0], second.water.shape[0])

    def joined(a: Array, b: Array) -> Array:
        both = [np.pad(v, ((0, tall - v.shape[0]), (0, 0))) for v in (a, b)]
        return np.ascontiguousarray(np.concatenate(both, axis=1))

    left = tuple(joined(c, np.zeros_like(second.water)) for c in first.calcium)
    right = tuple(joined(np.zeros_like(first.water), c) for c in second.calcium)
    return Paths(
        joined(first.water, second.water), joined(first.mineral, second.mineral), left + right,
        joined(first.metal, second.metal),
    )  # fmt: skip


KINDS = {"studies": cohort_study, "extremities": extremity, "hands": partial(extremity, region="hand")}


def write(paths: Paths, path: Path) -> None:
    """Path integrals as a scene's file, which appears complete or not at all."""
    arrays: dict[str, Array] = {
        "water": stored(paths.water, WATER),
        "bone": stored(paths.mineral, BONE),
        "metal": stored(paths.metal, METAL),
    }
    for k, calcium in enumerate(c for c in paths.calcium if (c > LEAST_G_CM2).any()):
        rows, columns = (np.flatnonzero((calcium > LEAST_G_CM2).any(axis=a)) for a in (1, 0))
        part = calcium[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float16)
        arrays |= {f"c{k}": part, f"t{k}": np.zeros_like(part), f"o{k}": np.array([rows[0], columns[0]])}
    aside = path.with_name(f".{path.name}")
    with aside.open("wb") as out:
        np.savez_compressed(out, **arrays)
    aside.replace(path)


def stored(values: Array, unit: float) -> Array:
    """Values in units of `unit` as uint16."""
    found: Array = np.clip(np.rint(values / unit), 0, 65535).astype(np.uint16)
    return found


if __name__ == "__main__":
    main()

"""Scenes of the project's own simulator, before the detector.

python -m training.radiograph_simulated OUT --seed 41 --count 120

One .npz a projection in the form of `training.radiograph_scenes`, of the random studies that
`pipeline.simulate.studies.write_cohort` draws (an AP view for those that would be CT). Study n of a seed is the same
as there: keep seeds of training and test apart.
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from pipeline.simulate.cohort import random_study
from pipeline.simulate.fields import Array
from pipeline.simulate.physics import Paths
from pipeline.simulate.projection import trace
from pipeline.simulate.recording import Shot, camera
from training.radiograph_scenes import BONE, METAL, WATER

GRID_MM = 0.4
LEAST_G_CM2 = 1e-4
"""Less calcium is none."""


def main() -> None:
    """Write the scenes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=120)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(options.count):
        rng = np.random.default_rng((options.seed, number))
        study = random_study(options.seed, number, rng)
        lesions = study.lesions if study.shots else study.lesions[:1]
        for view, (shot, own) in enumerate(zip(study.shots or (Shot(),), lesions, strict=True), 1):
            film = camera(study.scene, dataclasses.replace(shot, pixel_mm=GRID_MM))
            write(trace(study.scene, own, film, rng), options.out / f"own{options.seed}_{number:04d}_{view}.npz")


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

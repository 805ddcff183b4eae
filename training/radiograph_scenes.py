"""What crops are drawn from: scenes, projections of real CT, and real films, read from .npz files.

A *scene* is a radiograph before the detector: path integrals on a 0.4 mm grid, in an .npz file with `water` (uint16,
1/1000 cm), `bone` (uint16, 1/4000 g/cm2), `metal` (uint16, 1/1000 cm of steel), and per deposit k `ck` (float16,
g/cm2 of calcium), `tk` (float16, cm by which the water path changes) and `ok` (row, col of their first cell);
`bone_known` False where `bone` also holds contrast medium. A *film* is a real radiograph without calcification:
`values` (float32, larger is denser) and `valid` on the grid.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
WATER, BONE, METAL = 1 / 1000, 1 / 4000, 1 / 1000
"""Units of the stored paths: cm, g/cm2, cm."""


@dataclass(frozen=True)
class Deposit:
    """Calcium (g/cm2) and change of the water path (cm) [row, col] of one deposit, and where its first cell lies."""

    calcium: Floats
    water: Floats
    at: tuple[int, int]


@dataclass(frozen=True)
class Scene:
    """Path integrals as stored [row, col], and deposits."""

    water: NDArray[np.uint16]
    bone: NDArray[np.uint16]
    metal: NDArray[np.uint16]
    deposits: tuple[Deposit, ...]
    bone_known: bool = True


@dataclass(frozen=True)
class Film:
    """A real radiograph without calcification [row, col]."""

    values: Floats
    valid: NDArray[np.bool_]


@dataclass
class Sources:
    """What crops are drawn from: simulated scenes, projections of real CT, real radiographs."""

    scenes: list[Scene] = field(default_factory=list)
    projections: list[Scene] = field(default_factory=list)
    films: list[Film] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    def load(self, folders: list[Path]) -> int:
        """Read what is new in `folders`; "film*" files are films, "ct*" projections. Returns the number of files.

        What lies in a folder that is named several times is drawn that many times as often.
        """
        times = Counter(folders)
        new = [(p, f) for f in times for p in sorted(f.glob("[!.]*.npz")) if p not in self.seen]
        for path, folder in new:
            self.seen.add(path)
            data = np.load(path)
            if path.name.startswith("film"):
                self.films += [Film(data["values"].astype(np.float32), data["valid"])] * times[folder]
            else:
                pool = self.projections if path.name.startswith("ct") else self.scenes
                pool += [_scene(data)] * times[folder]
        return len(new)


def _scene(data: dict[str, NDArray[np.generic]]) -> Scene:
    deposits = []
    while f"c{len(deposits)}" in data:
        k = len(deposits)
        row, column = (int(v) for v in data[f"o{k}"])
        deposits.append(Deposit(data[f"c{k}"].astype(np.float32), data[f"t{k}"].astype(np.float32), (row, column)))
    known = bool(data["bone_known"]) if "bone_known" in data else True
    return Scene(data["water"], data["bone"], data["metal"], tuple(deposits), known)


@dataclass
class Canvas:
    """One image in the making [row, col]: paths, the share of the beam that is open, and calcium deposit by deposit."""

    water: Floats
    bone: Floats
    metal: Floats
    deposits: list[Deposit] = field(default_factory=list)


def placed(deposit: Deposit, shape: tuple[int, ...]) -> Floats:
    """A deposit's calcium on an image of `shape`."""
    if deposit.calcium.shape == shape and deposit.at == (0, 0):
        return deposit.calcium
    out = np.zeros(shape, np.float32)
    target, source = [], []
    for start, n, m in zip(deposit.at, deposit.calcium.shape, shape, strict=True):
        low, high = max(0, start), min(m, start + n)
        if high <= low:
            return out
        target.append(slice(low, high))
        source.append(slice(low - start, high - start))
    out[tuple(target)] = deposit.calcium[tuple(source)]
    return out

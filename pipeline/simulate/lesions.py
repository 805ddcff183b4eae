"""What a lesion is: calcium on small lattices, the soft part that it brings, and the truth known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.fields import Array, Lattice, Point


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A piece of a lesion: calcium in g/cm3 of apatite [x, y, z], and the share and HU of tissue that it replaces."""

    lattice: Lattice
    calcium: Array
    cover: Array | None = None
    content_hu: Array | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """The top of a sediment: its middle, and its width across, mm."""

    point: Point
    width_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """One process in the body. `findings` are known states by id; what is not listed is not known."""

    entity: str
    region: str
    patches: tuple[Patch, ...]
    measures: Mapping[str, float | str] = field(default_factory=dict)
    findings: Mapping[str, bool] = field(default_factory=dict)
    levels: tuple[Level, ...] = ()


Gravity = NDArray[np.float64]
"""Unit vector in patient coordinates (x, y, z) along which things fall."""
GRAVITY: Mapping[str, tuple[float, float, float]] = {
    "erect": (0.0, 0.0, -1.0),
    "supine": (0.0, 1.0, 0.0),
    "prone": (0.0, -1.0, 0.0),
    "left_decubitus": (1.0, 0.0, 0.0),
    "right_decubitus": (-1.0, 0.0, 0.0),
}

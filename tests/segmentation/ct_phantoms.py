"""A limb on CT with what a test puts into it: HU of known shapes, supersampled along no axis, seeded noise."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pipeline.model.identity import ImageIdentity
from pipeline.model.image import Volume
from pipeline.model.known import Unknown

IDENTITY = ImageIdentity("1.2.3", "1.2.3.4", None, "CT", ())
MUSCLE_HU, FAT_HU, AIR_HU = 55.0, -100.0, -1000.0


@dataclass
class Limb:
    """HU float [slice, row, col] of a thigh of 110 mm with a skin of fat; shapes are added in millimetres."""

    shape: tuple[int, int, int] = (40, 140, 140)
    spacing: tuple[float, float, float] = (2.0, 0.9, 0.9)
    hu: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.hu = np.full(self.shape, AIR_HU)
        self.hu[self.radius_mm(self.middle) < 55] = FAT_HU
        self.hu[self.radius_mm(self.middle) < 45] = MUSCLE_HU

    @property
    def middle(self) -> tuple[float, float, float]:
        s, r, c = (n * d / 2 for n, d in zip(self.shape, self.spacing, strict=True))
        return s, r, c

    def grid(self) -> tuple[NDArray[np.float64], ...]:
        return tuple(
            np.meshgrid(*(np.arange(n) * d for n, d in zip(self.shape, self.spacing, strict=True)), indexing="ij")
        )

    def radius_mm(self, centre: tuple[float, float, float]) -> NDArray[np.float64]:
        _, rows, columns = self.grid()
        return np.hypot(rows - centre[1], columns - centre[2])

    def bone(
        self, row_mm: float = 0.0, column_mm: float = 0.0, outer_mm: float = 14.0, inner_mm: float = 9.0
    ) -> "Limb":
        """A shaft along the slices: cortex and marrow with these radii."""
        centre = (0.0, self.middle[1] + row_mm, self.middle[2] + column_mm)
        self.hu[self.radius_mm(centre) < outer_mm] = 1200
        self.hu[self.radius_mm(centre) < inner_mm] = -40
        return self

    def bone_end(self) -> "Limb":
        """A shaft that widens to a thick end of trabecular bone under a thin cortex."""
        slices = self.grid()[0] - self.middle[0]
        outer = 13 + 9 / (1 + np.exp(-slices / 5))
        apart = self.radius_mm(self.middle)
        self.hu[apart < outer] = 1100
        inner = apart < outer - np.clip(4 - slices / 10, 1.5, 5)
        self.hu[inner] = np.where(slices > -10, 260, -40)[inner]
        return self

    def ball(self, row_mm: float, column_mm: float, radius_mm: float, hu: float = 600.0) -> "Limb":
        grid = self.grid()
        centre = (self.middle[0], self.middle[1] + row_mm, self.middle[2] + column_mm)
        apart = np.sqrt(sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)))
        share = np.clip(0.5 - (apart - radius_mm) / self.spacing[1], 0, 1)
        self.hu += share * (hu - self.hu)
        return self

    def table(self) -> "Limb":
        """A shell of 1.5 mm, 4 mm under the skin."""
        row = round((self.middle[1] + 55 + 4) / self.spacing[1])
        self.hu[:, row : row + 2] = 700
        return self

    def volume(self, noise_hu: float = 8.0, seed: int = 0) -> Volume:
        rng = np.random.default_rng(seed)
        blurred = gaussian_filter(self.hu, (0, 0.6, 0.6))
        return as_volume(blurred + noise_hu * rng.standard_normal(self.shape), self.spacing)

    def inside(self, row_mm: float, column_mm: float) -> tuple[int, int, int]:
        """Index of a point at an offset from the middle."""
        s, r, c = self.middle
        place = (s, r + row_mm, c + column_mm)
        return tuple(round(p / d) for p, d in zip(place, self.spacing, strict=True))  # type: ignore[return-value]


def as_volume(
    hu: NDArray[np.float64], spacing: tuple[float, ...], origin: tuple[float, ...] = (0.0, 0.0, 0.0)
) -> Volume:
    affine = np.diag([*spacing, 1.0])[[2, 1, 0, 3]].copy()
    affine[:3, 3] = origin
    stored = np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
    return Volume(stored, affine, Unknown("not stated"), Unknown("not stated"), Unknown("not stated"), IDENTITY)

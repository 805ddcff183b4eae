"""Radiographs of known content: a limb in the beam, with discs, bars, rings and letters of known log attenuation."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.model.identity import ImageIdentity, SourceFrame
from pipeline.model.image import Radiograph
from pipeline.model.known import Known, Unknown

SPACING_MM = 0.2
SIZE = (560, 480)
NOISE = 0.02
NOTHING = Unknown("not stated")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Film:
    """Log attenuation [row, col] of a film in the making, and where calcium was put."""

    log: Array
    truth: NDArray[np.bool_]
    spacing_mm: float = SPACING_MM
    extra: dict[str, object] = field(default_factory=dict)


def grid_mm(shape: tuple[int, int] = SIZE, spacing_mm: float = SPACING_MM) -> tuple[Array, Array]:
    """Row and column coordinates in mm from the middle."""
    rows, cols = np.indices(shape, dtype=np.float64)
    return (rows - (shape[0] - 1) / 2) * spacing_mm, (cols - (shape[1] - 1) / 2) * spacing_mm


def half_width_mm(row_mm: Array) -> Array:
    """Half the limb's width, mm."""
    return 35.0 - 0.06 * row_mm


def soft_limb(shape: tuple[int, int] = SIZE, spacing_mm: float = SPACING_MM) -> Film:
    """Soft tissue some 70 mm thick that runs down the film and tapers."""
    row, col = grid_mm(shape, spacing_mm)
    tissue_cm = 2 * np.sqrt(np.maximum(half_width_mm(row) ** 2 - col**2, 0)) / 10
    return Film(0.22 * tissue_cm, np.zeros(shape, bool), spacing_mm)


def limb(shape: tuple[int, int] = SIZE, spacing_mm: float = SPACING_MM) -> Film:
    """A limb with a shaft of bone left of its middle."""
    _, col = grid_mm(shape, spacing_mm)
    outer = np.sqrt(np.maximum(9.0**2 - (col + 12) ** 2, 0))
    inner = np.sqrt(np.maximum(5.5**2 - (col + 12) ** 2, 0))
    log = soft_limb(shape, spacing_mm).log + 0.045 * 2 * (outer - inner) + 0.012 * 2 * inner
    return Film(log, np.zeros(shape, bool), spacing_mm)


def with_disc(film: Film, at_mm: tuple[float, float], radius_mm: float, strength: float) -> Film:
    """A sphere of calcium: `strength` is its log attenuation at the centre."""
    row, col = grid_mm(film.log.shape, film.spacing_mm)  # type: ignore[arg-type]
    distance = np.hypot(row - at_mm[0], col - at_mm[1]) / radius_mm
    excess = strength * np.sqrt(np.maximum(1 - distance**2, 0))
    return _added(film, excess)


def with_bar(film: Film, at_mm: tuple[float, float], size_mm: tuple[float, float], strength: float) -> Film:
    """A bar of calcium along the rows, blurred at its ends."""
    row, col = grid_mm(film.log.shape, film.spacing_mm)  # type: ignore[arg-type]
    along = np.clip((size_mm[0] / 2 - np.abs(row - at_mm[0])) / 0.6 + 0.5, 0, 1)
    across = np.clip((size_mm[1] / 2 - np.abs(col - at_mm[1])) / 0.6 + 0.5, 0, 1)
    return _added(film, strength * along * across)


def with_shell(film: Film, at_mm: tuple[float, float], radii_mm: tuple[float, float], strength: float) -> Film:
    """A hollow sphere of calcium: wall in front and behind raise its inside as well."""
    row, col = grid_mm(film.log.shape, film.spacing_mm)  # type: ignore[arg-type]
    distance2 = (row - at_mm[0]) ** 2 + (col - at_mm[1]) ** 2
    outer, inner = (np.sqrt(np.maximum(r**2 - distance2, 0)) for r in radii_mm)
    path = outer - inner
    return _added(film, strength * path / path.max())


def _added(film: Film, excess: Array) -> Film:
    visible = (excess > 0.012) & (excess > 0.15 * excess.max())
    return Film(film.log + excess, film.truth | visible, film.spacing_mm)


def with_leaf(film: Film, width_mm: float) -> Film:
    """A collimator's leaf over the upper end, tilted a little."""
    row, col = grid_mm(film.log.shape, film.spacing_mm)  # type: ignore[arg-type]
    shade = np.clip((row.min() + width_mm + 0.03 * col - row) / 1.2 + 0.5, 0, 1)
    return Film(film.log + 3.0 * shade, film.truth, film.spacing_mm)


def with_letter(film: Film, at_mm: tuple[float, float]) -> Film:
    """A lead letter L, 12 mm high, beyond what the grey scale shows."""
    row, col = grid_mm(film.log.shape, film.spacing_mm)  # type: ignore[arg-type]
    r, c = row - at_mm[0], col - at_mm[1]
    stem = (np.abs(c) < 1.2) & (np.abs(r) < 6)
    foot = (np.abs(r - 5) < 1.2) & (c >= 0) & (c < 7)
    return Film(film.log + 3.0 * (stem | foot), film.truth, film.spacing_mm)


def radiograph(film: Film, seed: int = 0, noise: float = NOISE, known_spacing: bool = True) -> Radiograph:
    """The film as it is read: noisy, clipped at the top of its grey scale, 2nd and 98th percentile at 0 and 1."""
    rng = np.random.default_rng(seed)
    values = film.log + noise * rng.standard_normal(film.log.shape)
    values = np.minimum(values, np.percentile(film.log, 50) + 3.0)
    low, high = np.percentile(values, (2, 98)) + np.array([0, 1e-6])
    spacing = Known((film.spacing_mm, film.spacing_mm), "PixelSpacing") if known_spacing else Unknown("spacing absent")
    return Radiograph(
        attenuation=((values - low) / (high - low)).astype(np.float32),
        valid=np.ones(values.shape, bool),
        log_per_unit=Known(float(high - low), "FOR PROCESSING"),
        spacing_mm=spacing,
        gravity=NOTHING,
        posture=NOTHING,
        view=NOTHING,
        laterality=NOTHING,
        region=NOTHING,
        identity=ImageIdentity("1.2.3", "1.2.3.4", "1.2.3.4.5", "DX", (SourceFrame(Path("a"), "a", "1.2.3.4.5"),)),
    )

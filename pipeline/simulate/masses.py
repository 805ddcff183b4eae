"""A lobulated mass of many loculi with thin septa, in which calcium has settled: tumoral calcinosis.

Loculi are the cells of a power diagram of balls, cut to the balls' union; in a loculus the sediment fills a share of
its volume below a plane at right angles to gravity. The same mass under another gravity has its levels elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from pipeline.simulate import shapes
from pipeline.simulate.fields import Array, Grid, Lattice, Point, lattice, noise
from pipeline.simulate.lesions import GRAVITY, Lesion, Level, Patch

STEP_MM = 0.65
CAPSULE_MM = 1.6
CAPSULE_HU = 48.0
FLUID_HU = 24.0
LEAST_LEVEL_MM = 6.0
LOBULE_ARC_MM = 5.0
PASTE, SEDIMENT, FLUID = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Loculi:
    """Balls that make a mass: centres [n, 3] and radii [n] in mm, what is in each, and how full and dense it is."""

    centres: np.ndarray
    radii: np.ndarray
    kind: np.ndarray
    fill: np.ndarray
    density: np.ndarray
    septum_mm: float
    seed: int


def loculi(
    centre: Point,
    radii_mm: Point,
    rng: np.random.Generator,
    *,
    sediment_share: float = 0.55,
    clear_mm: Callable[[Point], float] | None = None,
) -> Loculi:
    """Random loculi of 7 to 25 mm inside a lobed ellipsoid.

    `clear_mm` is the distance of a point from bone; loculi keep out of it and so wrap around it.
    """
    wanted = np.sort(np.clip(rng.lognormal(np.log(7.8), 0.34, 400), 3.4, 12.5))[::-1]
    heads = rng.normal(size=(3, 3)) * 0.35
    centres: list[np.ndarray] = []
    radii: list[float] = []
    for radius in wanted[rng.permutation(400)[:320]]:
        for _ in range(26):
            direction = rng.uniform(-1, 1, 3)
            near = min(float(np.linalg.norm(direction - h)) for h in heads)
            if near + 0.25 * rng.random() > 0.88:
                continue
            place = np.asarray(centre) + direction * (np.asarray(radii_mm) - 0.6 * radius)
            if clear_mm is not None and clear_mm((place[0], place[1], place[2])) < radius + 0.6:
                continue
            far = all(np.linalg.norm(place - c) > 0.64 * (radius + r) for c, r in zip(centres, radii, strict=True))
            if far:
                centres.append(place)
                radii.append(float(radius))
                break
    count = len(radii)
    kind = rng.choice([PASTE, SEDIMENT, FLUID], count, p=[0.96 - sediment_share, sediment_share, 0.04])
    return Loculi(
        np.array(centres), np.array(radii), kind, rng.uniform(0.45, 0.80, count), rng.uniform(0.5, 0.82, count),
        float(rng.uniform(0.55, 0.85)), int(rng.integers(2**31)),
    )  # fmt: skip


def envelope(grid: Grid, mass: Loculi) -> Array:
    """Signed distance to the union of the balls."""
    out: Array | None = None
    for centre, radius in zip(mass.centres, mass.radii, strict=True):
        piece = shapes.ball(grid, (float(centre[0]), float(centre[1]), float(centre[2])), float(radius))
        out = piece if out is None else np.minimum(out, piece)
    assert out is not None
    return out


def tumoral_calcinosis(mass: Loculi, posture: str, region: str) -> Lesion:
    """The mass as it lies in a posture."""
    low = (mass.centres - mass.radii[:, None]).min(0) - 5
    high = (mass.centres + mass.radii[:, None]).max(0) + 5
    where = lattice((low[0], low[1], low[2]), (high[0], high[1], high[2]), STEP_MM)
    outside, septum, owner = _cells(where, mass)
    inside = np.maximum(outside, np.float32(mass.septum_mm / 2) - septum)
    share = shapes.occupancy(inside, STEP_MM)
    calcium, levels = _settled(where, mass, owner, share, np.array(GRAVITY[posture]))
    cover = shapes.occupancy(outside - np.float32(CAPSULE_MM), 1.2)
    content = (CAPSULE_HU + (FLUID_HU - CAPSULE_HU) * share).astype(np.float32)
    wide = [level for level in levels if level.width_mm >= LEAST_LEVEL_MM]
    extent = (high - low - 10).max()
    return Lesion(
        "tumoral_calcinosis",
        region,
        (Patch(where, calcium, cover, content),),
        {"lobules": float(lobes(mass)), "loculi": float(len(mass.radii)), "size": float(extent)},
        {
            "lobulated": True, "septate": True, "mass_like": True, "periarticular": True, "linear_pattern": False,
            "rim_calcification": False, "solid_pattern": False, "lacy_pattern": False, "multiple_lesions": False,
        },
        tuple(wide),
    )  # fmt: skip


def lobes(mass: Loculi) -> int:
    """Balls that form at least `LOBULE_ARC_MM` of the outline seen from the front."""
    flat = mass.centres[:, [0, 2]]
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    count = 0
    for n, (centre, radius) in enumerate(zip(flat, mass.radii, strict=True)):
        points = centre + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
        hidden = np.linalg.norm(points[:, None] - flat[None], axis=2) < mass.radii[None] - 0.3
        hidden[:, n] = False
        count += bool((~hidden.any(1)).mean() * 2 * np.pi * radius >= LOBULE_ARC_MM)
    return count


def _cells(where: Lattice, mass: Loculi) -> tuple[Array, Array, np.ndarray]:
    """Distance to the union's surface, distance to the nearest septum's middle, and the owner of every voxel."""
    rng = np.random.default_rng(mass.seed)
    bend = [0.9 * noise(where, (9.0, 9.0, 9.0), rng) for _ in range(3)]
    best = np.full((2, *where.shape), 1e4, np.float32)
    owner = np.zeros((2, *where.shape), np.int16)
    outside = np.full(where.shape, 6.0, np.float32)
    axes = [where.coordinates(0), where.coordinates(1), where.coordinates(2)]
    for n, (centre, radius) in enumerate(zip(mass.centres, mass.radii, strict=True)):
        box = tuple(
            slice(*np.searchsorted(a, (c - radius - 6, c + radius + 6)).tolist())
            for a, c in zip(axes, centre, strict=True)
        )
        mesh = np.ix_(*[a[s] - np.float32(c) for a, s, c in zip(axes, box, centre, strict=True)])
        square = sum((m + b[box]) ** 2 for m, b in zip(mesh, bend, strict=True))
        power = (square - np.float32(radius**2)).astype(np.float32)
        outside[box] = np.minimum(outside[box], np.sqrt(square) - np.float32(radius))
        first, second = best[0][box], best[1][box]
        wins, places = power < first, power < second
        best[1][box] = np.where(wins, first, np.where(places, power, second))
        owner[1][box] = np.where(wins, owner[0][box], np.where(places, n, owner[1][box]))
        best[0][box] = np.where(wins, power, first)
        owner[0][box] = np.where(wins, n, owner[0][box])
    between = np.linalg.norm(mass.centres[:, None] - mass.centres[None], axis=2).astype(np.float32) + 1e-3
    septum = (best[1] - best[0]) / (2 * np.maximum(between[owner[0], owner[1]], 1))
    return outside, septum.astype(np.float32), owner[0]


def _settled(
    where: Lattice, mass: Loculi, owner: np.ndarray, share: Array, gravity: np.ndarray
) -> tuple[Array, list[Level]]:
    """Calcium of all loculi, and the tops of their sediments."""
    x, y, z = where.grid()
    fall = (x * gravity[0] + y * gravity[1] + z * gravity[2]).astype(np.float32)
    fall = np.broadcast_to(fall, where.shape)
    rng = np.random.default_rng(mass.seed + 1)
    grain = 1 + 0.13 * noise(where, (2.6, 2.6, 2.6), rng) + 0.10 * noise(where, (8.0, 8.0, 8.0), rng)
    inside = np.flatnonzero(share.ravel() > 0.02)
    order = inside[np.argsort(owner.ravel()[inside], kind="stable")]
    bounds = np.searchsorted(owner.ravel()[order], np.arange(len(mass.radii) + 1))
    calcium = np.zeros(where.shape, np.float32).ravel()
    levels = []
    for n in range(len(mass.radii)):
        cell = order[bounds[n] : bounds[n + 1]]
        if len(cell) < 30:
            continue
        full = float(mass.density[n])
        values = np.full(len(cell), 0.035 if mass.kind[n] == FLUID else full * 0.72, np.float32)
        if mass.kind[n] == SEDIMENT:
            height = fall.ravel()[cell]
            top = float(np.quantile(height, 1 - mass.fill[n]))
            below = np.clip(0.5 + (height - top) / (0.7 * STEP_MM), 0, 1)
            milk = 0.07 + 0.06 * np.exp(-np.maximum(top - height, 0) / 3)
            values = (milk + (full - milk) * below).astype(np.float32)
            levels.append(_level(where, cell, height, top, gravity))
        calcium[cell] = values
    smooth = gaussian_filter(calcium.reshape(where.shape) * grain, 0.35)
    return (smooth * share).astype(np.float32), levels


def _level(where: Lattice, cell: np.ndarray, height: Array, top: float, gravity: np.ndarray) -> Level:
    """Middle and width (across gravity, widest of the two other axes) of a sediment's top."""
    near = cell[np.abs(height - top) <= 0.8 * STEP_MM]
    index = np.stack(np.unravel_index(near, where.shape), 1)
    points = np.asarray(where.origin) + where.step_mm * index
    low, high = np.percentile(points, [2, 98], axis=0) if len(points) else (np.zeros(3), np.zeros(3))
    middle = (low + high) / 2
    middle = middle + gravity * (top - middle @ gravity)
    across = (high - low)[0] if gravity[0] == 0 else (high - low)[2]
    return Level((float(middle[0]), float(middle[1]), float(middle[2])), float(across))


def solid(mass: Loculi) -> Loculi:
    """The same mass with paste in every loculus: nothing to settle."""
    return replace(mass, kind=np.full_like(mass.kind, PASTE))

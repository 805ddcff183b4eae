"""Painters of deposits other than lobulated masses: rims, zonal shells, sheets, grains, worms, vessels, clouds, rings.

Calcium is in g/cm3 of apatite. Densities are estimates that give the HU and contrast seen on published pictures.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pipeline.simulate import shapes
from pipeline.simulate.anatomy import Scene
from pipeline.simulate.fields import Array, Grid, Lattice, Point, lattice, noise, resampled
from pipeline.simulate.lesions import Lesion, Patch

FINE_MM = 0.5
MEDIUM_MM = 0.7
FIBONACCI = 400


def _around(centre: Sequence[float], half_mm: Sequence[float], step_mm: float) -> Lattice:
    low = tuple(float(c - h) for c, h in zip(centre, half_mm, strict=True))
    high = tuple(float(c + h) for c, h in zip(centre, half_mm, strict=True))
    return lattice((low[0], low[1], low[2]), (high[0], high[1], high[2]), step_mm)


def _full(values: Array, where: Lattice) -> Array:
    return np.ascontiguousarray(np.broadcast_to(values, where.shape), np.float32)


def _painted(where: Lattice, paint: Callable[[Grid], Array]) -> Patch:
    return Patch(where, _full(np.maximum(paint(where.grid()), 0), where))


def rim_cyst(
    entity: str, region: str, centre: Point, radius_mm: float, rng: np.random.Generator, *, gap_share: float = 0.1
) -> Lesion:
    """A round cyst whose wall is calcified but for gaps: hydatid cyst (entity "hydatid_cyst"), calcified bursa."""
    where = _around(centre, [radius_mm * 1.15 + 5] * 3, MEDIUM_MM)
    grid = where.grid()
    wave = 0.02 * radius_mm * noise(where, (radius_mm, radius_mm, radius_mm), rng)
    outside = _full(shapes.ellipsoid(grid, centre, (radius_mm, 0.93 * radius_mm, 1.04 * radius_mm)), where) + wave
    patchy = noise(where, (radius_mm * 0.55,) * 3, rng)
    near = np.abs(outside) < 1.5
    limit = float(np.quantile(patchy[near], gap_share))
    present = np.clip((patchy - limit) / 0.25, 0, 1)
    thickness = (1.9 + 0.5 * noise(where, (12.0, 12.0, 12.0), rng)).astype(np.float32)
    rim = shapes.occupancy(np.abs(outside + 1.2) - thickness / 2, MEDIUM_MM)
    grain = 1 + 0.15 * noise(where, (2.5, 2.5, 2.5), rng)
    calcium = (0.62 * rim * present * grain).astype(np.float32)
    cover = shapes.occupancy(outside - 1.5, 1.2)
    content = np.where(outside > -2.4, np.float32(45), np.float32(12)).astype(np.float32)
    patch = Patch(where, calcium, cover.astype(np.float32), content)
    complete = _completeness(where, calcium, centre)
    return Lesion(entity, region, (patch,), {"size": 2 * radius_mm, "rim_completeness": complete}, {
        "rim_calcification": True, "smooth_rim": True, "round_outline": True, "lobulated": False,
        "linear_pattern": False, "septate": False, "amorphous": False,
    })  # fmt: skip


def _completeness(where: Lattice, calcium: Array, centre: Point) -> float:
    """Share of directions from the centre in which calcium lies."""
    n = np.arange(FIBONACCI) + 0.5
    polar, turn = np.arccos(1 - 2 * n / FIBONACCI), np.pi * (1 + 5**0.5) * n
    directions = np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], 1)
    reach = where.step_mm * min(where.shape) / 2
    steps = np.arange(0.3 * reach, reach * 1.2, where.step_mm * 0.7)
    points = np.asarray(centre) + directions[:, None] * steps[None, :, None]
    index = np.rint((points - np.asarray(where.origin)) / where.step_mm).astype(int)
    index = np.clip(index, 0, np.asarray(where.shape) - 1)
    hit = calcium[index[..., 0], index[..., 1], index[..., 2]] > 0.2
    return float(hit.any(1).mean())


def zonal_shell(region: str, centre: Point, half_mm: Point, rng: np.random.Generator) -> Lesion:
    """Myositis ossificans: an oval in muscle, mature bone outside, less inside, its middle almost clear."""
    where = _around(centre, [h * 1.25 + 5 for h in half_mm], MEDIUM_MM)
    size = min(half_mm)
    warp = 0.16 * size * noise(where, (size * 0.9, size * 0.9, size * 1.4), rng)
    warp = warp + 0.03 * size * noise(where, (6.0, 6.0, 9.0), rng)
    outside = _full(shapes.ellipsoid(where.grid(), centre, half_mm), where) + warp.astype(np.float32)
    depth = -outside
    outer = np.exp(-(((depth - 2.0) / 1.7) ** 2)) * (1 + 0.25 * noise(where, (9.0, 9.0, 14.0), rng))
    patchy = np.clip(1.05 + 0.75 * noise(where, (11.0, 11.0, 20.0), rng), 0.12, 1.2)
    lace = np.clip(noise(where, (3.2, 3.2, 5.5), rng) + 0.3, 0, 1.6)
    inner = np.clip((depth - 2) / 2, 0, 1) * np.exp(-np.maximum(depth - 3, 0) / (0.42 * size)) * 0.26 * lace
    calcium = shapes.occupancy(outside, MEDIUM_MM) * (0.66 * outer * patchy + inner)
    cover = shapes.occupancy(outside - 4, 3.0)
    patch = Patch(where, calcium.astype(np.float32), cover.astype(np.float32), np.full(where.shape, 38, np.float32))
    return Lesion("myositis_ossificans", region, (patch,), {"size": 2 * max(half_mm)}, {
        "zonal_ossification": True, "rim_calcification": True, "lobulated": False, "linear_pattern": False,
        "smooth_rim": False, "amorphous": False,
    })  # fmt: skip


def sheets(entity: str, region: str, scene: Scene, count: int, rng: np.random.Generator) -> Lesion:
    """Plaques and strands in the fat under the skin, along the limb: calcinosis universalis, dermatomyositis."""
    skin = scene.tissue.skin
    depth = rng.uniform(4.0, 9.0, count)
    patches = []
    for n in range(count):
        at = _under_skin(scene, float(depth[n]), rng)
        half = (float(rng.uniform(12, 26)), float(rng.uniform(12, 26)), float(rng.uniform(18, 52)))
        where = _around(at, half, MEDIUM_MM)
        below = -resampled(skin, where)
        layer = below - depth[n] - 1.3 * noise(where, (16.0, 16.0, 24.0), rng)
        second = layer + 4.2 + 1.5 * noise(where, (14.0, 14.0, 18.0), rng)
        thick = 0.85 + 0.35 * noise(where, (7.0, 7.0, 9.0), rng)
        sheet = shapes.occupancy(np.abs(layer) - np.maximum(thick, 0.2), MEDIUM_MM)
        strand = shapes.occupancy(np.abs(second) - np.maximum(thick - 0.35, 0.1), MEDIUM_MM)
        x, y, z = shapes.shifted(where.grid(), at)
        reach = (x / half[0]) ** 2 + (y / half[1]) ** 2 + (z / half[2]) ** 2
        net = noise(where, (6.5, 6.5, 11.0), rng) + 0.6 * noise(where, (2.2, 2.2, 3.4), rng) + 0.9 - 2.2 * reach
        other = noise(where, (5.0, 5.0, 10.0), rng) - 0.2 - 1.6 * reach
        calcium = 0.62 * (sheet * np.clip(net / 0.5, 0, 1) + 0.8 * strand * np.clip(other / 0.4, 0, 1))
        patches.append(Patch(where, _full(np.minimum(calcium, 0.7), where)))
    return Lesion(entity, region, tuple(patches), {"count": float(count)}, {
        "in_subcutis": True, "sheet_like": True, "linear_pattern": True, "lobulated": False, "multiple_lesions": True,
        "rim_calcification": False, "superficial": True,
    })  # fmt: skip


def _under_skin(scene: Scene, depth_mm: float, rng: np.random.Generator) -> Point:
    """A random point at a depth below the skin inside the scene's reach."""
    skin = scene.tissue.skin
    near = np.argwhere(np.abs(skin.values + depth_mm) < skin.lattice.step_mm * 0.6)
    points = near * skin.lattice.step_mm + np.asarray(skin.lattice.origin)
    keep = np.abs(points[:, 2] - scene.centre[2]) < 0.75 * scene.reach_mm[2]
    keep &= np.abs(points[:, 0] - scene.centre[0]) < scene.reach_mm[0]
    x, y, z = points[keep][rng.integers(int(keep.sum()))]
    return float(x), float(y), float(z)


def _in_muscle(scene: Scene, rng: np.random.Generator) -> Point:
    """A random point in muscle, at least 6 mm below the fascia and outside bone."""
    fascia = scene.tissue.fascia
    near = np.argwhere((fascia.values < -6) & (fascia.values > -34))
    points = near * fascia.lattice.step_mm + np.asarray(fascia.lattice.origin)
    keep = np.abs(points[:, 2] - scene.centre[2]) < 0.88 * scene.reach_mm[2]
    keep &= np.abs(points[:, 0] - scene.centre[0]) < 0.95 * scene.reach_mm[0]
    x, y, z = points[keep][rng.integers(int(keep.sum()))]
    return float(x), float(y), float(z)


def rice_grains(region: str, scene: Scene, count: int, rng: np.random.Generator) -> Lesion:
    """Cysticercosis: grains of 6 to 12 mm along the fibres of muscles."""
    patches = []
    for _ in range(count):
        at = _in_muscle(scene, rng)
        long, wide = float(rng.uniform(3.0, 6.0)), float(rng.uniform(1.2, 2.0))
        tilt = rng.normal(0, 0.16, 2)
        end = (at[0] + tilt[0] * long, at[1] + tilt[1] * long, at[2] + long - wide)
        start = (2 * at[0] - end[0], 2 * at[1] - end[1], 2 * at[2] - end[2])
        where = _around(at, [long * 0.4 + 4, long * 0.4 + 4, long + 2], FINE_MM)
        body = shapes.swept(where.grid(), (start, at, end), (wide * 0.55, wide, wide * 0.6))
        ring = 0.75 + 0.4 * np.exp(-(((body + 0.5) / 0.6) ** 2))
        grain = 1 + 0.15 * noise(where, (1.5, 1.5, 1.5), rng)
        patches.append(Patch(where, _full(shapes.occupancy(body, FINE_MM) * ring * grain, where)))
    return Lesion("cysticercosis", region, tuple(patches), {"count": float(count)}, {
        "rice_grain": True, "multiple_lesions": True, "lobulated": False, "rim_calcification": False,
        "linear_pattern": False,
    })  # fmt: skip


def worm(region: str, centre: Point, rng: np.random.Generator) -> Lesion:
    """A dead guinea worm: a coiled, broken cord of some 1.5 mm."""
    turns = np.linspace(0, float(rng.uniform(2.2, 3.6)) * 2 * np.pi, 26)
    size = rng.uniform(9, 15)
    wander = np.cumsum(rng.normal(0, 1.1, (26, 3)), axis=0)
    drift = np.linspace(-1, 1, 26) * rng.uniform(12, 26)
    points = np.stack([np.cos(turns) * size, 3 * np.sin(turns / 2), np.sin(turns) * size * 0.8 + drift], 1) + wander
    points = points - points.mean(0) + np.asarray(centre)
    path = shapes.smooth_path([tuple(p) for p in points], 90)
    where = _around((points.max(0) + points.min(0)) / 2, (np.ptp(points, axis=0) / 2 + 4).tolist(), FINE_MM)
    cord = _full(shapes.tube(where.grid(), path, [0.85] * 90), where)
    broken = np.clip((noise(where, (4.0, 4.0, 4.0), rng) + 0.75) / 0.4, 0, 1)
    patch = Patch(where, (0.72 * shapes.occupancy(cord, FINE_MM) * broken).astype(np.float32))
    length = float(np.linalg.norm(np.diff(np.asarray(path), axis=0), axis=1).sum())
    return Lesion("calcified_worm", region, (patch,), {"length": length}, {
        "worm_pattern": True, "worm_shape": True, "superficial": True, "lobulated": False, "rim_calcification": False,
    })  # fmt: skip


def artery(entity: str, region: str, path: Sequence[Point], calibre_mm: float, rng: np.random.Generator) -> Lesion:
    """Calcium in a vessel's wall: rails along the whole course, or plaques (entity "atheromatous_plaque")."""
    plaque = entity == "atheromatous_plaque"
    patches = []
    for start in range(0, len(path) - 1, 4):
        piece = list(path[start : start + 5])
        if len(piece) < 2:
            continue
        points = np.asarray(piece)
        where = _around(
            (points.max(0) + points.min(0)) / 2, (np.ptp(points, axis=0) / 2 + calibre_mm + 2).tolist(), FINE_MM
        )
        longer = list(path[max(start - 2, 0) : start + 7])
        tube = _full(shapes.tube(where.grid(), longer, [calibre_mm / 2] * len(longer)), where)
        along_z = where.grid()[2]
        own = np.clip((along_z - min(piece[0][2], piece[-1][2])) / 0.5 + 0.5, 0, 1) * np.clip(
            (max(piece[0][2], piece[-1][2]) - along_z) / 0.5 + 0.5, 0, 1
        )
        wall = shapes.occupancy(np.abs(tube + 0.3) - (1.0 if plaque else 0.55), FINE_MM)
        patchy = noise(where, (5.0, 5.0, 7.0), rng) if plaque else noise(where, (3.0, 3.0, 2.2), rng)
        present = np.clip((patchy - (0.75 if plaque else -0.55)) / 0.35, 0, 1)
        patches.append(Patch(where, _full(0.8 * wall * present * own, where)))
    findings = {"in_vessel": True, "in_artery": True, "vascular_calcification": True, "lobulated": False}
    own_findings = {"plaque_pattern": True} if plaque else {"linear_pattern": True}
    return Lesion(entity, region, tuple(patches), {"calibre": calibre_mm}, {**findings, **own_findings})


def phleboliths(region: str, veins: Mapping[str, Sequence[Point]], count: int, rng: np.random.Generator) -> Lesion:
    """Round stones of 2 to 6 mm in veins, many with a clear centre."""
    patches = []
    names = sorted(veins)
    for n in range(count):
        path = veins[names[n % len(names)]]
        at = np.asarray(path[int(rng.integers(len(path)))]) + rng.normal(0, 3.0, 3)
        centre_mm = (float(at[0]), float(at[1]), float(at[2]))
        radius = float(rng.uniform(1.1, 2.7))
        where = _around(centre_mm, [radius + 1.5] * 3, FINE_MM)
        outside = _full(shapes.ellipsoid(where.grid(), centre_mm, (radius, radius * 0.94, radius * 1.05)), where)
        hollow = rng.random() < 0.6
        centre = 0.75 * np.exp(-np.maximum(outside + radius, 0) / (0.55 * radius)) if hollow else 0.1
        patches.append(Patch(where, _full(1.25 * shapes.occupancy(outside, FINE_MM) * (1 - centre), where)))
    return Lesion("phlebolith", region, tuple(patches), {"count": float(count)}, {
        "phlebolith_pattern": True, "round_outline": True, "in_vein": True, "in_vessel": True, "lobulated": False,
        "linear_pattern": False, "multiple_lesions": count > 1,
    })  # fmt: skip


def cloud(
    entity: str, region: str, centre: Point, half_mm: Point, rng: np.random.Generator, *, density: float = 0.45,
    findings: Mapping[str, bool] | None = None,
) -> Lesion:  # fmt: skip
    """An amorphous, uneven deposit: peritendinitis, metastatic calcification, old granuloma or node."""
    where = _around(centre, [h * 1.35 + 3 for h in half_mm], FINE_MM if max(half_mm) < 14 else MEDIUM_MM)
    size = min(half_mm)
    warp = 0.28 * size * noise(where, (size, size, size * 1.3), rng) + 0.12 * size * noise(where, (3.0, 3.0, 3.0), rng)
    outside = _full(shapes.ellipsoid(where.grid(), centre, half_mm), where) + warp.astype(np.float32)
    mottled = np.clip(
        0.8 + 0.4 * noise(where, (3.0, 3.0, 3.0), rng) + 0.25 * noise(where, (7.0, 7.0, 7.0), rng), 0.05, 1.6
    )
    calcium = density * shapes.occupancy(outside, 1.4) * mottled
    known = {"amorphous": True, "lobulated": False, "rim_calcification": False, "linear_pattern": False}
    return Lesion(
        entity,
        region,
        (Patch(where, calcium.astype(np.float32)),),
        {"size": 2 * max(half_mm)},
        {**known, **(findings or {})},
    )


def rings(entity: str, region: str, centre: Point, radius_mm: float, rng: np.random.Generator) -> Lesion:
    """A soft mass with rings and arcs of 3 to 8 mm: cartilage matrix of a tumour; specks in a synovial tumour."""
    where = _around(centre, [radius_mm + 5] * 3, MEDIUM_MM)
    grid = where.grid()
    mass = _full(shapes.ball(grid, centre, radius_mm), where) + 0.1 * radius_mm * noise(
        where, (radius_mm * 0.7,) * 3, rng
    )
    rings_on = entity == "matrix_producing_tumor"
    total = np.zeros(where.shape, np.float32)
    for _ in range(60 if rings_on else 90):
        direction = rng.normal(size=3)
        at = np.asarray(centre) + direction / np.linalg.norm(direction) * radius_mm * 0.85 * rng.random() ** 0.4
        radius = float(rng.uniform(1.6, 4.2) if rings_on else rng.uniform(0.5, 1.3))
        ball = shapes.ball(grid, (float(at[0]), float(at[1]), float(at[2])), radius)
        piece = np.abs(ball + 0.5) - 0.5 if rings_on else ball
        total = np.maximum(total, shapes.occupancy(_full(piece, where), MEDIUM_MM))
    patchy = np.clip(0.7 + 0.6 * noise(where, (5.0, 5.0, 5.0), rng), 0, 1.2)
    cover = shapes.occupancy(mass - 2, 2.0).astype(np.float32)
    patch = Patch(where, (0.6 * total * patchy).astype(np.float32), cover, np.full(where.shape, 34, np.float32))
    own = {"matrix_pattern": True} if rings_on else {"stippled": True, "periarticular": True}
    return Lesion(entity, region, (patch,), {"size": 2 * radius_mm}, {
        **own, "uncalcified_mass": True, "linear_pattern": False, "rim_calcification": False,
    })  # fmt: skip

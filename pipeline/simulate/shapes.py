"""Signed-distance shapes: negative inside, millimetres, exact or nearly so close to the surface.

Every function takes an open mesh (x, y, z) and gives an array that broadcasts from it.
Rounded minimum, ellipsoid bound and chain of round cones follow I. Quilez, "3D signed distance functions".
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import distance_transform_edt, map_coordinates

from pipeline.simulate.fields import Array, Grid, Point

POLYGON_STEP_MM = 0.5


def _length(parts: Sequence[Array]) -> Array:
    total = parts[0] * parts[0]
    for part in parts[1:]:
        total = total + part * part
    result: Array = np.sqrt(total)
    return result


def shifted(grid: Grid, centre: Point) -> Grid:
    """The mesh seen from a point."""
    x, y, z = (axis - np.float32(c) for axis, c in zip(grid, centre, strict=True))
    return x, y, z


def turned(grid: Grid, centre: Point, axes: Array) -> Grid:
    """The mesh in a frame whose unit vectors are the rows of `axes` (3 × 3), seen from `centre`."""
    seen = shifted(grid, centre)
    a, b, c = (seen[0] * np.float32(v[0]) + seen[1] * np.float32(v[1]) + seen[2] * np.float32(v[2]) for v in axes)
    return a, b, c


def ball(grid: Grid, centre: Point, radius_mm: float) -> Array:
    """A ball; exact."""
    return _length(shifted(grid, centre)) - np.float32(radius_mm)


def ellipsoid(grid: Grid, centre: Point, radii_mm: Point) -> Array:
    """An ellipsoid along the axes; first-order distance, exact in its sign."""
    seen = shifted(grid, centre)
    scaled = _length([p / np.float32(r) for p, r in zip(seen, radii_mm, strict=True)])
    slope = _length([p / np.float32(r * r) for p, r in zip(seen, radii_mm, strict=True)])
    result: Array = scaled * (scaled - 1) / np.maximum(slope, np.float32(1e-4))
    return np.maximum(result, np.float32(-min(radii_mm)))


def bar(grid: Grid, centre: Point, half_mm: Point, rounding_mm: float) -> Array:
    """A box with rounded edges; exact outside."""
    seen = shifted(grid, centre)
    over = [np.abs(p) - np.float32(h - rounding_mm) for p, h in zip(seen, half_mm, strict=True)]
    outside = _length([np.maximum(p, 0) for p in over])
    inside = np.minimum(np.maximum(np.maximum(over[0], over[1]), over[2]), 0)
    result: Array = outside + inside - np.float32(rounding_mm)
    return result


def smooth_union(first: Array, second: Array, blend_mm: float) -> Array:
    """The union, its crease filled over `blend_mm`."""
    share = np.maximum(np.float32(blend_mm) - np.abs(first - second), 0) / np.float32(blend_mm)
    result: Array = np.minimum(first, second) - share * share * np.float32(blend_mm / 4)
    return result


def smooth_cut(body: Array, tool: Array, blend_mm: float) -> Array:
    """The body without the tool, its edge rounded over `blend_mm`."""
    return -smooth_union(-body, tool, blend_mm)


def tube(grid: Grid, path: Sequence[Point], radii_mm: Sequence[float]) -> Array:
    """A chain of round cones through `path`, one radius a point."""
    if len(path) == 1:
        return ball(grid, path[0], radii_mm[0])
    out: Array | None = None
    for n, (a, b) in enumerate(pairwise(path)):
        seen = shifted(grid, a)
        step = np.subtract(b, a).astype(np.float32)
        share = [p * (s / np.float32(max(float(step @ step), 1e-6))) for p, s in zip(seen, step, strict=True)]
        along = np.clip(share[0] + share[1] + share[2], 0, 1)
        off = _length([p - along * s for p, s in zip(seen, step, strict=True)])
        piece = off - (np.float32(radii_mm[n]) + along * np.float32(radii_mm[n + 1] - radii_mm[n]))
        out = piece if out is None else np.minimum(out, piece)
    assert out is not None
    return out


def swept(grid: Grid, path: Sequence[Point], radii_mm: Sequence[float], pieces: int = 4) -> Array:
    """A tube whose course and radius run smoothly through the given points, `pieces` cones between two of them."""
    count = pieces * (len(path) - 1) + 1
    at = np.linspace(0, len(path) - 1, count)
    radii = PchipInterpolator(np.arange(len(path)), np.asarray(radii_mm, np.float64))(at)
    return tube(grid, smooth_path(path, count), [float(r) for r in radii])


def polygon_distance(points: Sequence[tuple[float, float]], first: Array, second: Array) -> Array:
    """Signed distance to a polygon at plane positions (first, second); negative inside, 0.3 mm accurate."""
    corners = np.asarray(points, np.float64)
    low = corners.min(0) - 40
    size = np.ceil((corners.max(0) + 40 - low) / POLYGON_STEP_MM).astype(int)
    canvas = Image.new("L", (int(size[1]), int(size[0])))
    outline = (corners - low) / POLYGON_STEP_MM
    ImageDraw.Draw(canvas).polygon([(float(b), float(a)) for a, b in outline], fill=1)
    inside = np.asarray(canvas) > 0
    distance = distance_transform_edt(~inside) - distance_transform_edt(inside)
    first, second = np.broadcast_arrays(first, second)
    index = [(first - low[0]) / POLYGON_STEP_MM, (second - low[1]) / POLYGON_STEP_MM]
    found = map_coordinates(distance.astype(np.float32), index, order=1, mode="nearest", output=np.float32)
    result: Array = found * np.float32(POLYGON_STEP_MM)
    return result


def stack(grid: Grid, profile: Array, power: float) -> Array:
    """A trunk along z of superelliptic sections.

    `profile` is [section, (z, half width x, half depth y, centre x, centre y)], ascending in z; sections are joined
    smoothly. A bound of the distance, right to a few per cent near the surface.
    """
    x, y, z = grid
    heights = profile[:, 0]
    wide, deep, middle_x, middle_y = (np.interp(z, heights, profile[:, i]).astype(np.float32) for i in range(1, 5))
    ratio = (np.abs((x - middle_x) / wide) ** power + np.abs((y - middle_y) / deep) ** power) ** np.float32(1 / power)
    result: Array = ((ratio - 1) * np.minimum(wide, deep)).astype(np.float32)
    return result


def shell(distance: Array, thickness_mm: float) -> Array:
    """A rim of the given thickness just inside a surface."""
    result: Array = np.abs(distance + np.float32(thickness_mm / 2)) - np.float32(thickness_mm / 2)
    return result


def occupancy(distance: Array, width_mm: float) -> Array:
    """Share of a voxel of `width_mm` inside a surface, 0 to 1."""
    result: Array = np.clip(np.float32(0.5) - distance / np.float32(width_mm), 0, 1)
    return result


def smooth_path(points: Sequence[Point], count: int) -> tuple[Point, ...]:
    """`count` points along a Catmull-Rom curve through the given ones."""
    knots = np.asarray(points, np.float64)
    ends = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    at = np.linspace(0, len(knots) - 1, count)
    base = np.minimum(at.astype(int), len(knots) - 2)
    t = (at - base)[:, None]
    p0, p1, p2, p3 = (ends[base + i] for i in range(4))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    return tuple((float(a), float(b), float(c)) for a, b, c in curve)

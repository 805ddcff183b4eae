"""Rim: a dense shell round a less dense middle, by rays from the centre of each part of the outline."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.features.blocks import labelled, widened
from pipeline.features.geometry import Hull, hull_of, outline, surface_points
from pipeline.features.patch import Patch, Points, Values, known
from pipeline.model.image import Floats, Mask
from pipeline.model.known import Known, Maybe, Unknown

RAYS = {2: 180, 3: 400}
"""Rays at equal angles (equal solid angles), by number of axes."""
STEPS = 48
"""Samples along a ray, from the centre to a little beyond the hull."""
BEYOND = 1.15
RIM_BAND = (0.6, 1.1)
"""Where on a ray the rim may lie, as a share of its length to the hull."""
MIDDLE = 0.45
"""Inner share of the rays that is the middle."""
OUTER = 2 / 3
RISE = 0.25
"""A ray has a rim when that exceeds the middle by this share of the rim's usual density ..."""
NOISES = 2.0
"""... and by this many times the noise."""
LEAST_ACROSS = 8
"""Elements across below which there is no inside (finding `rim_calcification`)."""
MOST_PARTS = 20
"""Largest parts that are looked at."""
SMOOTH_REACH = 2
"""Elements over which density is smoothed before rays are read: four standard deviations."""
TOO_SMALL = Unknown("too small for a rim (8 elements across)")
NO_RIM = Unknown("no rim seen")
_NAMES = (
    "rim_completeness",
    "rim_thickness",
    "rim_radius_variation",
    "lucent_centre_contrast",
    "outer_to_inner_density",
)


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """Density along rays [ray, sample]; `length` [ray] is the way from the centre to the hull, in mm or elements."""

    excess: NDArray[np.float64]
    length: NDArray[np.float64]
    directions: Points


def rim(patch: Patch) -> Values:
    """The rim features of a patch, averaged over the parts of its outline by size.

    `rim_completeness`: share of the rays whose outer part is denser than the middle. `rim_thickness`: width of the rim
    at half of its height over the middle. `rim_radius_variation`: standard deviation of its radius about the ellipse
    (ellipsoid) that fits best, over the mean. `lucent_centre_contrast`: rim less middle over rim.
    `outer_to_inner_density`: mean of the outer third of the rays over that of the inner third.
    """
    labels, sizes = labelled(outline(patch))
    sizes = sizes[1:]
    places = ndimage.find_objects(labels)
    found: list[tuple[float, Values]] = []
    for number in np.argsort(-sizes, kind="stable")[:MOST_PARTS]:
        if sizes[number] < sizes.max() / 10:
            break
        box = places[number]
        if min(s.stop - s.start for s in box[-2:]) < LEAST_ACROSS:
            continue
        start = np.array([s.start for s in box]) * patch.scale
        hull = hull_of(surface_points(labels[box] == number + 1, patch.scale) + start)
        if hull is not None:
            found.append((float(sizes[number]), _part(patch, hull)))
    if not found:
        return dict.fromkeys(_NAMES, TOO_SMALL)
    return {name: _average(name, found) for name in _NAMES}


def _average(name: str, found: list[tuple[float, Values]]) -> Maybe[float]:
    """Mean over the parts on which a feature is known, by size."""
    pairs = [(size, value.value) for size, values in found if isinstance(value := values[name], Known)]
    if not pairs:
        return found[0][1][name]
    return known(sum(size * value for size, value in pairs) / sum(size for size, _ in pairs))


def _part(patch: Patch, hull: Hull) -> Values:
    rays = _rays(patch, hull)
    share = np.linspace(0, BEYOND, STEPS)
    middle = float(np.median(rays.excess[:, share <= MIDDLE]))
    band = (share >= RIM_BAND[0]) & (share <= RIM_BAND[1])
    peak = rays.excess[:, band].max(axis=1)
    usual = float(np.percentile(peak, 75))
    has = peak - middle > max(RISE * usual, NOISES * patch.noise)
    outer = float(rays.excess[:, (share >= OUTER) & (share <= 1)].mean())
    inner = float(rays.excess[:, share <= 1 - OUTER].mean())
    values: dict[str, Maybe[float]] = {
        "rim_completeness": known(float(np.mean(has))),
        "rim_thickness": NO_RIM,
        "rim_radius_variation": NO_RIM,
        "lucent_centre_contrast": known((usual - middle) / max(usual, 1e-9)),
        "outer_to_inner_density": known(outer / inner) if inner > patch.noise / 2 else known(10.0),
    }
    if np.count_nonzero(has) >= 2 * patch.half.ndim + 2:
        at = np.argmax(np.where(band, rays.excess, -np.inf), axis=1)
        radius = share[at] * rays.length
        values["rim_thickness"] = known(_thickness(rays, at, middle, has))
        values["rim_radius_variation"] = known(_unevenness(radius[has], rays.directions[has]))
    return values


def _rays(patch: Patch, hull: Hull) -> Rays:
    """Density along rays from the centre of a hull."""
    axes = patch.half.ndim
    directions = _fan(axes)
    centre: Points = np.asarray(hull.corners.mean(axis=0), np.float64)
    for _ in range(3):
        length = _to_hull(hull, centre, directions)
        centre = np.asarray(centre + (directions * length[:, None]).mean(axis=0), np.float64)
    length = _to_hull(hull, centre, directions)
    share = np.linspace(0, BEYOND, STEPS)
    places = centre + directions[:, None] * (length[:, None] * share)[:, :, None]
    index = (places / np.asarray(patch.scale)).transpose(2, 0, 1)
    return Rays(_read(patch, index), length, directions)


def _read(patch: Patch, index: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smoothed excess at indices [axis, ray, sample], linearly between elements, at the nearest one outside."""
    last = np.array(patch.density.shape) - 1
    low = np.clip(np.floor(index.min(axis=(1, 2))).astype(int), 0, last)
    high = np.clip(np.ceil(index.max(axis=(1, 2))).astype(int), 0, last)
    inner = tuple(slice(a, b + 1) for a, b in zip(low.tolist(), high.tolist(), strict=True))
    box = widened(inner, SMOOTH_REACH, patch.density.shape)
    smooth: Floats = ndimage.gaussian_filter(patch.density[box] - patch.level, 0.5)
    start = np.array([s.start for s in box])[:, None, None]
    found: NDArray[np.float64] = ndimage.map_coordinates(smooth, index - start, order=1, mode="nearest").astype(float)
    return found


def _to_hull(hull: Hull, centre: Points, directions: Points) -> NDArray[np.float64]:
    """Way from an inner point to the hull along unit vectors."""
    toward = directions @ hull.planes[:, :-1].T
    distance = -(hull.planes[:, :-1] @ centre + hull.planes[:, -1])
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = np.where(toward > 1e-9, distance / toward, np.inf)
    return np.asarray(ways.min(axis=1), np.float64)


def _fan(axes: int) -> Points:
    """Unit vectors at equal angles: a circle, or a Fibonacci lattice on the sphere."""
    count = RAYS[axes]
    turn = np.arange(count) + 0.5
    if axes == 2:
        angle = 2 * np.pi * turn / count
        return np.column_stack([np.cos(angle), np.sin(angle)])
    height = 1 - 2 * turn / count
    angle = np.asarray(np.pi * (1 + 5**0.5) * turn, np.float64)
    flat = np.sqrt(1 - height**2)
    return np.column_stack([height, flat * np.cos(angle), flat * np.sin(angle)])


def _thickness(rays: Rays, at: NDArray[np.intp], middle: float, has: Mask) -> float:
    """Median width of the rim at half of its height, mm or elements."""
    peak = np.take_along_axis(rays.excess, at[:, None], 1)[:, 0]
    high = rays.excess >= ((peak + max(middle, 0.0)) / 2)[:, None]
    order = np.arange(STEPS)
    first = np.where(~high & (order < at[:, None]), order, -1).max(axis=1)
    last = np.where(~high & (order > at[:, None]), order, STEPS).min(axis=1)
    steps = (last - first - 1) * BEYOND / (STEPS - 1)
    return float(np.median((steps * rays.length)[has]))


def _unevenness(radius: NDArray[np.float64], directions: Points) -> float:
    """Spread of a radius about the best ellipse (ellipsoid), over its mean."""
    axes = directions.shape[1]
    products = [directions[:, i] * directions[:, j] for i in range(axes) for j in range(i, axes)]
    design = np.column_stack([*products, *directions.T])
    fit = np.linalg.lstsq(design, 1 / np.maximum(radius, 1e-9) ** 2, rcond=None)[0]
    smooth = 1 / np.sqrt(np.maximum(design @ fit, 1e-12))
    return float(np.median(np.abs(radius - smooth)) * 1.4826 / radius.mean())

"""Path integrals through a scene along the rays of a point source.

Between two layers a surface is crossed where its distance is zero; the share inside is integrated exactly for a
distance that is linear between layers, with an edge one pixel wide, so that layers leave no steps in the image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter

from pipeline.simulate.anatomy import Bone, Scene, along
from pipeline.simulate.fields import Array, Axis, Field, Layers, Orientation, Point, carried, interpolation
from pipeline.simulate.lesions import Lesion, Patch
from pipeline.simulate.physics import CORTEX_MINERAL, Paths
from pipeline.simulate.tissue import tissue_hu

SOFT_LAYER_MM = 3.0
SOFT_PIXEL_MM = 1.1
BONE_LAYER_MM = 1.5
SLAB_MM = 5.0
"""Depth of calcium that is taken to lie in one plane when it is magnified."""
View = Literal["AP", "LAT"]


@dataclass(frozen=True, slots=True)
class Camera:
    """A film. Columns run to the patient's left (AP) or back (LAT), rows to the feet; `pixel_mm` at the centre."""

    view: View
    centre: Point
    shape: tuple[int, int]
    pixel_mm: float
    source_to_centre_mm: float
    source_to_detector_mm: float

    @property
    def orientation(self) -> Orientation:
        """Patient axes of depth, rows and columns."""
        return Orientation(1, 2, 0) if self.view == "AP" else Orientation(0, 2, 1)

    @property
    def depth_sign(self) -> int:
        """+1 when the depth axis runs away from the source: AP from the front, LAT from the left."""
        return 1 if self.view == "AP" else -1

    def magnified(self, depth_mm: float) -> float:
        """Size of a ray's offset at a depth over its offset at the centre."""
        return 1 + self.depth_sign * (depth_mm - self.centre[self.orientation.depth]) / self.source_to_centre_mm

    def positions(self, depth_mm: float, step: float) -> tuple[Array, Array]:
        """Patient coordinates of rows and columns at a depth, for pixels `step` times as large as the film's."""
        grow = self.magnified(depth_mm) * self.pixel_mm
        rows, columns = (int(np.ceil(n / step)) for n in self.shape)
        down = (np.arange(rows) * step + (step - 1) / 2 - (self.shape[0] - 1) / 2) * grow
        right = (np.arange(columns) * step + (step - 1) / 2 - (self.shape[1] - 1) / 2) * grow
        row_axis, column_axis = self.orientation.row, self.orientation.column
        return (
            (self.centre[row_axis] - down).astype(np.float32),
            (self.centre[column_axis] + right).astype(np.float32),
        )

    def pixel(self, point: Point) -> tuple[float, float]:
        """Row and column where a point is seen."""
        grow = self.magnified(point[self.orientation.depth]) * self.pixel_mm
        down = -(point[self.orientation.row] - self.centre[self.orientation.row]) / grow
        right = (point[self.orientation.column] - self.centre[self.orientation.column]) / grow
        return down + (self.shape[0] - 1) / 2, right + (self.shape[1] - 1) / 2


def trace(scene: Scene, lesions: Sequence[Lesion], camera: Camera, rng: np.random.Generator) -> Paths:
    """All path integrals of a scene with its lesions."""
    mineral = np.zeros(camera.shape, np.float32)
    for item in scene.bones:
        _add_bone(mineral, item, camera, rng)
    calcium = []
    for lesion in lesions:
        total = np.zeros(camera.shape, np.float32)
        for patch in lesion.patches:
            _add_slabs(total, Field(patch.lattice, patch.calcium), camera)
        calcium.append(np.maximum(total, 0))
    return Paths(_water(scene, lesions, camera), mineral, tuple(calcium), np.zeros(camera.shape, np.float32))


def _depths(span: tuple[float, float], step_mm: float) -> Array:
    count = int(np.ceil((span[1] - span[0]) / step_mm)) + 1
    return np.linspace(span[0], span[1], count).astype(np.float32)


def _ramp(distance: Array, width_mm: float) -> Array:
    """Integral of the share inside over the depth of penetration."""
    t = np.clip(np.float32(width_mm / 2) - distance, 0, np.float32(width_mm))
    result: Array = t * t / np.float32(2 * width_mm) + np.maximum(-distance - np.float32(width_mm / 2), 0)
    return result


def crossing(first: Array, second: Array, ramps: tuple[Array, Array], width_mm: float) -> Array:
    """Share of the way between two layers that lies inside; `ramps` are their `_ramp`."""
    change = first - second
    flat = np.clip(np.float32(0.5) - first / np.float32(width_mm), 0, 1)
    result: Array = np.divide(ramps[1] - ramps[0], change, out=flat, where=np.abs(change) > 1e-3)
    return result


def _window(layers: Layers, camera: Camera, step: float) -> tuple[slice, slice] | None:
    """The pixels behind a field at any of its depths."""
    found = [layers.window(*camera.positions(depth, step)) for depth in layers.span()]
    seen = [w for w in found if w is not None]
    if not seen:
        return None
    rows = slice(min(w[0].start for w in seen), max(w[0].stop for w in seen))
    columns = slice(min(w[1].start for w in seen), max(w[1].stop for w in seen))
    return rows, columns


def _add_bone(total: Array, item: Bone, camera: Camera, rng: np.random.Generator) -> None:
    layers = Layers(item.distance, camera.orientation)
    window = _window(layers, camera, 1)
    if window is None:
        return
    rows, columns = window
    texture = 1 + _trabecula(item, (rows.stop - rows.start, columns.stop - columns.start), camera.pixel_mm, rng)
    before: tuple[Array, Array, Array, Array] | None = None
    depths = _depths(layers.span(), BONE_LAYER_MM)
    width = camera.pixel_mm
    share_cm = np.float32((depths[1] - depths[0]) / 10)
    for depth in depths:
        z, across = camera.positions(float(depth), 1)
        outer = layers.read(float(depth), z[rows], across[columns])
        inner = outer + along(item.cortex_mm, z[rows])[:, None]
        now = (outer, _ramp(outer, width), inner, _ramp(inner, width))
        if before is not None and (outer.min() < width or before[0].min() < width):
            whole = crossing(before[0], outer, (before[1], now[1]), width)
            inside = crossing(before[2], inner, (before[3], now[3]), width)
            spongy = along(item.spongy, z[rows])[:, None] * texture
            total[rows, columns] += share_cm * (CORTEX_MINERAL * (whole - inside) + spongy * inside)
        before = now


def _trabecula(item: Bone, shape: tuple[int, int], pixel_mm: float, rng: np.random.Generator) -> Array:
    """Relative change of spongy mineral [row, col]: fine streaks along the bone's trabeculae and broader unevenness."""
    fr = np.fft.fftfreq(shape[0], pixel_mm)[:, None]
    fc = np.fft.rfftfreq(shape[1], pixel_mm)[None, :]
    total = np.zeros(shape, np.float32)
    for angle in item.trabecula_deg:
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        down, over = fc * c + fr * s, fr * c - fc * s
        keep = np.exp(-2 * np.pi**2 * ((1.1 * down) ** 2 + (0.2 * over) ** 2)) * (1 - np.exp(-((over / 0.18) ** 2)))
        white = np.fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
        layer = np.fft.irfft2(white * keep, shape)
        total += (layer / max(float(layer.std()), 1e-6)).astype(np.float32)
    uneven = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 2.5 / pixel_mm)
    uneven /= max(float(uneven.std()), 1e-6)
    result: Array = np.float32(0.12 / np.sqrt(len(item.trabecula_deg))) * total + 0.06 * uneven
    return result


def _water(scene: Scene, lesions: Sequence[Lesion], camera: Camera) -> Array:
    """Water-equivalent path of soft tissue, cm; read at `SOFT_PIXEL_MM` and interpolated."""
    step = max(SOFT_PIXEL_MM / camera.pixel_mm, 1.0)
    depth_axis = camera.orientation.depth
    span = scene.tissue.skin.lattice.span(depth_axis)
    depths = _depths(span, SOFT_LAYER_MM)
    shape = tuple(int(np.ceil(n / step)) for n in camera.shape)
    total = np.zeros((shape[0], shape[1]), np.float32)
    read = tissue_hu(scene, lesions, camera.orientation)
    for depth in depths:
        total += np.maximum(1 + read(float(depth), *camera.positions(float(depth), step), SOFT_LAYER_MM) / 1000, 0)
    total *= np.float32((depths[1] - depths[0]) / 10)
    rows, columns = (
        interpolation((step - 1) / 2, step, n, np.arange(m, dtype=np.float32))
        for n, m in zip(total.shape, camera.shape, strict=True)
    )
    result: Array = np.maximum(carried(columns, carried(rows, total, 0), 1), 0)
    return result


def _add_slabs(total: Array, field: Field, camera: Camera) -> None:
    """Add the path through a field of values per cm (patches of calcium), slab by slab."""
    for slab, depth in _slabs(field, camera.orientation.depth):
        rows, columns = camera.positions(depth, 1)
        layers = Layers(slab, camera.orientation)
        window = layers.window(rows, columns)
        if window is not None:
            total[window] += layers.read(depth, rows[window[0]], columns[window[1]]) * np.float32(
                field.lattice.step_mm / 10
            )


def _slabs(field: Field, axis: Axis) -> Iterator[tuple[Field, float]]:
    """Sums over `SLAB_MM` of depth, each as a field of one layer with the depth of its middle."""
    grid = field.lattice
    size = max(1, round(SLAB_MM / grid.step_mm))
    for start in range(0, grid.shape[axis], size):
        stop = min(start + size, grid.shape[axis])
        part = np.take(field.values, np.arange(start, stop), axis=axis).sum(axis=axis, keepdims=True)
        if not part.any():
            continue
        depth = grid.origin[axis] + grid.step_mm * (start + stop - 1) / 2
        origin = list(grid.origin)
        origin[axis] = depth
        where = type(grid)((origin[0], origin[1], origin[2]), grid.step_mm, part.shape)
        yield Field(where, part), depth


__all__ = ["Camera", "Patch", "View", "crossing", "trace"]

"""One CT series: voxels with partial volume, point spread, table, correlated noise, and what is truly seen on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pipeline.simulate import shapes, truth
from pipeline.simulate.anatomy import Bone, Scene, along
from pipeline.simulate.fields import Array, Field, Layers, Orientation, Point, carried, interpolation
from pipeline.simulate.lesions import GRAVITY, Lesion
from pipeline.simulate.physics import CORTEX_MINERAL, HU_PER_MINERAL
from pipeline.simulate.tissue import tissue_hu

AXIAL = Orientation(2, 1, 0)
VISIBLE_HU = 60.0
"""Least rise of a voxel that counts as visible calcium (contract, section 3)."""
STEP_HU = 120.0
"""A sediment's top is a level where HU step by this much."""
MARROW_HU = -55.0
SUBLAYER_MM = 1.5
TABLE_RADIUS_MM = 700.0
TABLE_SHELL_MM = 2.2
TABLE_SHELL_HU = 60.0
TABLE_FOAM_HU = -930.0
TABLE_DEPTH_MM = 34.0


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a series is made. `shape` is slices, rows, columns; rows run to the back, columns to the left."""

    centre: Point
    shape: tuple[int, int, int]
    pixel_mm: float
    slice_mm: float
    psf_mm: float = 0.55
    noise_hu: float = 13.0

    def axes(self) -> tuple[Array, Array, Array]:
        """Patient z of slices (ascending), y of rows and x of columns."""
        counts, steps = self.shape, (self.slice_mm, self.pixel_mm, self.pixel_mm)
        z, y, x = (
            ((np.arange(n) - (n - 1) / 2) * step + self.centre[axis]).astype(np.float32)
            for n, step, axis in zip(counts, steps, (2, 1, 0), strict=True)
        )
        return z, y, x

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Spacing of slices, rows and columns."""
        return self.slice_mm, self.pixel_mm, self.pixel_mm


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """HU int16 and labels uint8, both [slice, row, col], and rows of truth for lesions seen."""

    hu: NDArray[np.int16]
    labels: NDArray[np.uint8]
    lesions: tuple[truth.Seen, ...]


def scan(scene: Scene, lesions: Sequence[Lesion], protocol: Protocol, posture: str, rng: np.random.Generator) -> Series:
    """Make a series of a scene."""
    z, y, x = protocol.axes()
    base = np.empty(protocol.shape, np.float32)
    read = tissue_hu(scene, lesions, AXIAL)
    bones = [(item, Layers(item.distance, AXIAL)) for item in scene.bones]
    table = _table(scene, posture, y, x)
    count = max(1, round(protocol.slice_mm / SUBLAYER_MM))
    grain = rng.standard_normal((len(y), len(x)), dtype=np.float32)
    for n, height in enumerate(z):
        total = np.zeros((len(y), len(x)), np.float32)
        for part in range(count):
            grain = 0.6 * grain + 0.8 * rng.standard_normal(grain.shape, dtype=np.float32)
            depth = float(height) + protocol.slice_mm * ((part + 0.5) / count - 0.5)
            layer = read(depth, y, x, protocol.pixel_mm)
            layer = np.where((layer < -990) & (table > -999), table, layer)
            texture = 1 + 0.55 * gaussian_filter(grain, 0.7)
            for item, layers in bones:
                _add_bone(layer, item, layers, (depth, y, x), texture)
            total += layer
        base[n] = total / count
    psf = protocol.psf_mm / protocol.pixel_mm
    base = gaussian_filter(base, (0, psf, psf))
    rises = [gaussian_filter(_rise(lesion, protocol), (0, psf, psf)) for lesion in lesions]
    clean = base + sum(rises, np.zeros_like(base))
    noisy = clean + _noise(clean, protocol, rng)
    hu = np.clip(np.rint(noisy), -1024, 3071).astype(np.int16)
    labels = np.zeros(protocol.shape, np.uint8)
    for number, rise in enumerate(rises, 1):
        labels[(rise >= VISIBLE_HU) & (labels == 0)] = number
    pictures = truth.Pictures(clean, base, noisy, base > -400, protocol.spacing_mm)
    seen = []
    for number, (lesion, rise) in enumerate(zip(lesions, rises, strict=True), 1):
        mask = labels == number
        if mask.any():
            levels = _levels(lesion, rise, protocol, GRAVITY.get(posture))
            seen.append(truth.seen(lesion, number, mask, pictures, levels=levels, assessable=posture in GRAVITY))
    return Series(hu, labels, tuple(seen))


def _add_bone(layer: Array, item: Bone, layers: Layers, at: tuple[float, Array, Array], texture: Array) -> None:
    low, high = layers.span()
    depth, y, x = at
    window = layers.window(y, x) if low <= depth <= high else None
    if window is None:
        return
    outer = layers.read(depth, y[window[0]], x[window[1]])
    height = np.array([depth], np.float32)
    whole = shapes.occupancy(outer, 0.9)
    inside = shapes.occupancy(outer + along(item.cortex_mm, height), 0.9)
    spongy = np.maximum(along(item.spongy, height) * texture[window], 0)
    hu = CORTEX_MINERAL * HU_PER_MINERAL * (whole - inside) + inside * (MARROW_HU + HU_PER_MINERAL * spongy)
    layer[window] = layer[window] * (1 - whole) + hu


def _rise(lesion: Lesion, protocol: Protocol) -> Array:
    """HU that the calcium of a lesion adds, averaged over each slice."""
    z, y, x = protocol.axes()
    total = np.zeros(protocol.shape, np.float32)
    for patch in lesion.patches:
        grid = patch.lattice
        heights = grid.coordinates(2)
        layers = Layers(Field(grid, patch.calcium), AXIAL)
        window = layers.window(y, x)
        if window is None:
            continue
        across = [
            interpolation(grid.origin[axis], grid.step_mm, grid.shape[axis], positions)
            for axis, positions in ((1, y[window[0]]), (0, x[window[1]]))
        ]
        half = protocol.slice_mm / 2
        for n, height in enumerate(z):
            near = np.flatnonzero(np.abs(heights - height) < half + grid.step_mm / 2)
            if len(near):
                overlap = np.minimum(heights[near] + grid.step_mm / 2, height + half) - np.maximum(
                    heights[near] - grid.step_mm / 2, height - half
                )
                share = (np.maximum(overlap, 0) / protocol.slice_mm).astype(np.float32)
                mean = np.einsum("xyz,z->yx", patch.calcium[:, :, near], share)
                total[n][window] += carried(across[1], carried(across[0], mean, 0), 1)
    result: Array = np.maximum(total, 0) * np.float32(HU_PER_MINERAL)
    return result


def _table(scene: Scene, posture: str, y: Array, x: Array) -> Array:
    """HU of the table's cross-section [row, col], air where it is not."""
    skin = scene.tissue.skin
    fall = np.array(GRAVITY.get(posture, GRAVITY["supine"]))
    body = np.argwhere(skin.values < 0) * skin.lattice.step_mm + np.asarray(skin.lattice.origin)
    lowest = float((body @ fall).max())
    middle = (body.min(0) + body.max(0)) / 2
    right, down = x[None, :] - middle[0], y[:, None] - middle[1]
    deep = down * fall[1] + right * fall[0]
    across = right * fall[1] - down * fall[0]
    top = np.hypot(across, deep - (lowest - float(middle @ fall)) - 2 + TABLE_RADIUS_MM) - TABLE_RADIUS_MM
    under = TABLE_DEPTH_MM - top
    wide = np.abs(across) < 215
    hu = np.full(np.broadcast_shapes(top.shape), -1000.0, np.float32)
    hu[(top > 0) & (under > 0) & wide] = TABLE_FOAM_HU
    hu[(np.minimum(np.abs(top - 1), np.abs(under - 1)) < TABLE_SHELL_MM / 2) & wide] = TABLE_SHELL_HU
    return hu


def _noise(clean: Array, protocol: Protocol, rng: np.random.Generator) -> Array:
    """Noise of filtered back-projection: nothing coarse, more in the body's middle, streaks across bones."""
    slices, rows, columns = clean.shape
    fr = np.fft.fftfreq(rows, protocol.pixel_mm)[:, None]
    fc = np.fft.rfftfreq(columns, protocol.pixel_mm)[None, :]
    radial = np.hypot(fr, fc)
    plain = radial * np.exp(-((radial / 0.34) ** 2))
    streaky = plain * np.exp(-((fc / 0.05) ** 2))
    out = np.empty_like(clean)
    for n in range(slices):
        white = np.fft.rfft2(rng.standard_normal((rows, columns), dtype=np.float32))
        layers = [np.fft.irfft2(white * keep, (rows, columns)) for keep in (plain, streaky)]
        body = np.clip((clean[n] + 1000) / 1000, 0, 1.6)
        load = gaussian_filter(body, 34 / protocol.pixel_mm)
        width = gaussian_filter(
            np.clip(clean[n] - 200, 0, 1200) / 1000, (7 / protocol.pixel_mm, 70 / protocol.pixel_mm)
        )
        amount = protocol.noise_hu * (0.35 + 0.75 * load)
        out[n] = amount * layers[0] / layers[0].std() + protocol.noise_hu * 4.0 * width * layers[1] / layers[1].std()
    return out


def _levels(
    lesion: Lesion, rise: Array, protocol: Protocol, fall: tuple[float, float, float] | None
) -> tuple[truth.SeenLevel, ...]:
    """Tops of sediment at which HU truly step in the slice through their middle."""
    if fall is None or fall[2]:
        return ()
    z, y, x = protocol.axes()
    found = []
    for level in lesion.levels:
        n = int(np.argmin(np.abs(z - level.point[2])))
        row, column = (level.point[1] - y[0]) / protocol.pixel_mm, (level.point[0] - x[0]) / protocol.pixel_mm
        values = []
        for shift_mm in (2.2, -2.2):
            r = round(row + fall[1] * shift_mm / protocol.pixel_mm)
            c = round(column + fall[0] * shift_mm / protocol.pixel_mm)
            inside = 1 <= r < rise.shape[1] - 1 and 1 <= c < rise.shape[2] - 1
            values.append(float(rise[n, r - 1 : r + 2, c - 1 : c + 2].mean()) if inside else 0.0)
        if values[0] - values[1] >= STEP_HU:
            found.append(
                truth.SeenLevel((float((level.point[2] - z[0]) / protocol.slice_mm), row, column), level.width_mm)
            )
    return tuple(found)

"""Hounsfield units of soft tissue, layer by layer: air, skin, fat, muscle, vessels, gas, and what lesions put there."""

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.simulate import shapes
from pipeline.simulate.anatomy import Scene
from pipeline.simulate.fields import Array, Field, Layers, Orientation
from pipeline.simulate.lesions import Lesion

AIR_HU = -1000.0
FAT_HU = -102.0
MUSCLE_HU = 56.0
SKIN_HU = 18.0
SKIN_MM = 1.6
FAT_TEXTURE_HU = 6.0
MUSCLE_TEXTURE_HU = 7.0
"""Textbook values of unenhanced tissue; the textures are estimates from looking at CT."""

Reader = Callable[[float, Array, Array, float], Array]


def tissue_hu(scene: Scene, lesions: Sequence[Lesion], orientation: Orientation) -> Reader:
    """A function (depth_mm, rows_mm, columns_mm, voxel_mm) → HU [row, col] of the scene without any mineral."""
    soft = scene.tissue
    skin, fascia, septa, texture = (Layers(f, orientation) for f in (soft.skin, soft.fascia, soft.septa, soft.texture))
    inclusions = [(Layers(i.distance, orientation), i.hu) for i in scene.inclusions]
    covers = [
        (Layers(Field(p.lattice, p.cover), orientation), Layers(Field(p.lattice, p.content_hu), orientation))
        for lesion in lesions
        for p in lesion.patches
        if p.cover is not None and p.content_hu is not None
    ]

    def read(depth: float, rows: Array, columns: Array, voxel_mm: float) -> Array:
        outside = skin.read(depth, rows, columns)
        grain = texture.read(depth, rows, columns)
        fat = FAT_HU + FAT_TEXTURE_HU * grain
        inside = np.maximum(
            shapes.occupancy(-fascia.read(depth, rows, columns), 1.2),
            shapes.occupancy(septa.read(depth, rows, columns), 1.4),
        )
        hu = MUSCLE_HU + MUSCLE_TEXTURE_HU * grain + (fat - MUSCLE_HU - MUSCLE_TEXTURE_HU * grain) * inside
        hu = hu + (SKIN_HU - hu) * shapes.occupancy(-(outside + SKIN_MM), 1.0)
        for layers, value in inclusions:
            _mix(hu, layers, value, (depth, rows, columns))
        for cover, content in covers:
            _fill(hu, cover, content, (depth, rows, columns))
        air = shapes.occupancy(-outside, voxel_mm)
        result: Array = (hu + (AIR_HU - hu) * air).astype(np.float32)
        return result

    return read


def _within(layers: Layers, at: tuple[float, Array, Array]) -> tuple[slice, slice] | None:
    low, high = layers.span()
    return layers.window(at[1], at[2]) if low <= at[0] <= high else None


def _mix(hu: Array, layers: Layers, value: float, at: tuple[float, Array, Array]) -> None:
    window = _within(layers, at)
    if window is None:
        return
    share = shapes.occupancy(layers.read(at[0], at[1][window[0]], at[2][window[1]]), 1.5)
    hu[window] += (np.float32(value) - hu[window]) * share


def _fill(hu: Array, cover: Layers, content: Layers, at: tuple[float, Array, Array]) -> None:
    window = _within(cover, at)
    if window is None:
        return
    rows, columns = at[1][window[0]], at[2][window[1]]
    share = np.clip(cover.read(at[0], rows, columns), 0, 1)
    hu[window] += (content.read(at[0], rows, columns) - hu[window]) * share

"""Values on cubic lattices in patient millimetres, and fast resampling of their layers.

Every shape is smooth, so a lattice of 2 mm and cubic interpolation in the layer carry it to any pixel size; a layer is
two sparse products, whatever the magnification.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Array = NDArray[np.floating]
"""Float32 wherever it is large."""
Grid = tuple[Array, Array, Array]
Point = tuple[float, float, float]
Axis = Literal[0, 1, 2]


@dataclass(frozen=True, slots=True)
class Lattice:
    """Points `origin + step_mm * (i, j, k)` along x, y, z."""

    origin: Point
    step_mm: float
    shape: tuple[int, int, int]

    def coordinates(self, axis: Axis) -> Array:
        """Positions along one axis, mm."""
        return (self.origin[axis] + self.step_mm * np.arange(self.shape[axis])).astype(np.float32)

    def grid(self) -> Grid:
        """Open mesh (x, y, z) that broadcasts to `shape`."""
        x, y, z = np.ix_(self.coordinates(0), self.coordinates(1), self.coordinates(2))
        return x, y, z

    def span(self, axis: Axis) -> tuple[float, float]:
        """First and last position along one axis, mm."""
        return self.origin[axis], self.origin[axis] + self.step_mm * (self.shape[axis] - 1)


def lattice(low: Point, high: Point, step_mm: float) -> Lattice:
    """The lattice that covers a box."""
    counts = [int(np.ceil((b - a) / step_mm)) + 1 for a, b in zip(low, high, strict=True)]
    return Lattice(low, step_mm, (counts[0], counts[1], counts[2]))


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Values float32 [x, y, z] on a lattice."""

    lattice: Lattice
    values: Array


@dataclass(frozen=True, slots=True)
class Orientation:
    """Which patient axis runs through the layers, along the rows' index and along the columns' index."""

    depth: Axis
    row: Axis
    column: Axis


def interpolation(origin: float, step_mm: float, count: int, positions: Array) -> csr_array:
    """Catmull-Rom weights [position, lattice point]; positions beyond the ends take the end's value.

    Sparse, so that sums keep one order whatever the threads of a linear algebra library: same seed, same bytes.
    Source: E. Catmull, R. Rom, A class of local interpolating splines, 1974 (tension one half).
    """
    at = np.clip((positions.astype(np.float64) - origin) / step_mm, 0, count - 1)
    base = np.minimum(np.floor(at).astype(int), max(count - 2, 0))
    t = at - base
    weights = (
        0.5 * (-t + 2 * t**2 - t**3),
        0.5 * (2 - 5 * t**2 + 3 * t**3),
        0.5 * (t + 4 * t**2 - 3 * t**3),
        0.5 * (-(t**2) + t**3),
    )
    rows = np.tile(np.arange(len(positions)), len(weights))
    columns = np.concatenate([np.clip(base + shift, 0, count - 1) for shift in (-1, 0, 1, 2)])
    values = np.concatenate(weights).astype(np.float32)
    return csr_array((values, (rows, columns)), shape=(len(positions), count))


def carried(weights: csr_array, values: Array, axis: int) -> Array:
    """Values resampled along one axis by `interpolation` weights."""
    front = np.moveaxis(values, axis, 0)
    out = weights @ np.ascontiguousarray(front).reshape(front.shape[0], -1)
    return np.moveaxis(out.reshape(weights.shape[0], *front.shape[1:]), 0, axis)


class Layers:
    """A field turned so that its layers can be read one after the other."""

    def __init__(self, field: Field, orientation: Orientation) -> None:
        self.field = field
        self.orientation = orientation
        self._stack = np.ascontiguousarray(
            field.values.transpose(orientation.depth, orientation.row, orientation.column)
        )

    def span(self) -> tuple[float, float]:
        """First and last depth, mm."""
        return self.field.lattice.span(self.orientation.depth)

    def window(self, rows: Array, columns: Array) -> tuple[slice, slice] | None:
        """The part of ascending or descending positions that lies on the lattice; None when there is none."""
        found = []
        for axis, positions in ((self.orientation.row, rows), (self.orientation.column, columns)):
            low, high = self.field.lattice.span(axis)
            inside = np.flatnonzero((positions >= low) & (positions <= high))
            if len(inside) == 0:
                return None
            found.append(slice(int(inside[0]), int(inside[-1]) + 1))
        return found[0], found[1]

    def read(self, depth_mm: float, rows: Array, columns: Array) -> Array:
        """The layer at a depth, [row, column]; linear through the depth, cubic in the layer."""
        grid = self.field.lattice
        at = (depth_mm - grid.origin[self.orientation.depth]) / grid.step_mm
        at = min(max(at, 0.0), grid.shape[self.orientation.depth] - 1.0)
        base = min(int(at), max(grid.shape[self.orientation.depth] - 2, 0))
        share = np.float32(at - base)
        layer = self._stack[base]
        if share:
            layer = layer * (1 - share) + self._stack[base + 1] * share
        across = [
            interpolation(grid.origin[axis], grid.step_mm, grid.shape[axis], positions)
            for axis, positions in ((self.orientation.row, rows), (self.orientation.column, columns))
        ]
        return carried(across[1], carried(across[0], layer, 0), 1)


def noise(grid: Lattice, scale_mm: Point, rng: np.random.Generator) -> Array:
    """Smooth random values of unit spread on a lattice [x, y, z]; `scale_mm` is the size of a wave along each axis."""
    counts = [int(np.ceil(grid.step_mm * (n - 1) / s)) + 4 for n, s in zip(grid.shape, scale_mm, strict=True)]
    out = rng.standard_normal(counts).astype(np.float32)
    for axis, (count, scale) in enumerate(zip(counts, scale_mm, strict=True)):
        positions = (grid.step_mm / scale * np.arange(grid.shape[axis]) + 1).astype(np.float32)
        weights = interpolation(0.0, 1.0, count, positions)
        out = carried(weights, out, axis)
    spread = float(out.std())
    result: Array = (out / np.float32(spread)).astype(np.float32) if spread else out.astype(np.float32)
    return result


def resampled(field: Field, where: Lattice) -> Array:
    """A field's values on another lattice [x, y, z]; beyond the field its end values."""
    out = field.values
    axes: tuple[Axis, ...] = (0, 1, 2)
    for axis in axes:
        grid = field.lattice
        weights = interpolation(grid.origin[axis], grid.step_mm, grid.shape[axis], where.coordinates(axis))
        out = carried(weights, out, axis)
    return np.ascontiguousarray(out, np.float32)

"""Shapes of known measure on small grids, and the patch, radiograph or volume that shows them."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.features.cutting import connected
from pipeline.features.patch import Patch, Surroundings
from pipeline.model.identity import ImageIdentity
from pipeline.model.image import CoarseMask, Image, Mask, Radiograph, Volume
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.lesion import Deposit, Lesion, Segmentation, crop_of

SPACING_MM = 0.25
"""Millimetres a pixel of the flat shapes."""
DOWN = Known((1.0, 0.0), "test")
IDENTITY = ImageIdentity("1.2", "1.2.3", "1.2.3.4", "DX", ())
Floats = NDArray[np.float32]


def grid(*shape: int) -> tuple[NDArray[np.float64], ...]:
    """Coordinates of the elements, from the middle of the grid, in elements."""
    return tuple(
        a - (n - 1) / 2 for a, n in zip(np.meshgrid(*map(np.arange, shape), indexing="ij"), shape, strict=True)
    )


def disc(radius: float, *, margin: int = 12, centre: tuple[float, float] = (0.0, 0.0)) -> Mask:
    """A disc, radius in elements."""
    y, x = grid(*(2 * (int(radius) + margin) + 1,) * 2)
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def ball(radius: float, *, margin: int = 8) -> Mask:
    """A ball, radius in elements."""
    z, y, x = grid(*(2 * (int(radius) + margin) + 1,) * 3)
    return z**2 + y**2 + x**2 <= radius**2


def bar(length: int, width: int, *, margin: int = 12) -> Mask:
    """A bar lying across, in elements."""
    mask = np.zeros((width + 2 * margin, length + 2 * margin), bool)
    mask[margin:-margin, margin:-margin] = True
    return mask


def discs(centres: tuple[tuple[float, float], ...], radius: float, *, size: int = 121) -> Mask:
    """A union of discs, in elements from the middle."""
    y, x = grid(size, size)
    return np.logical_or.reduce([(y - r) ** 2 + (x - c) ** 2 <= radius**2 for r, c in centres])


def ring(radius: float, thickness: float, *, gap_deg: float = 0.0, margin: int = 12) -> Mask:
    """A ring about the middle; `gap_deg` of its course is missing."""
    y, x = grid(*(2 * (int(radius) + margin) + 1,) * 2)
    distance = np.hypot(y, x)
    angle = np.degrees(np.arctan2(y, x)) % 360
    return (np.abs(distance - radius) <= thickness / 2) & (angle >= gap_deg)


def wave(length: int, height: float, period: float, width: float, *, margin: int = 14) -> Mask:
    """A winding thread: height times the sine of a course along the columns, in elements."""
    rows, cols = int(2 * height) + 2 * margin, length + 2 * margin
    at = np.linspace(0, length, 8 * length)
    course = np.column_stack([rows / 2 + height * np.sin(2 * np.pi * at / period), at + margin])
    distance = ndimage.distance_transform_edt(~_touched(course, (rows, cols)))
    return distance <= width / 2


def _touched(course: NDArray[np.float64], shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, bool)
    mask[tuple(np.rint(course).astype(int).T)] = True
    return mask


def wave_length(length: int, height: float, period: float) -> float:
    """Length of the course of `wave`."""
    at = np.linspace(0, length, 20_000)
    return float(np.hypot(np.diff(at), np.diff(height * np.sin(2 * np.pi * at / period))).sum())


def sediment(
    radius: float, fill: float, *, tilt_deg: float = 0.0, clear: float = 0.1, size: int = 121
) -> tuple[Mask, Floats]:
    """A disc-shaped loculus with dense sediment from `fill` elements below its middle; mask and density."""
    y, x = grid(size, size)
    inside = y**2 + x**2 <= radius**2
    below = y - np.tan(np.radians(tilt_deg)) * x >= fill
    density = ndimage.gaussian_filter(np.where(inside, np.where(below, 1.0, clear), 0.0), 0.8).astype(np.float32)
    return inside, density


def sediment_ball(radius: float, fill: float, *, clear: float = 30.0, size: int = 49) -> tuple[Mask, Floats]:
    """A ball-shaped loculus [slice, row, col] with sediment of 600 HU below row `fill` from the middle, in muscle."""
    z, y, x = grid(size, size, size)
    inside = z**2 + y**2 + x**2 <= radius**2
    hu = np.where(inside, np.where(y >= fill, 600.0, clear), 50.0)
    return inside & (y >= fill), ndimage.gaussian_filter(hu, 0.6).astype(np.float32)


def noisy(density: Floats, sigma: float, *, seed: int = 1) -> Floats:
    """Density with white noise."""
    return (density + np.random.default_rng(seed).normal(0, sigma, density.shape)).astype(np.float32)


def patch(mask: Mask, density: Floats | None = None, **changes: Any) -> Patch:
    """A patch whose label and half-maximum outline are `mask`; a radiograph when it is flat, else a CT."""
    flat = mask.ndim == 2
    values = (
        (mask.astype(np.float32) if flat else np.where(mask, 600.0, 50.0).astype(np.float32))
        if density is None
        else density
    )
    pieces, count = connected(mask)
    found = Patch(
        kind="radiograph" if flat else "ct",
        visible=mask,
        half=mask,
        core=ndimage.binary_erosion(mask, np.ones((3,) * mask.ndim)),
        pieces=pieces,
        count=count,
        raw=values,
        density=values,
        level=0.0 if flat else 50.0,
        noise=0.01 if flat else 10.0,
        bone=np.zeros_like(mask),
        valid=np.ones_like(mask),
        spacing_mm=Known((SPACING_MM,) * 2 if flat else (1.0,) * 3, "test"),
        gravity=DOWN if flat else Known((0.0, 1.0, 0.0), "test"),
        offset=(0,) * mask.ndim,
        at_border=False,
        around=Surroundings(
            np.argwhere(mask), Unknown("skin not in view"), Unknown("no bone seen"), Unknown("no bone seen")
        ),
    )
    return replace(found, **changes)


def radiograph(attenuation: Floats, **changes: Any) -> Radiograph:
    """A radiograph of given attenuation, erect, 0.25 mm a pixel."""
    unknown = Unknown("not stated")
    values: dict[str, Any] = {
        "valid": np.ones(attenuation.shape, bool),
        "log_per_unit": unknown,
        "spacing_mm": Known((SPACING_MM,) * 2, "test"),
        "gravity": DOWN,
        "posture": unknown,
        "view": unknown,
        "laterality": unknown,
        "region": unknown,
        "identity": IDENTITY,
    } | changes
    return Radiograph(attenuation.astype(np.float32), **values)


def volume(hu: NDArray[np.generic], spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0), **changes: Any) -> Volume:
    """A CT volume, supine, 1 mm a voxel."""
    values: dict[str, Any] = {
        "gravity": Known((0.0, 1.0, 0.0), "test"),
        "posture": Unknown("not stated"),
        "region": Unknown("not stated"),
        "identity": IDENTITY,
    } | changes
    return Volume(hu.astype(np.int16), np.diag([*spacing_mm, 1.0]), **values)


def segmentation(
    image: Image, *, bone: Mask | None = None, body: Mask | None = None, noise: float = 0.01
) -> Segmentation:
    """A segmentation with no background structure but what is given."""
    ones = (1,) * len(image.shape)

    def coarse(mask: Mask | None, default: bool) -> CoarseMask:
        return CoarseMask(np.full(image.shape, default) if mask is None else mask.copy(), ones, image.shape)

    background = np.zeros(image.shape, np.float32) if isinstance(image, Radiograph) else None
    return Segmentation((), coarse(body, True), coarse(bone, False), coarse(None, False), noise, background)


def lesion(mask: Mask) -> Lesion:
    """One lesion that is a mask."""
    crop = crop_of(mask)
    return Lesion(1, 0, 1, (Deposit(crop, 1.0),), crop, 1.0)


def value(found: Maybe[float]) -> float:
    """The value of a feature that must be known."""
    assert isinstance(found, Known), found
    return found.value

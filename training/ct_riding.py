"""Deposits that ride on bone, added to CT of known truth: examples that few studies show, for training/ct_pieces.py.

A riding deposit is one to four overlapping balls whose centres lie near a bone's surface. Bone keeps its density where
they overlap; noise stays as it is. Limbs are bare shafts, pairs of bones and thick bone ends in muscle and fat.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from pipeline.model.identity import ImageIdentity
from pipeline.model.image import Mask, Volume
from pipeline.model.known import Unknown
from pipeline.segmentation.pieces import Piece

MOST_DEPOSITS = 3
RADIUS_MM = (3.0, 13.0)
DEPOSIT_HU = (180.0, 1300.0)
VISIBLE_HU = 60.0
BONE_MM3, BONE_DEPTH_MM = 1500.0, 3.0
"""Bones on which a deposit may ride."""
SOFT_HU = (-150.0, 110.0)
"""What a deposit displaces."""
SOFT_SHARE = 0.35
"""At least this share of a deposit lies in soft tissue: the others sink into the bone."""
MUSCLE_HU, FAT_HU, AIR_HU = 55.0, -100.0, -1000.0
TRIES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Riding:
    """A volume with deposits added, and their numbers int [slice, row, col]; 0 elsewhere."""

    volume: Volume
    lesions: NDArray[np.int_]


def with_riders(
    volume: Volume, pieces: Sequence[Piece], bones: NDArray[np.bool_], rng: np.random.Generator
) -> Riding | None:
    """The volume with deposits on some of `pieces` chosen by `bones` [piece]; None where none found a place."""
    hu, lesions = volume.hu.astype(np.float32), np.zeros(volume.shape, int)
    bone = np.zeros(volume.shape, bool)
    for piece, is_bone in zip(pieces, bones, strict=True):
        if is_bone:
            bone[_box(piece)] |= piece.filled
    voxel = float(np.prod(volume.spacing_mm))
    able = [
        p
        for p, b in zip(pieces, bones, strict=True)
        if b and p.depth_mm >= BONE_DEPTH_MM and np.count_nonzero(p.filled) * voxel > BONE_MM3
    ]
    added = 0
    for _ in range(TRIES):
        if not able or added >= 1 + rng.integers(MOST_DEPOSITS):
            break
        added += _ride(hu, (bone, lesions), able[rng.integers(len(able))], volume.spacing_mm, rng)
    stored = np.clip(np.rint(hu), -1024, 3071).astype(np.int16)
    return Riding(replace(volume, hu=stored), lesions) if added else None


def _box(piece: Piece) -> tuple[slice, ...]:
    return tuple(slice(o, e) for o, e in zip(piece.dense.offset, piece.dense.stop, strict=True))


def _ride(
    hu: NDArray[np.float32],
    where: tuple[Mask, NDArray[np.int_]],
    piece: Piece,
    spacing_mm: tuple[float, ...],
    rng: np.random.Generator,
) -> bool:
    """Add one deposit at a random place of the surface of `piece`; False where it would not lie in soft tissue."""
    bone, lesions = where
    spacing = np.asarray(spacing_mm)
    inner = np.pad(piece.filled, 1)
    surface = np.argwhere(inner & ~binary_erosion(inner)) - 1 + piece.dense.offset
    radius = float(np.exp(rng.uniform(*np.log(RADIUS_MM))))
    density = float(np.exp(rng.uniform(*np.log(DEPOSIT_HU))))
    seat = surface[rng.integers(len(surface))] * spacing
    low = np.maximum(0, np.floor((seat - 3 * radius) / spacing).astype(int))
    high = np.minimum(hu.shape, np.ceil((seat + 3 * radius) / spacing).astype(int) + 1)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    share = _shape(box, seat, radius, spacing, rng)
    core = share > 0.5
    free = core & ~bone[box]
    soft = free & (hu[box] > SOFT_HU[0]) & (hu[box] < SOFT_HU[1])
    if soft.sum() < max(4, SOFT_SHARE * core.sum()) or soft.sum() < 0.9 * free.sum() or lesions[box][free].any():
        return False
    grown = binary_dilation(bone[box])
    base = gaussian_filter(hu[box], 1.0)
    rough = 1 + rng.uniform(0, 0.35) * _grain(share.shape, rng.uniform(1.0, 3.0) / spacing, rng)
    rise = np.maximum(0, share * (density * rough - base))
    hu[box] += np.where(bone[box], 0, np.where(grown, np.minimum(rise, np.maximum(0, density - hu[box])), rise))
    visible = (share * (density - MUSCLE_HU) >= VISIBLE_HU) & ~bone[box]
    lesions[box][visible] = lesions.max() + 1
    return True


def _shape(
    box: tuple[slice, ...],
    seat: NDArray[np.float64],
    radius_mm: float,
    spacing: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Share of each voxel in a lumpy deposit about `seat`, mm."""
    grid = np.meshgrid(*(np.arange(b.start, b.stop) * d for b, d in zip(box, spacing, strict=True)), indexing="ij")
    inside = np.full(grid[0].shape, -np.inf)
    for k in range(1 + rng.integers(4)):
        size = radius_mm if k == 0 else radius_mm * rng.uniform(0.4, 0.9)
        centre = seat + (0.2 if k == 0 else 0.9) * radius_mm * rng.uniform(-1, 1, 3)
        apart = np.sqrt(sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)))
        inside = np.maximum(inside, size - apart)
    found: NDArray[np.float64] = np.clip(0.5 + inside / (1.2 * float(spacing[1:].mean())), 0, 1)
    return found


def _grain(shape: tuple[int, ...], width_px: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Smooth noise of mean 0 and about unit spread."""
    grain: NDArray[np.float64] = gaussian_filter(rng.standard_normal(shape), width_px)
    return grain / max(float(grain.std()), 1e-9)


def limb(rng: np.random.Generator) -> Volume:
    """A limb with one or two plain bones, shafts or thick ends, of random size, course, density and image quality."""
    spacing = (float(rng.choice([1.0, 2.0, 3.0, 5.0])), *[float(rng.uniform(0.6, 1.1))] * 2)
    shape = (int(80 / spacing[0]), int(140 / spacing[1]), int(140 / spacing[2]))
    s, r, c = np.meshgrid(*(np.arange(n) * d for n, d in zip(shape, spacing, strict=True)), indexing="ij")
    middle = [n * d / 2 for n, d in zip(shape, spacing, strict=True)]
    hu = np.full(shape, AIR_HU)
    girth = rng.uniform(40, 62)
    apart = np.hypot(r - middle[1], (c - middle[2]) * rng.uniform(0.85, 1.15))
    hu[apart < girth] = FAT_HU
    hu[apart < girth - rng.uniform(2, 14)] = rng.uniform(45, 65)
    for k in range(1 + int(rng.random() < 0.5)):
        _add_bone(hu, (s - middle[0], r - middle[1], c - middle[2] - (30 if k else 0)), rng)
    blurred = gaussian_filter(hu, (rng.uniform(0, 0.6), *[rng.uniform(0.4, 0.9)] * 2))
    noise = rng.uniform(4, 18) * gaussian_filter(rng.standard_normal(shape), (0, 0.5, 0.5)) * 1.9
    affine = np.diag([*spacing, 1.0])[[2, 1, 0, 3]].copy()
    unknown = Unknown("not stated")
    identity = ImageIdentity("1.2.3", "1.2.3.4", None, "CT", ())
    stored = np.clip(np.rint(blurred + noise), -1024, 3071).astype(np.int16)
    return Volume(stored, affine, unknown, unknown, unknown, identity)


def _add_bone(hu: NDArray[np.float64], place: tuple[NDArray[np.float64], ...], rng: np.random.Generator) -> None:
    """A tube of cortex with marrow, oval, tilted, perhaps flaring to a thick trabecular end."""
    s, r, c = place
    tilt = rng.uniform(-0.35, 0.35, 2)
    turn = rng.uniform(0, np.pi)
    rows, columns = r - tilt[0] * s + rng.uniform(-6, 6), c - tilt[1] * s + rng.uniform(-6, 6)
    u, v = rows * np.cos(turn) + columns * np.sin(turn), columns * np.cos(turn) - rows * np.sin(turn)
    apart = np.hypot(u, v * rng.uniform(1.0, 1.4))
    outer, cortical = rng.uniform(6, 17), rng.uniform(1.5, 6)
    flare = rng.uniform(0, 0.012) * np.maximum(0, s + 20) ** 1.5 if rng.random() < 0.5 else np.zeros_like(s)
    thick = cortical / (1 + 0.3 * flare)
    ends = rng.uniform(10, 60)
    within = (apart < outer + flare) & (s < ends)
    cortex, marrow = rng.uniform(700, 1500), rng.uniform(-70, 60)
    trabecular = np.where(flare > 2, rng.uniform(120, 450), marrow)
    hu[within] = cortex
    inner = (apart < outer + flare - thick) & (s < ends - 1.5)
    hu[inner] = trabecular[inner]

"""What a piece looks like, in about forty numbers that a radiologist could name.

The position in the volume is left out on purpose: deposits cut by the field are deposits, and so are bones.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.model.image import Floats, Mask
from pipeline.model.lesion import Crop
from pipeline.segmentation.depth import depths
from pipeline.segmentation.joints import joint_of
from pipeline.segmentation.nearness import within
from pipeline.segmentation.pieces import Piece
from pipeline.segmentation.view import GAS_HU, Scene, View, view_of

NAMES = (
    "volume_log_mm3",
    "component_volume_log_mm3",
    "share_of_component",
    "contact_share",
    "neck_share",
    "neighbours",
    "depth_mm",
    "major_mm",
    "minor_mm",
    "least_mm",
    "elongation",
    "flatness",
    "filling_of_ellipsoid",
    "hollow_share",
    "hu_10",
    "hu_50",
    "hu_90",
    "hu_max",
    "hu_spread",
    "hu_spread_of_noise",
    "core_less_shell_hu",
    "low_inside_share",
    "fat_inside_share",
    "edge_rise_hu",
    "contrast_to_noise",
    "ring_hu",
    "ring_fat_share",
    "ring_gas_share",
    "ring_dense_share",
    "skin_depth_mm",
    "skin_depth_least_mm",
    "gas_distance_mm",
    "component_hu_90",
    "component_hollow_share",
    "component_depth_mm",
    "contact_hu_step",
    "alike_near",
    "large_distance_mm",
    "bright_share",
    "core_spread_of_noise",
    "component_core_less_shell_hu",
    "neighbour_volume_log_mm3",
    "neighbour_core_less_shell_hu",
    "neighbour_hu_90",
    "component_core_spread_of_noise",
    "joint_low_hu",
    "joint_step_hu",
    "beneath_step_hu",
    "beneath_hu",
    "flat_face_share",
    "mirror_alike",
    "noise_hu",
    "slice_mm",
)
"""Names of the columns of `describe`, in order."""

RING_MM = (1.5, 5.5)
"""Surroundings of a piece: beyond the edge's partial volume, nearer than the next layer."""
FAT_HU = -30.0
LOW_INSIDE_HU = 100.0
"""Below calcium's partial volume and above fluid: trabecular marrow, an enclosed lumen."""
BRIGHT_HU = 300.0
FAR_MM = 60.0
"""Distances are cut here: what lies farther tells nothing more."""
ALIKE_MM, ALIKE_RATIO = 40.0, 4.0
MIRROR_MM, MIRROR_RATIO, MIRROR_LEAST_MM = 15.0, 3.0, 8.0
"""A piece of like volume (ratio) lies this near to where a piece's mirror image would be; pieces nearer to the middle
plane than the last figure have no other side."""
LARGE_MM3 = 5000.0
"""A component of this size is a mass or a bone, not a grain."""
PLACES, CENTRE_PLACES = 100, 5000
"""Elements of a piece at which the depth under the skin is read; from which its centre is told."""
UNKNOWN_SPREAD = -1.0
"""For pieces without an inside."""


def describe(pieces: Sequence[Piece], scene: Scene) -> Floats:
    """Features float32 [piece, feature] in the order of `NAMES`."""
    table = np.zeros((len(pieces), len(NAMES)), np.float32)
    if not pieces:
        return table
    rows = [_own(piece, pieces, scene) for piece in pieces]
    _add_components(rows, pieces)
    _add_neighbourhood(rows, pieces, scene)
    for i, row in enumerate(rows):
        table[i] = [row[name] for name in NAMES]
    return table


def _eroded_in_plane(mask: Mask, *, outside: bool) -> Mask:
    """The mask less elements with one of their four neighbours in the slice out of it; `outside` is beyond the box."""
    framed = np.pad(mask, ((0, 0), (1, 1), (1, 1)), constant_values=outside)
    rows, columns = framed[:, :, 1:-1], framed[:, 1:-1]
    found: Mask = mask & rows[:, :-2] & rows[:, 2:] & columns[:, :, :-2] & columns[:, :, 2:]
    return found


def _own(piece: Piece, pieces: Sequence[Piece], scene: Scene) -> dict[str, float]:
    """Features of the piece itself and of where it meets others."""
    view = view_of(piece, scene, tuple(pieces[c.other] for c in piece.contacts))
    noise = float(scene.quality.smooth_noise_hu[(piece.dense.offset[0] + piece.dense.stop[0]) // 2])
    row = {
        "depth_mm": piece.depth_mm,
        "neighbours": float(len(piece.contacts)),
        "neck_share": max((c.neck_mm for c in piece.contacts), default=0.0) / max(piece.depth_mm, 1e-3),
        "noise_hu": noise,
        "slice_mm": scene.volume.spacing_mm[0],
    }
    close = _close_up(view)
    row |= _size(piece, close, scene.volume.spacing_mm)
    row |= _density(close, noise)
    row |= _surroundings(view, close)
    row["contrast_to_noise"] = (row["hu_90"] - row["ring_hu"]) / max(noise, 1.0)
    row |= _place(piece, scene) | joint_of(view)
    return row


def _close_up(view: View) -> View:
    """The view cut to what its piece fills and one element about that."""
    around = np.nonzero(view.filled)
    box = tuple(slice(max(0, int(at.min()) - 1), int(at.max()) + 2) for at in around)
    return replace(view, hu=view.hu[box], dense=view.dense[box], filled=view.filled[box], beside=view.beside[box])


def _size(piece: Piece, view: View, spacing_mm: tuple[float, ...]) -> dict[str, float]:
    voxel = float(np.prod(spacing_mm))
    volume = np.count_nonzero(piece.dense.mask) * voxel
    solid = np.count_nonzero(piece.filled) * voxel
    points = np.argwhere(view.filled) * np.asarray(view.spacing_mm)
    spread = np.cov(points.T) if len(points) > 1 else np.zeros((3, 3))
    values = np.linalg.eigvalsh(spread + np.diag(np.asarray(view.spacing_mm) ** 2 / 12))[::-1]
    axes = 2 * np.sqrt(5 * values)  # of the solid ellipsoid with these second moments
    faces = _surface_mm2(piece.filled, spacing_mm)
    return {
        "volume_log_mm3": float(np.log(max(volume, 1e-3))),
        "contact_share": sum(c.area_mm2 for c in piece.contacts) / max(faces, 1e-3),
        "major_mm": float(axes[0]),
        "minor_mm": float(axes[1]),
        "least_mm": float(axes[2]),
        "elongation": float(axes[1] / axes[0]),
        "flatness": float(axes[2] / axes[1]),
        "filling_of_ellipsoid": solid / max(float(np.pi / 6 * np.prod(axes)), 1e-3),
        "hollow_share": 1 - volume / max(solid, 1e-3),
        "flat_face_share": _flat_face_share(view.dense),
    }


def _flat_face_share(dense: Mask) -> float:
    """Share of a face seen along rows or columns that lies in two layers: 1 for a sediment with its level."""
    shares = []
    for turned in (dense, dense[:, ::-1], dense.transpose(0, 2, 1), dense.transpose(0, 2, 1)[:, ::-1]):
        first = turned.argmax(axis=1)[turned.any(axis=1)]
        counts = np.bincount(first, minlength=turned.shape[1] + 1)
        shares.append(float((counts[:-1] + counts[1:]).max()) / len(first))
    return max(shares)


def _surface_mm2(mask: Mask, spacing_mm: tuple[float, ...]) -> float:
    """Area of the voxel faces between inside and outside."""
    solid = np.pad(mask, 1)
    voxel = float(np.prod(spacing_mm))
    return sum(float(np.count_nonzero(np.diff(solid, axis=i)) * voxel / spacing_mm[i]) for i in range(3))


def _density(view: View, noise: float) -> dict[str, float]:
    inside = view.hu[view.dense]
    percentiles = np.percentile(inside, (10, 50, 90))
    depth = depths(np.pad(view.filled, 1), view.spacing_mm)[1][1:-1, 1:-1, 1:-1]
    deepest = float(depth.max())
    core, shell = view.hu[depth > 0.5 * deepest], view.hu[view.filled & (depth <= max(1.2, 0.3 * deepest))]
    within = view.hu[view.filled]
    inner = view.hu[view.dense & _eroded_in_plane(view.dense, outside=False)]
    return {
        "hu_10": float(percentiles[0]),
        "hu_50": float(percentiles[1]),
        "hu_90": float(percentiles[2]),
        "hu_max": float(inside.max()),
        "hu_spread": float(inside.std()),
        "hu_spread_of_noise": float(inside.std()) / max(noise, 1.0),
        "core_less_shell_hu": float(core.mean() - shell.mean()) if len(core) and len(shell) else 0.0,
        "low_inside_share": float((within < LOW_INSIDE_HU).mean()),
        "fat_inside_share": float((within < FAT_HU).mean()),
        "bright_share": float((inside > BRIGHT_HU).mean()),
        "core_spread_of_noise": float(inner.std()) / max(noise, 1.0) if len(inner) > 5 else UNKNOWN_SPREAD,
    }


def _surroundings(view: View, close: View) -> dict[str, float]:
    beside, around = (within(reach, view.filled, view.spacing_mm) for reach in RING_MM)
    ring = view.hu[around & ~beside]
    near = view.hu[beside & ~view.filled]
    edge = close.hu[close.dense & ~_eroded_in_plane(close.filled, outside=True)]
    if not len(ring):
        ring = view.hu[~view.filled]
    soft = ring[(ring > GAS_HU) & (ring <= view.low_hu)]
    lower = near[near <= view.low_hu]
    return {
        "ring_hu": float(soft.mean()) if len(soft) else float(ring.mean()) if len(ring) else 0.0,
        "ring_fat_share": float(((ring < FAT_HU) & (ring > GAS_HU)).mean()) if len(ring) else 0.0,
        "ring_gas_share": float((ring <= GAS_HU).mean()) if len(ring) else 0.0,
        "ring_dense_share": float((ring > view.low_hu).mean()) if len(ring) else 0.0,
        "edge_rise_hu": float(edge.mean() - lower.mean()) if len(edge) and len(lower) else 0.0,
    }


def _place(piece: Piece, scene: Scene) -> dict[str, float]:
    points = _points(piece.dense, PLACES) * np.asarray(scene.volume.spacing_mm)
    skin = scene.skin.query(points)[0]
    gas = FAR_MM if scene.gas is None else float(scene.gas.query(points, distance_upper_bound=FAR_MM)[0].min())
    return {
        "skin_depth_mm": min(FAR_MM, float(np.median(skin))),
        "skin_depth_least_mm": min(FAR_MM, float(skin.min())),
        "gas_distance_mm": min(FAR_MM, gas),
    }


_COMPONENT_MEANS = (
    ("component_hu_90", "hu_90"),
    ("component_hollow_share", "hollow_share"),
    ("component_core_less_shell_hu", "core_less_shell_hu"),
    ("component_core_spread_of_noise", "core_spread_of_noise"),
)
_NEIGHBOUR_MEANS = (
    ("neighbour_volume_log_mm3", "volume_log_mm3"),
    ("neighbour_core_less_shell_hu", "core_less_shell_hu"),
    ("neighbour_hu_90", "hu_90"),
)


def _add_components(rows: list[dict[str, float]], pieces: Sequence[Piece]) -> None:
    """What a piece inherits from the component that it is part of."""
    members: dict[int, list[int]] = {}
    for i, piece in enumerate(pieces):
        members.setdefault(piece.component, []).append(i)
    for found in members.values():
        volumes = np.exp([rows[i]["volume_log_mm3"] for i in found])
        total = float(volumes.sum())
        means = {
            name: float(np.dot(volumes, [rows[j][source] for j in found])) / total for name, source in _COMPONENT_MEANS
        }
        deepest = max(rows[j]["depth_mm"] for j in found)
        for i, volume in zip(found, volumes, strict=True):
            rows[i]["component_volume_log_mm3"] = float(np.log(total))
            rows[i]["share_of_component"] = float(volume) / total
            rows[i]["component_depth_mm"] = deepest
            rows[i] |= means


def _add_neighbourhood(rows: list[dict[str, float]], pieces: Sequence[Piece], scene: Scene) -> None:
    """What touches a piece, and what lies about it."""
    spacing = np.asarray(scene.volume.spacing_mm)
    centres = np.array([_centre(piece.dense) for piece in pieces]).reshape(-1, 3) * spacing
    volumes = np.array([row["volume_log_mm3"] for row in rows])
    components = np.array([piece.component for piece in pieces])
    large = np.array([row["component_volume_log_mm3"] >= np.log(LARGE_MM3) for row in rows])
    for i, (row, piece) in enumerate(zip(rows, pieces, strict=True)):
        area = sum(c.area_mm2 for c in piece.contacts)
        beside = {
            source: sum(c.area_mm2 * rows[c.other][source] for c in piece.contacts) / area if area else 0.0
            for source in ("hu_50", *(source for _, source in _NEIGHBOUR_MEANS))
        }
        row["contact_hu_step"] = row["hu_50"] - beside["hu_50"] if area else 0.0
        row |= {name: beside[source] for name, source in _NEIGHBOUR_MEANS}
        apart = np.linalg.norm(centres - centres[i], axis=1)
        others = components != piece.component
        alike = others & (apart < ALIKE_MM) & (np.abs(volumes - volumes[i]) < np.log(ALIKE_RATIO))
        row["alike_near"] = float(np.count_nonzero(alike))
        row["mirror_alike"] = float(_has_mirror(i, centres, volumes, scene.middle_mm))
        far = others & large
        row["large_distance_mm"] = min(FAR_MM, float(apart[far].min())) if far.any() else FAR_MM


def _has_mirror(
    i: int, centres: NDArray[np.float64], volumes: NDArray[np.float64], middle_mm: NDArray[np.float64]
) -> bool:
    """Whether a piece like piece `i` lies on the other side of the body, left of right or front of back."""
    for axis in (1, 2):
        other_side = centres[i].copy()
        other_side[axis] = 2 * middle_mm[axis] - other_side[axis]
        near = np.linalg.norm(centres - other_side, axis=1) < MIRROR_MM
        alike = near & (np.abs(volumes - volumes[i]) < np.log(MIRROR_RATIO))
        alike[i] = False
        if abs(centres[i, axis] - middle_mm[axis]) > MIRROR_LEAST_MM and alike.any():
            return True
    return False


def _centre(crop: Crop) -> NDArray[np.float64]:
    middle: NDArray[np.float64] = _points(crop, CENTRE_PLACES).mean(axis=0)
    return middle


def _points(crop: Crop, most: int) -> NDArray[np.intp]:
    """Image indices of about `most` elements of a mask, evenly spread over them [point, axis]."""
    inside = np.flatnonzero(crop.mask)
    inside = inside[:: max(1, len(inside) // most)]
    found: NDArray[np.intp] = np.stack(np.unravel_index(inside, crop.mask.shape), axis=1) + np.asarray(crop.offset)
    return found

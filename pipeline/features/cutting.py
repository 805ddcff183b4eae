"""Lesion, image and segmentation to a patch: the crop, the half-maximum outline, the surroundings.

The label of a lesion is its visible extent. Sizes, rims and levels are measured on the elements whose density lies
above half of what the deposit reaches near by, counted from its surroundings. Half of the deposit's own maximum
measures small and thin deposits better than a fixed threshold: a sphere smaller than its slice keeps its diameter.
"""

from functools import lru_cache

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from pipeline.features.blocks import Box, labelled, near_mask
from pipeline.features.bones import bone_level, mineral_of
from pipeline.features.patch import LEAST_ELEMENTS, Kind, Labels, Patch, Points, Surroundings, elements
from pipeline.features.within import place_of
from pipeline.model.image import CoarseMask, Floats, Image, Mask, Radiograph
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.lesion import Crop, Lesion, Segmentation, box_in, padded_box

MARGIN_MM = 8.0
"""Surroundings that come along: tissue to compare with, and edges that run on beyond the lesion."""
MARGIN_ELEMENTS = 24
"""The same where spacing is not known: 8 mm at 0.33 mm a pixel."""
REACH_MM = 2.0
"""How far away the level of a deposit is looked up for its half maximum: half of a thick cortex or plaque."""
REACH_ELEMENTS = 6
RING_MM = (2.0, 6.0)
"""Where the tissue about a deposit is read on CT: beyond the deposit's blur, before the next organ."""
TISSUE_HU = (-200.0, 150.0)
"""What counts as tissue there: fat to soft tissue, no air, no bone."""
SAMPLE = 3000
"""Elements of a lesion at which distances to skin and bone are read."""
FARTHEST_MM = 40.0
"""Distances to bone are followed as far as this; twice the reach of a periarticular mass."""
SMOOTH_REACH = 2
"""Elements that a blur of half an element looks at: four standard deviations."""
LEAST_CUT = 0.02
"""Share of a lesion's border at the edge of the exposed field from which it is not seen as a whole."""


def cut(lesion: Lesion, image: Image, segmentation: Segmentation) -> Patch:
    """The patch of one lesion."""
    spacing = _spacing(image)
    kind: Kind = "radiograph" if isinstance(image, Radiograph) else "ct"
    axes = len(image.shape)
    box = padded_box(lesion.crop, elements(spacing, MARGIN_MM, MARGIN_ELEMENTS, axes), image.shape)
    offset = tuple(s.start for s in box)
    stop = tuple(s.stop for s in box)
    visible = np.zeros(tuple(b - a for a, b in zip(offset, stop, strict=True)), bool)
    visible[box_in(lesion.crop, offset)] = lesion.crop.mask
    raw, density, valid = _values(image, segmentation, box)
    bone = segmentation.bone.window(offset, stop)
    level = 0.0 if segmentation.background is not None else _tissue(density, visible, bone, spacing)
    half = half_maximum(density - level, visible, elements(spacing, REACH_MM, REACH_ELEMENTS, axes))
    pieces, count = connected(visible)
    return Patch(
        kind=kind,
        visible=visible,
        half=half,
        core=near_mask(half, 0, 1, lambda part: ndimage.binary_erosion(half[part], np.ones((3,) * axes))),
        pieces=pieces,
        count=count,
        raw=raw,
        density=density,
        level=level,
        noise=segmentation.noise,
        bone=bone,
        valid=valid,
        spacing_mm=spacing,
        gravity=image.gravity,
        offset=offset,
        at_border=_touches_border(lesion.crop, image.shape, visible, valid),
        around=_around(visible, offset, image, segmentation),
    )


def half_maximum(excess: Floats, visible: Mask, reach: tuple[int, ...]) -> Mask:
    """The elements of `visible` that belong to the deposit at half of what it reaches within `reach` elements.

    Only the border gives way: a lucent inside that is closed off from the outside stays. `excess` is counted from
    the surroundings. When nothing would be left (a speck of a few elements), `visible` is returned.
    """
    size = tuple(2 * r + 1 for r in reach)

    def inner(box: Box) -> Mask:
        seen, density = visible[box], excess[box]
        top = ndimage.maximum_filter(ndimage.gaussian_filter(np.where(seen, density, 0.0), 0.5), size=size)
        outer, count = ndimage.label(~(seen & (density >= 0.5 * top)))
        reached = np.zeros(count + 1, bool)
        reached[outer[~seen]] = True
        reached[0] = False
        found: Mask = seen & ~reached[outer]
        return found

    half = near_mask(visible, 0, tuple(r + SMOOTH_REACH for r in reach), inner)
    return half if np.count_nonzero(half) >= LEAST_ELEMENTS else visible


def connected(mask: Mask) -> tuple[Labels, int]:
    """Connected pieces (all neighbours) of at least `LEAST_ELEMENTS`, largest first, numbered from 1."""
    labels, sizes = labelled(mask)
    order = np.argsort(-sizes[1:], kind="stable") + 1
    order = order[sizes[order] >= LEAST_ELEMENTS]
    number = np.zeros(len(sizes), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    labels[mask] = number[labels[mask]]
    return labels, len(order)


def _spacing(image: Image) -> Maybe[tuple[float, ...]]:
    return image.spacing_mm if isinstance(image, Radiograph) else Known(image.spacing_mm, "voxel_to_patient")


def _values(image: Image, segmentation: Segmentation, box: tuple[slice, ...]) -> tuple[Floats, Floats, Mask]:
    """Raw values, density and validity in a box."""
    if not isinstance(image, Radiograph):
        hu = image.hu[box].astype(np.float32)
        return hu, hu, np.ones(hu.shape, bool)
    raw = image.attenuation[box]
    background = segmentation.background
    return raw, raw if background is None else raw - background[box], image.valid[box]


def _tissue(density: Floats, visible: Mask, bone: Mask, spacing: Maybe[tuple[float, ...]]) -> float:
    """Median of the tissue in a ring about the deposit; 0 (water) where there is none."""
    near, far = (elements(spacing, r, round(3 * r), density.ndim) for r in RING_MM)

    def around(box: Box) -> Mask:
        grown = ndimage.maximum_filter(visible[box], size=tuple(2 * n + 1 for n in far))
        grown &= ~ndimage.maximum_filter(visible[box], size=tuple(2 * n + 1 for n in near)) & ~bone[box]
        ring: Mask = grown & (density[box] > TISSUE_HU[0]) & (density[box] < TISSUE_HU[1])
        return ring

    ring = near_mask(visible, far, far, around)
    return float(np.median(density[ring])) if ring.any() else 0.0


def _touches_border(crop: Crop, shape: tuple[int, ...], visible: Mask, valid: Mask) -> bool:
    """Whether a lesion reaches the edge of the image or, with a share of its border, that of the exposed field."""
    if any(o == 0 or e == n for o, e, n in zip(crop.offset, crop.stop, shape, strict=True)):
        return True
    if valid.all():
        return False
    ring = near_mask(visible, 1, 1, lambda box: ndimage.binary_dilation(visible[box]) & ~visible[box])
    return bool(np.mean(~valid[ring]) >= LEAST_CUT)


def _around(visible: Mask, offset: tuple[int, ...], image: Image, segmentation: Segmentation) -> Surroundings:
    index = np.argwhere(visible)
    index = index[:: len(index) // SAMPLE + 1]
    skin: Maybe[Points] = Unknown("spacing not known")
    bone: Maybe[Points] = Unknown("spacing not known")
    spacing = _spacing(image)
    if isinstance(spacing, Known):
        at = (index + np.asarray(offset)) * np.asarray(spacing.value)
        skin = _distances(_skin(segmentation, image), at, "skin not in view")
        bone = _distances(_bone(segmentation, image), at, "no bone seen", FARTHEST_MM)
    return Surroundings(
        index, skin, bone, bone_level(segmentation, image), mineral_of(segmentation, image),
        place_of(index + np.asarray(offset), image, segmentation),
    )  # fmt: skip


def _distances(tree: cKDTree | None, at: Points, reason: str, most: float = np.inf) -> Maybe[Points]:
    """Distances of points from what a tree holds, at most `most`."""
    if tree is None:
        return Unknown(reason)
    return Known(np.minimum(tree.query(at, distance_upper_bound=most)[0], most), "measured")


@lru_cache(maxsize=4)
def _skin(segmentation: Segmentation, image: Image) -> cKDTree | None:
    """Tree of the skin, mm: where the body ends inside the imaged field."""
    body = segmentation.body
    edge = body.mask & ~ndimage.binary_erosion(body.mask, border_value=1)
    if isinstance(image, Radiograph):
        shown = _coarse(image.valid, body)
        edge &= ndimage.binary_erosion(shown, iterations=2, border_value=0)
    return _tree(edge, body, image)


@lru_cache(maxsize=4)
def _bone(segmentation: Segmentation, image: Image) -> cKDTree | None:
    """Tree of the surface of bone, mm."""
    bone = segmentation.bone
    return _tree(bone.mask & ~ndimage.binary_erosion(bone.mask), bone, image)


def _tree(cells: Mask, coarse: CoarseMask, image: Image) -> cKDTree | None:
    """Tree of the centres of coarse cells, mm."""
    spacing = _spacing(image)
    if isinstance(spacing, Unknown) or not cells.any():
        return None
    centres = (np.argwhere(cells) + 0.5) * np.asarray(coarse.factor) - 0.5
    return cKDTree(centres * np.asarray(spacing.value), balanced_tree=False, compact_nodes=False)


def _coarse(mask: Mask, like: CoarseMask) -> Mask:
    """A full mask read at the centres of the cells of a coarse one."""
    axes = [
        np.minimum(np.arange(n) * f + f // 2, m - 1)
        for n, f, m in zip(like.mask.shape, like.factor, mask.shape, strict=True)
    ]
    found: Mask = mask[np.ix_(*axes)]
    return found

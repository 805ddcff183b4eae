"""Bone of an image as a whole: what it adds to soft tissue, and how much mineral it holds."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.features.patch import Patch, Values
from pipeline.model.image import CoarseMask, Image, Mask, Radiograph, Volume
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.lesion import Segmentation

BONE_QUANTILE = 90
CELLS = 200_000
"""Cells at which the level of bone and of soft tissue is read."""
DEEP_MM = 4.0
"""Depth under the surface of bone from which spongy bone is read: beyond the thickest cortex and its blur on CT."""
LEAST_DEEP = 30
"""Cells below which bone has no inside to read."""


def mineral(patch: Patch) -> Values:
    """Mineral of the bone on the image that the lesion lies on, one value for all its lesions.

    `trabecular_density`: median HU of bone deeper than `DEEP_MM`, marrow among it (opportunistic CT densitometry,
    Pickhardt 2013). `bone_contrast`: what bone adds to soft tissue, over what soft tissue adds to air; processing of
    the radiograph changes it, too.
    """
    return {"trabecular_density": patch.around.mineral, "bone_contrast": patch.around.mineral}


@lru_cache(maxsize=4)
def mineral_of(segmentation: Segmentation, image: Image) -> Maybe[float]:
    """Median HU of the inside of bone (CT), or median contrast of bone (radiograph)."""
    return _inside(segmentation, image) if isinstance(image, Volume) else _contrast(segmentation, image)


def _inside(segmentation: Segmentation, image: Volume) -> Maybe[float]:
    bone = segmentation.bone
    if not bone.mask.any():
        return Unknown("no bone seen")
    step = tuple(s * f for s, f in zip(image.spacing_mm, bone.factor, strict=True))
    values = _cells(CoarseMask(deeper_than(DEEP_MM, bone.mask, step), bone.factor, bone.shape), image)
    if len(values) < LEAST_DEEP:
        return Unknown("no bone thick enough to read its inside")
    return Known(float(np.median(values)), "bone of the same image")


def deeper_than(depth_mm: float, mask: Mask, spacing_mm: tuple[float, ...]) -> Mask:
    """Elements of a mask farther than `depth_mm` from every element out of it; beyond the array nothing is out of it.

    An erosion by a ball that looks at the mask's own elements: for a depth of a few of them it is cheaper by far than
    distances.
    """
    ends = [int(depth_mm / s) + 1 for s in spacing_mm]
    axes = np.ogrid[tuple(slice(-n, n + 1) for n in ends)]
    ball = np.sqrt(sum((axis * s) ** 2 for axis, s in zip(axes, spacing_mm, strict=True))) <= depth_mm
    found: Mask = ndimage.binary_erosion(mask, ball, border_value=1)
    return found


def _contrast(segmentation: Segmentation, image: Radiograph) -> Maybe[float]:
    bone, soft = _cells(segmentation.bone, image), _soft(segmentation, image)
    if len(bone) < LEAST_DEEP or not len(soft):
        return Unknown("no bone seen" if len(bone) < LEAST_DEEP else "no soft tissue seen")
    level = float(np.median(soft))
    return Known((float(np.median(bone)) - level) / max(level, 0.05), "bone of the same image")


@lru_cache(maxsize=4)
def bone_level(segmentation: Segmentation, image: Image) -> Maybe[float]:
    """What dense bone of this image adds to soft tissue: attenuation or HU, upper tenth of bone less the rest."""
    bone = _cells(segmentation.bone, image)
    if not bone.size:
        return Unknown("no bone seen")
    soft = _soft(segmentation, image)
    if not soft.size:
        return Unknown("no soft tissue seen")
    return Known(float(np.percentile(bone, BONE_QUANTILE) - np.median(soft)), "bone of the same image")


def _soft(segmentation: Segmentation, image: Image) -> NDArray[np.float64]:
    """Values of the body without its bone."""
    body = segmentation.body
    return _cells(CoarseMask(_without(body, segmentation.bone), body.factor, body.shape), image)


def _without(body: CoarseMask, bone: CoarseMask) -> Mask:
    """Body cells whose centre is not bone."""
    centres = [np.arange(n) * f + f // 2 for n, f in zip(body.mask.shape, body.factor, strict=True)]
    cells = [c // f for c, f in zip(centres, bone.factor, strict=True)]
    seen = [c[c < n] for c, n in zip(cells, bone.mask.shape, strict=True)]
    found = body.mask.copy()
    found[tuple(slice(len(s)) for s in seen)] &= ~bone.mask[np.ix_(*seen)]
    return found


def _cells(coarse: CoarseMask, image: Image) -> NDArray[np.float64]:
    """Values of the image at the centres of the cells of a mask."""
    factor = np.asarray(coarse.factor)
    flat = np.flatnonzero(coarse.mask)
    cells = np.unravel_index(flat[:: len(flat) // CELLS + 1], coarse.mask.shape)
    index = np.column_stack(cells) * factor + factor // 2
    index = index[np.all(index < np.asarray(image.shape), axis=1)]
    values = image.attenuation if isinstance(image, Radiograph) else image.hu
    found: NDArray[np.float64] = values[tuple(index.T)].astype(np.float64)
    return found

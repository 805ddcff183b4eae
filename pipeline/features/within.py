"""Where in the body a lesion lies: beside the midline, between front and back, in air-filled lung."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.features.blocks import Box, near_mask
from pipeline.features.patch import Patch, Place, Values, known
from pipeline.model.image import Image, Mask, Volume
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.lesion import Segmentation

LUNG_HU = -500.0
"""Tissue with more air than this is lung (Schroeder 2013 takes -950 to -500 for inflated lung)."""
RING_MM = (2.0, 6.0)
RING_ELEMENTS = (2, 6)


def within(patch: Patch) -> Values:
    """Place of the lesion's middle in the box of the body, and the share of what surrounds it that is lung (CT)."""
    place = patch.around.place
    return {
        "midline_offset": place if isinstance(place, Unknown) else known(place.value.offset),
        "midline_distance": place if isinstance(place, Unknown) else known(abs(place.value.offset)),
        "depth_fraction": place if isinstance(place, Unknown) else known(place.value.depth),
        "lung_fraction": known(_air(patch)),
    }


def place_of(index: NDArray[np.intp], image: Image, segmentation: Segmentation) -> Maybe[Place]:
    """The place of the middle of elements [point, axis] of a CT in the box of the body."""
    if not isinstance(image, Volume):
        return Unknown("front and back lie over each other on a radiograph")
    box = _body_box(segmentation, image)
    if box is None:
        return Unknown("the body is not seen")
    low, high = box
    middle = (image.voxel_to_patient @ np.append(index.mean(axis=0), 1.0))[:3]
    share = (middle - low) / np.maximum(high - low, 1.0)
    return Known(Place(float(2 * share[0] - 1), float(share[1])), "body outline")


@lru_cache(maxsize=4)
def _body_box(segmentation: Segmentation, image: Volume) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Least and greatest patient coordinates (left, back, up), mm, of the body."""
    body = segmentation.body
    if not body.mask.any():
        return None
    cells = np.argwhere(body.mask & ~ndimage.binary_erosion(body.mask)) * np.asarray(body.factor)
    points = cells @ image.voxel_to_patient[:3, :3].T + image.voxel_to_patient[:3, 3]
    return np.percentile(points, 1, axis=0), np.percentile(points, 99, axis=0)


def _air(patch: Patch) -> float:
    """Share of a ring about the lesion that is lung."""
    near, far = (patch.elements(r, n) for r, n in zip(RING_MM, RING_ELEMENTS, strict=True))

    def ring(box: Box) -> Mask:
        seen = patch.visible[box]
        grown = ndimage.maximum_filter(seen, size=tuple(2 * n + 1 for n in far))
        found: Mask = grown & ~ndimage.maximum_filter(seen, size=tuple(2 * n + 1 for n in near))
        return found

    around = near_mask(patch.visible, far, far, ring)
    return float(np.mean(patch.density[around] < LUNG_HU)) if around.any() else 0.0

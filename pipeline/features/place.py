"""Place: depth under the skin, contact with bone, edge of the field."""

import numpy as np
from scipy import ndimage

from pipeline.features.blocks import Box, near_mask
from pipeline.features.cutting import FARTHEST_MM
from pipeline.features.patch import Patch, Points, Values, known
from pipeline.model.image import Mask
from pipeline.model.known import Maybe, Unknown

TANGENT_MM = 15.0
"""On one projection a lesion farther than this from the outline of the body may lie at any depth."""
EN_FACE = Unknown("seen en face: its depth does not show on this projection")
CONTACT_MM, CONTACT_ELEMENTS = 1.0, 3
"""Bone nearer than this touches (finding `in_soft_tissue`)."""
THIN_MM = 1.0
"""Least thickness of a layer, so that a single line has a finite ratio."""


def skin(patch: Patch) -> Values:
    """Least depth under the skin, and how much farther a lesion extends along the skin than across it.

    On a radiograph depth is seen only where the skin is tangential.
    """
    depth = patch.around.depth_mm
    if isinstance(depth, Unknown):
        return {"depth_from_skin": depth, "skin_alignment": depth}
    least = float(depth.value.min())
    if patch.kind == "radiograph" and least > TANGENT_MM:
        return {"depth_from_skin": EN_FACE, "skin_alignment": EN_FACE}
    thickness = float(np.ptp(np.percentile(depth.value, [5, 95])))
    extents = [float(np.ptp(w)) * s for w, s in zip(patch.around.index.T, patch.scale, strict=True)]
    return {
        "depth_from_skin": known(least),
        "skin_alignment": known(float(np.linalg.norm(extents)) / max(thickness, THIN_MM)),
    }


def bone(patch: Patch) -> Values:
    """Distance to bone (at most `FARTHEST_MM`) and the share of the lesion's border that touches bone."""
    near = patch.around.bone_mm
    reach = patch.elements(CONTACT_MM, CONTACT_ELEMENTS)
    size = tuple(2 * r + 1 for r in reach)
    touching = patch.bone
    if patch.kind == "ct" or not (patch.bone & patch.visible).any():
        touching = patch.bone & ~patch.visible

    def edge(box: Box) -> Mask:
        found: Mask = patch.visible[box] & ~ndimage.binary_erosion(patch.visible[box], border_value=1)
        return found

    border = near_mask(patch.visible, 0, 1, edge)
    beside = near_mask(border, 0, reach, lambda box: ndimage.maximum_filter(touching[box], size=size))
    distance: Maybe[float] = near if isinstance(near, Unknown) else known(_least(patch, near.value))
    return {
        "bone_contact_fraction": known(int(np.count_nonzero(border & beside)) / max(1, int(np.count_nonzero(border)))),
        "distance_to_bone": distance,
    }


def _least(patch: Patch, ways_mm: Points) -> float:
    """Least distance to bone; 0 where bone lies in, before or behind the lesion."""
    return 0.0 if (patch.bone & patch.visible).any() else min(float(ways_mm.min()), FARTHEST_MM)


def overlap(patch: Patch) -> Values:
    """Share of a lesion on a radiograph that lies before or behind bone."""
    return {"bone_overlap_fraction": known(float(np.mean(patch.bone[patch.visible])))}


def border(patch: Patch) -> Values:
    """1 when the lesion touches the edge of what was imaged, else 0."""
    return {"border_contact": known(float(patch.at_border))}

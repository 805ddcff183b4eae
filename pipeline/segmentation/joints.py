"""Where a piece meets others of its component: a cortex between the two, or one inside that runs through.

A deposit rides on an intact cortex; a bone's own process opens into it.
"""

import numpy as np
from scipy.ndimage import generate_binary_structure, minimum_filter1d

from pipeline.model.image import Mask
from pipeline.segmentation.body import grown
from pipeline.segmentation.nearness import within
from pipeline.segmentation.view import View

NAMES = ("joint_low_hu", "joint_step_hu", "beneath_step_hu", "beneath_hu")
JOINT_MM, BENEATH_MM = 2.0, (3.5, 5.5)
"""Either side of where two pieces meet: a cortex; what lies below it."""
OWN_MM = 8.0
"""Of the piece itself so much is looked at beyond the joint."""


def joint_of(view: View) -> dict[str, float]:
    """What lies where a piece meets others, by `NAMES`, in HU; 0 where it meets none."""
    row = dict.fromkeys(NAMES, 0.0)
    if not view.beside.any():
        return row
    met = view.filled & grown(view.beside, generate_binary_structure(3, 1))
    if not met.any():
        return row
    box = _about(met, view)
    hu, filled, beside = view.hu[box], view.filled[box], view.beside[box]
    close, above, deep = (within(reach, met[box], view.spacing_mm) for reach in (JOINT_MM, *BENEATH_MM))
    joint = hu[(filled | beside) & close & _inside(filled | beside, view.spacing_mm)]
    own = hu[filled & ~close]
    near = hu[beside & close]
    below = hu[beside & deep & ~above]
    if len(joint):
        row["joint_low_hu"] = float(np.percentile(joint, 10))
        row["joint_step_hu"] = float(joint.mean() - own.mean()) if len(own) else 0.0
    if len(near) and len(below):
        row["beneath_step_hu"] = float(near.mean() - below.mean())
        row["beneath_hu"] = float(below.mean())
    return row


def _about(met: Mask, view: View) -> tuple[slice, ...]:
    """The box of `met`, grown by `OWN_MM`."""
    found = []
    for axis, step in enumerate(view.spacing_mm):
        here = np.flatnonzero(met.any(axis=tuple(k for k in range(3) if k != axis)))
        margin = int(np.ceil(OWN_MM / step))
        found.append(slice(max(0, int(here[0]) - margin), int(here[-1]) + 1 + margin))
    return tuple(found)


def _inside(mask: Mask, spacing_mm: tuple[float, ...]) -> Mask:
    """The mask less `JOINT_MM` of its border in plane."""
    found = mask.view(np.uint8)
    for axis in (1, 2):
        size = 2 * round(JOINT_MM / spacing_mm[axis]) + 1
        found = minimum_filter1d(found, size, axis=axis, mode="constant", cval=1)
    return found.view(np.bool_)

"""What a feature needs of a patch, and the reason that a report gives when it is not there."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from pipeline.features.blocks import Box, box_of
from pipeline.features.patch import Patch
from pipeline.features.table import FeatureRow, Need
from pipeline.model.known import Known, Unknown

LEAST_FORM = 4
"""Elements below which a mask has no form."""


def missing(row: FeatureRow, patch: Patch) -> Unknown | None:
    """Why a feature cannot be measured on a patch; None when it can."""
    if patch.kind not in row.kinds:
        return Unknown(f"not measured on a {'CT' if patch.kind == 'ct' else patch.kind}")
    return next((reason for reason in (_CHECKS[need](patch) for need in row.needs) if reason is not None), None)


def _spacing(patch: Patch) -> Unknown | None:
    return None if isinstance(patch.spacing_mm, Known) else patch.spacing_mm


def _whole(patch: Patch) -> Unknown | None:
    return Unknown("touches the edge of the field: not seen as a whole") if patch.at_border else None


def _form(patch: Patch) -> Unknown | None:
    if np.count_nonzero(patch.half) >= LEAST_FORM:
        return None
    return Unknown("too small: fewer than four elements")


def _across(count: int) -> Callable[[Patch], Unknown | None]:
    def check(patch: Patch) -> Unknown | None:
        return (
            None
            if max(s.stop - s.start for s in _box(patch)) >= count
            else Unknown(f"too small: fewer than {count} elements across")
        )

    return check


@lru_cache(maxsize=2)
def _box(patch: Patch) -> Box:
    return box_of(patch.visible)


_CHECKS: Mapping[Need, Callable[[Patch], Unknown | None]] = {
    "spacing": _spacing,
    "whole": _whole,
    "4 elements": _form,
    "8 across": _across(8),
    "10 across": _across(10),
}

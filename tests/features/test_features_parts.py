from dataclasses import replace

import numpy as np
import pytest
from shapes import disc, patch, value

from pipeline.features.parts import field, sheet
from pipeline.features.patch import Patch
from pipeline.model.known import Known, Unknown


def _grains(turn: bool) -> Patch:
    """Twelve grains of 12 x 4 elements, all across or every other one upright."""
    mask = np.zeros((160, 160), bool)
    for n in range(12):
        r, c = 12 + 36 * (n // 4), 12 + 36 * (n % 4)
        if turn and n % 2:
            mask[r : r + 12, c + 4 : c + 8] = True
        else:
            mask[r + 4 : r + 8, c : c + 12] = True
    return patch(mask)


def test_grains_along_one_way_are_coherent() -> None:
    found = field(_grains(turn=False))
    assert value(found["part_orientation_coherence"]) == pytest.approx(1, abs=1e-6)
    assert value(found["part_aspect_ratio"]) == pytest.approx(3, abs=0.01)


def test_grains_half_upright_are_not_coherent() -> None:
    assert value(field(_grains(turn=True))["part_orientation_coherence"]) == pytest.approx(0, abs=1e-6)


def test_discs_are_round_and_point_nowhere() -> None:
    mask = np.tile(disc(8, margin=6), (2, 2))
    found = field(patch(mask))
    assert value(found["part_roundness"]) > 0.85
    assert isinstance(found["part_orientation_coherence"], Unknown)


def test_a_layer_is_a_sheet() -> None:
    whole = patch(disc(20))
    depth = np.linspace(4, 6, len(whole.around.index))
    thick = np.linspace(0, 40, len(whole.around.index))
    layer, block = (
        value(sheet(replace(whole, around=replace(whole.around, depth_mm=Known(d, "test"))))["sheet_fraction"])
        for d in (depth, thick)
    )
    assert layer == 1
    assert block == pytest.approx(0.1, abs=0.01)

"""The digital phantom of IBSI-1: every feature that bears an IBSI code is within the published tolerance."""

import json
from pathlib import Path

import numpy as np
import pytest
from shapes import patch, value

from pipeline.features.patch import Patch
from pipeline.features.table import FEATURES
from pipeline.model.known import Known

PHANTOM = json.loads((Path(__file__).parent / "ibsi_phantom.json").read_text())
CODED = [row for row in FEATURES if row.code is not None and row.code.startswith("IBSI:")]
REFERENCE = {f"IBSI:{f['code']}": f for f in PHANTOM["features"]}


@pytest.fixture(scope="module")
def phantom() -> Patch:
    mask = np.array(PHANTOM["mask"], bool)
    image = np.array(PHANTOM["image"], np.float32)
    return patch(mask, image, core=mask, level=0.0, spacing_mm=Known(tuple(PHANTOM["spacing_mm"]), "phantom"))


@pytest.mark.parametrize("row", CODED, ids=lambda row: row.name)
def test_feature_with_an_ibsi_code_has_the_reference_value(row, phantom: Patch) -> None:
    reference = REFERENCE[row.code]
    assert reference["feature"] == row.name
    assert abs(value(row.function(phantom)[row.name]) - reference["value"]) <= reference["accept"]


def test_no_code_is_borne_twice() -> None:
    codes = [row.code for row in FEATURES if row.code is not None]
    assert len(codes) == len(set(codes))

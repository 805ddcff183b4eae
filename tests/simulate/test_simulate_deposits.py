"""Deposits other than masses are what their names say."""

import numpy as np
import pytest
from scipy.ndimage import label

from pipeline.simulate import deposits
from pipeline.simulate.lesions import Lesion


def _mineral_g(lesion: Lesion) -> float:
    return sum(float(p.calcium.sum()) * (p.lattice.step_mm / 10) ** 3 for p in lesion.patches)


@pytest.mark.parametrize("gap", [0.05, 0.3])
def test_the_rim_of_a_cyst_has_the_gaps_that_were_asked_for(gap: float) -> None:
    cyst = deposits.rim_cyst("hydatid_cyst", "thigh", (0.0, 0.0, 0.0), 20.0, np.random.default_rng(1), gap_share=gap)
    complete = cyst.measures["rim_completeness"]
    assert isinstance(complete, float)
    assert complete == pytest.approx(1 - gap, abs=0.15)


def test_the_middle_of_a_cyst_holds_no_calcium() -> None:
    cyst = deposits.rim_cyst("hydatid_cyst", "thigh", (5.0, 0.0, -3.0), 15.0, np.random.default_rng(1))
    patch = cyst.patches[0]
    middle = tuple(
        round((c - o) / patch.lattice.step_mm) for c, o in zip((5.0, 0.0, -3.0), patch.lattice.origin, strict=True)
    )
    reach = 8
    inside = patch.calcium[tuple(slice(m - reach, m + reach) for m in middle)]
    assert float(inside.max()) == 0.0


def test_a_zonal_shell_is_denser_outside_than_inside() -> None:
    shell = deposits.zonal_shell("thigh", (0.0, 0.0, 0.0), (14.0, 12.0, 25.0), np.random.default_rng(4)).patches[0]
    middle = tuple(n // 2 for n in shell.calcium.shape)
    inner = shell.calcium[tuple(slice(m - 3, m + 4) for m in middle)]
    assert float(inner.mean()) < 0.3 * float(np.percentile(shell.calcium[shell.calcium > 0.05], 75))


def test_as_many_phleboliths_as_were_asked_for() -> None:
    veins = {"left vein": [(0.0, 0.0, float(z)) for z in range(0, 100, 10)]}
    stones = deposits.phleboliths("pelvis", veins, 4, np.random.default_rng(2))
    assert len(stones.patches) == 4
    assert all(label(p.calcium > 0.1)[1] == 1 for p in stones.patches)


def test_a_worm_is_long_and_thin() -> None:
    cord = deposits.worm("lower_leg", (0.0, 0.0, 0.0), np.random.default_rng(6))
    length = cord.measures["length"]
    assert isinstance(length, float)
    assert length > 80
    assert _mineral_g(cord) < 0.75 * np.pi * 0.1**2 * length / 10


def test_rails_of_an_artery_leave_its_lumen_clear() -> None:
    path = [(0.0, 0.0, 2.0 * n) for n in range(30)]
    vessel = deposits.artery("arterial_calcification", "thigh", path, 6.0, np.random.default_rng(3))
    for patch in vessel.patches:
        x, y, _ = patch.lattice.grid()
        lumen = np.broadcast_to(np.hypot(x, y) < 1.8, patch.lattice.shape)
        assert float(patch.calcium[lumen].max()) == 0.0


@pytest.mark.parametrize("entity", ["matrix_producing_tumor", "synovial_tumor"])
def test_a_tumour_brings_a_soft_mass(entity: str) -> None:
    patch = deposits.rings(entity, "knee", (0.0, 0.0, 0.0), 15.0, np.random.default_rng(3)).patches[0]
    assert patch.cover is not None
    assert float(patch.cover.sum()) > 3 * float((patch.calcium > 0.1).sum())

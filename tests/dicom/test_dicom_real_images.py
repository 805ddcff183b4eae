"""Real studies become images with the geometry that was seen in them, where they are at hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_dicom import LIMITS

from pipeline.dicom.files import SeriesFiles, SourceFile
from pipeline.dicom.radiograph import read_radiographs
from pipeline.dicom.volume import read_volumes
from pipeline.model.context import ClinicalContext
from pipeline.model.known import Known, Unknown
from pipeline.model.vocabulary import Posture, Region

REAL = Path(__file__).parents[3] / "shared" / "real"
pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real studies lie beside the repository, and are not here"
)
NOTHING = ClinicalContext()


def series(folder, kind):
    paths = sorted(folder.rglob("*.dcm"))
    return SeriesFiles("1", kind, kind, tuple(SourceFile(p, p.name, "", "") for p in paths))


def cases(kind):
    if not REAL.is_dir():
        return []
    found = json.loads((REAL / "truth.json").read_text())["cases"]
    return [pytest.param(case, id=case["id"]) for case in found if case["type"] == kind]


@pytest.mark.parametrize("case", cases("ct"))
def test_a_real_ct_becomes_a_volume_whose_affine_finds_the_deposits(case):
    (volume,), skipped = read_volumes(series(REAL / case["files"][0], "ct"), NOTHING, LIMITS)
    assert skipped == ()
    assert volume.gaps == ()
    assert -1024 <= volume.hu.min() <= -990
    upward = volume.voxel_to_patient[2, 0] > 0
    for deposit in case["deposits"]:
        column, row, number = deposit["centre"]
        index = number if upward else volume.shape[0] - 1 - number
        place = volume.voxel_to_patient @ [index, row, column, 1]
        assert np.linalg.norm(place[:3] - deposit["centre_mm"]) < 1
    if isinstance(volume.posture, Known):
        assert volume.posture.value == Posture.SUPINE
        assert volume.gravity.value == (0, 1, 0)
    else:
        assert isinstance(volume.gravity, Unknown)


@pytest.mark.parametrize("case", cases("radiograph"))
def test_a_real_radiograph_becomes_an_image_with_nearly_all_its_field(case):
    (image,), skipped = read_radiographs(series(REAL / case["files"][0], "radiograph"), NOTHING, LIMITS)
    assert skipped == ()
    assert image.valid.mean() > (0.7 if case["id"] == "WG04_RG2_hip" else 0.95)
    assert np.quantile(image.attenuation[image.valid], (0.02, 0.98)) == pytest.approx((0, 1), abs=0.02)
    if case.get("spacing_mm") is None:
        assert isinstance(image.spacing_mm, Unknown)
    else:
        assert image.spacing_mm.value == pytest.approx(case["spacing_mm"])


def test_unexposed_sides_of_a_real_hip_are_left_out_and_its_clips_are_not():
    (image,), _ = read_radiographs(series(REAL / "studies" / "WG04_RG2_hip", "radiograph"), NOTHING, LIMITS)
    assert not image.valid[:, :150].any()
    assert not image.valid[:, -200:].any()
    assert image.valid[:, 400:1200].all()


def test_a_real_tilted_head_is_sheared():
    (volume,), skipped = read_volumes(series(REAL / "odd" / "ct_tilt_series", "ct"), NOTHING, LIMITS)
    assert volume.shape == (9, 512, 512)
    np.testing.assert_allclose(volume.voxel_to_patient[:3, 0], [0, 0, 2.5], atol=1e-6)
    np.testing.assert_allclose(volume.voxel_to_patient[:3, 1] / 0.482421875, [0, 0.9483, -0.3173], atol=1e-4)
    assert any("gantry tilt 18.5" in note for note in volume.notes)
    assert len(skipped) == 1
    assert volume.region.value == Region.HEAD

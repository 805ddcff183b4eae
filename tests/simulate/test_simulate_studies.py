"""Whole studies: files, truth, the same bytes again."""

import hashlib
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image

from pipeline.simulate import deposits, recording
from pipeline.simulate.build import Build
from pipeline.simulate.cohort import PAINTERS, random_study
from pipeline.simulate.files import Patient, uid
from pipeline.simulate.lesions import GRAVITY
from pipeline.simulate.radiography import film_gravity
from pipeline.simulate.recording import Shot, Study, scene_of, write_study
from pipeline.simulate.tomography import Protocol

VISIBLE_HU = 60


def _film_study() -> Study:
    rng = np.random.default_rng(1)
    scene = scene_of("knee", -1, Build(), rng)
    lesion = deposits.cloud("granuloma", "knee", (-40.0, 0.0, 60.0), (6.0, 6.0, 9.0), rng)
    shot = Shot(posture="erect", pixel_mm=0.6)
    return Study("film", Patient("1", 40, "F", "test/film"), "granuloma", scene, ((lesion,),), (shot,))


def _ct_study() -> Study:
    rng = np.random.default_rng(2)
    scene = scene_of("thigh", 1, Build(), rng)
    lesion = deposits.rim_cyst("hydatid_cyst", "thigh", (30.0, 35.0, 225.0), 18.0, rng)
    protocol = Protocol((0.0, 4.0, 225.0), (8, 120, 120), 1.8, 6.0)
    return Study("ct", Patient("2", 40, "M", "test/ct"), "hydatid_cyst", scene, ((lesion,),), protocol=protocol)


def _digest(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated")
    for study in (_film_study(), _ct_study()):
        write_study(study, out, np.random.default_rng(9))
    return out


def test_the_same_seed_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    for study in (_film_study(), _ct_study()):
        write_study(study, tmp_path, np.random.default_rng(9))
    assert _digest(tmp_path) == _digest(written)


def test_labels_lie_on_the_pixels_of_the_film(written: Path) -> None:
    ds = pydicom.dcmread(written / "studies/film/image1.dcm")
    row = json.loads((written / "truth/film/truth.json").read_text())
    labels = np.asarray(Image.open(written / "truth/film/labels1.png"))
    assert ds.pixel_array.shape == labels.shape == tuple(row["images"][0]["shape"])
    assert set(np.unique(labels)) == {0, 1}
    assert row["images"][0]["sop_instance_uid"] == ds.SOPInstanceUID
    assert row["study_instance_uid"] == ds.StudyInstanceUID
    assert row["lesions"][0]["visibility"] > 1


def test_calcium_is_brighter_than_what_lies_around(written: Path) -> None:
    values = pydicom.dcmread(written / "studies/film/image1.dcm").pixel_array.astype(float)
    labels = np.asarray(Image.open(written / "truth/film/labels1.png"))
    rows, columns = np.nonzero(labels)
    box = (slice(rows.min() - 4, rows.max() + 5), slice(columns.min() - 4, columns.max() + 5))
    assert values[box][labels[box] > 0].mean() > values[box][labels[box] == 0].mean()


def test_the_pixel_spacing_of_a_film_tells_the_true_size(written: Path) -> None:
    ds = pydicom.dcmread(written / "studies/film/image1.dcm")
    row = json.loads((written / "truth/film/truth.json").read_text())
    true = float(ds.ImagerPixelSpacing[0]) / float(ds.EstimatedRadiographicMagnificationFactor)
    assert true == pytest.approx(row["images"][0]["pixel_mm"], rel=1e-3)


def test_a_series_reads_back_in_hounsfield_units(written: Path) -> None:
    slices = [pydicom.dcmread(p) for p in sorted((written / "studies/ct").glob("*.dcm"))]
    hu = np.stack([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices])
    volume = nib.load(written / "truth/ct/labels1.nii.gz")
    labels = np.asarray(volume.dataobj).transpose(2, 1, 0)
    assert labels.shape == hu.shape
    assert hu[labels == 1].mean() > 300
    assert np.median(hu[(hu > 20) & (hu < 90)]) == pytest.approx(56, abs=12)
    assert hu[:, 2, 2].mean() == pytest.approx(-1000, abs=15)


def test_the_affine_of_the_labels_is_that_of_the_slices(written: Path) -> None:
    slices = [pydicom.dcmread(p) for p in sorted((written / "studies/ct").glob("*.dcm"))]
    volume = nib.load(written / "truth/ct/labels1.nii.gz")
    x, y, z = (float(v) for v in slices[3].ImagePositionPatient)
    assert np.allclose(volume.affine @ [0, 0, 3, 1], [-x, -y, z, 1], atol=1e-2)


def test_gravity_of_a_film_follows_posture_and_view() -> None:
    scene = scene_of("knee", 1, Build(), np.random.default_rng(0))
    ap, lateral = (recording.camera(scene, Shot(view=view)) for view in ("AP", "LAT"))  # type: ignore[arg-type]
    assert film_gravity(ap, "erect") == film_gravity(lateral, "erect") == (1.0, 0.0)
    assert film_gravity(ap, "supine") is None
    assert film_gravity(lateral, "supine") == (0.0, 1.0)
    assert film_gravity(ap, "unknown") is None
    assert all(abs(np.linalg.norm(v) - 1) < 1e-9 for v in GRAVITY.values())


def test_identifiers_are_valid_and_follow_their_parts() -> None:
    assert uid("a", 1) == uid("a", 1) != uid("a", 2)
    assert pydicom.uid.UID(uid("a", 1)).is_valid


def test_a_random_study_is_the_same_for_the_same_seed() -> None:
    first, second = (random_study(3, 1, np.random.default_rng((3, 1))) for _ in range(2))
    assert (first.entity, first.scene.region, first.posture, first.shots) == (
        second.entity,
        second.scene.region,
        second.posture,
        second.shots,
    )


@pytest.mark.slow
@pytest.mark.parametrize("entity", sorted(PAINTERS))
def test_every_painter_leaves_calcium(entity: str) -> None:
    rng = np.random.default_rng(8)
    region = {"phlebolith": "pelvis"}.get(entity, "thigh")
    scene = scene_of(region, 0 if region == "pelvis" else 1, Build(), rng)
    lesion = PAINTERS[entity](scene, rng, region)
    assert lesion.entity == entity
    assert sum(float(p.calcium.sum()) for p in lesion.patches) > 0

"""A CT SEG lies where its series lies, in every orientation, for highdicom and for dcmqi (ITK)."""

import shutil
import subprocess
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pytest
from builders import analysis, lesion_at
from placed_series import DIRECTIONS, place_of, series

from pipeline.dicom.discovery import discover
from pipeline.dicom.volume import read_volumes
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.context import ClinicalContext
from pipeline.objects.write import write_objects

BOX = (slice(1, 3), slice(4, 7), slice(8, 10))
VOXELS = [(s, r, c) for s in (1, 2) for r in (4, 5, 6) for c in (8, 9)]


@pytest.fixture(params=DIRECTIONS)
def seg(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """(directions, SEG of a box of `VOXELS` on a series of these directions, its files in reverse order)."""
    folder = series(tmp_path / "in", DIRECTIONS[request.param], backwards=True)
    (study,) = discover([folder], DicomSettings(), tmp_path).studies
    (image,), _ = read_volumes(study.series[0], ClinicalContext(), DicomSettings())
    written, skipped = write_objects(analysis(image=image, lesions=(lesion_at(BOX, image.shape),)), tmp_path, None)
    assert not skipped
    (path,) = (p for p in written if p.stem.startswith("seg"))
    return request.param, path


def _same_places(found: np.ndarray, name: str) -> bool:
    wanted = place_of(name, VOXELS)
    distances = np.linalg.norm(found[:, None] - wanted[None], axis=2)
    return len(found) == len(wanted) and bool((distances.min(axis=0) < 1e-3).all())


def test_highdicom_finds_every_voxel_in_its_place(seg: tuple[str, Path]) -> None:
    name, path = seg
    volume = highdicom.seg.segread(path).get_volume(combine_segments=True)
    inside = np.argwhere(volume.array > 0)
    assert _same_places(volume.map_indices_to_reference(inside), name)


def test_dcmqi_finds_every_voxel_in_its_place(seg: tuple[str, Path], tmp_path: Path) -> None:
    name, path = seg
    tool = shutil.which("segimage2itkimage")
    if tool is None:
        pytest.skip("segimage2itkimage is not installed (dcmqi)")
    command = [tool, "--inputDICOM", path, "--outputDirectory", tmp_path, "-t", "nii"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = tmp_path.glob("1.nii*")
    image = nibabel.load(made)
    inside = np.argwhere(np.asarray(image.dataobj) > 0)
    assert _same_places(nibabel.affines.apply_affine(image.affine, inside) * (-1, -1, 1), name)

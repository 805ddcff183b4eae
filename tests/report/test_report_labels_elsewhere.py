"""Label volumes lie where the DICOM series lies: for SimpleITK (ITK reads for 3D Slicer and ITK-SNAP) and nibabel."""

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
from builders import lesion_at, volume
from placed_series import DIRECTIONS, SHAPE, STRAIGHT, place_of, series

from pipeline.dicom.discovery import discover
from pipeline.dicom.volume import read_volumes
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.context import ClinicalContext
from pipeline.model.image import Volume
from pipeline.model.lesion import label_array
from pipeline.report.label_images import nifti_affine, write_labels

sitk = pytest.importorskip("SimpleITK", reason="SimpleITK comes with the extra dev")

VOXELS = ((0, 0, 0), (5, 19, 13), (2, 11, 3))


def _volume(folder: Path, scratch: Path) -> Volume:
    (study,) = discover([folder], DicomSettings(), scratch).studies
    (found,), skipped = read_volumes(study.series[0], ClinicalContext(), DicomSettings())
    assert not skipped
    return found


@pytest.fixture(params=list(itertools.product(DIRECTIONS, (False, True))), ids=lambda p: f"{p[0]}-{p[1]}")
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, Path]:
    """(directions, folder of the series, label volume with one voxel of each value at `VOXELS`)."""
    name, backwards = request.param
    folder = series(tmp_path / "in", DIRECTIONS[name], backwards=backwards)
    image = _volume(folder, tmp_path)
    lesions = tuple(
        lesion_at(tuple(slice(i, i + 1) for i in voxel), image.shape, number=n) for n, voxel in enumerate(VOXELS, 1)
    )
    return name, folder, tmp_path / write_labels(image, label_array(image.shape, lesions), tmp_path, "1.2.3")


def test_simpleitk_finds_each_voxel_where_the_headers_say(written: tuple[str, Path, Path]) -> None:
    name, _, path = written
    labels = sitk.ReadImage(str(path))
    values = sitk.GetArrayFromImage(labels)
    for number, place in enumerate(place_of(name, VOXELS), start=1):
        ((z, y, x),) = np.argwhere(values == number).tolist()
        assert np.allclose(labels.TransformIndexToPhysicalPoint((x, y, z)), place, atol=1e-3)


def test_simpleitk_lays_the_labels_over_the_series_it_reads_itself(written: tuple[str, Path, Path]) -> None:
    _, folder, path = written
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    images, labels = reader.Execute(), sitk.ReadImage(str(path))
    assert labels.GetSize() == images.GetSize()
    corners = itertools.product(*((0, n - 1) for n in images.GetSize()))
    for corner in corners:
        place = images.TransformIndexToPhysicalPoint(corner)
        assert np.allclose(
            labels.TransformContinuousIndexToPhysicalPoint(labels.TransformPhysicalPointToContinuousIndex(place)), place
        )
        assert all(
            0 <= i < n for i, n in zip(labels.TransformPhysicalPointToIndex(place), labels.GetSize(), strict=True)
        )


def test_nibabel_agrees_in_its_own_axes(written: tuple[str, Path, Path]) -> None:
    name, _, path = written
    image = nibabel.load(path)
    values = np.asarray(image.dataobj)
    for number, place in enumerate(place_of(name, VOXELS), start=1):
        (index,) = np.argwhere(values == number)
        right_anterior_superior = nibabel.affines.apply_affine(image.affine, index)
        assert np.allclose(right_anterior_superior * (-1, -1, 1), place, atol=1e-3)


def test_left_of_the_patient_is_left_in_both(tmp_path: Path) -> None:
    image = _volume(series(tmp_path / "in", STRAIGHT, backwards=False), tmp_path)
    lesion = lesion_at((slice(1, 2), slice(3, 4), slice(SHAPE[2] - 1, SHAPE[2])), image.shape)
    path = tmp_path / write_labels(image, label_array(image.shape, (lesion,)), tmp_path, "1.2.3")
    (index,) = np.argwhere(np.asarray(nibabel.load(path).dataobj))
    centre = nibabel.affines.apply_affine(nibabel.load(path).affine, np.asarray(image.shape)[::-1] / 2)
    assert nibabel.affines.apply_affine(nibabel.load(path).affine, index)[0] < centre[0]
    assert nibabel.aff2axcodes(nibabel.load(path).affine) == ("L", "P", "S")
    labels = sitk.ReadImage(str(path))
    assert labels.TransformIndexToPhysicalPoint(tuple(map(int, index)))[0] > -centre[0]


def _sheared(tilt_deg: float, folder: Path) -> tuple[Volume, Path]:
    """A volume whose slices course at an angle to their normal, with labels at the first and the last voxel."""
    affine = np.array([[0, 0, 1, -15], [2 * np.tan(np.radians(tilt_deg)), 1, 0, -20], [2, 0, 0, 5], [0, 0, 0, 1]])
    image = volume(voxel_to_patient=affine, shape=(40, 40, 30))
    ends = [tuple(slice(i, i + 1) for i in voxel) for voxel in ((0, 0, 0), (39, 39, 29))]
    lesions = tuple(lesion_at(end, image.shape, number=n) for n, end in enumerate(ends, 1))
    return image, folder / write_labels(image, label_array(image.shape, lesions), folder, "1.2.3")


@pytest.mark.parametrize("tilt_deg", [0.0, 0.005, 0.05, 0.3])
def test_positions_rounded_by_a_scanner_do_not_keep_itk_from_reading(tilt_deg: float, tmp_path: Path) -> None:
    image, path = _sheared(tilt_deg, tmp_path)
    labels = sitk.ReadImage(str(path))
    for voxel in ((0, 0, 0), (39, 39, 29)):
        place = (image.voxel_to_patient @ [*voxel, 1])[:3]
        found = np.asarray(labels.TransformIndexToPhysicalPoint(voxel[::-1]))
        assert np.linalg.norm(found - place) <= 0.5
    assert np.allclose(nibabel.load(path).affine, nifti_affine(image))


def test_behind_a_tilted_gantry_itk_refuses_rather_than_misplaces_and_nibabel_is_exact(tmp_path: Path) -> None:
    image, path = _sheared(20, tmp_path)
    with pytest.raises(RuntimeError, match="orthonormal"):
        sitk.ReadImage(str(path))
    assert np.allclose(nibabel.load(path).affine, nifti_affine(image), atol=1e-5)

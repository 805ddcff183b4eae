"""Files appear whole or not at all."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from builders import lesion_at, radiograph, volume
from PIL import Image as Picture

from pipeline.errors import OutputError
from pipeline.model.lesion import label_array
from pipeline.report.files import prepare_output, staged_folder, write_json
from pipeline.report.label_images import nifti_affine, write_labels


def test_a_staged_folder_replaces_the_old_one(tmp_path: Path) -> None:
    final = tmp_path / "1.2.3"
    for text in ("old", "new"):
        with staged_folder(final) as staged:
            (staged / "file").write_text(text)
            assert not (final / "file").exists() or (final / "file").read_text() == "old"
    assert (final / "file").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["1.2.3"]


def test_a_block_that_fails_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    final = tmp_path / "1.2.3"
    with staged_folder(final) as staged:
        (staged / "file").write_text("old")
    with pytest.raises(RuntimeError):
        _write_half_and_fail(final)
    assert (final / "file").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["1.2.3"]


def _write_half_and_fail(final: Path) -> None:
    with staged_folder(final) as staged:
        (staged / "file").write_text("half")
        raise RuntimeError


def test_an_output_that_is_a_file_is_refused_with_its_name(tmp_path: Path) -> None:
    taken = tmp_path / "out"
    taken.write_text("")
    with pytest.raises(OutputError, match="out"):
        prepare_output(taken)


def test_not_a_number_never_reaches_a_json_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"value": float("nan")})


def test_labels_of_a_radiograph_keep_orientation_and_values(tmp_path: Path) -> None:
    image = radiograph()
    lesion = lesion_at((slice(5, 9), slice(20, 30)), image.shape, number=3)
    labels = label_array(image.shape, (lesion,))
    name = write_labels(image, labels, tmp_path, "1.2.3")
    stored = np.asarray(Picture.open(tmp_path / name))
    assert stored.dtype == np.uint16
    assert np.array_equal(stored, labels)
    assert set(np.unique(stored)) == {0, 3}


def test_the_affine_of_ct_labels_leads_to_the_same_point_of_the_patient(tmp_path: Path) -> None:
    image = volume()
    lesion = lesion_at((slice(2, 3), slice(10, 11), slice(7, 8)), image.shape)
    name = write_labels(image, label_array(image.shape, (lesion,)), tmp_path, "1.2.3")
    stored = nibabel.load(tmp_path / name)
    index = np.argwhere(np.asarray(stored.dataobj))[0]
    assert index.tolist() == [7, 10, 2]
    ras = stored.affine @ [*index, 1]
    lps = image.voxel_to_patient @ [2, 10, 7, 1]
    assert np.allclose(ras[:3] * [-1, -1, 1], lps[:3])
    assert np.allclose(nifti_affine(image), stored.affine)


def test_the_same_labels_give_the_same_bytes(tmp_path: Path) -> None:
    image = volume()
    labels = label_array(image.shape, (lesion_at((slice(2, 3), slice(1, 9), slice(2, 9)), image.shape),))
    for name in ("a", "b"):
        write_labels(image, labels, tmp_path, name)
    assert (tmp_path / "labels/a.nii.gz").read_bytes() == (tmp_path / "labels/b.nii.gz").read_bytes()

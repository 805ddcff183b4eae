"""A SEG holds the lesions where they are, is accepted by a validator, and comes out the same each time."""

import shutil
import subprocess
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from builders import analysis, lesion_at

from pipeline.model.identity import MANUFACTURER
from pipeline.model.image import Radiograph, Volume
from pipeline.objects.write import write_objects


def _write(image: Radiograph | Volume, folder: Path) -> tuple[Path, object]:
    box = (slice(10, 20), slice(5, 12))
    boxes = [box, (slice(25, 28), slice(20, 22))]
    if isinstance(image, Volume):
        boxes = [(slice(2, 4), *boxes[0]), (slice(3, 6), *boxes[1])]
    lesions = tuple(lesion_at(b, image.shape, number=i) for i, b in enumerate(boxes, start=1))
    folder.mkdir(exist_ok=True)
    written, skipped = write_objects(analysis(image=image, lesions=lesions), folder, None)
    assert not skipped, skipped
    return written[0], lesions


def test_every_slice_of_a_ct_seg_lies_at_its_place(ct: Volume, tmp_path: Path) -> None:
    path, _ = _write(ct, tmp_path / "out")
    stored = highdicom.seg.segread(path)
    frames = stored.get_pixels_by_source_instance(
        [s.sop_instance_uid for s in ct.identity.sources[2:6]], combine_segments=True
    )
    expected = np.zeros((4, 40, 30), np.uint8)
    expected[0:2, 10:20, 5:12] = 1
    expected[1:4, 25:28, 20:22] = 2
    assert np.array_equal(frames, expected)
    assert stored.Manufacturer == MANUFACTURER
    assert "AI result" in stored.ContentDescription


def test_a_seg_of_a_radiograph_holds_its_masks(dx: Radiograph, tmp_path: Path) -> None:
    path, _ = _write(dx, tmp_path / "out")
    stored = pydicom.dcmread(path)
    assert stored.NumberOfFrames == 2
    assert "FrameOfReferenceUID" not in stored
    frames = stored.pixel_array
    assert frames[0, 10:20, 5:12].all()
    assert frames[0].sum() == 70
    assert frames[1].sum() == 6


@pytest.mark.parametrize("kind", ["ct", "dx"])
def test_the_validator_finds_no_error(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    tool = shutil.which("dciodvfy")
    if tool is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    path, _ = _write(request.getfixturevalue(kind), tmp_path / "out")
    said = subprocess.run([tool, "-new", str(path)], capture_output=True, text=True, check=False)
    assert not [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]


def test_the_same_result_gives_the_same_bytes_and_another_one_other_uids(ct: Volume, tmp_path: Path) -> None:
    first, _ = _write(ct, tmp_path / "a")
    second, _ = _write(ct, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    other = analysis(image=ct, lesions=(lesion_at((slice(2, 3), slice(1, 4), slice(1, 4)), ct.shape),))
    (changed, _), _ = write_objects(other, tmp_path, None)
    assert pydicom.dcmread(changed).SOPInstanceUID != pydicom.dcmread(first).SOPInstanceUID


def test_no_lesion_means_no_seg(ct: Volume, tmp_path: Path) -> None:
    written, skipped = write_objects(analysis(image=ct, lesions=(), findings=()), tmp_path, None)
    assert [path.name for path in written] == ["sr.dcm"]
    assert not skipped


def test_a_ct_without_frame_of_reference_is_told_not_guessed(ct: Volume, tmp_path: Path) -> None:
    for source in ct.identity.sources:
        header = pydicom.dcmread(source.path)
        del header.FrameOfReferenceUID
        header.save_as(source.path)
    lesions = (lesion_at((slice(2, 3), slice(1, 4), slice(1, 4)), ct.shape),)
    written, skipped = write_objects(analysis(image=ct, lesions=lesions), tmp_path, None)
    assert [path.name for path in written] == ["sr.dcm"]
    assert "no SEG" in skipped[0].reason

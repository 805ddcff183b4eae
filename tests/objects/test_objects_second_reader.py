"""What is written is read by programs of other makers: dcmqi, dcmtk, and pydicom beside the library that wrote it.

dcmqi reads no projections (they have no plane in space): their SEG is read back by pydicom and highdicom.
"""

import json
import shutil
import subprocess
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
from builders import analysis, lesion_at

from pipeline.model.image import Radiograph, Volume
from pipeline.objects.write import write_objects

PLANE = ((slice(10, 20), slice(5, 12)), (slice(25, 28), slice(20, 22)))
DEPTH = (slice(2, 4), slice(3, 6))


def _written(image: Radiograph | Volume, folder: Path) -> dict[str, Path]:
    boxes = [(d, *p) for d, p in zip(DEPTH, PLANE, strict=True)] if isinstance(image, Volume) else list(PLANE)
    lesions = tuple(lesion_at(box, image.shape, number=n) for n, box in enumerate(boxes, start=1))
    written, skipped = write_objects(analysis(image=image, lesions=lesions), folder, None)
    assert not skipped
    return {path.stem: path for path in written}


def _run(name: str, *arguments: str | Path) -> str:
    """What a program prints; the test is skipped where it is not installed."""
    tool = shutil.which(name)
    if tool is None:
        pytest.skip(f"{name} is not installed (dcmqi or dcmtk)")
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_voxel_of_a_ct_seg_has_its_place_in_the_patient_for_dcmqi(ct: Volume, tmp_path: Path) -> None:
    seg = _written(ct, tmp_path)["seg-1"]
    _run("segimage2itkimage", "--inputDICOM", seg, "--outputDirectory", tmp_path, "-t", "nii")
    for number, (depth, plane) in enumerate(zip(DEPTH, PLANE, strict=True), start=1):
        (path,) = tmp_path.glob(f"{number}.nii*")
        image = nibabel.load(path)
        voxels = np.argwhere(np.asarray(image.dataobj) > 0)
        right_anterior_superior = nibabel.affines.apply_affine(image.affine, voxels)
        found = {tuple(place) for place in np.round(right_anterior_superior * (-1, -1, 1), 3)}
        rows, columns = (range(part.start, part.stop) for part in plane)
        slices = range(depth.start, depth.stop)
        assert found == {(-15.0 + c, -20.0 + r, 5.0 + 2 * s) for s in slices for r in rows for c in columns}
    (meta,) = tmp_path.glob("*meta.json")
    segments = json.loads(meta.read_text())["segmentAttributes"]
    assert sorted(group[0]["labelID"] for group in segments) == [1, 2]


@pytest.mark.parametrize("kind", ["ct", "dx"])
def test_dcmqi_reads_every_measurement_group(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    report = _written(request.getfixturevalue(kind), tmp_path)["sr"]
    _run("tid1500reader", "--inputDICOM", report, "--outputMetadata", tmp_path / "sr.json")
    groups = json.loads((tmp_path / "sr.json").read_text())["Measurements"]
    assert {"lesion 1", "lesion 2"} <= {group["TrackingIdentifier"] for group in groups}
    values = [(item["quantity"]["CodeMeaning"], float(item["value"])) for g in groups for item in g["measurementItems"]]
    assert ("area", 400.0) in values


@pytest.mark.parametrize("kind", ["ct", "dx"])
def test_dcmtk_shows_the_report_to_people(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    report = _written(request.getfixturevalue(kind), tmp_path)["sr"]
    said = _run("dsr2html", report, tmp_path / "sr.html")
    assert not [line for line in said.splitlines() if line.startswith(("E:", "F:"))]
    page = (tmp_path / "sr.html").read_text(encoding="utf-8")
    for words in ("lesion 1", "lesion 2", "tumoral calcinosis", "PRELIMINARY", "UNVERIFIED"):
        assert words in page


def test_a_projection_seg_is_read_by_pydicom_and_highdicom_alike(dx: Radiograph, tmp_path: Path) -> None:
    seg = _written(dx, tmp_path)["seg-1"]
    expected = np.zeros((2, 40, 30), np.uint8)
    for frame, box in zip(expected, PLANE, strict=True):
        frame[box] = 1
    assert np.array_equal(pydicom.dcmread(seg).pixel_array, expected)
    read = highdicom.seg.segread(seg)
    frames = read.get_pixels_by_source_instance([dx.identity.sources[0].sop_instance_uid])
    assert np.array_equal(np.moveaxis(frames[0], -1, 0), expected)
    assert [read.get_segment_description(n).tracking_id for n in read.segment_numbers] == ["lesion 1", "lesion 2"]

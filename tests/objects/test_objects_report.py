"""The structured report says what results.json says, in codes; the key picture is one that any archive shows."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from builders import analysis, lesion_at
from highdicom.sr import srread
from pydicom.dataset import Dataset

from pipeline.knowledge.codes import LONGEST_CODE, load_codes, private_word
from pipeline.model.image import Radiograph, Volume
from pipeline.model.known import Known
from pipeline.model.measure import Feature, Measurement
from pipeline.model.ranking import Differential, Ranked
from pipeline.model.result import KeyPicture
from pipeline.objects.outlines import closed_outline
from pipeline.objects.write import write_objects


def _written(image: Radiograph | Volume, folder: Path, **changes: object) -> dict[str, Path]:
    boxes = [(slice(10, 20), slice(5, 12)), (slice(25, 28), slice(20, 22))]
    if isinstance(image, Volume):
        boxes = [(slice(2, 4), *boxes[0]), (slice(3, 6), *boxes[1])]  # type: ignore[list-item]
    lesions = tuple(lesion_at(b, image.shape, number=i) for i, b in enumerate(boxes, start=1))
    folder.mkdir(exist_ok=True)
    picture = KeyPicture(0, np.full((480, 500, 3), 90, np.uint8), "Two lesions were found.")
    written, skipped = write_objects(analysis(**({"image": image, "lesions": lesions} | changes)), folder, picture)
    assert not skipped, skipped
    return {path.stem: path for path in written}


def _items(item: Dataset, name: str) -> list[Dataset]:
    """Content items below `item` whose name has the code meaning `name`."""
    found = []
    for child in item.get("ContentSequence", []):
        if child.get("ConceptNameCodeSequence") and child.ConceptNameCodeSequence[0].CodeMeaning == name:
            found.append(child)
        found += _items(child, name)
    return found


@pytest.fixture(params=["ct", "dx"])
def image(request: pytest.FixtureRequest) -> Radiograph | Volume:
    found: Radiograph | Volume = request.getfixturevalue(request.param)
    return found


def test_every_lesion_has_a_group_with_an_outline(image: Radiograph | Volume, tmp_path: Path) -> None:
    report = srread(_written(image, tmp_path)["sr"])
    groups = report.content.get_planar_roi_measurement_groups()
    assert [g.tracking_identifier for g in groups] == ["lesion 1", "lesion 2"]
    points = groups[0].roi.value
    assert (points[0] == points[-1]).all()
    assert points.min(0).tolist() == [5.0, 10.0]
    assert points.max(0).tolist() == [12.0, 20.0]


def test_volumes_share_the_tracking_uid_of_their_segment(ct: Volume, tmp_path: Path) -> None:
    paths = _written(ct, tmp_path)
    report = srread(paths["sr"]).content
    segments = pydicom.dcmread(paths["seg-1"]).SegmentSequence
    for groups in (report.get_planar_roi_measurement_groups(), report.get_volumetric_roi_measurement_groups()):
        assert [g.tracking_uid for g in groups] == [s.TrackingUID for s in segments]


def test_measurements_findings_and_the_differential_are_written_with_their_certainty(
    dx: Radiograph, tmp_path: Path
) -> None:
    report = srread(_written(dx, tmp_path)["sr"])
    area = report.content.get_planar_roi_measurement_groups()[0].get_measurements()[0]
    assert (area.name.value, area.value, area.unit.value) == ("42798000", 400.0, "mm2")
    ranked = _items(report, "Ranked differential")
    meanings = [item.ConceptCodeSequence[0].CodeMeaning for item in ranked]
    assert meanings.count("tumoral calcinosis") == 3
    certainty = _items(ranked[-2], "Certainty of Finding")[0]
    assert certainty.MeasuredValueSequence[0].NumericValue == 80
    assert "founding text, paragraph 10" in _items(ranked[-2], "Evidence")[0].TextValue
    assert _items(report, "Recommendation")[0].TextValue == "Make an erect view."
    assert report.VerificationFlag == "UNVERIFIED"


def test_beside_lesions_every_measurement_group_is_drawn_and_the_study_has_a_container_of_its_own(
    image: Radiograph | Volume, tmp_path: Path
) -> None:
    report = srread(_written(image, tmp_path)["sr"])
    groups = [_uid_and_kinds(group) for group in _items(report, "Measurement Group")]
    drawn = {uid for uid, kinds in groups if "SCOORD" in kinds}
    assert {uid for uid, _ in groups} == drawn
    (study,) = _items(report, "Qualitative Evaluations")
    assert _items(study, "Number of lesions")[0].MeasuredValueSequence[0].NumericValue == 2
    assert _items(study, "Ranked differential")
    assert _items(study, "Algorithm Name")[0].TextValue == "calcinosis"


def _uid_and_kinds(group: Dataset) -> tuple[str, set[str]]:
    (uid,) = _items(group, "Tracking Unique Identifier")
    return str(uid.UID), {item.ValueType for item in group.ContentSequence}


def test_a_study_without_lesions_is_concluded_in_a_group(image: Radiograph | Volume, tmp_path: Path) -> None:
    written, skipped = write_objects(analysis(image=image, lesions=()), tmp_path, None)
    assert not skipped
    (group,) = _items(srread(written[-1]), "Measurement Group")
    assert _items(group, "Number of lesions")[0].MeasuredValueSequence[0].NumericValue == 0


def test_numbers_that_are_not_finite_stay_out(dx: Radiograph, tmp_path: Path) -> None:
    nan = Measurement((Feature("area", Known(float("nan"), "measured"), "mm2", "SCT:42798000"),))
    report = srread(_written(dx, tmp_path, measurements=(nan, nan))["sr"])
    assert not report.content.get_planar_roi_measurement_groups()[0].get_measurements()


def test_the_key_picture_says_that_it_is_no_diagnosis(image: Radiograph | Volume, tmp_path: Path) -> None:
    stored = pydicom.dcmread(_written(image, tmp_path)["sc"])
    assert stored.BurnedInAnnotation == "YES"
    assert stored.Modality == "OT"
    pixels = stored.pixel_array
    assert pixels.shape[1:] == (500, 3)
    assert pixels.shape[0] > 480
    assert (pixels[:480] == 90).all()
    assert (pixels[480:] > 200).any()


@pytest.mark.parametrize("name", ["seg-1", "sr", "sc"])
def test_the_validator_finds_no_error(name: str, image: Radiograph | Volume, tmp_path: Path) -> None:
    tool = shutil.which("dciodvfy")
    if tool is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    said = subprocess.run(
        [tool, "-new", str(_written(image, tmp_path)[name])], capture_output=True, text=True, check=False
    )
    lines = (said.stdout + said.stderr).splitlines()
    assert not [line for line in lines if line.startswith("Error")]
    warnings = [line for line in lines if line.startswith("Warning") and "99CALCINOSIS" not in line]
    warnings = [line for line in warnings if "only permitted to be empty when actually unknown" not in line]
    assert not warnings


def test_a_rerun_writes_the_same_bytes_and_another_answer_other_uids(
    image: Radiograph | Volume, tmp_path: Path
) -> None:
    first, second = _written(image, tmp_path / "a"), _written(image, tmp_path / "b")
    assert all(first[name].read_bytes() == second[name].read_bytes() for name in first)
    other = _written(
        image,
        tmp_path / "c",
        differential=Differential((Ranked("indeterminate", "indeterminate", 1.0),)),
    )
    assert pydicom.dcmread(other["sr"]).SOPInstanceUID != pydicom.dcmread(first["sr"]).SOPInstanceUID


def test_pieces_are_outlined_by_one_line_around_all() -> None:
    lesion = lesion_at((slice(0, 10), slice(0, 20)), (20, 30))
    mask = lesion.crop.mask.copy()
    mask[:, 8:12] = False
    pieces = lesion.__class__(1, 0, 1, (), lesion.crop.__class__(mask, (0, 0)), 1.0)
    points = closed_outline(pieces)
    assert points.min(0).tolist() == [0.0, 0.0]
    assert points.max(0).tolist() == [20.0, 10.0]


def test_codes_are_valid_and_private_words_fit() -> None:
    words = load_codes()
    assert words.entities["atheromatous_plaque"].value == "29483008"
    names = ("tumoral_calcinosis", "calcinosis_universalis", "calcinosis_circumscripta", "rim_completeness")
    values = {private_word(name).value for name in names}
    assert len(values) == len(names)
    assert max(len(v) for v in values) <= LONGEST_CODE


@pytest.mark.parametrize(("side", "stored"), [("R", "R"), ("L", "L"), ("B", ""), ("U", "")])
def test_a_film_of_both_sides_has_a_key_picture_of_no_side(
    side: str, stored: str, dx: Radiograph, tmp_path: Path
) -> None:
    header = pydicom.dcmread(dx.identity.sources[0].path)
    header.ImageLaterality = side
    header.save_as(dx.identity.sources[0].path)
    assert pydicom.dcmread(_written(dx, tmp_path / "out")["sc"]).Laterality == stored


def test_what_is_wrong_in_a_source_header_is_not_inherited(dx: Radiograph, tmp_path: Path) -> None:
    path = dx.identity.sources[0].path
    header = pydicom.dcmread(path)
    with pydicom.config.disable_value_validation():
        header.PatientAge = "62"
    header.ClinicalTrialSponsorName, header.ClinicalTrialProtocolID = "", "P"
    header.PixelSpacing, header.ImageLaterality = [0, 0], "U"
    del header.PatientOrientation
    header.save_as(path)
    paths = _written(dx, tmp_path / "out")
    assert sorted(paths) == ["sc", "seg-1", "sr"]
    for written in paths.values():
        stored = pydicom.dcmread(written)
        assert "PatientAge" not in stored
        assert "ClinicalTrialProtocolID" not in stored
    assert pydicom.dcmread(paths["seg-1"]).PatientOrientation in ("", None)

"""Bad input gets one clear line each, and nothing else is lost."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_files import header, save, write_ct, write_radiograph
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from pipeline.cli.main import main

GOOD = "1.2.840.99999.11"
BAD = "1.2.840.99999.66"


def _run(folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
    """(exit code, run.json, stderr); no traceback may be in it."""
    code = main(["run", str(folder), "-o", str(out), "--workers", "2", "--json"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, json.loads(said.out), said.err


def _status(report: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {row["study_instance_uid"]: (row["status"], row["reason"]) for row in report["studies"]}


def _one_line(reason: str | None) -> bool:
    return bool(reason) and "\n" not in str(reason)


def test_an_empty_folder_is_no_dicom(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    code, report, said = _run(tmp_path / "in", tmp_path / "out", capsys)
    assert code == 3
    assert report["studies"] == []
    assert "no file" in said


def test_a_folder_of_html_named_dcm_is_listed_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for n in range(3):
        (tmp_path / "in" / f"{n}.dcm").write_text("<!doctype html><html><body>Not found</body></html>" * 9)
    code, report, _ = _run(tmp_path / "in", tmp_path / "out", capsys)
    assert code == 3
    assert len(report["skipped"]) == 3
    assert all(_one_line(s["reason"]) for s in report["skipped"])


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40_000])


def _huge(path: Path) -> None:
    made = pydicom.dcmread(path)
    made.Rows = made.Columns = 65535
    made.PixelData = made.PixelData[:1000]
    made.save_as(path)


def _deep(path: Path) -> None:
    made = pydicom.dcmread(path)
    inner = Dataset()
    for _ in range(200):
        outer = Dataset()
        outer.ReferencedSeriesSequence = Sequence([inner])
        inner = outer
    made.ReferencedStudySequence = Sequence([inner])
    made.save_as(path)


def _no_pixels(path: Path) -> None:
    made = pydicom.dcmread(path)
    del made.PixelData
    made.save_as(path)


@pytest.mark.parametrize("spoil", [_truncated, _huge, _deep, _no_pixels])
def test_a_spoilt_study_fails_with_one_line_and_its_neighbour_is_analysed(
    spoil: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_radiograph(tmp_path / "in" / "good", GOOD)
    spoil(write_radiograph(tmp_path / "in" / "bad", BAD))
    code, report, _ = _run(tmp_path / "in", tmp_path / "out", capsys)
    status = _status(report)
    assert status[GOOD][0] == "analysed"
    listed = [s["reason"] for s in report["skipped"] if "bad" in s["path"]]
    assert code == 1 or listed
    reason = status[BAD][1] if BAD in status else listed[0]
    assert _one_line(reason), status


def test_one_corrupt_slice_costs_one_slice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = write_ct(tmp_path / "in")
    paths[1].write_bytes(paths[1].read_bytes()[:-9000])
    code, report, _ = _run(tmp_path / "in", tmp_path / "out", capsys)
    assert code == 0
    row = report["studies"][0]
    assert row["status"] == "analysed"
    results = json.loads((tmp_path / "out" / "studies" / row["folder"] / "results.json").read_text())
    assert [s["path"] for s in results["skipped"]] == [paths[1].name]
    assert results["images"][0]["shape"][0] == 11
    assert any("gap" in note or "missing" in note for note in results["images"][0]["notes"])


def test_without_spacing_there_are_lesions_but_no_millimetres(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_radiograph(tmp_path / "in", GOOD)
    made = pydicom.dcmread(path)
    del made.ImagerPixelSpacing
    made.save_as(path)
    code, _report, _ = _run(tmp_path / "in", tmp_path / "out", capsys)
    assert code == 0
    results = json.loads((tmp_path / "out" / "studies" / GOOD / "results.json").read_text())
    assert results["images"][0]["spacing_mm"] is None
    for lesion in results["lesions"]:
        for name, feature in lesion["features"].items():
            if feature.get("unit", "1").startswith("mm"):
                pytest.fail(f"{name} is given in millimetres though the spacing is not known")


def test_only_reports_is_nothing_to_analyse_and_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = header("SR", BAD)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    (tmp_path / "in").mkdir()
    pydicom.dcmwrite(tmp_path / "in" / "sr.dcm", made, enforce_file_format=True)
    code, report, _ = _run(tmp_path / "in", tmp_path / "out", capsys)
    assert code == 0
    assert _status(report)[BAD][0] == "nothing_to_analyse"


def test_own_results_are_never_taken_as_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ct(tmp_path / "in")
    _run(tmp_path / "in", tmp_path / "out", capsys)
    code, report, _ = _run(tmp_path / "out", tmp_path / "again", capsys)
    assert code in (0, 3)
    assert all(row["status"] == "nothing_to_analyse" for row in report["studies"])


def test_an_output_that_cannot_be_written_is_told_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_radiograph(tmp_path / "in")
    (tmp_path / "taken").write_text("a file")
    assert main(["run", str(tmp_path / "in"), "-o", str(tmp_path / "taken")]) == 4
    assert main(["run", str(tmp_path / "in"), "-o", "/proc/none"]) == 4
    assert capsys.readouterr().err.count("cannot be written") == 2


def test_a_missing_input_or_wrong_settings_are_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tmp_path / "nowhere"), "-o", str(tmp_path / "out")]) == 2
    settings = tmp_path / "settings.yaml"
    settings.write_text("dicom:\n  max_pixel: 5\n")
    (tmp_path / "in").mkdir()
    assert main(["run", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--settings", str(settings)]) == 2
    said = capsys.readouterr().err
    assert "max_pixel" in said
    assert "Traceback" not in said


def test_all_zero_and_one_pixel_images_are_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(header("DX", "1.2.840.99999.71"), np.zeros((200, 200)), tmp_path / "in" / "zero.dcm")
    save(header("DX", "1.2.840.99999.72"), np.full((200, 200), 4095), tmp_path / "in" / "full.dcm")
    save(header("DX", "1.2.840.99999.73"), np.zeros((1, 1)), tmp_path / "in" / "one.dcm")
    _, report, _ = _run(tmp_path / "in", tmp_path / "out", capsys)
    assert len(report["studies"]) == 3
    assert all(row["lesions"] == 0 for row in report["studies"])
    assert not [row for row in report["studies"] if "internal error" in (row["reason"] or "")]

"""Studies of one patient are compared when all have ended, whatever the order in which they ended."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from dicom_files import write_radiograph

from pipeline.batch.following import UNKNOWN_REGION, compare_group
from pipeline.cli.main import main
from pipeline.dicom.files import Subject

FIRST, SECOND, STRANGER = "1.2.840.99999.201", "1.2.840.99999.202", "1.2.840.99999.203"


def _results(out: Path, study: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "studies" / study / "results.json").read_text())
    return found


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(input, output): a patient's radiograph, the same a quarter of a year later, and a stranger's."""
    root = tmp_path_factory.mktemp("following")
    write_radiograph(root / "in" / "b", FIRST)
    write_radiograph(root / "in" / "a", SECOND, StudyDate="20210404", PatientAge="060Y")
    write_radiograph(root / "in" / "c", STRANGER, PatientID="", StudyDate="20210505")
    assert main(["run", str(root / "in"), "-o", str(root / "out"), "--workers", "2"]) == 0
    return root / "in", root / "out"


def test_the_later_study_tells_what_became_of_the_lesion(done: tuple[Path, Path]) -> None:
    told = _results(done[1], SECOND)["follow_up"]
    assert (told["earlier_study"], told["days"]) == (FIRST, 92)
    assert [pair["change"] for pair in told["lesions"]] == ["unchanged"]
    assert told["new"] == told["gone"] == []
    page = (done[1] / "studies" / SECOND / "report.html").read_text()
    assert "92 days before" in page


def test_the_earlier_one_and_a_stranger_stand_alone_with_the_reason(done: tuple[Path, Path]) -> None:
    assert "no earlier study" in _results(done[1], FIRST)["follow_up"]["not_assessed"]
    assert "PatientID" in _results(done[1], STRANGER)["follow_up"]["not_assessed"]


def test_every_result_obeys_the_schema(done: tuple[Path, Path]) -> None:
    schema = json.loads((files("pipeline.report") / "results.schema.json").read_text())
    for study in (FIRST, SECOND, STRANGER):
        jsonschema.validate(_results(done[1], study), schema)


def test_no_identifier_is_written_for_it(done: tuple[Path, Path]) -> None:
    for name in ("results.json", "report.html"):
        text = (done[1] / "studies" / SECOND / name).read_text()
        assert "20210404" not in text
        assert "CANARY" not in text


def _kept(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """The report, and the results but for their seconds."""
    results = json.loads((folder / "results.json").read_text())
    return (folder / "report.html").read_bytes(), {k: v for k, v in results.items() if k != "seconds"}


def test_a_rerun_changes_nothing_and_one_without_the_earlier_study_takes_it_back(done: tuple[Path, Path]) -> None:
    source, out = done
    folder = out / "studies" / SECOND
    stamp, before = (folder / "results.json").stat().st_mtime_ns, _kept(folder)
    assert main(["run", str(source), "-o", str(out)]) == 0
    assert (folder / "results.json").stat().st_mtime_ns == stamp
    assert main(["run", str(source / "a"), "-o", str(out)]) == 0
    assert "not_assessed" in _results(out, SECOND)["follow_up"]
    assert "92 days before" not in (folder / "report.html").read_text()
    assert main(["run", str(source), "-o", str(out)]) == 0
    assert _kept(folder) == before


def test_a_study_of_unknown_region_is_not_said_to_show_another_view(tmp_path: Path) -> None:
    group = []
    for study, made in ((FIRST, "20200102"), (SECOND, "20210404")):
        folder = tmp_path / study
        folder.mkdir()
        row = {"kind": "ct", "region": "unknown", "view": None, "laterality": None, "gravity": None}
        about = {"study_instance_uid": study, "status": "analysed"}
        (folder / "results.json").write_text(json.dumps({"study": about, "images": [row], "lesions": []}))
        (folder / "report.html").write_text("")
        group.append((Subject("a key", made), folder))
    compare_group(group)
    told = json.loads((tmp_path / SECOND / "results.json").read_text())["follow_up"]
    assert told == {"not_assessed": UNKNOWN_REGION}

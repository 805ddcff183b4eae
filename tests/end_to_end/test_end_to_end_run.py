"""Files in, results out, through the command line."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import nibabel
import numpy as np
import pytest
from dicom_files import write_ct, write_radiograph
from PIL import Image as Picture

from pipeline.cli.main import main

DX, CT = "1.2.840.99999.11", "1.2.840.99999.12"


def _results(out: Path, study: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "studies" / study / "results.json").read_text())
    return found


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((files("pipeline.report") / "results.schema.json").read_text()))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(input, output) of a run over one radiograph and one CT."""
    root = tmp_path_factory.mktemp("run")
    write_radiograph(root / "in" / "a")
    write_ct(root / "in" / "b")
    (root / "in" / "readme.txt").write_text("not DICOM")
    assert main(["run", str(root / "in"), "-o", str(root / "out"), "--workers", "2"]) == 0
    return root / "in", root / "out"


def test_every_results_file_obeys_the_schema(
    done: tuple[Path, Path], validator: jsonschema.Draft202012Validator
) -> None:
    for study in (DX, CT):
        validator.validate(_results(done[1], study))


def test_what_belongs_to_no_study_is_listed_with_its_reason(done: tuple[Path, Path]) -> None:
    listed = json.loads((done[1] / "run.json").read_text())["skipped"]
    assert [s["path"] for s in listed] == ["readme.txt"]
    assert listed[0]["reason"]


def test_the_deposit_of_the_ct_is_found_where_it_is_and_the_femur_is_not(done: tuple[Path, Path]) -> None:
    results = _results(done[1], CT)
    ball = [x for x in results["lesions"] if np.allclose(x["centroid"], [6, 52, 64], atol=0.7)]
    assert len(ball) == 1
    labels = np.asarray(nibabel.load(done[1] / "studies" / CT / results["images"][0]["labels"]).dataobj)
    assert labels[64, 52, 6] == ball[0]["label"]
    assert not labels[40, 48, 3:9].any()


def test_the_deposit_of_the_radiograph_is_found_where_it_is(done: tuple[Path, Path]) -> None:
    results = _results(done[1], DX)
    labels = np.asarray(Picture.open(done[1] / "studies" / DX / results["images"][0]["labels"]))
    assert labels.shape == (400, 300)
    assert labels[200, 210] > 0
    assert results["images"][0]["spacing_mm"] == [0.4, 0.4]


def test_a_report_a_seg_and_overlays_lie_beside_the_results(done: tuple[Path, Path]) -> None:
    folder = done[1] / "studies" / CT
    assert (folder / "report.html").stat().st_size > 10_000
    assert list((folder / "dicom").glob("*.dcm"))
    assert list((folder / "overlays").glob("*.png"))
    assert CT in (done[1] / "index.html").read_text()


def test_no_patient_name_or_birth_date_reaches_anything_but_dicom(done: tuple[Path, Path]) -> None:
    for path in done[1].rglob("*"):
        if path.is_file() and path.suffix != ".dcm":
            content = path.read_bytes()
            assert b"CANARY" not in content, path.name
            assert b"19601231" not in content, path.name


def test_a_rerun_does_nothing_again_and_force_does(done: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    source, out = done
    stamp = (out / "studies" / CT / "results.json").stat().st_mtime_ns
    assert main(["run", str(source), "-o", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert all(row["unchanged"] for row in report["studies"])
    assert (out / "studies" / CT / "results.json").stat().st_mtime_ns == stamp
    assert main(["run", str(source / "b"), "-o", str(out), "--force"]) == 0
    assert (out / "studies" / CT / "results.json").stat().st_mtime_ns > stamp


def test_the_same_input_gives_the_same_bytes_but_for_seconds(done: tuple[Path, Path], tmp_path: Path) -> None:
    assert main(["run", str(done[0]), "-o", str(tmp_path)]) == 0
    for path in (done[1] / "studies").rglob("*"):
        twin = tmp_path / "studies" / path.relative_to(done[1] / "studies")
        if path.suffix in (".dcm", ".png", ".gz", ".html"):
            assert path.read_bytes() == twin.read_bytes(), path.name
    for study in (DX, CT):
        first, second = _results(done[1], study), _results(tmp_path, study)
        assert {k: v for k, v in first.items() if k != "seconds"} == {k: v for k, v in second.items() if k != "seconds"}


def test_a_zip_gives_what_its_folder_gives(done: tuple[Path, Path], tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "day"), "zip", done[0] / "b")
    assert main(["run", archive, "-o", str(tmp_path / "out")]) == 0
    assert _results(tmp_path / "out", CT)["lesions"] == _results(done[1], CT)["lesions"]


def test_limits_end_a_study_and_say_which(tmp_path: Path) -> None:
    write_ct(tmp_path / "in")
    assert main(["run", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--timeout", "0.01"]) == 1
    assert "batch.timeout_s" in _results(tmp_path / "out", CT)["study"]["reason"]
    assert main(["run", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--memory", "0.01"]) == 1
    assert "batch.memory_gb" in _results(tmp_path / "out", CT)["study"]["reason"]
    assert (tmp_path / "out" / "studies" / CT / "report.html").exists()


def test_an_interrupt_keeps_what_was_finished(tmp_path: Path) -> None:
    for n in range(30):
        write_radiograph(tmp_path / "in" / str(n), f"1.2.840.99999.{100 + n}")
    command = [
        sys.executable,
        "-m",
        "pipeline",
        "run",
        str(tmp_path / "in"),
        "-o",
        str(tmp_path / "out"),
        "--workers",
        "1",
    ]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    finished = tmp_path / "out" / "studies"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(list(finished.glob("1.*/results.json"))) < 3:
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    report = json.loads((tmp_path / "out" / "run.json").read_text())
    assert report["interrupted"]
    assert 1 <= len(report["studies"]) < 30
    assert report["not_started"] == 30 - len(report["studies"])
    assert not [p for p in finished.iterdir() if p.name.startswith(".")]

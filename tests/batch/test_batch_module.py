"""The command as mercure, a MONAI package and kaapana call it: by environment, folders and exit code alone."""

import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from pipeline.batch.hosts import calls
from pipeline.batch.module import task_settings
from pipeline.errors import UsageError
from pipeline.knowledge.settings import BatchSettings, Settings, WorkerSettings

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "sample_data" / "studies" / "hydatid_cyst_thigh_ct"


def module(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    bare = {k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "VIRTUAL_ENV")}
    command = [sys.executable, "-m", "pipeline", "module", *arguments]
    return subprocess.run(
        command,
        env=bare | {"OMP_NUM_THREADS": "1"} | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def mercure_folder(folder: Path, settings: object) -> Path:
    folder.mkdir()
    for path in STUDY.glob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        name = f"{header.SeriesInstanceUID}#{header.SOPInstanceUID}"
        shutil.copy(path, folder / f"{name}.dcm")
        (folder / f"{name}.tags").write_text("{}")
    task = {"id": "1", "process": [{"module_name": "calcinosis", "settings": settings}], "study": {}}
    (folder / "task.json").write_text(json.dumps(task))
    return folder


def test_mercure_gets_objects_flat_and_a_result_with_a_notification(tmp_path: Path) -> None:
    source, target = mercure_folder(tmp_path / "data", {"profile": "literature"}), tmp_path / "output"
    before = content(source)
    done = module({"MERCURE_IN_DIR": str(source), "MERCURE_OUT_DIR": str(target)})
    assert done.returncode == 0, done.stderr
    assert content(source) == before
    found = sorted(p.name for p in target.iterdir())
    assert "result.json" in found
    objects = [pydicom.dcmread(target / n) for n in found if n.endswith(".dcm")]
    assert "SR" in {o.Modality for o in objects}
    assert len(found) == len(objects) + 1
    result = json.loads((target / "result.json").read_text())
    assert result["studies"][0]["status"] == "analysed"
    patient = pydicom.dcmread(next(STUDY.glob("*.dcm")), stop_before_pixels=True)
    text = result["__mercure_notification"]["text"]
    assert str(patient.PatientID) not in text
    assert "not for primary diagnosis" in text


def test_a_setting_of_the_task_that_does_not_exist_is_told(tmp_path: Path) -> None:
    source = mercure_folder(tmp_path / "data", {"batch": {"time_out": 3}})
    done = module({"MERCURE_IN_DIR": str(source), "MERCURE_OUT_DIR": str(tmp_path / "output")})
    assert done.returncode != 0
    assert "time_out" in done.stderr
    assert not list((tmp_path / "output").glob("*"))


def test_what_a_task_sets_lies_over_the_settings_of_the_site(tmp_path: Path) -> None:
    base = replace(Settings(), batch=BatchSettings(timeout_s=77.0), worker=WorkerSettings(allowed_ae_titles=("A",)))
    found, profile = task_settings({"profile": "literature", "segmentation": {"ct_confidence": 0.8}}, base, tmp_path)
    assert found == replace(base, segmentation=replace(base.segmentation, ct_confidence=0.8))
    assert profile == "literature"
    assert task_settings({}, base, tmp_path) == (base, "seed")


def test_monai_packages_read_and_write_the_holoscan_folders(tmp_path: Path) -> None:
    target = tmp_path / "output"
    folders = {"HOLOSCAN_INPUT_PATH": str(STUDY), "HOLOSCAN_OUTPUT_PATH": str(target)}
    done = module(folders, "--host", "monai")
    assert done.returncode == 0, done.stderr
    assert json.loads((target / "result.json").read_text())["studies"][0]["status"] == "analysed"


def test_kaapana_runs_each_element_and_says_when_there_was_nothing_to_do(tmp_path: Path) -> None:
    environment = {
        "WORKFLOW_DIR": str(tmp_path),
        "BATCH_NAME": "batch",
        "OPERATOR_IN_DIR": "get-input",
        "OPERATOR_OUT_DIR": "calcinosis",
    }
    shutil.copytree(STUDY, tmp_path / "batch" / "1.2.3" / "get-input")
    assert module(environment).returncode == 0
    assert (tmp_path / "batch" / "1.2.3" / "calcinosis" / "result.json").exists()
    shutil.rmtree(tmp_path / "batch" / "1.2.3")
    (tmp_path / "batch" / "1.2.4" / "get-input").mkdir(parents=True)
    assert module(environment).returncode == 126


def test_a_folder_that_cannot_be_written_is_the_contracts_exit_code(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        (tmp_path / "file").write_text("")
        target = tmp_path / "file" / "output"
    else:
        target = tmp_path / "locked"
        target.mkdir()
        target.chmod(stat.S_IRUSR | stat.S_IXUSR)
    done = module({"MONAI_INPUTPATH": str(STUDY), "MONAI_OUTPUTPATH": str(target)})
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1


def test_mercure_is_known_although_it_sets_the_variables_of_others(tmp_path: Path) -> None:
    both = {"MERCURE_IN_DIR": str(tmp_path), "MERCURE_OUT_DIR": "o", "MONAI_INPUTPATH": "x", "MONAI_OUTPUTPATH": "y"}
    host, (call,) = calls(None, both)
    assert host == "mercure"
    assert call.source == tmp_path


@pytest.mark.parametrize(
    ("environment", "named"),
    [({}, "WORKFLOW_DIR"), ({"MERCURE_IN_DIR": "."}, "MERCURE_OUT_DIR"), ({"WORKFLOW_DIR": "."}, "BATCH_NAME")],
)
def test_what_is_missing_in_the_environment_is_named(environment: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        calls(None, environment)

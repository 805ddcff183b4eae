"""Studies of one patient that came to the worker at different times tell of each other."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from dicom_files import write_radiograph

from pipeline.knowledge.settings import DicomSettings
from pipeline.report.files import write_json
from pipeline.worker.earlier import compare_in_store
from pipeline.worker.store import Store

FIRST, SECOND = "1.2.840.99999.201", "1.2.840.99999.202"


def _kept(store: Store, study: str, day: str, **attributes: Any) -> Path:
    """A study as it lies in the store when it was analysed; returns its results.json."""
    made = write_radiograph(store.root / "made" / study, study, StudyDate=day, **attributes)
    shutil.move(made, _incoming(store, study))
    image = {
        "kind": "radiograph",
        "region": "thigh",
        "view": "AP",
        "laterality": "R",
        "shape": [400, 300],
        "spacing_mm": [0.4, 0.4],
        "gravity": None,
    }
    folder = store.results(study) / "studies" / study
    folder.mkdir(parents=True)
    about = {"study_instance_uid": study, "status": "analysed"}
    write_json(folder / "results.json", {"study": about, "images": [image], "lesions": []})
    (folder / "report.html").write_text("<!--follow-up--><!--/follow-up-->")
    return folder / "results.json"


def _incoming(store: Store, study: str) -> Path:
    store.incoming(study).mkdir(parents=True)
    return store.image(study, f"{study}.1.1")


@pytest.mark.parametrize("last", [FIRST, SECOND])
def test_the_later_study_tells_of_the_earlier_whichever_came_last(store: Store, last: str) -> None:
    _kept(store, FIRST, "20210102")
    later = _kept(store, SECOND, "20210104")
    assert compare_in_store(store, last, DicomSettings()) == 2
    told = json.loads(later.read_text())["follow_up"]
    assert (told["earlier_study"], told["days"]) == (FIRST, 2)
    assert "2 days before" in (later.parent / "report.html").read_text()
    assert compare_in_store(store, last, DicomSettings()) == 0


def test_another_patient_is_left_alone(store: Store) -> None:
    _kept(store, FIRST, "20210102")
    _kept(store, SECOND, "20210104", PatientID="8")
    assert compare_in_store(store, SECOND, DicomSettings()) == 0


def test_a_study_that_is_not_yet_analysed_is_left_out(store: Store) -> None:
    _kept(store, FIRST, "20210102").unlink()
    _kept(store, SECOND, "20210104")
    assert compare_in_store(store, SECOND, DicomSettings()) == 0

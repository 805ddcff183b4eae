"""Who the patient is stands in reports and DICOM objects, as the settings say, and nowhere else."""

import logging
import re
from pathlib import Path

import pytest
from dicom_files import write_radiograph
from hostile_files import CANARIES, CANARY_BIRTH, CANARY_ID, CANARY_NAME, study_uid
from hostile_trial import Ran, run
from pydicom import dcmread
from pydicom.datadict import DicomDictionary, keyword_for_tag
from worker_peers import free_port, sent
from worker_process import Worker

from pipeline.knowledge.settings import WorkerSettings

pytestmark = pytest.mark.slow
FILE_CANARY = "archaeopteryx"
"""In names of folders and files, which may stand in lists of results but in no log."""
PATIENT = {"PatientName": CANARY_NAME, "PatientID": CANARY_ID, "PatientBirthDate": CANARY_BIRTH}
TEXT_VRS = frozenset({"PN", "LO", "SH", "ST", "LT", "UT", "UC", "UR", "AE"})
DATE_VRS = frozenset({"DA", "DT"})
NEEDED = frozenset({"Manufacturer", "StudyDate", "ReferencedTransferSyntaxUIDInFile"})
"""The manufacturer tells own results apart; its canary is planted too, in a study of its own."""


def planted(path: Path, vrs: frozenset[str], value: str) -> None:
    """Write `value` into every attribute of the dictionary with one of these representations."""
    ds = dcmread(path)
    for tag, entry in DicomDictionary.items():
        keyword = keyword_for_tag(tag)
        if entry[0] in vrs and keyword and keyword not in NEEDED and tag >> 16 not in (0, 2, 4):
            ds.add_new(tag, entry[0], value)
    for keyword, own in PATIENT.items():
        setattr(ds, keyword, own)
    ds.save_as(path)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies with the name in every text, the birth date in every date, the number in every code, and broken ones."""
    folder = tmp_path_factory.mktemp("in")
    words = f"{CANARY_NAME} {CANARY_ID}"
    planted(write_radiograph(folder / FILE_CANARY / "a", study_uid("texts")), TEXT_VRS, words)
    planted(write_radiograph(folder / FILE_CANARY / "b", study_uid("dates")), DATE_VRS, CANARY_BIRTH)
    planted(write_radiograph(folder / FILE_CANARY / "c", study_uid("codes")), frozenset({"CS"}), CANARY_ID)
    odd = {"PatientAge": CANARY_ID, "PatientSex": CANARY_ID, "Manufacturer": CANARY_NAME, "StudyID": CANARY_NAME * 9}
    write_radiograph(folder / FILE_CANARY / "d", study_uid("wrong"), **PATIENT, **odd, StudyDate=CANARY_NAME)
    cut = write_radiograph(folder / FILE_CANARY / "e", study_uid("cut"), **PATIENT)
    cut.write_bytes(cut.read_bytes()[:-900])
    broken = write_radiograph(folder / FILE_CANARY / "f", study_uid("broken"), **PATIENT)
    broken.write_bytes(broken.read_bytes().replace(b"PN", b"UL"))
    return folder


def restored(source: Path) -> None:
    """Codes that decide what a file is have to be true for it to be analysed."""
    path = next((source / FILE_CANARY / "c").glob("*.dcm"))
    ds = dcmread(path)
    ds.Modality, ds.PhotometricInterpretation = "DX", "MONOCHROME2"
    ds.save_as(path)


@pytest.fixture(scope="module")
def ran(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    restored(source)
    return run(source, tmp_path_factory.mktemp("run") / "out")


def holding(root: Path, suffixes: tuple[str, ...] = ()) -> set[str]:
    """Files below `root`, but those with `suffixes`, that hold a canary in name or content."""
    found = set()
    for path in root.rglob("*"):
        name = str(path.relative_to(root)).lower()
        content = path.read_bytes().lower() if path.is_file() and path.suffix not in suffixes else b""
        if any(c in name or c.encode() in content for c in CANARIES):
            found.add(str(path.relative_to(root)))
    return found


def test_most_of_the_studies_are_analysed(ran: Ran) -> None:
    states = [row["status"] for row in ran.report["studies"]]
    assert states.count("analysed") >= 3
    assert ran.code == 1


def test_no_file_but_the_objects_names_the_patient(ran: Ran) -> None:
    assert holding(ran.out, (".dcm",)) == set()


def test_what_the_run_said_names_neither_patient_nor_file(ran: Ran) -> None:
    assert not [c for c in (*CANARIES, FILE_CANARY) if c in ran.said.lower()]


def test_objects_name_the_patient_as_the_source_does(ran: Ran) -> None:
    objects = [dcmread(path) for path in ran.out.rglob("*.dcm")]
    assert objects
    assert {str(ds.PatientName) for ds in objects} == {CANARY_NAME}


@pytest.mark.parametrize("identify", ["none", "pseudonym", "full"])
def test_a_report_shows_what_the_setting_allows(identify: str, tmp_path: Path) -> None:
    write_radiograph(tmp_path / "in", disc=False, **PATIENT)
    settings = tmp_path / "settings.yaml"
    settings.write_text(f'report:\n  identify: "{identify}"\n  pseudonym_key: "a key of this site"\n')
    ran = run(tmp_path / "in", tmp_path / "out", "--settings", str(settings))
    assert ran.code == 0
    (report,) = ran.out.glob("studies/*/report.html")
    page = report.read_text()
    named = {c for c in CANARIES if c in page.lower()}
    assert named == ({"quetzalcoatlus", "zebedee", CANARY_ID.lower()} if identify == "full" else set())
    assert bool(re.search(r"Patient [0-9a-f]{12}\b", page)) == (identify == "pseudonym")
    assert holding(ran.out, (".html", ".dcm")) == set()
    assert "quetzalcoatlus" not in (ran.out / "index.html").read_text().lower()


def test_a_pseudonym_needs_a_key(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    settings = tmp_path / "settings.yaml"
    settings.write_text("report:\n  identify: pseudonym\n")
    ran = run(tmp_path / "in", tmp_path / "out", "--settings", str(settings))
    assert ran.code == 2
    assert "pseudonym_key" in ran.said


def test_libraries_that_are_told_to_debug_say_nothing_of_the_patient(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from pipeline.dicom.discovery import discover
    from pipeline.knowledge.settings import DicomSettings

    for name in ("pydicom", "pynetdicom", "highdicom", "PIL"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    discover((source,), DicomSettings(), tmp_path)
    said = capsys.readouterr()
    assert not [c for c in CANARIES if c in (said.out + said.err + caplog.text).lower()]


def test_the_worker_tells_no_log_page_or_metric_of_the_patient(tmp_path: Path) -> None:
    made = write_radiograph(tmp_path / "in" / FILE_CANARY, study_uid("sent"), **PATIENT, StudyDescription=CANARY_NAME)
    settings = WorkerSettings(
        folder=str(tmp_path / "spool"), port=free_port(), status_port=free_port(), min_free_bytes=0, quiet_s=0
    )
    worker = Worker(settings, tmp_path)
    try:
        assert sent((made,), settings, CANARY_ID) == [0]
        worker.wait(lambda: worker.studies("delivered") == 1)
        told = worker.get("/")[1] + worker.get("/metrics")[1] + worker.get("/healthz")[1]
    finally:
        worker.end()
    told += worker.log.read_text()
    assert not [c for c in CANARIES if c in told.lower()]
    kept = (".dcm", ".sqlite", ".sqlite-wal", ".sqlite-shm")
    assert holding(tmp_path / "spool", kept) == set()
    assert holding(tmp_path / "spool", (".dcm",)) == set()

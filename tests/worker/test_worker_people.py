"""The status page shows of a patient what `report.identify` lets it show, and nothing that a header says is run."""

from pathlib import Path

import pydicom
import pytest

from pipeline.knowledge.settings import ReportSettings, Settings
from pipeline.worker.intake import Tally
from pipeline.worker.people import people
from pipeline.worker.spool import Spool
from pipeline.worker.status import Pages
from pipeline.worker.store import Store

STUDY, NUMBER, NAME = "1.2.3", "MRN-4711", "Canary^<b>Bird</b>"
KEY = "a key of this test alone"


@pytest.fixture
def received(store: Store, spool: Spool, slices: tuple[Path, ...]) -> Path:
    """One image of a study, on disk and in the spool."""
    spool.received(STUDY, "1.2.3.1", "digest")
    image = store.image(STUDY, "1.2.3.1")
    write(image, slices[0], NUMBER)
    return image


def write(image: Path, source: Path, number: str) -> None:
    header = pydicom.dcmread(source)
    header.PatientID, header.PatientName = number, NAME
    image.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(image)


def page(store: Store, spool: Spool, identify: str) -> str:
    settings = Settings(report=ReportSettings(identify, KEY if identify == "pseudonym" else None))
    return Pages(spool, store, Tally(), lambda: True, who=people(store, settings)).page()


@pytest.mark.usefixtures("received")
def test_none_shows_uids_alone(store: Store, spool: Spool) -> None:
    shown = page(store, spool, "none")
    assert STUDY in shown
    assert "Patient" not in shown
    assert NUMBER not in shown
    assert "Canary" not in shown


@pytest.mark.usefixtures("received")
def test_full_shows_name_and_number_as_text(store: Store, spool: Spool) -> None:
    shown = page(store, spool, "full")
    assert f"Canary &lt;b&gt;Bird&lt;/b&gt;, {NUMBER}" in shown
    assert "<b>Bird" not in shown


@pytest.mark.usefixtures("received")
def test_a_pseudonym_shows_neither(store: Store, spool: Spool) -> None:
    shown = page(store, spool, "pseudonym")
    assert "<td>Patient " in shown
    assert NUMBER not in shown
    assert "Canary" not in shown


def test_a_header_that_was_corrected_is_read_anew(
    store: Store, spool: Spool, received: Path, slices: tuple[Path, ...]
) -> None:
    settings = Settings(report=ReportSettings("full"))
    pages = Pages(spool, store, Tally(), lambda: True, who=people(store, settings))
    assert NUMBER in pages.page()
    write(received, slices[0], "MRN-4712")
    assert "MRN-4712" in pages.page()
    received.write_bytes(b"no DICOM at all")
    assert pages.page().count("<td></td>") >= 1
    received.unlink()
    assert STUDY in pages.page()

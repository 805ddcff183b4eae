"""A watched Orthanc: what became stable is fetched once, its echo is not, nothing is skipped when either is down."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from fake_orthanc import Archive
from web_peer import WebPeer

from pipeline.knowledge.settings import WorkerSettings
from pipeline.model.identity import MANUFACTURER
from pipeline.worker.intake import Intake, Tally
from pipeline.worker.spool import Spool
from pipeline.worker.store import Store
from pipeline.worker.watch import PAGE, Watch
from pipeline.worker.web import Site


@pytest.fixture
def archive() -> Archive:
    return Archive()


@pytest.fixture
def peer(archive: Archive) -> Iterator[WebPeer]:
    made = WebPeer(lambda asked: archive.answer(asked))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def intake(settings: WorkerSettings, store: Store, spool: Spool) -> Intake:
    return Intake(dataclasses.replace(settings, watch_s=0), store, spool, Tally())


Look = Callable[[], None]


@pytest.fixture
def look(peer: WebPeer, intake: Intake) -> Look:
    """A worker that starts, looks until there is nothing more, and ends."""

    def done() -> None:
        watch = Watch(Site(peer.url, 5), intake, threading.Event())
        while watch.look():
            pass

    return done


def fetched(peer: WebPeer) -> int:
    return sum(asked.path.endswith("/file") for asked in peer.asked)


def test_a_stable_study_is_fetched_once_over_restarts(
    archive: Archive, peer: WebPeer, intake: Intake, look: Look, slices: tuple[Path, ...]
) -> None:
    archive.add("one", slices[:3])
    look()
    assert (intake.tally.stored, intake.tally.watching) == (3, "ok")
    assert intake.store.image(*_uids(slices[0])).read_bytes() == slices[0].read_bytes()
    look()
    assert fetched(peer) == 3
    assert intake.spool.place(peer.url)[0] == len(archive.changes)


def test_pages_are_turned_to_the_last(archive: Archive, intake: Intake, look: Look, slices: tuple[Path, ...]) -> None:
    for _ in range(2 * PAGE + 7):
        archive.change("NewInstance", "elsewhere")
    archive.add("one", slices[:1])
    look()
    assert intake.tally.stored == 1


def test_an_echo_of_own_results_is_not_fetched_and_a_late_image_is(
    archive: Archive, peer: WebPeer, intake: Intake, look: Look, slices: tuple[Path, ...]
) -> None:
    archive.add("one", slices[:2])
    look()
    archive.add("one", slices[5:7], MANUFACTURER)
    look()
    assert (fetched(peer), intake.tally.stored) == (2, 2)
    archive.add("one", slices[2:3])
    look()
    assert (intake.tally.stored, intake.tally.known) == (3, 2)


def test_an_image_whose_content_was_replaced_is_fetched_again(
    archive: Archive, intake: Intake, look: Look, slices: tuple[Path, ...]
) -> None:
    archive.add("one", slices[:2])
    look()
    archive.add("one", slices[:1])
    archive.files[f"one-{slices[0].stem}"] = _changed(slices[0])
    look()
    assert (intake.tally.stored, intake.tally.known) == (3, 1)


def test_what_is_not_analysed_stays_in_the_archive(
    archive: Archive, peer: WebPeer, intake: Intake, look: Look, slices: tuple[Path, ...], tmp_path: Path
) -> None:
    (tmp_path / "doc.dcm").write_bytes(slices[0].read_bytes())
    archive.add("one", (tmp_path / "doc.dcm", slices[1]))
    look()
    assert (fetched(peer), intake.tally.stored) == (1, 1)


def test_a_study_that_was_deleted_meanwhile_holds_nothing_up(
    archive: Archive, intake: Intake, look: Look, slices: tuple[Path, ...]
) -> None:
    archive.change("StableStudy", "gone")
    archive.add("one", slices[:1])
    look()
    assert intake.tally.stored == 1


@pytest.mark.parametrize("larger", [False, True])
def test_another_database_behind_the_same_address_is_noticed(
    larger: bool, archive: Archive, intake: Intake, look: Look, slices: tuple[Path, ...]
) -> None:
    archive.add("one", slices[:3])
    look()
    archive.changes.clear()
    for _ in range(9 if larger else 0):
        archive.change("NewPatient", "x")
    archive.add("two", slices[3:4])
    look()
    assert intake.tally.stored == 4


@pytest.mark.parametrize("where", ["changes", "series", "SopClassUid", "file"])
def test_an_archive_that_breaks_off_anywhere_is_asked_again_and_nothing_is_skipped(
    where: str, archive: Archive, intake: Intake, look: Look, slices: tuple[Path, ...]
) -> None:
    archive.add("one", slices[:3])
    archive.broken = (where,)
    look()
    assert "500" in intake.tally.watching
    assert intake.tally.stored == 0
    archive.broken = ()
    look()
    assert (intake.tally.stored, intake.tally.watching) == (3, "ok")


def test_a_study_that_the_archive_never_gives_holds_up_no_other(
    archive: Archive, peer: WebPeer, intake: Intake, slices: tuple[Path, ...]
) -> None:
    archive.add("one", slices[:1])
    archive.add("two", slices[1:2])
    archive.broken = (f"one-{slices[0].stem}/file",)
    patient = dataclasses.replace(intake, settings=dataclasses.replace(intake.settings, max_attempts=3))
    watch = Watch(Site(peer.url, 5), patient, threading.Event())
    for stored in (0, 0, 1):
        watch.look()
        assert intake.tally.stored == stored
    assert intake.spool.place(peer.url)[0] == len(archive.changes)


def test_an_archive_that_is_down_or_no_orthanc_is_told_and_waited_for(
    archive: Archive, peer: WebPeer, intake: Intake, look: Look, slices: tuple[Path, ...]
) -> None:
    peer.stop()
    look()
    assert "did not answer" in intake.tally.watching
    peer.start()
    peer.answer = lambda asked: (200, b"<html>")
    look()
    assert "no Orthanc" in intake.tally.watching
    peer.answer = lambda asked: (200, {"Changes": 7, "Last": 0})
    look()
    assert "no Orthanc" in intake.tally.watching
    peer.answer = archive.answer
    archive.add("one", slices[:1])
    look()
    assert intake.tally.stored == 1


def test_a_silent_archive_is_asked_less_and_less_often(peer: WebPeer, intake: Intake) -> None:
    peer.stop()
    slow = dataclasses.replace(intake, settings=dataclasses.replace(intake.settings, watch_s=0.2))
    watch = Watch(Site(peer.url, 5), slow, threading.Event())
    begun = time.monotonic()
    assert not watch.look()
    peer.start()
    while slow.tally.watching != "ok":
        assert not watch.look()
    assert time.monotonic() - begun >= 0.4
    peer.stop()
    peer.start()  # the fixture stops it


def test_a_full_disk_stops_at_the_first_image_and_goes_on_later(
    archive: Archive, peer: WebPeer, intake: Intake, look: Look, slices: tuple[Path, ...]
) -> None:
    archive.add("one", slices[:3])
    full = dataclasses.replace(intake, settings=dataclasses.replace(intake.settings, min_free_bytes=2**60))
    Watch(Site(peer.url, 5), full, threading.Event()).look()
    assert "free disk space" in intake.tally.watching
    assert (fetched(peer), intake.tally.stored, intake.spool.place(peer.url)) == (1, 0, (0, ""))
    look()
    assert intake.tally.stored == 3


def _uids(path: Path) -> tuple[str, str]:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    return str(header.StudyInstanceUID), str(header.SOPInstanceUID)


def _changed(path: Path) -> bytes:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    return bytes(content)

"""The worker whole: a modality sends, objects arrive at the PACS, and the status page tells."""

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from worker_peers import free_port, sent
from worker_process import Worker

from pipeline.knowledge.settings import Settings, WorkerSettings
from pipeline.worker.receive import Tally
from pipeline.worker.serve import repeat
from pipeline.worker.spool import Spool
from pipeline.worker.status import Pages
from pipeline.worker.store import Store


@pytest.fixture
def archive() -> Iterator[tuple[int, list[str]]]:
    """Port of a PACS, and the SOP Instance UIDs that it took."""
    got: list[str] = []
    node = AE(ae_title="PACS")
    for sop_class in (ComprehensiveSRStorage, SecondaryCaptureImageStorage, SegmentationStorage):
        node.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
    port = free_port()

    def take(event: Any) -> int:
        time.sleep(0.3)
        got.append(f"{event.request.AffectedSOPClassUID} {event.request.AffectedSOPInstanceUID}")
        return 0

    handlers: list[Any] = [(evt.EVT_C_STORE, take)]
    server = node.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    yield port, got
    server.shutdown()


@pytest.fixture
def worker(settings: WorkerSettings, archive: tuple[int, list[str]], tmp_path: Path) -> Iterator[Worker]:
    peer = dataclasses.replace(settings, quiet_s=1, peer_host="127.0.0.1", peer_port=archive[0])
    made = Worker(peer, tmp_path)
    yield made
    if made.process.poll() is None:
        made.kill()


@pytest.mark.slow
def test_results_of_a_sent_study_arrive_once_and_the_page_shows_them(
    worker: Worker, archive: tuple[int, list[str]], slices: tuple[Path, ...]
) -> None:
    assert sent(slices, worker.settings) == [0] * len(slices)
    worker.wait(lambda: worker.studies("delivered") == 1)
    assert any(line.startswith(ComprehensiveSRStorage) for line in archive[1])
    before = list(archive[1])
    sent(slices, worker.settings)
    time.sleep(2.5)
    assert worker.studies("delivered") == 1
    assert archive[1] == before
    page = worker.get("/")[1]
    link = page.split('href="')[1].split('"')[0]
    assert "Decision support" in worker.get(link)[1]
    assert worker.end() == 0
    told = [json.loads(line) for line in worker.log.read_text().splitlines()]
    assert [row["event"] for row in told if row["event"] in ("ready", "stopped")] == ["ready", "stopped"]


@pytest.mark.slow
def test_a_worker_killed_while_it_analyses_loses_and_doubles_nothing(
    worker: Worker, archive: tuple[int, list[str]], slices: tuple[Path, ...]
) -> None:
    sent(slices[:15], worker.settings)
    worker.kill()
    worker.start()
    sent(slices[15:], worker.settings)
    worker.wait(lambda: worker.studies("processing") == 1)
    worker.kill()
    worker.start()
    worker.wait(lambda: worker.studies("delivered") == 1)
    assert len(archive[1]) == len(set(archive[1])) > 0
    assert worker.end() == 0


@pytest.mark.slow
def test_a_worker_killed_while_it_delivers_delivers_the_rest(
    worker: Worker, archive: tuple[int, list[str]], slices: tuple[Path, ...]
) -> None:
    sent(slices, worker.settings)
    worker.wait(lambda: len(archive[1]) > 0)
    worker.kill()
    worker.start()
    worker.wait(lambda: worker.studies("delivered") == 1)
    objects = list(Path(worker.settings.folder).glob("results/*/studies/*/dicom/*.dcm"))
    assert len(set(archive[1])) == len(objects)
    assert worker.end() == 0


def test_the_page_serves_results_and_nothing_else(store: Store, spool: Spool) -> None:
    pages = Pages(spool, store, Tally(), threading.Event().is_set)
    folder = store.results("1.2") / "studies" / "1.2"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("report")
    assert pages.answer("/results/1.2/studies/1.2/report.html").body == b"report"
    for path in ("/results/../spool.sqlite", "/results/%2e%2e/spool.sqlite", "/spool.sqlite", "/results/1.2", "/x\0"):
        assert pages.answer(path).status == 404
    assert pages.answer("/readyz").status == 503
    assert pages.answer("/healthz").status == 200


def test_what_a_reason_says_is_escaped(store: Store, spool: Spool) -> None:
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.failed("1.2", "processing", "<script>alert(1)</script>")
    page = Pages(spool, store, Tally(), lambda: True).page()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_an_error_that_nobody_foresaw_stops_the_worker_instead_of_a_thread() -> None:
    def step() -> bool:
        raise ZeroDivisionError

    stop, broken = threading.Event(), list[str]()
    repeat(step, stop, broken)
    assert stop.is_set()
    assert broken == ["ZeroDivisionError"]


def test_settings_of_the_worker_change_no_result() -> None:
    other = dataclasses.replace(Settings(), worker=WorkerSettings(port=1))
    assert other.sha256 == Settings().sha256

"""The worker whole: a modality sends, objects arrive at the PACS, and the status page tells."""

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pynetdicom.sop_class import ComprehensiveSRStorage  # type: ignore[attr-defined]
from worker_peers import Archive, sent
from worker_process import Worker

from pipeline.errors import ConfigurationError, OutputError
from pipeline.knowledge.settings import Settings, WorkerSettings
from pipeline.worker.intake import Tally
from pipeline.worker.serve import repeat, serve
from pipeline.worker.spool import Spool
from pipeline.worker.status import Pages
from pipeline.worker.store import Store


@pytest.fixture
def worker(settings: WorkerSettings, archive: Archive, tmp_path: Path) -> Iterator[Worker]:
    peer = dataclasses.replace(settings, quiet_s=1, stall_s=60, peer_host="127.0.0.1", peer_port=archive.port)
    made = Worker(peer, tmp_path)
    yield made
    if made.process.poll() is None:
        made.kill()


@pytest.mark.slow
def test_results_of_a_sent_study_arrive_once_and_the_page_shows_them(
    worker: Worker, archive: Archive, slices: tuple[Path, ...]
) -> None:
    assert sent(slices, worker.settings) == [0] * len(slices)
    worker.wait(lambda: worker.studies("delivered") == 1)
    assert archive.kept == worker.objects()
    assert ComprehensiveSRStorage in archive.kinds
    before = list(archive.came)
    assert sent(slices, worker.settings) == [0] * len(slices)
    time.sleep(2.5)
    assert worker.studies("delivered") == 1
    assert archive.came == before
    page = worker.get("/")[1]
    link = page.split('href="/results/')[1].split('"')[0]
    assert "Decision support" in worker.get(f"/results/{link}")[1]
    assert worker.end() == 0
    told = [json.loads(line) for line in worker.log.read_text().splitlines()]
    assert [row["event"] for row in told if row["event"] in ("ready", "stopped")] == ["ready", "stopped"]


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
    spool.failed("1.2", "<script>alert(1)</script>")
    page = Pages(spool, store, Tally(), lambda: True).page()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_page_says_when_delivery_is_tried_again_and_how_failed_studies_get_back(store: Store, spool: Spool) -> None:
    for study in ("1.2", "1.3"):
        spool.received(study, f"{study}.1", "a")
        spool.take_ready(0)
    spool.processed("1.2", {Path("a.dcm"): "1.2.9"})
    entry = spool.take_delivery()
    assert entry is not None
    spool.postpone(entry, time.time() + 60, "PACS does not answer")
    pages = Pages(spool, store, Tally(), lambda: True)
    assert "PACS does not answer <small>try 2 at 20" in pages.page()
    assert "calcinosis retry" not in pages.page()
    spool.failed("1.3", "took too long")
    assert "calcinosis retry" in pages.page()
    assert "<th>Readers</th>" not in pages.page(), "nobody takes what they say"


def test_an_error_that_nobody_foresaw_stops_the_worker_instead_of_a_thread() -> None:
    def step() -> bool:
        raise ZeroDivisionError

    stop, broken = threading.Event(), list[str]()
    repeat(step, stop, broken)
    assert stop.is_set()
    assert broken == ["ZeroDivisionError"]


def test_a_spool_that_cannot_be_written_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.worker.serve.FULL_S", 0.01)
    stop, broken, tries = threading.Event(), list[str](), list[int]()

    def step() -> bool:
        tries.append(1)
        if len(tries) == 3:
            stop.set()
        raise OutputError("full")

    repeat(step, stop, broken)
    assert (len(tries), broken) == (3, [])


def test_settings_that_contradict_are_told_before_anything_is_written(tmp_path: Path) -> None:
    nobody = WorkerSettings(folder=str(tmp_path / "spool"), commitment=True, peer_url="https://archive/dicom-web")
    with pytest.raises(ConfigurationError, match="peer_host"):
        serve(Settings(worker=nobody), threading.Event())
    assert not (tmp_path / "spool").exists()


def test_settings_of_the_worker_change_no_result() -> None:
    other = dataclasses.replace(Settings(), worker=WorkerSettings(port=1))
    assert other.sha256 == Settings().sha256

"""The spool loses nothing, does nothing twice, and always tells the truth."""

import sqlite3
import time
from pathlib import Path

import pytest

from pipeline.errors import OutputError
from pipeline.worker.spool import Entry, Spool
from pipeline.worker.store import Store, adopt


def state(spool: Spool, study: str) -> str:
    return next(e.state for e in spool.latest(100) if e.uid == study)


def due(spool: Spool) -> Entry:
    entry = spool.take_delivery()
    assert entry is not None
    return entry


def test_a_study_goes_its_way(spool: Spool) -> None:
    assert spool.received("1.2", "1.2.1", "a")
    assert spool.take_ready(quiet_s=60) is None
    assert spool.take_ready(quiet_s=0) == "1.2"
    assert spool.take_ready(quiet_s=0) is None
    spool.processed("1.2", {Path("x.dcm"): "1", Path("y.dcm"): "2"})
    entry = spool.take_delivery()
    assert entry is not None
    spool.object_taken("1.2", Path("x.dcm"), "1")
    assert spool.undelivered("1.2") == (Path("y.dcm"),)
    spool.object_taken("1.2", Path("y.dcm"), "2")
    spool.delivered(entry)
    assert spool.counts()["delivered"] == 1


def test_the_same_content_twice_is_no_news_and_other_content_is(spool: Spool) -> None:
    assert spool.received("1.2", "1.2.1", "a")
    assert not spool.received("1.2", "1.2.1", "a")
    assert spool.received("1.2", "1.2.1", "b")


@pytest.mark.parametrize("during", ["receiving", "processing", "delivering", "delivered", "failed"])
def test_a_late_image_makes_a_study_wait_again_wherever_it_is(during: str, spool: Spool) -> None:
    spool.received("1.2", "1.2.1", "a")
    if during != "receiving":
        spool.take_ready(0)
    if during in ("delivering", "delivered"):
        spool.processed("1.2", {Path("x"): "1"})
    if during == "delivered":
        spool.delivered(due(spool))
    if during == "failed":
        spool.failed("1.2", "why")
    spool.received("1.2", "1.2.2", "b")
    if during == "processing":
        assert spool.take_ready(0) is None
        spool.processed("1.2", {Path("x"): "1"})
    assert state(spool, "1.2") == "receiving"
    assert spool.take_ready(0) == "1.2"


def test_the_end_of_an_old_delivery_does_not_end_a_new_analysis(spool: Spool) -> None:
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.processed("1.2", {Path("x"): "1"})
    old = due(spool)
    spool.received("1.2", "1.2.2", "b")
    spool.take_ready(0)
    spool.delivered(old)
    assert state(spool, "1.2") == "processing"
    spool.processed("1.2", {Path("x"): "2"})
    spool.object_taken("1.2", Path("x"), "1")
    for end in (
        spool.delivered,
        lambda e: spool.undeliverable(e, "why"),
        lambda e: spool.postpone(e, time.time() + 3_600, "why"),
    ):
        end(old)
        assert spool.undelivered("1.2") == (Path("x"),)
        assert due(spool).attempts == 0


def test_a_retry_of_a_failed_analysis_analyses_and_does_not_deliver_older_results(spool: Spool) -> None:
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.processed("1.2", {Path("x"): "1"})
    spool.received("1.2", "1.2.2", "b")
    spool.take_ready(0)
    spool.failed("1.2", "why")
    assert spool.retry() == 1
    assert state(spool, "1.2") == "receiving"


def test_an_analysis_that_was_put_back_waits_and_counts(spool: Spool) -> None:
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.put_back("1.2", time.time() + 3_600, "disk full")
    assert (spool.take_ready(0), spool.attempts("1.2")) == (None, 1)
    assert spool.latest(1)[0].reason == "disk full"
    spool.received("1.2", "1.2.2", "b")
    assert spool.take_ready(0) == "1.2"


def test_what_was_running_at_a_crash_is_done_again(spool: Spool, store: Store) -> None:
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.close()
    again = Spool(store.database)
    assert again.recover() == 1
    assert again.take_ready(0) == "1.2"
    again.close()


def test_a_postponed_delivery_waits_and_a_dead_letter_comes_back(spool: Spool) -> None:
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.processed("1.2", {Path("x"): "1"})
    entry = due(spool)
    spool.postpone(entry, time.time() + 3_600, "peer is down")
    assert spool.take_delivery() is None
    assert spool.latest(1)[0].reason == "peer is down"
    spool.undeliverable(entry, "peer refuses")
    assert spool.retry(["9.9"]) == 0
    assert spool.retry() == 1
    assert state(spool, "1.2") == "delivering"
    assert spool.take_delivery() is not None


def test_an_object_that_comes_out_as_before_is_not_sent_again(spool: Spool) -> None:
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.processed("1.2", {Path("x"): "1", Path("y"): "2"})
    spool.object_taken("1.2", Path("x"), "1")
    spool.object_taken("1.2", Path("y"), "2")
    spool.delivered(due(spool))
    spool.received("1.2", "1.2.2", "b")
    spool.take_ready(0)
    spool.processed("1.2", {Path("x"): "1", Path("y"): "3"})
    assert spool.undelivered("1.2") == (Path("y"),)


def test_a_study_is_delivered_when_the_peer_keeps_every_object(spool: Spool) -> None:
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.processed("1.2", {Path("x"): "1", Path("y"): "2"})
    spool.object_taken("1.2", Path("x"), "1")
    spool.object_taken("1.2", Path("y"), "2")
    spool.postpone(due(spool), time.time() + 3_600, "waits")
    spool.commitment(["1", "unknown"], ["2"])
    assert state(spool, "1.2") == "delivering"
    assert spool.undelivered("1.2") == (Path("y"),)
    assert spool.take_delivery() is not None
    spool.object_taken("1.2", Path("y"), "2")
    spool.commitment(["2"], [])
    assert state(spool, "1.2") == "delivered"


def test_files_without_a_row_are_adopted_and_half_files_removed(spool: Spool, store: Store) -> None:
    store.keep("1.2", "1.2.1", b"one")
    (store.root / "partial" / "x").write_bytes(b"half")
    assert store.tidy() == 1
    assert adopt(store, spool, lambda content: ("1.2", "1.2.1")) == 1
    assert adopt(store, spool, lambda content: ("1.2", "1.2.1")) == 0
    assert spool.counts()["receiving"] == 1


def test_uids_never_leave_the_spools_folder(store: Store) -> None:
    for uid in ("../../etc", "/etc/passwd", "1.2/../..", ""):
        assert store.incoming(uid).resolve().parent == (store.root / "incoming").resolve()


def test_a_folder_that_cannot_hold_a_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="spool cannot be opened"):
        Spool(tmp_path / "file" / "spool.sqlite")


def test_the_database_is_whole_after_use(spool: Spool, store: Store) -> None:
    for n in range(50):
        spool.received(f"1.{n}", "1", "a")
    with sqlite3.connect(store.database) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"

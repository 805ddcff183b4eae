"""What is old leaves the spool, what nobody else has stays, and an image that comes meanwhile is not lost."""

import dataclasses
import os
import time
from pathlib import Path

import pytest

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.intake import Intake, Tally
from pipeline.worker.retention import DAY_S, YOUNGEST_S, retire
from pipeline.worker.spool import Spool, State
from pipeline.worker.store import Store, adopt

LARGE_BYTES = 200_000_000
STATES: tuple[State, ...] = ("receiving", "processing", "delivering", "delivered", "failed")


@pytest.fixture
def policy(settings: WorkerSettings) -> WorkerSettings:
    return dataclasses.replace(settings, peer_host="127.0.0.1", keep_days=30, keep_free_bytes=0)


def study(store: Store, spool: Spool, uid: str, until: State) -> str:
    """A study in a state, with an image and a result on disk."""
    store.keep(uid, f"{uid}.1", b"image")
    spool.received(uid, f"{uid}.1", "a")
    (store.results(uid) / "studies").mkdir(parents=True)
    (store.results(uid) / "studies" / "report.html").write_text("report")
    if until == "receiving":
        return uid
    while spool.take_ready(0) != uid:
        pass
    if until in ("delivering", "delivered"):
        spool.processed(uid, {Path("x"): f"{uid}.9"})
    if until == "delivered":
        entry = next(e for e in spool.latest(100) if e.uid == uid)
        spool.delivered(entry)
    if until == "failed":
        spool.failed(uid, "why")
    return uid


@pytest.fixture
def every_state(store: Store, spool: Spool) -> dict[State, str]:
    order = ("processing", "delivering", "delivered", "failed", "receiving")
    return {state: study(store, spool, f"1.2.{n}", state) for n, state in enumerate(order)}  # type: ignore[misc]


def there(store: Store, spool: Spool, uid: str) -> bool:
    """Whether a study is in the spool: rows and folders, or neither."""
    rows = uid in {entry.uid for entry in spool.latest(100)}
    assert rows == store.incoming(uid).exists() == store.results(uid).exists()
    return rows


def test_by_age_what_is_through_goes_and_nothing_else(
    store: Store, spool: Spool, policy: WorkerSettings, every_state: dict[State, str]
) -> None:
    now = time.time()
    assert retire(store, spool, policy, now + 29 * DAY_S) == 0
    assert retire(store, spool, policy, now + 31 * DAY_S) == 2
    left = {state for state, uid in every_state.items() if there(store, spool, uid)}
    assert left == {"receiving", "processing", "delivering"}
    assert not (store.root / "trash").exists()


def test_without_a_peer_or_a_limit_everything_stays(
    store: Store, spool: Spool, policy: WorkerSettings, every_state: dict[State, str]
) -> None:
    alone = dataclasses.replace(policy, peer_host=None, keep_free_bytes=2**60)
    for chosen in (alone, dataclasses.replace(policy, keep_days=0)):
        assert retire(store, spool, chosen, time.time() + 999 * DAY_S) == 0
    assert all(there(store, spool, uid) for uid in every_state.values())


def test_for_want_of_space_delivered_studies_go_and_dead_letters_stay(
    store: Store, spool: Spool, policy: WorkerSettings, every_state: dict[State, str]
) -> None:
    tight = dataclasses.replace(policy, keep_free_bytes=2**60)
    now = time.time()
    assert retire(store, spool, tight, now) == 0
    assert retire(store, spool, tight, now + 2 * YOUNGEST_S) == 1
    assert not there(store, spool, every_state["delivered"])
    assert there(store, spool, every_state["failed"])


def test_for_want_of_space_the_oldest_goes_first_and_no_more_than_is_needed(
    store: Store, spool: Spool, policy: WorkerSettings
) -> None:
    for n in range(3):
        study(store, spool, f"1.2.{n}", "delivered")
        with (store.results(f"1.2.{n}") / "large").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, LARGE_BYTES)
    # other programs use the disk too: far less than half a study's bytes come or go meanwhile
    wanted = dataclasses.replace(policy, keep_free_bytes=store.free_bytes() + LARGE_BYTES // 2)
    gone = retire(store, spool, wanted, time.time() + 2 * YOUNGEST_S)
    assert gone >= 1
    assert [there(store, spool, f"1.2.{n}") for n in range(3)] == [n >= gone for n in range(3)]


def test_a_study_that_changed_since_it_was_looked_at_stays(store: Store, spool: Spool) -> None:
    study(store, spool, "1.2.1", "delivered")
    (entry,) = spool.latest(1)
    store.keep("1.2.1", "1.2.1.2", b"late")
    spool.received("1.2.1", "1.2.1.2", "b")
    assert not spool.forget(entry, lambda: store.remove("1.2.1"))
    assert there(store, spool, "1.2.1")


def test_a_study_that_was_removed_and_comes_again_is_news(
    store: Store, spool: Spool, policy: WorkerSettings, slices: tuple[Path, ...]
) -> None:
    intake = Intake(policy, store, spool, Tally())
    content = slices[0].read_bytes()
    assert (intake.take(content), intake.take(content)) == ("stored", "known")
    uid = spool.take_ready(0)
    assert uid is not None
    spool.processed(uid, {})
    spool.delivered(spool.latest(1)[0])
    assert retire(store, spool, policy, time.time() + 31 * DAY_S) == 1
    assert intake.take(content) == "stored"
    assert len(list(store.incoming(uid).iterdir())) == 1


def test_a_crash_between_folders_and_rows_brings_nothing_back(
    store: Store, spool: Spool, policy: WorkerSettings
) -> None:
    study(store, spool, "1.2.1", "delivered")
    store.remove("1.2.1")
    assert store.tidy() == 0
    assert adopt(store, spool, lambda content: ("1.2.1", "1.2.1.1")) == 0
    assert not (store.root / "trash").exists()
    assert retire(store, spool, policy, time.time() + 31 * DAY_S) == 1
    assert spool.latest(1) == ()

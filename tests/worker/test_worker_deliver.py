"""Delivery is judged by the status of each instance; only what may pass is tried again."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from worker_peers import free_port

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.deliver import FIRST_WAIT_S, deliver, wait_s
from pipeline.worker.send import send
from pipeline.worker.spool import Spool

Peer = Callable[[Callable[[Any], int]], WorkerSettings]


@pytest.fixture
def peer(settings: WorkerSettings) -> Iterator[Peer]:
    servers: list[Any] = []

    def started(answer: Callable[[Any], int]) -> WorkerSettings:
        port = free_port()
        node = AE(ae_title="PACS")
        node.add_supported_context("1.2.840.10008.5.1.4.1.1.2", ALL_TRANSFER_SYNTAXES)
        handlers: list[Any] = [(evt.EVT_C_STORE, answer)]
        servers.append(node.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers))
        return dataclasses.replace(settings, peer_host="127.0.0.1", peer_port=port)

    yield started
    for server in servers:
        server.shutdown()


def queued(spool: Spool, paths: tuple[Path, ...]) -> None:
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.processed("1.2", {p: str(pydicom.dcmread(p, stop_before_pixels=True).SOPInstanceUID) for p in paths})


def delivery(spool: Spool, settings: WorkerSettings) -> None:
    entry = spool.take_delivery()
    assert entry is not None
    deliver(spool, entry, settings)


def test_everything_taken_is_delivered(peer: Peer, spool: Spool, slices: tuple[Path, ...]) -> None:
    got: list[str] = []

    def take(event: Any) -> int:
        got.append(event.request.AffectedSOPInstanceUID)
        return 0

    queued(spool, slices[:3])
    delivery(spool, peer(take))
    assert len(set(got)) == 3
    assert spool.counts()["delivered"] == 1


def test_a_temporary_refusal_of_one_sends_that_one_again(peer: Peer, spool: Spool, slices: tuple[Path, ...]) -> None:
    calls: list[str] = []

    def full_once(event: Any) -> int:
        calls.append(str(event.request.AffectedSOPInstanceUID))
        return 0xA700 if len(calls) == 2 else 0

    settings = peer(full_once)
    queued(spool, slices[:3])
    delivery(spool, settings)
    assert spool.counts()["delivering"] == 1
    assert spool.undelivered("1.2") == (slices[1],)
    assert "0xA700" in spool.latest(1)[0].reason
    taken: list[Path] = []
    assert send(spool.undelivered("1.2"), settings, lambda path, uid: taken.append(path)).reason == ""
    assert taken == [slices[1]]
    assert calls[3] == calls[1]


def test_a_final_refusal_is_a_dead_letter(peer: Peer, spool: Spool, slices: tuple[Path, ...]) -> None:
    queued(spool, slices[:2])
    delivery(spool, peer(lambda event: 0xA900))
    assert spool.counts()["failed"] == 1
    assert "0xA900" in spool.latest(1)[0].reason


def test_a_peer_that_is_down_is_tried_later_and_not_for_ever(
    spool: Spool, settings: WorkerSettings, slices: tuple[Path, ...]
) -> None:
    nobody = dataclasses.replace(settings, peer_host="127.0.0.1", peer_port=free_port(), max_attempts=2)
    queued(spool, slices[:1])
    delivery(spool, nobody)
    entry = spool.latest(1)[0]
    assert (entry.state, entry.attempts) == ("delivering", 1)
    assert "did not accept" in entry.reason
    deliver(spool, entry, nobody)
    assert spool.counts()["failed"] == 1
    assert spool.retry() == 1


def test_a_class_that_the_peer_does_not_take_is_final(peer: Peer, tmp_path: Path, slices: tuple[Path, ...]) -> None:
    other = pydicom.dcmread(slices[0])
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    other.save_as(tmp_path / "seg-1.dcm")
    taken: list[Path] = []
    report = send((slices[0], tmp_path / "seg-1.dcm"), peer(lambda event: 0), lambda path, uid: taken.append(path))
    assert taken == [slices[0]]
    assert report.final
    assert "seg" in report.reason


def test_waits_grow_and_differ() -> None:
    waits = [wait_s(n) for n in range(20)]
    assert 0.5 * FIRST_WAIT_S <= waits[0] <= 1.5 * FIRST_WAIT_S
    assert max(waits) <= 1.5 * 3600
    assert wait_s(0) != wait_s(0)

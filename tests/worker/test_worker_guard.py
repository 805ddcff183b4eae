"""Peers that stall, lie or drip hold no place for ever, with and without TLS, and leave nothing behind."""

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
import trustme
from pynetdicom import AE
from pynetdicom.presentation import build_context
from worker_peers import client_context

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.guard import read_pdu
from pipeline.worker.intake import Intake, Tally
from pipeline.worker.receive import SUCCESS, start_node
from pipeline.worker.spool import Spool
from pipeline.worker.store import Store

PLACES = 3
WAIT_S = 60
ASSOCIATE, DATA = b"\x01\x00", b"\x04\x00"
Connect = Callable[[], Any]


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def encrypted(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def node(
    encrypted: bool, settings: WorkerSettings, secure: WorkerSettings, store: Store, spool: Spool
) -> Iterator[Any]:
    chosen = secure if encrypted else settings
    stall_s = 3 if encrypted else 1  # a handshake takes a second on a busy machine
    chosen = dataclasses.replace(chosen, max_associations=PLACES, stall_s=stall_s, port=settings.port)
    server = start_node(Intake(chosen, store, spool, Tally()))
    yield server
    server.shutdown()


@pytest.fixture
def associated(encrypted: bool, settings: WorkerSettings, authority: trustme.CA, slices: tuple[Path, ...]) -> Connect:
    """An association as an honest peer opens it."""
    header = pydicom.dcmread(slices[0], stop_before_pixels=True)
    tls = (client_context(authority, certificate=True), "localhost") if encrypted else None

    def opened() -> Any:
        client = AE(ae_title="MODALITY")
        client.acse_timeout = client.dimse_timeout = client.network_timeout = client.connection_timeout = 30
        client.requested_contexts = [build_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)]
        return client.associate("127.0.0.1", settings.port, ae_title=settings.ae_title, tls_args=tls)

    return opened


@pytest.fixture
def connected(encrypted: bool, settings: WorkerSettings, authority: trustme.CA) -> Connect:
    """A connection of which nothing more is known."""

    def opened() -> Any:
        plain = socket.create_connection(("127.0.0.1", settings.port))
        if not encrypted:
            return plain
        return client_context(authority, certificate=True).wrap_socket(plain, server_hostname="localhost")

    return opened


def gets_through(associated: Connect, path: Path) -> None:
    """An honest peer is heard before long."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        association = associated()
        if association.is_established:
            assert association.send_c_store(path).get("Status") == SUCCESS
            association.release()
            return
        time.sleep(0.2)
    pytest.fail("no honest peer got through")


def left_alone(node: Any, store: Store, spool: Spool) -> None:
    """Nothing holds a place, and what was kept is the honest peer's image alone."""
    end = time.monotonic() + WAIT_S
    while node.active_associations:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert len(list((store.root / "incoming").rglob("*.dcm"))) == 1
    assert not list((store.root / "partial").iterdir())
    assert spool.counts()["receiving"] == 1


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        ASSOCIATE,
        ASSOCIATE + b"\x00\x00\x00\xcd" + b"\x00\x01",
        ASSOCIATE + b"\xff\xff\xff\xff" + b"a" * 100,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["nothing", "two bytes", "half a request", "4 GB claimed", "another protocol"],
)
def test_a_peer_that_stops_before_an_association(
    beginning: bytes,
    node: Any,
    connected: Connect,
    associated: Connect,
    store: Store,
    spool: Spool,
    slices: tuple[Path, ...],
) -> None:
    peers = [connected() for _ in range(PLACES)]
    for peer in peers:
        peer.sendall(beginning)
    gets_through(associated, slices[0])
    left_alone(node, store, spool)
    for peer in peers:
        peer.close()


@pytest.mark.parametrize(
    "more",
    [b"", DATA, DATA + b"\x00\x00\x40\x00" + b"\x00\x00\x3f\xfc\x01\x03" + b"x" * 1000],
    ids=["idle", "two bytes", "half"],
)
def test_a_peer_that_stops_inside_an_association(
    more: bytes, node: Any, associated: Connect, store: Store, spool: Spool, slices: tuple[Path, ...]
) -> None:
    peers = [associated() for _ in range(PLACES)]
    assert all(peer.is_established for peer in peers)
    for peer in peers:
        peer.dul.socket.socket.sendall(more)
    gets_through(associated, slices[0])
    left_alone(node, store, spool)
    for peer in peers:
        peer.abort()


def test_a_peer_that_drips_is_cut_off(
    node: Any, connected: Connect, associated: Connect, store: Store, spool: Spool, slices: tuple[Path, ...]
) -> None:
    ended = threading.Event()

    def drip(peer: Any) -> None:
        peer.sendall(ASSOCIATE + b"\x00\x00\x00\xcd")
        with contextlib.suppress(OSError):
            while not ended.wait(0.3):
                peer.sendall(b"a")

    peers = [connected() for _ in range(PLACES)]
    threads = [threading.Thread(target=drip, args=(peer,)) for peer in peers]
    for thread in threads:
        thread.start()
    gets_through(associated, slices[0])
    left_alone(node, store, spool)
    ended.set()
    for thread, peer in zip(threads, peers, strict=True):
        thread.join()
        peer.close()


def test_a_pdu_is_read_whole_and_a_larger_one_not_at_all() -> None:
    ours, theirs = socket.socketpair()
    content = bytes(range(256)) * 2000
    sender = threading.Thread(target=lambda: (theirs.sendall(content), theirs.close()))
    sender.start()
    with pytest.raises(OSError, match="larger than agreed"):
        read_pdu(ours, 1000, largest=999, stall_s=5)
    assert read_pdu(ours, 300_000, largest=300_000, stall_s=5) == content[:300_000]
    assert read_pdu(ours, 300_000, largest=300_000, stall_s=5) == content[300_000:]
    sender.join()
    ours.close()

"""With certificates named, only peers that show one signed by the authority get in, and a silent one blocks nobody."""

import dataclasses
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
import trustme
from pynetdicom import AE
from pynetdicom.presentation import build_context
from worker_peers import client_context

from pipeline.errors import OutputError
from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.intake import Intake, Tally
from pipeline.worker.receive import start_node
from pipeline.worker.spool import Spool
from pipeline.worker.store import Store


@pytest.fixture
def node(secure: WorkerSettings, store: Store, spool: Spool) -> Iterator[Any]:
    server = start_node(Intake(secure, store, spool, Tally()))
    yield server
    server.shutdown()


def statuses(path: Path, settings: WorkerSettings, context: ssl.SSLContext | None) -> list[int | None]:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    client = AE(ae_title="MODALITY")
    client.acse_timeout = client.network_timeout = client.connection_timeout = 4
    client.requested_contexts = [build_context(header.SOPClassUID, header.file_meta.TransferSyntaxUID)]
    tls = (context, "localhost") if context else None
    association = client.associate("127.0.0.1", settings.port, ae_title=settings.ae_title, tls_args=tls)
    if not association.is_established:
        return []
    found = [association.send_c_store(path).get("Status")]
    association.release()
    return found


@pytest.mark.usefixtures("node")
def test_a_peer_with_a_certificate_is_heard_and_others_are_not(
    secure: WorkerSettings, authority: trustme.CA, slices: tuple[Path, ...]
) -> None:
    assert statuses(slices[0], secure, client_context(authority, certificate=True)) == [0]
    assert statuses(slices[0], secure, client_context(authority, certificate=False)) == []
    assert statuses(slices[0], secure, None) == []


@pytest.mark.usefixtures("node")
def test_peers_that_never_shake_hands_block_nobody(
    secure: WorkerSettings, authority: trustme.CA, slices: tuple[Path, ...]
) -> None:
    silent = [socket.create_connection(("127.0.0.1", secure.port)) for _ in range(10)]
    assert statuses(slices[0], secure, client_context(authority, certificate=True)) == [0]
    for peer in silent:
        peer.close()


def test_a_certificate_that_cannot_be_read_is_told(settings: WorkerSettings, store: Store, spool: Spool) -> None:
    wrong = dataclasses.replace(settings, tls_certificate="/nowhere.pem")
    with pytest.raises(OutputError, match="tls_certificate"):
        start_node(Intake(wrong, store, spool, Tally()))

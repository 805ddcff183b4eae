"""Peers of the worker in tests."""

import contextlib
import random
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import trustme
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from pipeline.knowledge.settings import WorkerSettings

PORTS = (20_000, 32_000)
"""Below those that Linux gives to outgoing connections: a port stays free while its server is down for a restart."""


def free_port() -> int:
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Archive:
    """A PACS on a port of its own: it keeps each SOP Instance UID once, and remembers what came in which order."""

    def __init__(self) -> None:
        self.port = free_port()
        self.kept: dict[str, bytes] = {}
        self.kinds: set[str] = set()
        self.came: list[str] = []
        self.answer: Callable[[Any], int] = lambda event: 0

    def start(self) -> None:
        node = AE(ae_title="PACS")
        for sop_class in (ComprehensiveSRStorage, SecondaryCaptureImageStorage, SegmentationStorage):
            node.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
        handlers: list[Any] = [(evt.EVT_C_STORE, self._take)]
        self.server = node.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def stop(self) -> None:
        self.server.shutdown()

    def _take(self, event: Any) -> int:
        status = self.answer(event)
        if status == 0:
            uid, content = str(event.request.AffectedSOPInstanceUID), event.encoded_dataset(include_meta=False)
            assert self.kept.setdefault(uid, content) == content, "another content under the same UID"
            self.came.append(uid)
            self.kinds.add(str(event.request.AffectedSOPClassUID))
        return status


def sent(paths: tuple[Path, ...], settings: WorkerSettings, caller: str = "MODALITY") -> list[int | None]:
    """Statuses of a C-STORE of each file; empty when the association was refused, fewer when it broke."""
    node = AE(ae_title=caller)
    node.acse_timeout = node.dimse_timeout = node.network_timeout = 30
    first = pydicom.dcmread(paths[0], stop_before_pixels=True)
    node.requested_contexts = [build_context(first.SOPClassUID, first.file_meta.TransferSyntaxUID)]
    association = node.associate("127.0.0.1", settings.port, ae_title=settings.ae_title)
    if not association.is_established:
        return []
    found: list[int | None] = []
    with contextlib.suppress(RuntimeError):  # the node was killed meanwhile
        for path in paths:
            found.append(association.send_c_store(path).get("Status"))
            if found[-1] is None:
                # pynetdicom's own thread may take an answer away from a loaded sender: again, as senders do
                association.abort()
                return found[:-1] + sent(paths[len(found) - 1 :], settings, caller)
        association.release()
    return found


def client_context(authority: trustme.CA, *, certificate: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if certificate:
        authority.issue_cert("modality").configure_cert(context)
    return context

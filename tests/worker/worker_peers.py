"""Peers of the worker in tests."""

import contextlib
import random
import socket
import ssl
from collections import deque
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
HELD: deque[socket.socket] = deque()
MOST_HELD = 100
"""Ports that one process keeps to itself: more than any test draws, and few beside the file handles it may have."""


def free_port() -> int:
    """A port for a server that starts later, and again after it was killed; nobody else draws it meanwhile.

    A free port of TCP alone would be drawn twice now and then, by one test or by two that run side by side. So its twin
    of UDP, which no server here uses, is bound until the process ends or has drawn `MOST_HELD` others.
    """
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        twin = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            twin.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            twin.close()
            continue
        HELD.append(twin)
        if len(HELD) > MOST_HELD:
            HELD.popleft().close()
        return port


class Archive:
    """A PACS on a port of its own: it keeps each SOP Instance UID once, and remembers what came in which order."""

    def __init__(self) -> None:
        self.port = free_port()
        self.kept: dict[str, bytes] = {}
        self.kinds: set[str] = set()
        self.came: list[str] = []
        self.is_up = False
        self.answer: Callable[[Any], int] = lambda event: 0

    def start(self) -> None:
        node = AE(ae_title="PACS")
        for sop_class in (ComprehensiveSRStorage, SecondaryCaptureImageStorage, SegmentationStorage):
            node.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
        handlers: list[Any] = [(evt.EVT_C_STORE, self._take)]
        self.server = node.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        self.is_up = True

    def stop(self) -> None:
        """Go down; nothing where it is down."""
        if self.is_up:
            self.server.shutdown()
        self.is_up = False

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

"""Peers of the worker in tests."""

import socket
from pathlib import Path

import pydicom
from pynetdicom import AE
from pynetdicom.presentation import build_context

from pipeline.knowledge.settings import WorkerSettings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sent(paths: tuple[Path, ...], settings: WorkerSettings, caller: str = "MODALITY") -> list[int | None]:
    """Statuses of a C-STORE of each file; empty when the association was refused."""
    node = AE(ae_title=caller)
    first = pydicom.dcmread(paths[0], stop_before_pixels=True)
    node.requested_contexts = [build_context(first.SOPClassUID, first.file_meta.TransferSyntaxUID)]
    association = node.associate("127.0.0.1", settings.port, ae_title=settings.ae_title)
    if not association.is_established:
        return []
    found = [association.send_c_store(path).get("Status") for path in paths]
    association.release()
    return found

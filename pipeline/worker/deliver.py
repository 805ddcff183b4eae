"""Results go back by C-STORE; what each instance's status says decides, not that something was sent."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pynetdicom import AE
from pynetdicom.presentation import build_context

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.spool import Entry, Spool

FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 3600.0
"""Waits double from the first to the longest, each by a random factor of 0.5 to 1.5 so that workers do not march."""
WARNINGS = range(0xB000, 0xC000)
TEMPORARY = (*range(0xA700, 0xA800), 0x0110, 0x0122, 0x0124)
"""Out of resources, processing failure, refused for now: worth another try (PS3.4 annex B.2.3, PS3.7 annex C)."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a delivery went: paths that the peer took, and why others were not; `final` when trying again is no use."""

    taken: tuple[Path, ...]
    reason: str = ""
    final: bool = False


def deliver(spool: Spool, entry: Entry, settings: WorkerSettings) -> None:
    """Send what is left of a study; the spool then says delivered, try again at, or failed."""
    report = send(spool.undelivered(entry.uid), settings)
    for path in report.taken:
        spool.object_delivered(entry.uid, path)
    if not report.reason:
        spool.delivered(entry.uid)
    elif report.final or entry.attempts + 1 >= settings.max_attempts:
        spool.failed(entry.uid, "delivering", report.reason)
    else:
        spool.postpone(entry.uid, time.time() + wait_s(entry.attempts), report.reason)


def wait_s(attempts: int) -> float:
    """Seconds until the next try after `attempts` failures."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**attempts) * random.uniform(0.5, 1.5)


def send(paths: Sequence[Path], settings: WorkerSettings) -> Report:
    """Send files over one association."""
    if not paths or settings.peer_host is None:
        return Report(())
    try:
        headers = [pydicom.dcmread(p, stop_before_pixels=True, specific_tags=["SOPClassUID"]) for p in paths]
    except OSError as error:
        return Report((), f"a result vanished from the spool ({error.strerror}): analyse the study again", final=True)
    contexts = {(h.file_meta.MediaStorageSOPClassUID, h.file_meta.TransferSyntaxUID): None for h in headers}
    node = AE(ae_title=settings.ae_title)
    node.acse_timeout = node.dimse_timeout = node.network_timeout = settings.stall_s
    node.connection_timeout = settings.stall_s
    node.requested_contexts = [build_context(sop_class, syntax) for sop_class, syntax in contexts]
    peer = f"{settings.peer_ae_title} at {settings.peer_host}:{settings.peer_port}"
    association = node.associate(settings.peer_host, settings.peer_port, ae_title=settings.peer_ae_title)
    if not association.is_established:
        return Report((), f"{peer} did not accept the association: is it up, and does it know {settings.ae_title}?")
    try:
        return _sent(association, paths, peer)
    finally:
        if association.is_established:
            association.release()


def _sent(association: object, paths: Sequence[Path], peer: str) -> Report:
    taken: list[Path] = []
    reason, final = "", False
    for path in paths:
        try:
            status = association.send_c_store(path).get("Status")  # type: ignore[attr-defined]
        except ValueError:
            reason, final = f"{peer} takes no {path.stem.split('-')[0]} objects: allow their SOP class there", True
            continue
        except RuntimeError:
            status = None
        if status is None:
            return Report(tuple(taken), f"{peer} broke off", final=False)
        if status == 0 or status in WARNINGS:
            taken.append(path)
        else:
            reason = f"{peer} answered status 0x{status:04X} to {path.name}"
            final = final or status not in TEMPORARY
    return Report(tuple(taken), reason, final)

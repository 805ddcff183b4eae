"""Results go back by C-STORE; what each instance's status says decides, not that something was sent."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pynetdicom import AE
from pynetdicom.presentation import build_context

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.commitment import WAIT_S, ask
from pipeline.worker.spool import Entry, Spool

FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 3600.0
"""Waits double from the first to the longest, each by a random factor of 0.5 to 1.5 so that workers do not march."""
WARNINGS = range(0xB000, 0xC000)
TEMPORARY = (*range(0xA700, 0xA800), 0x0110, 0x0122, 0x0124)
"""Out of resources, processing failure, refused for now: worth another try (PS3.4 annex B.2.3, PS3.7 annex C)."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a delivery went: what the peer took (path, SOP Instance UID), and why others were not.

    `final` is True when trying again is no use.
    """

    taken: tuple[tuple[Path, str], ...]
    reason: str = ""
    final: bool = False


def deliver(spool: Spool, entry: Entry, settings: WorkerSettings) -> None:
    """Send what is left of a study; the spool then says delivered, try again at, or failed.

    With storage commitment a study is delivered only when the peer reports that it keeps every object.
    """
    report = send(spool.undelivered(entry.uid), settings)
    for path, uid in report.taken:
        spool.object_taken(entry.uid, path, uid)
    reason = report.reason
    if not reason and not settings.commitment:
        spool.delivered(entry.uid)
        return
    pause = wait_s(entry.attempts)
    if not reason:
        reason = ask(spool.uncommitted(entry.uid), settings) or "waits for storage commitment"
        pause = max(pause, WAIT_S)
    if report.final or entry.attempts + 1 >= settings.max_attempts:
        spool.failed(entry.uid, "delivering", reason)
    else:
        spool.postpone(entry.uid, time.time() + pause, reason)


def wait_s(attempts: int) -> float:
    """Seconds until the next try after `attempts` failures."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**attempts) * random.uniform(0.5, 1.5)


def send(paths: Sequence[Path], settings: WorkerSettings) -> Report:
    """Send files over one association."""
    if not paths or settings.peer_host is None:
        return Report(())
    try:
        headers = {p: pydicom.dcmread(p, stop_before_pixels=True, specific_tags=["SOPClassUID"]) for p in paths}
    except OSError as error:
        return Report((), f"a result vanished from the spool ({error.strerror}): analyse the study again", final=True)
    contexts = {(h.file_meta.MediaStorageSOPClassUID, h.file_meta.TransferSyntaxUID): None for h in headers.values()}
    node = AE(ae_title=settings.ae_title)
    node.acse_timeout = node.dimse_timeout = node.network_timeout = settings.stall_s
    node.connection_timeout = settings.stall_s
    node.requested_contexts = [build_context(sop_class, syntax) for sop_class, syntax in contexts]
    peer = f"{settings.peer_ae_title} at {settings.peer_host}:{settings.peer_port}"
    association = node.associate(settings.peer_host, settings.peer_port, ae_title=settings.peer_ae_title)
    if not association.is_established:
        return Report((), f"{peer} did not accept the association: is it up, and does it know {settings.ae_title}?")
    try:
        uids = {p: str(h.file_meta.MediaStorageSOPInstanceUID) for p, h in headers.items()}
        return _sent(association, uids, peer)
    finally:
        if association.is_established:
            association.release()


def _sent(association: object, uids: Mapping[Path, str], peer: str) -> Report:
    taken: list[tuple[Path, str]] = []
    reason, final = "", False
    for path, uid in uids.items():
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
            taken.append((path, uid))
        else:
            reason = f"{peer} answered status 0x{status:04X} to {path.name}"
            final = final or status not in TEMPORARY
    return Report(tuple(taken), reason, final)

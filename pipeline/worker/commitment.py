"""Storage commitment: the peer promises to keep what it took, by a report of its own (PS3.4 annex J)."""

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE
from pynetdicom.events import Event
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.spool import Spool

WELL_KNOWN_INSTANCE = "1.2.840.10008.1.20.1.1"
REQUEST = 1
"""Action type of a request (PS3.4 table J.3-1)."""
WAIT_S = 60.0
"""Seconds until an unanswered request is made again."""


def ask(paths: Sequence[Path], settings: WorkerSettings) -> str:
    """Ask the peer to promise that it keeps these objects; returns why it could not be asked, empty when it could."""
    peer = f"{settings.peer_ae_title} at {settings.peer_host}:{settings.peer_port}"
    node = AE(ae_title=settings.ae_title)
    node.acse_timeout = node.dimse_timeout = node.network_timeout = settings.stall_s
    node.connection_timeout = settings.stall_s
    node.add_requested_context(StorageCommitmentPushModel)
    association = node.associate(str(settings.peer_host), settings.peer_port, ae_title=settings.peer_ae_title)
    if not association.is_established:
        return f"{peer} offers no storage commitment: set worker.commitment to false, or allow it there"
    try:
        status, _ = association.send_n_action(_request(paths), REQUEST, StorageCommitmentPushModel, WELL_KNOWN_INSTANCE)
    finally:
        if association.is_established:
            association.release()
    # an empty status is an abort: the peer does not know this AE title
    code = status.get("Status")
    return "" if code == 0 else f"{peer} refused storage commitment (status {code}): does it know {settings.ae_title}?"


def _request(paths: Sequence[Path]) -> Dataset:
    request = Dataset()
    request.ReferencedSOPSequence = []
    for path in paths:
        header = pydicom.dcmread(path, specific_tags=["SOPClassUID", "SOPInstanceUID"], stop_before_pixels=True)
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
        request.ReferencedSOPSequence.append(item)
    request.TransactionUID = generate_uid(prefix=None)
    return request


def take_report(event: Event, spool: Spool) -> tuple[int, None]:
    """Note the peer's report (N-EVENT-REPORT); unknown objects are ignored."""
    report = event.event_information
    kept, lost = (
        [str(item.ReferencedSOPInstanceUID) for item in report.get(name) or []]
        for name in ("ReferencedSOPSequence", "FailedSOPSequence")
    )
    spool.commitment(kept, lost)
    return 0x0000, None

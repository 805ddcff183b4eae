"""Results go to a peer by C-STORE; what each instance's status says decides, not that something was sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from pipeline.knowledge.settings import WorkerSettings

WARNINGS = range(0xB000, 0xC000)
TEMPORARY = (*range(0xA700, 0xA800), 0x0110, 0x0213)
"""Out of resources, processing failure, resource limitation: worth another try (PS3.4 annex B.2.3, PS3.7 annex C)."""
Taken = Callable[[Path, str], None]
"""Called with path and SOP Instance UID as soon as the peer has taken an object."""


@dataclass(frozen=True, slots=True)
class Report:
    """Why some objects were not taken, empty when all were; `final` is True when trying again is no use."""

    reason: str = ""
    final: bool = False


def send(paths: Sequence[Path], settings: WorkerSettings, taken: Taken) -> Report:
    """Send files over one association."""
    if not paths or settings.peer_host is None:
        return Report()
    try:
        metas = {path: pydicom.filereader.read_file_meta_info(path) for path in paths}
    except OSError as error:
        return vanished(error)
    node = AE(ae_title=settings.ae_title)
    node.acse_timeout = node.dimse_timeout = node.network_timeout = settings.stall_s
    node.connection_timeout = settings.stall_s
    contexts = {(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID): None for meta in metas.values()}
    node.requested_contexts = [build_context(sop_class, syntax) for sop_class, syntax in contexts]
    peer = f"{settings.peer_ae_title} at {settings.peer_host}:{settings.peer_port}"
    association = node.associate(settings.peer_host, settings.peer_port, ae_title=settings.peer_ae_title)
    if not association.is_established:
        return Report(f"{peer} did not accept the association: is it up, and does it know {settings.ae_title}?")
    try:
        uids = {path: str(meta.MediaStorageSOPInstanceUID) for path, meta in metas.items()}
        return _sent(association, uids, peer, taken)
    finally:
        if association.is_established:
            association.release()


def vanished(error: OSError) -> Report:
    """The report on objects that are no longer there."""
    return Report(f"a result vanished from the spool ({error.strerror}): analyse the study again", final=True)


def _sent(association: Association, uids: Mapping[Path, str], peer: str, taken: Taken) -> Report:
    reason, final = "", False
    for path, uid in uids.items():
        try:
            status = association.send_c_store(path).get("Status")
        except ValueError:
            reason, final = f"{peer} takes no {path.stem.split('-')[0]} objects: allow their SOP class there", True
            continue
        except OSError as error:
            return vanished(error)
        except RuntimeError:
            status = None
        if status is None:
            # a final refusal stays one, whatever became of the connection afterwards
            return Report(reason if final else f"{peer} broke off", final)
        if status == 0 or status in WARNINGS:
            taken(path, uid)
        else:
            reason = f"{peer} answered status 0x{status:04X} to {path.name}"
            final = final or status not in TEMPORARY
    return Report(reason, final)

"""The DICOM node that takes images in: C-ECHO and C-STORE of the classes that are analysed."""

import io
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from pipeline.errors import OutputError
from pipeline.knowledge.settings import WorkerSettings
from pipeline.model.identity import MANUFACTURER, is_uid
from pipeline.worker.commitment import take_report
from pipeline.worker.spool import Spool
from pipeline.worker.store import Store

SOP_CLASSES = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    SecondaryCaptureImageStorage,
)
SUCCESS, OUT_OF_RESOURCES, CANNOT_UNDERSTAND, REFUSED = 0x0000, 0xA700, 0xC000, 0x0122
"""Status of C-STORE (PS3.4 annex B.2.3): sent images stay with the sender on all but the first."""
HEADER_TAGS = ["StudyInstanceUID", "SOPInstanceUID", "Manufacturer"]


@dataclass(slots=True)
class Tally:
    """What the node has done since it started."""

    stored: int = 0
    known: int = 0
    own: int = 0
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str) -> None:
        """Count one instance."""
        with self.lock:
            setattr(self, name, getattr(self, name) + 1)


def identified(content: bytes) -> tuple[str, str]:
    """Study and SOP Instance UID of a file's bytes, both valid. ValueError where they are not."""
    header = _header(content)
    return _uids(header)


def start_node(settings: WorkerSettings, store: Store, spool: Spool, tally: Tally) -> ThreadedAssociationServer:
    """Start to listen; OutputError where the port cannot be had. Stop it with `shutdown()`."""
    node = AE(ae_title=settings.ae_title)
    node.add_supported_context(Verification)
    for sop_class in SOP_CLASSES:
        node.add_supported_context(sop_class, ALL_TRANSFER_SYNTAXES)
    node.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    node.maximum_pdu_size = settings.max_pdu_bytes
    node.maximum_associations = settings.max_associations
    node.acse_timeout = node.dimse_timeout = node.network_timeout = settings.stall_s
    node.require_called_aet = True
    if settings.allowed_ae_titles:
        node.require_calling_aet = list(settings.allowed_ae_titles)

    def on_store(event: Event) -> int:
        return _store(event, settings, store, spool, tally)

    tls = _tls(settings)
    handlers: list[Any] = [(evt.EVT_C_STORE, on_store), (evt.EVT_C_ECHO, lambda event: SUCCESS)]
    handlers.append((evt.EVT_N_EVENT_REPORT, lambda event: take_report(event, spool)))
    try:
        server = node.start_server((settings.host, settings.port), block=False, evt_handlers=handlers)
    except OSError as error:
        raise OutputError(
            f"{settings.host}:{settings.port}: cannot listen ({error.strerror}): free the port"
        ) from error
    if server is None:
        raise OutputError(f"{settings.host}:{settings.port}: no server was started")
    _guard(server, settings.stall_s, tls)
    return server


def _store(event: Event, settings: WorkerSettings, store: Store, spool: Spool, tally: Tally) -> int:
    """Take one instance: own results are thanked for and dropped, everything else is on disk before the answer."""
    content = event.encoded_dataset()
    if len(content) > settings.max_instance_bytes or store.free_bytes() < settings.min_free_bytes:
        tally.add("refused")
        return OUT_OF_RESOURCES
    try:
        header = _header(content)
        study, instance = _uids(header)
    except ValueError:
        tally.add("refused")
        return CANNOT_UNDERSTAND
    if str(header.get("Manufacturer") or "").casefold() == MANUFACTURER.casefold():
        tally.add("own")
        return SUCCESS
    try:
        news = spool.received(study, instance, store.keep(study, instance, content))
    except (OSError, OutputError):
        tally.add("refused")
        return OUT_OF_RESOURCES
    tally.add("stored" if news else "known")
    return SUCCESS


def _header(content: bytes) -> pydicom.Dataset:
    try:
        return pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=list(HEADER_TAGS))
    except (InvalidDicomError, EOFError, OSError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("not DICOM") from error


def _uids(header: pydicom.Dataset) -> tuple[str, str]:
    found = (str(header.get("StudyInstanceUID") or ""), str(header.get("SOPInstanceUID") or ""))
    if not all(is_uid(uid) for uid in found):
        raise ValueError("no valid StudyInstanceUID or SOPInstanceUID")
    return found


def _tls(settings: WorkerSettings) -> ssl.SSLContext | None:
    """Mutual TLS where certificate files are named; OutputError where they cannot be used."""
    if not settings.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
        context.load_verify_locations(settings.tls_authority or None)
    except (OSError, TypeError) as error:
        raise OutputError(f"worker.tls_certificate: TLS cannot be set up ({error}): name readable PEM files") from error
    return context


def _guard(server: ThreadedAssociationServer, stall_s: float, tls: ssl.SSLContext | None) -> None:
    """Let no peer hold a slot for ever by half a PDU, or everybody by a TLS handshake that it never ends.

    pynetdicom's timeouts do not reach a blocked recv, and it shakes hands inside accept(): both get a socket timeout in
    the connection's own thread.
    """
    serve: Callable[[Any, Any], None] = server.process_request_thread

    def thread(request: Any, address: Any) -> None:
        try:
            request.settimeout(stall_s)
            if tls is not None:
                request = tls.wrap_socket(request, server_side=True)
        except OSError:
            server.shutdown_request(request)
            return
        serve(request, address)

    server.process_request_thread = thread  # type: ignore[assignment,method-assign]

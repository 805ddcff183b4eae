"""The DICOM node that takes images in: C-ECHO and C-STORE of the classes that are analysed."""

import ssl
from collections.abc import Mapping
from typing import Any

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, _config, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from pipeline.errors import OutputError
from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.commitment import take_report
from pipeline.worker.guard import guard, whole
from pipeline.worker.inbox import part_10
from pipeline.worker.intake import SOP_CLASSES, Intake, Outcome
from pipeline.worker.log import tell

SUCCESS, PROCESSING_FAILURE, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0000, 0x0110, 0xA700, 0xC000
ANSWERS: Mapping[Outcome, int] = {
    "stored": SUCCESS,
    "known": SUCCESS,
    "own": SUCCESS,
    "full": OUT_OF_RESOURCES,
    "unreadable": CANNOT_UNDERSTAND,
}
"""Status of C-STORE (PS3.4 annex B.2.3): an image stays with the sender on all but the first."""


def start_node(intake: Intake) -> ThreadedAssociationServer:
    """Start to listen; OutputError where the port cannot be had. Stop it with `shutdown()`."""
    settings = intake.settings
    _config.LOG_HANDLER_LEVEL = "none"  # its handlers spell every message out for a log that nobody reads
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

    def store(request: C_STORE, context: PresentationContext) -> int:
        try:
            return ANSWERS[intake.take(part_10(request, context, node.implementation_class_uid))]
        except Exception as error:  # the edge to the peer: it keeps its image, the node goes on
            tell("refused", reason=f"internal error ({type(error).__name__})")
            return PROCESSING_FAILURE

    tls = _tls(settings)
    handlers: list[Any] = [(evt.EVT_C_ECHO, lambda event: SUCCESS)]
    handlers.append((evt.EVT_DIMSE_RECV, whole))
    handlers.append((evt.EVT_N_EVENT_REPORT, lambda event: take_report(event, intake.spool)))
    try:
        server = node.start_server((settings.host, settings.port), block=False, evt_handlers=handlers)
    except OSError as error:
        raise OutputError(
            f"{settings.host}:{settings.port}: cannot listen ({error.strerror}): free the port"
        ) from error
    if server is None:
        raise OutputError(f"{settings.host}:{settings.port}: no server was started")
    guard(server, settings, tls, store)
    return server


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

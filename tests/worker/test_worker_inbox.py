"""Images are served by the thread that reads them, and what is answered and kept is what DICOM asks for."""

import dataclasses
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.presentation import build_context
from worker_peers import sent

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.guard import HEAD_ROOM_BYTES, Connection
from pipeline.worker.inbox import Inbox, part_10, response
from pipeline.worker.intake import Intake, Outcome, Tally
from pipeline.worker.receive import OUT_OF_RESOURCES, PROCESSING_FAILURE, SUCCESS, start_node
from pipeline.worker.spool import Spool
from pipeline.worker.store import Store

Start = Callable[[WorkerSettings], Any]


@pytest.fixture
def start(store: Store, spool: Spool) -> Iterator[Start]:
    nodes = []

    def started(settings: WorkerSettings) -> Any:
        nodes.append(start_node(Intake(settings, store, spool, Tally())))
        return nodes[-1]

    yield started
    for node in nodes:
        node.shutdown()


@pytest.fixture
def request_of() -> Callable[[bytes], C_STORE]:
    def made(content: bytes) -> C_STORE:
        request = C_STORE()
        request.MessageID, request.Priority = 258, 2
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = CTImageStorage, "1.2.3"
        request.DataSet = io.BytesIO(content)
        return request

    return made


@pytest.mark.parametrize("status", [SUCCESS, PROCESSING_FAILURE, OUT_OF_RESOURCES])
def test_an_answer_is_the_one_that_pynetdicom_would_give(status: int, request_of: Callable[[bytes], C_STORE]) -> None:
    request = request_of(b"")
    answer = C_STORE()
    answer.MessageID = answer.MessageIDBeingRespondedTo = request.MessageID
    answer.AffectedSOPClassUID = request.AffectedSOPClassUID
    answer.AffectedSOPInstanceUID = request.AffectedSOPInstanceUID
    answer.Status = status
    message = C_STORE_RSP()
    message.primitive_to_message(answer)
    assert response(request, status) == encode(message.command_set, is_implicit_vr=True, is_little_endian=True)


def test_a_kept_file_says_what_it_holds_and_holds_what_was_sent(
    request_of: Callable[[bytes], C_STORE], slices: tuple[Path, ...]
) -> None:
    original = pydicom.dcmread(slices[0])
    content = encode(original, is_implicit_vr=False, is_little_endian=True)
    assert content is not None
    context = build_context(CTImageStorage, original.file_meta.TransferSyntaxUID)
    made = part_10(request_of(content), context, "1.2.826.0.1")
    assert made.endswith(content)
    read = pydicom.dcmread(io.BytesIO(made))
    assert read == original
    meta = read.file_meta
    assert len(made) == 128 + 4 + 12 + meta.FileMetaInformationGroupLength + len(content)
    assert meta.FileMetaInformationVersion == b"\0\1"
    assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID) == (CTImageStorage, "1.2.3")
    assert (meta.TransferSyntaxUID, meta.ImplementationClassUID) == (context.transfer_syntax[0], "1.2.826.0.1")


def test_the_thread_that_reads_an_image_serves_it(
    start: Start, settings: WorkerSettings, slices: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version of pynetdicom that makes associations in another way would leave out every guard."""
    node, seen = start(settings), []

    def take(intake: Intake, content: bytes) -> Outcome:
        (association,) = node.active_associations
        dul = association.dul
        seen.append((type(dul.socket), type(association.dimse.msg_queue), threading.current_thread() is dul))
        return "stored"

    monkeypatch.setattr(Intake, "take", take)
    assert sent(slices[:1], settings) == [SUCCESS]
    assert seen == [(Connection, Inbox, True)]


def test_an_error_that_nobody_foresaw_leaves_the_image_with_the_sender(
    start: Start, settings: WorkerSettings, slices: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    start(settings)
    with monkeypatch.context() as patched:
        patched.setattr(Intake, "take", lambda intake, content: 1 / 0)
        assert sent(slices[:2], settings) == [PROCESSING_FAILURE] * 2
    assert sent(slices[:2], settings) == [SUCCESS] * 2


def test_an_image_without_end_is_cut_off_before_it_fills_memory(
    start: Start, settings: WorkerSettings, store: Store, slices: tuple[Path, ...]
) -> None:
    image = max(path.stat().st_size for path in slices) + 1000  # of file meta information
    largest = settings.max_pdu_bytes + HEAD_ROOM_BYTES
    start(dataclasses.replace(settings, max_instance_bytes=image))
    assert sent(slices[:1], settings) == [SUCCESS]
    client = AE(ae_title="MODALITY")
    client.requested_contexts = [build_context(CTImageStorage, ExplicitVRLittleEndian)]
    association = client.associate("127.0.0.1", settings.port, ae_title=settings.ae_title)
    endless = pydicom.dcmread(slices[0])
    endless.SOPInstanceUID += ".1"
    endless.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    endless.PixelData = b"\0" * (image + 3 * largest)
    endless["PixelData"].is_undefined_length = False
    assert association.send_c_store(endless).get("Status") is None
    assert len(list((store.root / "incoming").rglob("*.dcm"))) == 1
    assert sent(slices[1:2], settings) == [SUCCESS]

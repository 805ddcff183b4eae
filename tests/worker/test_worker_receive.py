"""What the node takes is on disk before it says so; what it must not take, it says why by its status."""

import dataclasses
import io
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from worker_peers import sent

from pipeline.knowledge.settings import WorkerSettings
from pipeline.model.identity import MANUFACTURER
from pipeline.worker.receive import OUT_OF_RESOURCES, SUCCESS, Tally, identified, start_node
from pipeline.worker.spool import Spool
from pipeline.worker.store import Store

Start = Callable[[WorkerSettings], Tally]


@pytest.fixture
def start(store: Store, spool: Spool) -> Iterator[Start]:
    nodes = []

    def started(settings: WorkerSettings) -> Tally:
        tally = Tally()
        nodes.append(start_node(settings, store, spool, tally))
        return tally

    yield started
    for node in nodes:
        node.shutdown()


def test_a_stored_image_is_the_one_that_was_sent(
    start: Start, settings: WorkerSettings, store: Store, spool: Spool, slices: tuple[Path, ...]
) -> None:
    tally = start(settings)
    assert sent(slices[:3], settings) == [SUCCESS] * 3
    assert tally.stored == 3
    original = pydicom.dcmread(slices[0])
    kept = pydicom.dcmread(store.incoming(original.StudyInstanceUID) / f"{original.SOPInstanceUID}.dcm")
    assert kept.PixelData == original.PixelData
    assert spool.counts()["receiving"] == 1
    assert sent(slices[:3], settings) == [SUCCESS] * 3
    assert (tally.stored, tally.known) == (3, 3)


def test_an_unknown_caller_is_refused(start: Start, settings: WorkerSettings, slices: tuple[Path, ...]) -> None:
    start(settings)
    assert sent(slices[:1], settings, caller="STRANGER") == []
    wrong_name = dataclasses.replace(settings, ae_title="OTHER")
    assert sent(slices[:1], wrong_name) == []


def test_own_results_never_start_work(
    start: Start, settings: WorkerSettings, spool: Spool, slices: tuple[Path, ...], tmp_path: Path
) -> None:
    tally = start(settings)
    own = pydicom.dcmread(slices[0])
    own.Manufacturer = MANUFACTURER
    own.save_as(tmp_path / "own.dcm")
    assert sent((tmp_path / "own.dcm",), settings) == [SUCCESS]
    assert tally.own == 1
    assert sum(spool.counts().values()) == 0


def test_a_full_disk_leaves_the_image_with_the_sender(
    start: Start, settings: WorkerSettings, spool: Spool, slices: tuple[Path, ...]
) -> None:
    start(dataclasses.replace(settings, min_free_bytes=2**60))
    assert sent(slices[:1], settings) == [OUT_OF_RESOURCES]
    assert sum(spool.counts().values()) == 0


def test_peers_that_stall_inside_a_pdu_do_not_shut_the_door(
    start: Start, settings: WorkerSettings, slices: tuple[Path, ...]
) -> None:
    start(dataclasses.replace(settings, max_associations=3, stall_s=1))
    peers = [socket.create_connection(("127.0.0.1", settings.port)) for _ in range(3)]
    for peer in peers:
        peer.sendall(b"\x01\x00\x00\x00")
    for _ in range(20):
        time.sleep(0.5)
        if sent(slices[:1], settings) == [SUCCESS]:
            break
    else:
        pytest.fail("no honest peer got through")
    for peer in peers:
        peer.close()


@pytest.mark.parametrize("content", [b"", b"x" * 200, b"\0" * 128 + b"DICM" + b"\xff" * 40])
def test_bytes_that_are_no_image_have_no_identity(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"not DICOM|no valid"):
        identified(content)


def test_a_uid_that_is_a_path_is_no_identity(slices: tuple[Path, ...]) -> None:
    bad = pydicom.dcmread(slices[0])
    with pydicom.config.disable_value_validation():
        bad.StudyInstanceUID = "../../../etc"
    buffer = io.BytesIO()
    bad.save_as(buffer)
    with pytest.raises(ValueError, match="no valid"):
        identified(buffer.getvalue())

"""What the node takes is on disk before it says so; what it must not take, it says why by its status."""

import contextlib
import dataclasses
import io
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from worker_peers import sent

from pipeline.knowledge.settings import WorkerSettings
from pipeline.model.identity import MANUFACTURER
from pipeline.worker.intake import Intake, Tally, identified
from pipeline.worker.receive import OUT_OF_RESOURCES, SUCCESS, start_node
from pipeline.worker.spool import Spool
from pipeline.worker.store import Store

Start = Callable[[WorkerSettings], Tally]


@pytest.fixture
def start(store: Store, spool: Spool) -> Iterator[Start]:
    nodes = []

    def started(settings: WorkerSettings) -> Tally:
        tally = Tally()
        nodes.append(start_node(Intake(settings, store, spool, tally)))
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


def test_own_results_are_known_even_when_the_archive_changed_the_manufacturer(
    start: Start, settings: WorkerSettings, spool: Spool, slices: tuple[Path, ...]
) -> None:
    tally = start(settings)
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.processed("1.2", {Path("x"): str(pydicom.dcmread(slices[0], stop_before_pixels=True).SOPInstanceUID)})
    assert sent(slices[:1], settings) == [SUCCESS]
    assert (tally.own, spool.counts()["receiving"]) == (1, 0)


def test_a_full_disk_leaves_the_image_with_the_sender(
    start: Start, settings: WorkerSettings, spool: Spool, slices: tuple[Path, ...]
) -> None:
    start(dataclasses.replace(settings, min_free_bytes=2**60))
    assert sent(slices[:1], settings) == [OUT_OF_RESOURCES]
    assert sum(spool.counts().values()) == 0


@contextlib.contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """Writing beyond `size` bytes of any file fails in this process, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("part", [0.5, 1.5], ids=["an image does not fit", "the database does not fit"])
def test_a_write_that_fails_leaves_the_image_with_the_sender_and_nothing_behind(
    part: float, start: Start, settings: WorkerSettings, store: Store, spool: Spool, slices: tuple[Path, ...]
) -> None:
    start(settings)
    with files_end_at(int(part * slices[0].stat().st_size)):
        first = sent(slices, settings)
    assert OUT_OF_RESOURCES in first
    assert set(first) <= {SUCCESS, OUT_OF_RESOURCES}
    assert not list((store.root / "partial").iterdir())
    rows = spool.rows("SELECT study, uid FROM instance")
    assert len(rows) == first.count(SUCCESS)
    assert all(store.image(study, uid).is_file() for study, uid in rows)
    assert sent(slices, settings) == [SUCCESS] * len(slices)
    assert spool.counts()["receiving"] == 1
    (study,) = {row[0] for row in spool.rows("SELECT study FROM instance")}
    assert len(list(store.incoming(study).iterdir())) == len(slices)


def test_a_study_is_whole_files_alone_while_images_come_in(store: Store, slices: tuple[Path, ...]) -> None:
    content, ended = slices[0].read_bytes(), threading.Event()

    def keep() -> None:
        while not ended.is_set():
            for instance in ("1.2.3", "1.2.4"):
                store.keep("1.2", instance, content)

    store.keep("1.2", "1.2.3", content)
    writer = threading.Thread(target=keep)
    writer.start()
    try:
        for _ in range(2_000):
            sizes = {path.stat().st_size for path in store.incoming("1.2").iterdir()}
            assert sizes == {len(content)}
    finally:
        ended.set()
        writer.join()


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


def test_an_image_that_is_sent_again_or_twice_at_once_is_kept_once(
    start: Start, settings: WorkerSettings, store: Store, spool: Spool, slices: tuple[Path, ...]
) -> None:
    tally, statuses = start(settings), list[int | None]()
    again = tuple(path for path in slices[:3] for _ in range(2))
    senders = [threading.Thread(target=lambda: statuses.extend(sent(again, settings))) for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert statuses == [SUCCESS] * 18
    assert (tally.stored, tally.refused) == (3, 0)
    assert tally.known >= 15  # a loaded sender may miss an answer and send again
    kept = sorted(path.stem for path in (store.root / "incoming").rglob("*.dcm"))
    assert kept == sorted(uid for _, uid in spool.rows("SELECT study, uid FROM instance"))
    assert len(kept) == 3
    assert not list((store.root / "partial").iterdir())

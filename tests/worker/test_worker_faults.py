"""Whatever breaks, and wherever: nothing acknowledged is lost, nothing is kept twice, and the state is true.

The PACS keeps what comes by SOP Instance UID, as archives do. What a worker sent and could not note before it was
killed comes again: the same bytes under the same UID.
"""

import dataclasses
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian
from pynetdicom.sop_class import SegmentationStorage  # type: ignore[attr-defined]
from worker_peers import Archive, sent
from worker_process import Worker

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.spool import Spool

pytestmark = pytest.mark.slow
Start = Callable[..., Worker]
DISK_BYTES = 24_000_000
MEMORY_GB = 0.5


@pytest.fixture
def start(settings: WorkerSettings, archive: Archive, tmp_path: Path) -> Iterator[Start]:
    """Start a worker that delivers to the archive."""
    made: list[Worker] = []

    def started(changes: dict[str, Any] | None = None, **batch: float) -> Worker:
        peer = dataclasses.replace(settings, quiet_s=1, stall_s=60, peer_host="127.0.0.1", peer_port=archive.port)
        made.append(Worker(dataclasses.replace(peer, **(changes or {})), tmp_path, **batch))
        return made[-1]

    yield started
    for worker in made:
        if worker.process.poll() is None:
            worker.kill()


def analysed(worker: Worker) -> int:
    """Images that the last analysis of the only study in the spool was made of."""
    (path,) = Path(worker.settings.folder).glob("results/*/studies/*/results.json")
    return sum(len(image["sources"]) for image in json.loads(path.read_text())["images"])


def delivered_whole(worker: Worker, archive: Archive, slices: tuple[Path, ...]) -> None:
    """The study ends delivered, with every image in it and every object at the archive."""
    worker.wait(lambda: worker.studies("delivered") == 1)
    study = pydicom.dcmread(slices[0], stop_before_pixels=True).StudyInstanceUID
    images = Path(worker.settings.folder) / "incoming" / study
    assert sorted(p.name for p in images.iterdir()) == sorted(
        f"{pydicom.dcmread(p, stop_before_pixels=True).SOPInstanceUID}.dcm" for p in slices
    )
    objects = worker.objects()
    assert objects
    assert {uid: archive.kept[uid] for uid in objects} == objects
    spool = Spool(Path(worker.settings.folder) / "spool.sqlite")
    assert {state: n for state, n in spool.counts().items() if n} == {"delivered": 1}
    assert spool.undelivered(study) == ()
    spool.close()
    assert worker.end() == 0


def test_killed_while_it_receives(start: Start, archive: Archive, slices: tuple[Path, ...]) -> None:
    worker = start({"quiet_s": 5})
    statuses: list[int | None] = []
    sender = threading.Thread(target=lambda: statuses.extend(sent(slices * 20, worker.settings)))
    sender.start()
    # the third is written when the sender was thanked for two
    worker.wait(lambda: len(list(Path(worker.settings.folder).glob("incoming/*/*.dcm"))) >= 3)
    worker.kill()
    sender.join()
    taken = [path for path, status in zip(slices * 20, statuses, strict=False) if status == 0]
    assert taken
    names = {f"{pydicom.dcmread(p, stop_before_pixels=True).SOPInstanceUID}.dcm" for p in taken}
    assert names <= {path.name for path in Path(worker.settings.folder).glob("incoming/*/*.dcm")}
    worker.start()
    assert sent(slices, worker.settings) == [0] * len(slices)
    delivered_whole(worker, archive, slices)


def test_killed_while_it_analyses(start: Start, archive: Archive, slices: tuple[Path, ...]) -> None:
    worker = start()
    assert sent(slices[:15], worker.settings) == [0] * 15
    worker.kill()
    worker.start()
    # the first part is ready at once: images come in while it is read
    assert sent(slices[15:], worker.settings) == [0] * (len(slices) - 15)
    worker.wait(lambda: worker.studies("processing") == 1 or worker.studies("delivered") == 1)
    worker.kill()
    worker.start()
    delivered_whole(worker, archive, slices)


def test_killed_while_it_delivers(start: Start, archive: Archive, slices: tuple[Path, ...]) -> None:
    slow = threading.Event()
    archive.answer = lambda event: 0 * slow.wait(3)
    worker = start()
    assert sent(slices, worker.settings) == [0] * len(slices)
    worker.wait(lambda: len(archive.came) > 0)
    worker.kill()
    slow.set()
    worker.start()
    delivered_whole(worker, archive, slices)
    # what was noted is not sent again: at most the one object that the kill met
    assert len(archive.came) <= len(archive.kept) + 1


def test_an_archive_that_is_down_and_then_refuses_one_of_several(
    start: Start, archive: Archive, slices: tuple[Path, ...]
) -> None:
    archive.stop()
    worker = start()
    assert sent(slices, worker.settings) == [0] * len(slices)
    worker.wait(lambda: "did not accept" in worker.get("/")[1])
    assert worker.studies("delivering") == 1
    refused: list[str] = []

    def busy_once(event: Any) -> int:
        if event.request.AffectedSOPClassUID != SegmentationStorage or refused:
            return 0
        refused.append(event.request.AffectedSOPInstanceUID)
        return 0xA700

    archive.answer = busy_once
    archive.start()
    worker.wait(lambda: "0xA700" in worker.get("/")[1])
    assert archive.came
    delivered_whole(worker, archive, slices)
    assert len(refused) == 1
    assert len(archive.came) == len(archive.kept)


def test_an_archive_that_refuses_one_for_good(start: Start, archive: Archive, slices: tuple[Path, ...]) -> None:
    archive.answer = lambda event: 0xA900 if event.request.AffectedSOPClassUID == SegmentationStorage else 0
    worker = start()
    assert sent(slices, worker.settings) == [0] * len(slices)
    worker.wait(lambda: worker.studies("failed") == 1)
    assert "0xA900" in worker.get("/")[1]
    assert len(archive.kept) == len(worker.objects()) - 1
    archive.answer = lambda event: 0
    assert worker.retry() == "1 studies back in the queue\n"
    delivered_whole(worker, archive, slices)
    assert len(archive.came) == len(archive.kept)


def test_a_study_in_two_parts_with_a_pause(start: Start, archive: Archive, slices: tuple[Path, ...]) -> None:
    worker = start()
    assert sent(slices[:15], worker.settings) == [0] * 15
    worker.wait(lambda: worker.studies("delivered") == 1)
    first = set(worker.objects())
    assert sent(slices[15:], worker.settings) == [0] * (len(slices) - 15)
    worker.wait(lambda: len(worker.told("analysed")) == 2)
    delivered_whole(worker, archive, slices)
    assert set(worker.objects()) - first
    assert len(archive.came) == len(archive.kept)


def test_a_study_that_takes_too_long(start: Start, archive: Archive, slices: tuple[Path, ...]) -> None:
    worker = start(timeout_s=1)
    assert sent(slices, worker.settings) == [0] * len(slices)
    worker.wait(lambda: worker.studies("failed") == 1)
    assert "batch.timeout_s" in worker.get("/")[1]
    assert archive.came == []
    assert worker.get("/readyz")[0] == 200
    assert worker.end() == 0
    worker.limit()
    worker.start()
    assert worker.studies("failed") == 1
    assert worker.retry() == "1 studies back in the queue\n"
    delivered_whole(worker, archive, slices)


def test_a_study_that_takes_too_much_memory_stops_no_other(
    start: Start, archive: Archive, slices: tuple[Path, ...], tmp_path: Path
) -> None:
    large = enlarged(slices[0], tmp_path / "large.dcm")
    worker = start(memory_gb=MEMORY_GB)
    assert sent((large,), worker.settings) == [0]
    assert sent(slices, worker.settings) == [0] * len(slices)
    worker.wait(lambda: worker.studies("failed") == 1 and worker.studies("delivered") == 1)
    assert "batch.memory_gb" in worker.get("/")[1]
    objects = worker.objects()
    assert objects
    assert archive.kept == objects
    assert worker.end() == 0


def enlarged(path: Path, out: Path) -> Path:
    """A radiograph of its own study, so large that its floating point pixels alone exceed `MEMORY_GB`."""
    image = pydicom.dcmread(path)
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    image.Modality, image.StudyInstanceUID, image.SeriesInstanceUID = "CR", "1.2.3", "1.2.3.4"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    image.Rows = image.Columns = 8_000
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.PixelData = bytes(2 * image.Rows * image.Columns)
    image.save_as(out)
    return out


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=False)


def test_a_disk_that_fills_before_and_after_the_images(
    small_disk: Path, start: Start, archive: Archive, slices: tuple[Path, ...]
) -> None:
    worker = start({"folder": str(small_disk / "spool")})
    filler = small_disk / "filler"
    fill(filler)
    statuses = sent(slices, worker.settings)
    assert set(statuses) == {0xA700}
    assert worker.studies("receiving") == 0
    filler.unlink()
    assert sent(slices, worker.settings) == [0] * len(slices)
    fill(filler)
    worker.wait(lambda: worker.told("postponed") or worker.told("waits"))
    assert archive.came == []
    filler.unlink()
    delivered_whole(worker, archive, slices)
    assert len(archive.came) == len(archive.kept)


def fill(path: Path) -> None:
    """Take every byte that is left."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(os.urandom(4096))
        except OSError:
            pass

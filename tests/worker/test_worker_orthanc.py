"""With a real PACS: what a modality sent is analysed, its objects are kept by the archive and found by QIDO-RS.

Once the modality sends to both and results go back by C-STORE with storage commitment; once the worker watches the
archive and results go back by STOW-RS.
"""

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from orthanc import PASSWORD, PLUGIN, PROGRAM, USER, Orthanc
from worker_peers import sent
from worker_process import Worker

from pipeline.knowledge.settings import WorkerSettings
from pipeline.model.identity import MANUFACTURER

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None or not PLUGIN.exists(), reason="Orthanc with DICOMweb is not installed"),
]


@pytest.fixture
def archive(tmp_path: Path, settings: WorkerSettings) -> Iterator[Orthanc]:
    server = Orthanc(tmp_path / "orthanc", settings.port)
    yield server
    server.stop()


@pytest.fixture
def film() -> Path:
    return next((Path(__file__).parents[2] / "sample_data" / "studies" / "phleboliths_pelvis").glob("*.dcm"))


def test_segmentation_report_and_picture_come_back_to_the_archive(
    archive: Orthanc, settings: WorkerSettings, slices: tuple[Path, ...], tmp_path: Path
) -> None:
    to_archive = dataclasses.replace(settings, port=archive.dicom_port, ae_title="ORTHANC")
    assert sent(slices, to_archive) == [0] * len(slices)
    worker = Worker(
        dataclasses.replace(
            settings,
            quiet_s=1,
            stall_s=60,
            peer_host="127.0.0.1",
            peer_port=archive.dicom_port,
            peer_ae_title="ORTHANC",
            commitment=True,
            allowed_ae_titles=("MODALITY", "ORTHANC"),
        ),
        tmp_path,
    )
    try:
        sent(slices, worker.settings)
        worker.wait(lambda: worker.studies("delivered") == 1)
    finally:
        worker.end()
    assert_found(archive, worker, slices[0], {"CT"})


def uid_of(image: Path) -> str:
    return str(pydicom.dcmread(image, stop_before_pixels=True).StudyInstanceUID)


def assert_found(archive: Orthanc, worker: Worker, image: Path, sources: set[str]) -> None:
    """QIDO-RS lists the images and each object of the study in the spool, once."""
    study = uid_of(image)
    paths = list(worker.store.results(study).glob("studies/*/dicom/*.dcm"))
    expected = {pydicom.dcmread(path).Modality for path in paths}
    assert "SR" in expected
    found = archive.get(f"/dicom-web/studies/{study}/series?includefield=Manufacturer")
    assert {row["00080060"]["Value"][0] for row in found} == sources | expected
    instances = archive.get(f"/dicom-web/studies/{study}/instances?includefield=00080070")
    own = [row for row in instances if row.get("00080070", {}).get("Value", [""])[0] == MANUFACTURER]
    assert sorted(row["00080018"]["Value"][0] for row in own) == sorted(
        pydicom.dcmread(p).SOPInstanceUID for p in paths
    )


def test_a_watched_archive_gets_results_back_over_restarts_of_both_and_a_new_database(
    archive: Orthanc, settings: WorkerSettings, slices: tuple[Path, ...], film: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(PASSWORD)
    access = {f"{name}_user": USER for name in ("peer", "watch")}
    access |= {f"{name}_secret": f"file:{tmp_path / 'secret'}" for name in ("peer", "watch")}
    urls = {"watch_url": archive.url, "peer_url": f"{archive.url}/dicom-web"}
    worker = Worker(dataclasses.replace(settings, quiet_s=1, stall_s=60, watch_s=0.5, **urls, **access), tmp_path)
    try:
        for path in slices[:20]:
            archive.put(path)
        worker.wait(lambda: worker.studies("delivered") == 1)
        assert_found(archive, worker, slices[0], {"CT"})
        # own results make the study stable again: an echo that starts nothing
        worker.wait(lambda: archive.changes("StableStudy") >= 2)
        worker.wait(lambda: worker.seen() == archive.get("/changes?last")["Last"] and worker.studies("delivered") == 1)
        before = len(worker.told("analysed"))
        time.sleep(3)
        assert (len(worker.told("analysed")), worker.studies("delivered")) == (before, 1)
        # late images come while the worker is down, and it starts while the archive is down
        worker.kill()
        for path in slices[20:]:
            archive.put(path)
        archive.stop()
        worker.start()
        worker.wait(lambda: "did not answer" in worker.get("/")[1])
        assert worker.get("/readyz")[0] == 200
        archive.start()
        worker.wait(lambda: len(worker.told("analysed")) > before and worker.studies("delivered") == 1)
        assert len(list(worker.store.incoming(uid_of(slices[0])).iterdir())) == len(slices)
        before = len(worker.told("analysed"))
        # the archive comes back empty, and another study arrives there
        archive.stop()
        archive.empty()
        archive.start()
        archive.put(film)
        worker.wait(lambda: worker.studies("delivered") == 2)
        assert_found(archive, worker, film, {pydicom.dcmread(film, stop_before_pixels=True).Modality})
        assert len(worker.told("analysed")) == before + 1
        assert PASSWORD not in worker.log.read_text()
    finally:
        worker.end()

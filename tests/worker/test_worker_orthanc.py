"""With a real PACS: what a modality sent is analysed, its objects are kept by the archive and found by QIDO-RS."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from orthanc import PLUGIN, PROGRAM, Orthanc
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


def test_segmentation_report_and_picture_come_back_to_the_archive(
    archive: Orthanc, settings: WorkerSettings, slices: tuple[Path, ...], tmp_path: Path
) -> None:
    to_archive = dataclasses.replace(settings, port=archive.dicom_port, ae_title="ORTHANC")
    assert sent(slices, to_archive) == [0] * len(slices)
    worker = Worker(
        dataclasses.replace(
            settings,
            quiet_s=1,
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
    study = pydicom.dcmread(slices[0], stop_before_pixels=True).StudyInstanceUID
    found = archive.get(f"/dicom-web/studies/{study}/series?includefield=Manufacturer")
    modalities = {row["00080060"]["Value"][0] for row in found}
    expected = {pydicom.dcmread(p).Modality for p in Path(settings.folder).glob("results/*/studies/*/dicom/*.dcm")}
    assert "SR" in expected
    assert modalities == {"CT"} | expected
    instances = archive.get(f"/dicom-web/studies/{study}/instances?includefield=00080070")
    own = [row for row in instances if row.get("00080070", {}).get("Value", [""])[0] == MANUFACTURER]
    assert len(own) == len(list(Path(settings.folder).glob("results/*/studies/*/dicom/*.dcm")))

"""What Orthanc gives to download is an input as it is: the archive of a study, and its medium with a DICOMDIR."""

import base64
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from dicom_files import write_ct, write_radiograph
from orthanc import PASSWORD, PLUGIN, PROGRAM, USER, Orthanc

from pipeline.dicom.discovery import discover
from pipeline.knowledge.settings import DicomSettings

STUDIES = {"1.2.840.99999.11": 1, "1.2.840.99999.12": 12}

pytestmark = pytest.mark.skipif(PROGRAM is None or not PLUGIN.is_file(), reason="Orthanc is not installed")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc that holds a radiograph and a CT of one patient."""
    folder = tmp_path_factory.mktemp("export")
    server = Orthanc(folder / "orthanc", worker_port=1)
    for path in (write_radiograph(folder / "dx"), *write_ct(folder / "ct")):
        server.put(path)
    yield server
    server.stop()


def _download(server: Orthanc, path: str, target: Path) -> Path:
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(f"{server.url}{path}", headers={"Authorization": f"Basic {login}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        target.write_bytes(answer.read())
    return target


@pytest.mark.parametrize("kind", ["archive", "media"])
def test_a_download_of_the_patient_holds_both_studies(kind: str, archive: Orthanc, tmp_path: Path) -> None:
    (patient,) = archive.get("/patients")
    given = _download(archive, f"/patients/{patient}/{kind}", tmp_path / "download.zip")
    found = discover([given], DicomSettings(), tmp_path / "scratch")
    files = {s.study_instance_uid: sum(len(x.files) for x in s.series) for s in found.studies}
    assert files == STUDIES

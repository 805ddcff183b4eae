"""What a reader sees: OHIF in headless Chromium draws the segments of a CT, and the outlines of a radiograph's report.

The app and the library that drives the browser lie in `.ohif`, where `.ci/run` puts them; nothing of them is kept here.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from ohif.server import OhifServer
from orthanc import PASSWORD, PLUGIN, PROGRAM, USER, Orthanc
from PIL import Image
from worker_peers import free_port

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".ohif"
DIST = CACHE / "package" / "dist"
CHROMIUM, NODE = shutil.which("chromium"), shutil.which("node")
CT, FILM = "tumoral_calcinosis_hip_ct", "phleboliths_pelvis"
LIMIT_S = 1_500
App = tuple[OhifServer, dict[str, dict[str, Path]]]
"""The app, and the objects of each study by name."""
COLOURED = 60
"""Least distance of a pixel's strongest and weakest channel that is no grey, of 255."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None or not PLUGIN.exists(), reason="Orthanc with DICOMweb is not installed"),
    pytest.mark.skipif(None in (CHROMIUM, NODE), reason="Chromium or node is not installed"),
    pytest.mark.skipif(
        not DIST.is_dir() or not (CACHE / "node_modules" / "playwright-core").is_dir(),
        reason=".ohif does not hold OHIF and playwright-core: .ci/run fetches them",
    ),
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app beside an archive that holds a CT and a radiograph, each with what the pipeline says of it."""
    folder = tmp_path_factory.mktemp("ohif")
    archive = Orthanc(folder / "orthanc", free_port())
    objects = {name: analysed(name, folder) for name in (CT, FILM)}
    for name, found in objects.items():
        for path in (*(ROOT / "sample_data" / "studies" / name).glob("*.dcm"), *found.values()):
            assert archive.put(path), path.name
    server = OhifServer(DIST, archive.url, f"{USER}:{PASSWORD}")
    yield server, objects
    server.stop()
    archive.stop()


def analysed(name: str, folder: Path) -> dict[str, Path]:
    """The DICOM objects of a sample study, by name."""
    source, out = ROOT / "sample_data" / "studies" / name, folder / name
    command = [sys.executable, "-m", "pipeline", "run", str(source), "-o", str(out), "--workers", "1"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    return {path.stem: path for path in out.glob("studies/*/dicom/*.dcm")}


def shown(server: OhifServer, made: Path, modality: str, folder: Path, *, slices_on: int = 0) -> dict[str, Any]:
    """What the page of a study says when one of its objects is loaded; pictures go to `folder`."""
    uid = pydicom.dcmread(made, stop_before_pixels=True).StudyInstanceUID
    script = Path(__file__).parent / "ohif" / "show.mjs"
    options = (CACHE, CHROMIUM, server.url, uid, modality, slices_on, folder)
    command = [str(NODE), str(script), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def coloured(picture: Path) -> int:
    """Pixels that are not grey in the middle of a viewport, away from the texts in its corners."""
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    rows, columns = pixels.shape[0], pixels.shape[1]
    middle = pixels[rows // 6 : -rows // 6, columns // 12 : -columns // 12]
    return int((middle.max(-1) - middle.min(-1) > COLOURED).sum())


def test_segments_of_a_ct_are_listed_and_drawn(app: App, tmp_path: Path) -> None:
    server, objects = app
    segmentation = pydicom.dcmread(objects[CT]["seg-1"])
    frames = segmentation.pixel_array.reshape(-1, segmentation.Rows * segmentation.Columns)
    widest = int((frames > 0).sum(1).argmax())  # the viewer opens the segments' first slice
    found = shown(server, objects[CT]["seg-1"], "SEG", tmp_path, slices_on=widest)
    labels = [str(item.SegmentLabel) for item in segmentation.SegmentSequence]
    assert len(found["rows"]) == len(labels)
    assert all(label in row for label, row in zip(labels, found["rows"], strict=True))
    assert coloured(tmp_path / "bare.png") == 0
    assert coloured(tmp_path / "shown.png") > (frames[widest] > 0).sum() / 2
    assert not found["problems"]


def test_outlines_of_a_radiograph_are_drawn_with_their_measurements(app: App, tmp_path: Path) -> None:
    server, objects = app
    found = shown(server, objects[FILM]["sr"], "SR", tmp_path)
    lesions = len(pydicom.dcmread(objects[FILM]["seg-1"], stop_before_pixels=True).SegmentSequence)
    assert len(found["lines"]) == lesions
    assert found["text"].count("area: ") == lesions
    assert "sc" in objects[FILM]
    assert coloured(tmp_path / "bare.png") == 0
    assert coloured(tmp_path / "shown.png") > 0
    assert not found["problems"]

"""`from pipeline import analyse_study` gives what the command line writes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from dicom_files import write_ct, write_radiograph
from PIL import Image as Picture

import pipeline
from pipeline import analyse_study, labels, lesions_on, pictures, results, save
from pipeline.cli.main import main
from pipeline.errors import ConfigurationError, InputError, UsageError
from pipeline.knowledge.settings import SegmentationSettings, Settings
from pipeline.model.known import Known
from pipeline.model.result import Analysis

DX, CT = "1.2.840.99999.11", "1.2.840.99999.12"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(input with a radiograph and a CT, each in its folder, output of `calcinosis run`)."""
    top = tmp_path_factory.mktemp("api")
    write_radiograph(top / "in" / "dx")
    write_ct(top / "in" / "ct")
    assert main(["run", str(top / "in"), "-o", str(top / "out")]) == 0
    return top / "in", top / "out"


@pytest.fixture(scope="module")
def film(both: tuple[Path, Path]) -> Analysis:
    return analyse_study(both[0] / "dx")


def _written(out: Path, study: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "studies" / study / "results.json").read_text())
    return found


def _comparable(content: dict[str, Any]) -> dict[str, Any]:
    """Without times, and without the paths of label files, which only a run writes."""
    images = [{**image, "labels": None} for image in content["images"]]
    return json.loads(json.dumps({**content, "seconds": None, "images": images}))


def test_values_are_those_that_the_command_line_writes(both: tuple[Path, Path], film: Analysis) -> None:
    assert _comparable(results(film)) == _comparable(_written(both[1], DX))
    assert film.lesions


def test_a_sample_study_with_its_context_gives_what_a_run_gives(root: Path, tmp_path: Path) -> None:
    sample = root / "sample_data" / "studies" / "tumoral_calcinosis_hip_erect"
    assert main(["run", str(sample), "-o", str(tmp_path)]) == 0
    analysis = analyse_study(sample)
    assert _comparable(results(analysis)) == _comparable(_written(tmp_path, analysis.study_instance_uid))
    assert analysis.context.history["family_tumoral_calcinosis"] is True


def test_labels_are_arrays_on_the_grid_of_the_image(both: tuple[Path, Path], film: Analysis) -> None:
    volume = analyse_study(both[0] / "ct")
    stored = _written(both[1], DX)["images"][0]["labels"]
    assert np.array_equal(labels(film), np.asarray(Picture.open(both[1] / "studies" / DX / stored)))
    stored = _written(both[1], CT)["images"][0]["labels"]
    written = np.asarray(nibabel.load(both[1] / "studies" / CT / stored).dataobj)
    assert np.array_equal(labels(volume), written.transpose(2, 1, 0))
    assert labels(volume).shape == volume.images[0].shape
    assert {x.label for x in lesions_on(volume)} == set(np.unique(labels(volume))) - {0}


def test_pictures_come_with_and_without_outlines(film: Analysis) -> None:
    ((caption, marked),) = pictures(film).items()
    plain = pictures(film, outlines=False)[caption]
    assert marked.dtype == np.uint8
    assert marked.shape == plain.shape
    assert (marked != plain).any()


def test_saving_gives_the_bytes_of_a_run(both: tuple[Path, Path], film: Analysis, tmp_path: Path) -> None:
    folder = save(film, tmp_path / "one")
    for path in (both[1] / "studies" / DX).rglob("*"):
        if path.suffix in (".dcm", ".png"):
            twin = folder / path.relative_to(both[1] / "studies" / DX)
            assert path.read_bytes() == twin.read_bytes(), path.name
    assert (folder / "report.html").is_file()


def test_files_and_zips_work_as_folders_do(both: tuple[Path, Path], film: Analysis, tmp_path: Path) -> None:
    import shutil

    archive = shutil.make_archive(str(tmp_path / "film"), "zip", both[0] / "dx")
    for source in (archive, both[0] / "dx" / "dx.dcm", sorted((both[0] / "dx").iterdir())):
        assert results(analyse_study(source))["lesions"] == results(film)["lesions"]


def test_profile_settings_and_context_are_used(both: tuple[Path, Path], film: Analysis, root: Path) -> None:
    profile = root / "configs" / "examples" / "example-site.yaml"
    asked = analyse_study(
        both[0] / "dx",
        profile=profile,
        settings=Settings(segmentation=SegmentationSettings(radiograph_confidence=1.0)),
        context={"age_years": 54, "history": {"dialysis": True}},
    )
    assert asked.software.profile == "example-site"
    assert asked.software.settings_sha256 != film.software.settings_sha256
    assert asked.patient != film.patient or asked.context.age_years == 54
    assert isinstance(asked.region, Known)
    assert len(asked.lesions) <= len(film.lesions)


def test_a_mistake_is_told_by_the_error_of_its_kind(both: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no image")
    with pytest.raises(InputError, match="DICOM"):
        analyse_study(tmp_path)
    with pytest.raises(UsageError, match="2 studies"):
        analyse_study(both[0])
    with pytest.raises(UsageError, match="no such file"):
        analyse_study(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="did you mean"):
        analyse_study(both[0] / "dx", profile="sead")
    with pytest.raises(ConfigurationError, match="dialyses"):
        analyse_study(both[0] / "dx", context={"history": {"dialyses": True}})


def test_import_of_the_package_brings_nothing_heavy() -> None:
    asked = "[m for m in ('numpy', 'pydicom', 'scipy', 'pipeline.study') if m in sys.modules]"
    program = f"import sys, pipeline\nprint({asked}, callable(pipeline.analyse_study))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[] True"


def test_every_public_name_is_there_and_no_other() -> None:
    for name in pipeline.__all__:
        assert getattr(pipeline, name)
    with pytest.raises(AttributeError, match="analyze_study"):
        _ = pipeline.analyze_study  # type: ignore[attr-defined]

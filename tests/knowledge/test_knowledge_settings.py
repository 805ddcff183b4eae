"""Settings files."""

from pathlib import Path

import pytest

from pipeline.errors import ConfigurationError
from pipeline.knowledge.places import configs
from pipeline.knowledge.settings import Settings
from pipeline.knowledge.settings_loading import load_settings


def test_the_file_that_comes_with_the_program_holds_the_defaults() -> None:
    assert load_settings(configs() / "settings.yaml") == Settings()


def test_what_a_file_leaves_out_keeps_its_default(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("batch:\n  timeout_s: 60\n")
    settings = load_settings(path)
    assert settings.batch.timeout_s == 60
    assert settings.dicom == Settings().dicom


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings(tmp_path / "none.yaml")


def test_a_fraction_where_a_whole_number_belongs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("dicom:\n  max_frames: 2.5\n")
    with pytest.raises(ConfigurationError, match="whole number"):
        load_settings(path)

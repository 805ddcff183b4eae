"""Headers of sources: read again when objects are written, from files that may have changed since."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from dicom_files import write_radiograph

from pipeline.errors import InputError
from pipeline.model.image import Image
from pipeline.objects.sources import source_headers


def image(path: Path) -> Image:
    """As much of an image as names its file."""
    made: Any = SimpleNamespace(identity=SimpleNamespace(sources=(SimpleNamespace(path=path),)))
    return cast(Image, made)


def test_the_header_of_a_file_is_read_without_its_pixels(tmp_path: Path) -> None:
    path = write_radiograph(tmp_path)
    (header,) = source_headers(image(path), (0,), None)
    assert header.SOPInstanceUID
    assert "PixelData" not in header


@pytest.mark.parametrize("change", ["gone", "pipe", "cut", "folder", "link"])
def test_a_file_that_changed_since_is_refused_at_once_and_by_name(tmp_path: Path, change: str) -> None:
    path = write_radiograph(tmp_path)
    content = path.read_bytes()
    path.unlink()
    match change:
        case "pipe":
            os.mkfifo(path)
        case "cut":
            path.write_bytes(content[:200])
        case "folder":
            path.mkdir()
        case "link":
            (tmp_path / "other").write_bytes(content)
            path.symlink_to(tmp_path / "other")
    with pytest.raises(InputError, match=f"{path.name}: changed or vanished"):
        source_headers(image(path), (0,), None)

"""What is handed to container platforms and systemd calls commands that exist, and names the version that it is."""

import json
import shlex
from pathlib import Path

import pytest

from pipeline import __version__
from pipeline.cli.main import _parser


def test_a_monai_package_calls_the_module_command(root: Path) -> None:
    app = json.loads((root / "deploy" / "monai" / "app.json").read_text())
    package = json.loads((root / "deploy" / "monai" / "pkg.json").read_text())
    program, *arguments = json.loads(app["command"])
    assert program == "calcinosis"
    assert _parser().parse_args(arguments).host == "monai"
    assert app["version"] == package["version"] == __version__


def test_the_unit_serves_with_a_settings_file(root: Path) -> None:
    unit = (root / "deploy" / "calcinosis.service").read_text()
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    _, *arguments = shlex.split(line.removeprefix("ExecStart="))
    assert _parser().parse_args(arguments).settings == Path("/etc/calcinosis/worker.yaml")


@pytest.mark.parametrize("forbidden", ["USER root", "USER 0", "apt-get"])
def test_the_image_needs_no_root(root: Path, forbidden: str) -> None:
    lines = (root / "deploy" / "Containerfile").read_text()
    assert forbidden not in lines
    assert "USER 1000:1000" in lines

"""The command line: help is quick and true, mistakes are one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.main import main

TOPICS = ("assertions", "entities", "findings", "features", "settings")


@pytest.mark.parametrize("topic", TOPICS)
def test_describe_prints_every_row_of_its_table(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", topic]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 10


def test_all_assertions_are_described_with_where_they_act(capsys: pytest.CaptureFixture[str]) -> None:
    main(["describe", "assertions"])
    said = capsys.readouterr().out
    for number in range(1, 145):
        assert f"A{number:03d} " in said


def test_every_command_of_the_readme_exists(root: Path) -> None:
    commands = {
        line.split()[1] for line in (root / "README.md").read_text().splitlines() if line.startswith("calcinosis ")
    }
    assert {"run", "describe", "check-config", "sample"} <= commands
    for command in commands:
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0


def test_help_imports_neither_numpy_nor_pydicom() -> None:
    asked = "[m for m in ('numpy', 'pydicom') if m in sys.modules]"
    program = f"import sys\nfrom pipeline.cli.main import _parser\n_parser()\nprint({asked})"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_shipped_configuration_is_without_mistake(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(path) for path in sorted((root / "configs").rglob("*.yaml"))]
    assert main(["check-config", *files]) == 0
    assert "no mistake" in capsys.readouterr().out


def test_a_mistake_in_a_profile_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = tmp_path / "site.yaml"
    profile.write_text("profile: site\nbased_on: sead\n")
    assert main(["check-config", str(profile)]) == 2
    assert "site.yaml:2" in capsys.readouterr().err


def test_an_unknown_profile_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    assert main(["run", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--profile", "sead"]) == 2
    assert "sead" in capsys.readouterr().err

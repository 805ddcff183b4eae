"""Completion scripts are made of the parser and run in the shells themselves."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.cli.main import COMMANDS, main

NAMES = [command[0] for command in COMMANDS]


def _script(shell: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["completion", shell]) == 0
    path = folder / f"calcinosis.{shell}"
    path.write_text(capsys.readouterr().out)
    return path


def _said(shell: str, program: str, folder: Path) -> list[str]:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-c", program], capture_output=True, text=True, check=True, cwd=folder)
    assert not done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("calcinosis des", ["describe"]),
        ("calcinosis describe f", ["findings", "features"]),
        ("calcinosis run --pro", ["--profile"]),
        ("calcinosis run in --profile l", ["literature"]),
        ("calcinosis run --settings two", ["two words.yaml"]),
        ("calcinosis run --workers ''", []),
        ("calcinosis module --host k", ["kaapana"]),
    ],
)
def test_bash_offers_what_the_parser_takes(
    words: str, offered: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "two words.yaml").touch()
    script = _script("bash", tmp_path, capsys)
    program = f"source {script}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); _calcinosis"
    printed = _said("bash", f"{program}; [ ${{#COMPREPLY[@]}} = 0 ] || printf '%s\\n' \"${{COMPREPLY[@]}}\"", tmp_path)
    assert printed == offered


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("calcinosis des", {"describe"}),
        ("calcinosis describe f", {"findings", "features"}),
        ("calcinosis run --pro", {"--profile"}),
        ("calcinosis module --host k", {"kaapana"}),
        ("calcinosis run --settings two", {"two words.yaml"}),
    ],
)
def test_fish_offers_what_the_parser_takes(
    words: str, offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "two words.yaml").touch()
    script = _script("fish", tmp_path, capsys)
    printed = _said("fish", f"source {script}; complete -C '{words}'", tmp_path)
    assert {line.split("\t")[0].replace("\\", "") for line in printed} == offered


def test_zsh_reads_its_script_and_knows_every_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = _script("zsh", tmp_path, capsys)
    _said(
        "zsh", f"autoload -U compinit; compinit -u -d {tmp_path}/dump; source {script}; whence -w _calcinosis", tmp_path
    )
    for name in NAMES:
        assert f"'{name}:" in script.read_text()
        assert f"    {name}) _arguments" in script.read_text()

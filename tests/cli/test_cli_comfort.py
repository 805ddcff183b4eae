"""What makes the command line pleasant: examples, suggestions, colours only where wanted, progress, tables as JSON."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.colour import painted
from pipeline.cli.main import COMMANDS, main
from pipeline.cli.progress import Pace, duration, shown

ROW = {
    "status": "analysed",
    "top_entity": "phlebolith",
    "study_instance_uid": "1.2.3",
    "reason": None,
    "unchanged": False,
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", [command[0] for command in COMMANDS])
def test_help_of_every_command_shows_an_example_of_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    said = capsys.readouterr().out
    assert stopped.value.code == 0
    assert f"calcinosis {name}" in said.split("examples:")[1]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["rnu", "x"], "did you mean run?"),
        (["describe", "entites"], "did you mean entities?"),
        (["run", "x", "-o", "y", "--porfile", "z"], "unknown argument --porfile; did you mean --profile?"),
        (["completion", "bsh"], "did you mean bash?"),
        (["module", "--host", "mercur"], "did you mean mercure?"),
        (["xyzzy"], "allowed: calibrate, check-config"),
    ],
)
def test_a_mistaken_word_is_answered_with_what_was_meant(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _refused(arguments, capsys)
    assert hint in said
    assert said.splitlines()[-1].startswith("help: calcinosis")


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("settings.yaml", "segmentation: {ct_confidense: 0.5}\n", "did you mean ct_confidence?"),
        ("settings.yaml", "dicom: {}\nbach: {timeout_s: 5}\n", "did you mean batch?"),
        ("profile.yaml", "name: x\nbased_on: sead\n", "did you mean seed?"),
        (
            "profile.yaml",
            "name: x\ntitle: x\nbased_on: seed\nchanges:\n"
            "  - {id: A, factor: {entity: phlebolit, times: 2}, source: own}\n",
            "did you mean phlebolith?",
        ),
    ],
)
def test_a_mistaken_key_of_a_file_is_answered_with_the_nearest(
    name: str, content: str, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(content)
    assert main(["check-config", str(tmp_path / name)]) == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ({"histroy": {}}, "did you mean history?"),
        ({"history": {"dialyses": True}}, "did you mean dialysis?"),
        ({"labs": {"phosfate": {"value": 1, "unit": "mmol/L"}}}, "did you mean phosphate?"),
        ({"region": "thig"}, "did you mean thigh?"),
    ],
)
def test_a_mistaken_key_of_a_context_is_answered_with_the_nearest(
    content: dict[str, Any], hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "context.json"
    path.write_text(json.dumps(content))
    assert main(["run", str(tmp_path), "-o", str(tmp_path / "out"), "--context", str(path)]) == 2
    assert hint in capsys.readouterr().err


def test_colours_are_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert painted("error:", "red", Terminal()) == "\x1b[31merror:\x1b[0m"
    assert painted("error:", "red", io.StringIO()) == "error:"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painted("error:", "red", Terminal()) == "error:"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert painted("error:", "red", Terminal()) == "error:"


def _on_a_terminal(**environment: str) -> bytes:
    """What a mistaken command prints on a real terminal."""
    ours, theirs = pty.openpty()
    known = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    command = [sys.executable, "-m", "pipeline", "run", "/nowhere", "-o", "/nowhere/out"]
    subprocess.run(command, stdout=theirs, stderr=theirs, env={**known, "TERM": "xterm", **environment}, check=False)
    os.close(theirs)
    said = os.read(ours, 4096)
    os.close(ours)
    return said


def test_a_real_terminal_shows_colours_unless_no_color_is_set() -> None:
    assert b"\x1b[31merror:" in _on_a_terminal()
    assert b"\x1b[" not in _on_a_terminal(NO_COLOR="1")


def test_pace_counts_what_was_analysed_and_tells_the_time_left() -> None:
    pace = Pace(begun=100.0)
    pace.add({"unchanged": True})
    assert pace.said(9, 110.0) == ""
    for _ in range(4):
        pace.add({"unchanged": False})
    assert pace.said(8, 160.0) == "4 studies a minute, 2 min left"
    assert pace.said(0, 160.0) == "4 studies a minute"


def test_durations_are_for_people() -> None:
    said = [duration(seconds) for seconds in (0.4, 119, 120, 3599, 12_000, 187_200)]
    assert said == ["0 s", "119 s", "2 min", "60 min", "3 h 20 min", "2 d 4 h"]


def test_a_line_elsewhere_and_a_bar_on_a_terminal_tell_the_rate() -> None:
    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        with shown(stream) as progress:
            progress(1, 1, ROW)
    assert re.fullmatch(r"1 of 1 studies, [\d.e+]+ studies a minute\n", plain.getvalue())
    assert "studies a minute" in terminal.getvalue()


def test_a_narrow_terminal_keeps_count_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    with shown(terminal) as progress:
        progress(3, 4000, {**ROW, "top_entity": "calcinosis_circumscripta"})
    last = re.sub(r"\x1b\[[\d;?]*\w", "", terminal.getvalue()).split("\r")[-1]
    assert re.search(r"3/4000 \S+ studies a minute, .+ left", last)


@pytest.mark.parametrize("topic", ["assertions", "entities", "findings", "features", "settings"])
def test_tables_come_as_json_too(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", topic, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) >= 10
    assert all(row.keys() == rows[0].keys() for row in rows)


def test_mistakes_of_a_file_come_as_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("name: x\nbased_on: sead\n")
    assert main(["check-config", str(tmp_path / "a.yaml"), "--json"]) == 2
    assert any("a.yaml:2" in line for line in json.loads(capsys.readouterr().out))

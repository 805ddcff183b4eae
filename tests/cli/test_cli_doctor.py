"""`calcinosis doctor` tells what is wrong with an installation, a settings file and a PACS."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from pipeline.cli.main import main
from pipeline.dicom.codec_check import codec_states
from pipeline.dicom.codecs import CHAINS
from pipeline.errors import UsageError
from pipeline.knowledge.settings import SegmentationSettings
from pipeline.segmentation.model_check import model_states
from pipeline.worker.echo import Peer, peer_of


def _checks(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def pacs() -> Iterator[int]:
    """The port of a node called PACS that knows CALCINOSIS alone."""
    node = AE(ae_title="PACS")
    node.require_called_aet = True
    node.require_calling_aet = ["CALCINOSIS"]
    node.add_supported_context(Verification)
    server = node.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, lambda event: 0)])
    yield server.socket.getsockname()[1]
    server.shutdown()


def test_all_is_well_here(tmp_path: Path, capsys: pytest.CaptureFixture[str], pacs: int) -> None:
    code = main(["doctor", "--out", str(tmp_path / "new"), "--echo", f"PACS@127.0.0.1:{pacs}", "--json"])
    checks = _checks(capsys)
    assert {"software", "libraries", "configs", "codecs", "models", "memory", "cores", "output", "pacs"} == {
        c["check"] for c in checks
    }
    assert [c for c in checks if not c["ok"] and c["check"] not in ("memory", "output")] == []
    assert code == (0 if all(c["ok"] for c in checks) else 1)
    assert not (tmp_path / "new").exists()


def test_a_line_a_check_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("ok    ", "FAIL  ")) for line in lines)
    assert any("radiograph sha256" in line for line in lines)


@pytest.mark.parametrize(
    ("title", "own", "reason"),
    [("PACS", "CALCINOSIS", ""), ("OTHER", "CALCINOSIS", "called OTHER?"), ("PACS", "STRANGER", "know STRANGER")],
)
def test_a_peer_that_refuses_is_told_with_what_to_ask(
    title: str, own: str, reason: str, pacs: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "worker.yaml"
    settings.write_text(
        f"worker: {{ae_title: {own}, peer_host: 127.0.0.1, peer_port: {pacs}, peer_ae_title: {title}}}\n"
    )
    main(["doctor", "--settings", str(settings), "--json"])
    (check,) = (c for c in _checks(capsys) if c["check"] == "pacs")
    assert check["ok"] is not bool(reason)
    assert reason in check["said"]


def test_a_peer_that_is_not_there_fails_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--echo", "PACS@127.0.0.1:1", "--json"]) == 1
    assert "is not reached" in _checks(capsys)[-1]["said"]


def test_a_mistake_of_the_settings_is_told_and_the_rest_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "worker.yaml"
    settings.write_text("worker: {quite_s: 3}\n")
    assert main(["doctor", "--settings", str(settings), "--json"]) == 1
    checks = _checks(capsys)
    assert ["did you mean quiet_s?" in c["said"] for c in checks if c["check"] == "settings"] == [True]
    assert any(c["check"] == "codecs" for c in checks)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["doctor", "--out", str(tmp_path / "file"), "--json"]) == 1
    (check,) = (c for c in _checks(capsys) if c["check"] == "output")
    assert str(tmp_path / "file") in check["said"]


def test_every_compressed_syntax_is_tried() -> None:
    states = tuple(codec_states())
    assert {s.uid for s in states} >= set(CHAINS)
    assert not [s for s in states if s.reason]


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    states = tuple(model_states(SegmentationSettings(radiograph_model=str(tmp_path / "absent.onnx"))))
    assert [("absent.onnx" in s.reason) for s in states if s.reason] == [True]
    assert all(len(s.sha256) == 64 for s in states if not s.reason)


@pytest.mark.parametrize("text", ["PACS", "PACS@host", "@host:1", "PACS@host:0", "PACS@host:70000", "A" * 17 + "@h:1"])
def test_what_is_no_peer_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="AET@host:port"):
        peer_of(text)


def test_a_peer_is_read_with_its_parts() -> None:
    assert peer_of("PACS@[::1]:104") == Peer("PACS", "::1", 104)

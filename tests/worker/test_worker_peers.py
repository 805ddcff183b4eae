"""Ports of tests that run side by side: none is drawn twice."""

import subprocess
import sys
from pathlib import Path

import pytest
import worker_peers
from worker_peers import free_port

HERE = Path(__file__).parent
FEW = (31_900, 31_940)
"""So few that two who do not know of each other would meet."""
MANY = 12
OTHER = f"""
import sys
sys.path[:0] = [{str(HERE)!r}, {str(HERE.parents[1])!r}]
import worker_peers
worker_peers.PORTS = {FEW}
print(*(worker_peers.free_port() for _ in range({MANY})), flush=True)
sys.stdin.read()
"""


def test_no_port_is_drawn_twice_here_or_by_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_peers, "PORTS", FEW)
    with subprocess.Popen([sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        theirs = set(map(int, other.stdout.readline().split()))
        ours = {free_port() for _ in range(MANY)}
        other.stdin.close()
    assert len(theirs) == len(ours) == MANY
    assert not theirs & ours


def test_a_process_holds_only_its_last_ports() -> None:
    before = free_port()
    drawn = [before, *(free_port() for _ in range(2 * worker_peers.MOST_HELD))]
    assert len(worker_peers.HELD) == worker_peers.MOST_HELD
    assert len(set(drawn[-worker_peers.MOST_HELD :])) == worker_peers.MOST_HELD

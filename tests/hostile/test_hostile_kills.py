"""Killed at random instants, again and again: nothing is lost, doubled, or half there under a final name.

A few kills here; a hundred with python tests/benchmarks/bench_reliability.py
"""

from pathlib import Path

import pytest
from hostile_kills import batch_kills, worker_kills

pytestmark = pytest.mark.slow
FEW = 4


def test_a_run_killed_again_and_again_ends_as_one_never_killed(tmp_path: Path) -> None:
    survived = batch_kills(tmp_path, FEW)
    assert survived.kills == FEW
    assert survived.faults == ()


def test_a_worker_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    survived = worker_kills(tmp_path, FEW)
    assert survived.kills == FEW
    assert survived.faults == ()

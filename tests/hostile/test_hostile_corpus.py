"""A sample of the catalogue of hostile inputs through the real program: each ends as the catalogue states.

All of it, and far more mutants: python tests/benchmarks/bench_reliability.py
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile_corpus import WHOLE, sample
from hostile_mutants import mutants
from hostile_swarm import Read, swarm
from hostile_trial import Ran, Verdict, leaks, made, run, seen, verdicts

pytestmark = pytest.mark.slow
EVERY_MUTANT = 11
ELSEWHERE = {
    "E1": "tests/worker/test_worker_faults.py",
    "E2": "tests/hostile/test_hostile_kills.py",
    "E3": "tests/hostile/test_hostile_machine.py",
    "E4": "tests/report/test_report_staging.py",
    "E5": "tests/benchmarks/bench_batch.py",
    "E6": "tests/batch/test_batch_children.py",
    "E7": "tests/worker/test_worker_deliver.py",
    "E8": "tests/end_to_end/test_end_to_end_bad_input.py",
    "E9": "tests/objects/test_objects_second_reader.py",
    "D5": "tests/hostile/test_hostile_markup.py",
    "D6": "tests/hostile/test_hostile_canaries.py",
    "D8": "tests/hostile/test_hostile_canaries.py",
}
"""Items that are no files: where they are tested."""


SAMPLE = sample()


@dataclass(frozen=True)
class Trial:
    """What a run over the sample gave."""

    ran: Ran
    by_folder: dict[str, Verdict]
    leaks: list[str]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    room = tmp_path_factory.mktemp("hostile")
    source = made(SAMPLE, room / "in")
    before = seen(source)
    ran = run(source, room / "out")
    return Trial(ran, {v.case.folder: v for v in verdicts(SAMPLE, ran)}, leaks(ran, source, before))


@pytest.mark.parametrize("folder", [one.folder for one in SAMPLE])
def test_it_ends_as_the_catalogue_states(folder: str, trial: Trial) -> None:
    verdict = trial.by_folder[folder]
    assert verdict.is_right, f"{verdict.outcome}: {verdict.words[:400]}"


def test_nothing_leaks_and_nothing_is_left_behind(trial: Trial) -> None:
    assert trial.leaks == []


def test_the_run_ends_with_its_code_and_without_a_traceback(trial: Trial) -> None:
    assert trial.ran.code == 1
    assert "Traceback" not in trial.ran.said


def test_memory_of_the_reader_of_headers_stays_small(trial: Trial) -> None:
    assert trial.ran.watch.parent_bytes < 1.2e9


@pytest.fixture(scope="module")
def reads(tmp_path_factory: pytest.TempPathFactory) -> list[Read]:
    folder = tmp_path_factory.mktemp("mutants")
    for number, mutant in enumerate(mutants(30)):
        if number % EVERY_MUTANT == 0:
            (folder / f"{number:06}").write_bytes(mutant.content)
    return swarm(folder)


def test_no_mutant_crashes_or_hangs_reading(reads: list[Read]) -> None:
    assert [r for r in reads if r.outcome not in ("analysed", "refused")] == []
    assert {r.outcome for r in reads} == {"analysed", "refused"}
    assert len(reads) > 500


def test_every_item_of_the_catalogue_is_tried(shared: Path, root: Path) -> None:
    catalogue = (shared / "reference" / "hostile-inputs.md").read_text()
    items = {line.split("|")[1].strip() for line in catalogue.splitlines() if line.startswith("| ") and "|" in line[2:]}
    wanted = {item for item in items if len(item) in (2, 3) and item[0] in "ABCDE" and item[1:].isdigit()}
    assert len(wanted) > 45
    assert wanted - {one.item for one in WHOLE} - set(ELSEWHERE) == set()
    assert [path for path in ELSEWHERE.values() if not os.path.isfile(root / path)] == []  # noqa: PTH113

"""Real files that are cut off at every element, and spoilt by rule and by chance: read or refused, never worse."""

from collections import Counter
from pathlib import Path

import psutil
import pytest
from hostile_files import STUB, element, encoded, film, study_uid
from hostile_real import FILES, real_files, real_mutants
from hostile_swarm import Read, swarm

from pipeline.dicom.discovery import discover
from pipeline.knowledge.settings import DicomSettings

pytestmark = pytest.mark.slow
CHANCES, EVERY = 40, 25
AGAIN = 1_000
GROWTH_BYTES = 20_000_000
"""What Python's own heap may grow by over `AGAIN` readings; a leak of the file's 60 kB would be three times that."""


@pytest.fixture(scope="module")
def kinds(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Read]]:
    """Every mutant's kind and what became of it."""
    folder = tmp_path_factory.mktemp("real")
    made: dict[str, str] = {}
    for number, mutant in enumerate(real_mutants(shared, CHANCES, EVERY)):
        made[f"{number:06}"] = mutant.kind
        (folder / f"{number:06}").write_bytes(mutant.content)
    return [(made[read.name], read) for read in swarm(folder)]


def test_the_real_files_are_of_many_transfer_syntaxes_and_two_kinds_of_image(shared: Path) -> None:
    assert len(real_files(shared)) == FILES


def test_no_mutant_of_a_real_file_crashes_or_hangs_reading(kinds: list[tuple[str, Read]]) -> None:
    assert [(kind, read) for kind, read in kinds if read.outcome not in ("analysed", "refused")] == []
    counts = Counter(kind for kind, _ in kinds)
    assert counts["truncation"] > 1_000
    assert min(counts[kind] for kind in ("bits", "length", "representation", "value")) > 50


def test_a_real_file_without_its_pixels_is_refused_wherever_it_is_cut_off(kinds: list[tuple[str, Read]]) -> None:
    assert {read.outcome for kind, read in kinds if kind == "truncation"} == {"refused"}


def test_the_same_broken_file_a_thousand_times_over_takes_no_memory(tmp_path: Path) -> None:
    """A known leak of another reader: file meta of unknown representation, read again and again."""
    content = encoded(film(study_uid("again")))
    broken = content[:144] + element(0x00020001, "ZZ", bytes(60_000)) + content[144:]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(broken)
    (tmp_path / "in" / "b.dcm").write_bytes(STUB + element(0x00020013, "SH", b"AGAIN ") * 4_000)
    used = []
    for turn in range(AGAIN):
        discover((tmp_path / "in",), DicomSettings(), tmp_path / "scratch")
        if turn in (AGAIN // 10, AGAIN - 1):
            used.append(psutil.Process().memory_info().rss)
    assert used[1] - used[0] < GROWTH_BYTES

"""How findings are called, and how it is told that one is absent."""

from pathlib import Path

import pytest

from pipeline.knowledge.loading import check_file, load_knowledge
from pipeline.knowledge.places import configs

FINDINGS = load_knowledge("seed", None).findings


@pytest.mark.parametrize(
    ("finding", "said"),
    [("mass_like", "no mass"), ("round_outline", "not round"), ("exam_mobile", "lump moves: no")],
)
def test_absence_is_told_as_english_tells_it(finding: str, said: str) -> None:
    assert FINDINGS[finding].absent == said


def test_another_way_to_tell_it_is_a_mistake_that_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "findings.yaml"
    path.write_text(
        (configs() / "knowledge" / "findings.yaml").read_text().replace("absence: answer", "absence: none", 1)
    )
    (told,) = check_file(path)
    assert "absence" in told
    assert "thing" in told

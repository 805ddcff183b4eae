"""Learned curves: what comes with the program is whole, and what is wrong is told with file, finding and feature."""

import json
from pathlib import Path

import pytest

from pipeline.features.table import FEATURES
from pipeline.knowledge.learned_reading import read_heed, with_learned
from pipeline.knowledge.loading import LEARNED, load_knowledge
from pipeline.knowledge.places import configs
from pipeline.knowledge.reading import Mistakes
from pipeline.knowledge.rules import Measured, Term

NAMES = frozenset(row.name for row in FEATURES)
RULES = (Measured("lobulated", (Term("lobules", ((1.0, 0.0), (3.0, 1.0))),)),)


def read(tmp_path: Path, content: object) -> tuple[tuple[object, ...], list[str]]:
    path = tmp_path / "learned.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    mistakes = Mistakes()
    return with_learned(RULES, path, NAMES, mistakes), mistakes.told


def read_factors(tmp_path: Path, heed: object) -> tuple[object, list[str]]:
    path = tmp_path / "learned.json"
    path.write_text(json.dumps({"curves": {}, "heed": heed}))
    mistakes = Mistakes()
    return read_heed(path, {"lobulated", "in_vessel"}, mistakes), mistakes.told


def test_curves_reach_their_rule(tmp_path: Path) -> None:
    rules, told = read(tmp_path, {"curves": {"lobulated": {"largest_extent": [[10, -1], [30, 1]]}}})
    assert told == []
    assert isinstance(rules[0], Measured)
    assert [(c.feature, c.points) for c in rules[0].learned] == [("largest_extent", ((10.0, -1.0), (30.0, 1.0)))]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read"),
        ({"curves": []}, "give one entry for each finding"),
        ({"curves": {"lobulatd": {}}}, "did you mean lobulated"),
        ({"curves": {"lobulated": {"largest_extnt": [[1, 0], [2, 0]]}}}, "did you mean largest_extent"),
        ({"curves": {"lobulated": {"largest_extent": [[2, 0], [1, 0]]}}}, "values must rise"),
        ({"curves": {"lobulated": {"largest_extent": [[1, 0]]}}}, "at least two"),
        ({"curves": {"lobulated": {"largest_extent": [[1, 0], [2, 9]]}}}, "log odds lie outside"),
        ({"curves": {"lobulated": {"largest_extent": [1, 2]}}}, "pairs of numbers"),
        ({"curves": {"lobulated": []}}, "give features with their points"),
        ({"heed": {}}, "write it anew"),
    ],
)
def test_a_mistake_is_told_and_no_curve_is_used(tmp_path: Path, content: object, said: str) -> None:
    rules, told = read(tmp_path, content)
    assert rules == RULES
    assert len(told) == 1
    assert said in told[0]
    assert told[0].startswith(str(tmp_path / "learned.json"))


def test_factors_are_read_for_any_finding_also_one_that_follows_from_others(tmp_path: Path) -> None:
    heed, told = read_factors(tmp_path, {"lobulated": [1.5, 0], "in_vessel": [0.5, 1]})
    assert told == []
    assert heed == {"lobulated": (1.5, 0.0), "in_vessel": (0.5, 1.0)}


@pytest.mark.parametrize(
    ("heed", "said"),
    [
        ([], "give one entry for each finding"),
        ({"lobulated": [1]}, "give two numbers"),
        ({"lobulated": ["much", 1]}, "give two numbers"),
        ({"lobulated": [1, -1]}, "factors lie outside 0 to 10"),
        ({"lobulatd": [1, 1]}, "did you mean lobulated"),
    ],
)
def test_a_mistake_in_the_factors_is_told(tmp_path: Path, heed: object, said: str) -> None:
    _, told = read_factors(tmp_path, heed)
    assert len(told) == 1
    assert said in told[0]


def test_the_curves_of_the_program_are_whole_and_belong_to_what_is_measured() -> None:
    knowledge = load_knowledge("seed", NAMES)
    curves = json.loads((configs() / LEARNED).read_text())["curves"]
    learned = {
        r.finding: [c.feature for c in r.learned] for r in knowledge.rules if isinstance(r, Measured) and r.learned
    }
    assert learned == {finding: list(row) for finding, row in curves.items()}
    assert learned
    assert "fluid_level" not in learned

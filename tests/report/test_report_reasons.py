"""Reasons are made of the evidence that stands in results.json, and say no more than it."""

from typing import Any

import pytest

from pipeline.report.reasons import Names, decider, disagreement, not_assessed, why

NAMES = Names({"a": "Entity A", "b": "Entity B"}, {}, {"x": "sign x", "y": "sign y"})


def evidence(finding: str, weight: float, lesion: int | None = None) -> dict[str, Any]:
    return {"finding": finding, "lesion": lesion, "weight": weight, "claim": f"{finding} belongs to it."}


def finding(name: str, state: str = "present") -> dict[str, Any]:
    return {"id": name, "state": state, "because": f"{name} was measured"}


def results(**changes: Any) -> dict[str, Any]:
    """A leads with 60%; x speaks for A and against B, y for both alike."""
    ranked = [
        {"entity": "a", "probability": 0.6, "evidence": [evidence("y", 2.0), evidence("x", 1.0)]},
        {"entity": "b", "probability": 0.3, "evidence": [evidence("y", 2.0), evidence("x", -1.0)]},
        {"entity": "indeterminate", "probability": 0.1, "evidence": []},
    ]
    base = {
        "lesions": [],
        "findings": [finding("x"), finding("y", "absent")],
        "differential": ranked,
        "differential_by_profile": {},
        "not_assessable": [],
    }
    return base | changes


def test_what_decides_is_what_the_first_would_lose_most_without() -> None:
    """Without x: A 0.6/e, B 0.3 e, rest 0.1: A falls to 19%; without y A and B fall alike."""
    found = decider(results(), NAMES)
    assert found is not None
    assert found.statement == "Sign x"
    assert found.because == "X was measured"
    assert found.without == pytest.approx(0.2207 / (0.2207 + 0.8155 + 0.1), abs=1e-3)


def test_nothing_decides_where_no_evidence_is() -> None:
    bare = [{"entity": "no_calcification", "probability": 0.9, "evidence": []}]
    assert decider(results(differential=bare), NAMES) is None


def test_a_sentence_names_what_speaks_for_and_against() -> None:
    whole = results()
    assert why(whole["differential"][0], whole, NAMES) == "For it: not sign y, sign x."
    assert why(whole["differential"][1], whole, NAMES) == "For it: not sign y; against it: sign x."


def test_weak_evidence_is_not_spoken_of() -> None:
    whole = results()
    entry = {"entity": "a", "probability": 0.6, "evidence": [evidence("x", 0.1)]}
    assert "frequency decides" in why(entry, whole, NAMES)


def test_a_lesion_is_named_where_there_are_several() -> None:
    two = [{"id": n, "confidence": 0.9, "findings": [finding("x")]} for n in (1, 2)]
    whole = results(lesions=two)
    entry = {"entity": "a", "probability": 0.6, "evidence": [evidence("x", 1.0, 2)]}
    assert why(entry, whole, NAMES) == "For it: sign x (lesion 2)."


def test_entities_without_evidence_have_a_reason_too() -> None:
    whole = results()
    assert why(whole["differential"][2], whole, NAMES).endswith("none of the known causes fits.")


def test_profiles_that_differ_by_much_are_said_to_disagree() -> None:
    by_profile = {
        "seed": [{"entity": "a", "probability": 0.7}, {"entity": "b", "probability": 0.3}],
        "literature": [{"entity": "b", "probability": 0.6}, {"entity": "a", "probability": 0.4}],
    }
    found = disagreement(results(differential_by_profile=by_profile))
    assert found is not None
    assert not found.same_first
    assert found.shares == (("a", (0.7, 0.4), True), ("b", (0.3, 0.6), True))
    assert disagreement(results(differential_by_profile={"seed": by_profile["seed"]})) is None


def test_what_was_not_assessed_is_grouped_by_what_would_help() -> None:
    rows = [
        {"finding": "x", "reason": "no spacing", "would_help": "CT"},
        {"finding": "y", "reason": "no spacing", "would_help": "CT"},
        {"finding": "z", "reason": "nobody knows", "would_help": None},
    ]
    assert not_assessed(results(not_assessable=rows), NAMES) == [
        ("CT", [("no spacing", ["sign x", "sign y"])]),
        (None, [("nobody knows", ["z"])]),
    ]


def test_absence_is_told_as_the_knowledge_says_and_else_as_of_a_quality() -> None:
    names = Names({}, {}, {"x": "mass", "own_sign": "own sign"}, {"x": "no mass"})
    assert [names.absence(key) for key in ("x", "own_sign", "not_known")] == [
        "no mass",
        "not own sign",
        "not not known",
    ]

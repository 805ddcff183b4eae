"""YAML to plain values: the core schema of YAML 1.2, lines as an editor counts them, no surprises."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.knowledge.yaml_text import Keys, Scalar, Sequence, parse


def value(text: str) -> object:
    top, told = parse(f"key: {text}\n")
    assert isinstance(top, Keys)
    assert not told
    entry = top.entries["key"]
    assert isinstance(entry, Scalar)
    return entry.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", 12), ("-3", -3), ("010", 10),
        ("0x1F", 31), ("0o17", 15), ("1e3", 1000.0), (".5", 0.5), ("-.5e-1", -0.05),
        ("~", None), ("", None), ("null", None), ("true", True), ("False", False), (".inf", math.inf),
        ("no", "no"), ("on", "on"), ("12:30", "12:30"), ("2020-01-01", "2020-01-01"), ("1_000", "1_000"),
        ('"12"', "12"), ("'true'", "true"), ("!!str 5", "5"), ('"a\\u00e9"', "aé"),
    ],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_values_bear_the_line_of_their_key() -> None:
    top, _ = parse("# comment\na: 1\nb:\n  - 2\n  - c: 3\n")
    assert isinstance(top, Keys)
    assert (top.entries["a"].line, top.entries["b"].line) == (2, 3)
    rows = top.entries["b"]
    assert isinstance(rows, Sequence)
    assert [row.line for row in rows.entries] == [4, 5]


def test_a_second_document_and_deep_nesting_are_refused_before_they_are_built() -> None:
    with pytest.raises(ValueError, match="second document begins in line 3"):
        parse("a: 1\n---\nb: 2\n")
    with pytest.raises(ValueError, match="nested deeper than 20 levels"):
        parse("- " * 100_000 + "1\n")


def test_an_alias_is_never_followed() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True))
    _, told = parse(bomb)
    assert len(told) >= 9
    assert told[0] == (1, "&a", "anchors and aliases are not read; write the value out")


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_number_comes_back_as_it_was_written(number: float) -> None:
    assert value(repr(number)) == number

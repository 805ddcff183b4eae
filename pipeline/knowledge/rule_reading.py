"""configs/findings.yaml becomes rules."""

import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from pipeline.knowledge import rules as k
from pipeline.knowledge.nearest import nearest
from pipeline.knowledge.reading import Table
from pipeline.knowledge.records import FindingKind
from pipeline.knowledge.vocabulary_reading import REGIONS

SECTIONS = ("measured", "placed", "derived", "study", "context", "unmeasured", "laboratory")
CONTEXT_PARTS = ("history", "examination")
COMBINED = ("all", "any", "sum")
IMAGES = ("ct", "radiograph")
MOST_WEIGHT = 3.0
MEASURED_KEYS = (
    "not_if", "only_on", "only_on_because", "only_in", "only_in_because", "absent_in", "would_help", "fitted",
)  # fmt: skip
PICTURED = ("gravity", "ct", "deposit_on_radiograph")


def read_rules(
    top: Table, findings: Mapping[str, FindingKind], features: Collection[str] | None
) -> tuple[tuple[k.Rule, ...], dict[str, k.LaboratoryKind]]:
    """Rules and laboratory ranges. `features` None leaves names of features unchecked."""
    top.only(*SECTIONS)
    laboratory = {key: _laboratory(key, row) for key, row in top.table("laboratory").tables()}
    found: list[k.Rule] = []
    seen: set[str] = set()
    for section in SECTIONS[:-1]:
        table = top.table(section)
        for finding, row in table.tables():
            if finding not in findings:
                table.wrong(finding, f"unknown finding{nearest(finding, findings)}")
            if finding in seen:
                table.wrong(finding, "has two rules; keep one")
            seen.add(finding)
            found.append(_rule(section, finding, row, (findings, features, laboratory)))
    for finding in findings:
        if finding not in seen:
            top.wrong("unmeasured", f"finding {finding} has no rule; add one, or say why it is not measured")
    return tuple(found), laboratory


_Names = tuple[Mapping[str, FindingKind], Collection[str] | None, Collection[str]]


def _rule(section: str, finding: str, row: Table, names: _Names) -> k.Rule:
    findings, features, laboratory = names
    match section:
        case "measured":
            return _measured(finding, row, features)
        case "placed":
            row.only("regions", "unclear", "because", "would_help")
            places = [frozenset(row.texts(key, REGIONS, "region")) for key in ("regions", "unclear")]
            said = [row.optional_text(key) for key in ("because", "would_help")]
            return k.Placed(finding, places[0], places[1], said[0], said[1])
        case "derived":
            return _derived(finding, row, findings)
        case "study":
            return _study(finding, row, findings)
        case "context":
            return _context(finding, row, findings, laboratory)
        case _:
            row.only("because", "would_help")
            return k.Unmeasured(finding, row.text("because"), row.optional_text("would_help"))


def _measured(finding: str, row: Table, features: Collection[str] | None) -> k.Measured:
    row.only(*COMBINED, *MEASURED_KEYS)
    combine = next((way for way in COMBINED if row.has(way)), "all")
    terms = tuple(_term(t, features) for t in row.rows(combine))
    if not terms:
        row.wrong(combine, "no term; give at least one feature with its points")
    return k.Measured(
        finding,
        terms,
        combine,
        tuple(_bar(b, features) for b in row.rows("not_if")),
        row.choice("only_on", ("ct", "radiograph"), "kind of image") if row.has("only_on") else None,
        row.text("only_on_because") if row.has("only_on") else None,
        row.optional_text("would_help"),
        _fitted(row.table("fitted"), len(terms) if combine == "sum" else 1),
        frozenset(row.texts("only_in", REGIONS, "region")),
        row.text("only_in_because") if row.has("only_in") else None,
        frozenset(row.texts("absent_in", REGIONS, "region")),
    )


def refitted(rules: Sequence[k.Rule], table: Table) -> tuple[k.Rule, ...]:
    """The rules with the fits of a profile (finding, kind of image) in place of their own."""
    measured = {rule.finding: rule for rule in rules if isinstance(rule, k.Measured)}
    changed: dict[str, k.Rule] = {}
    for finding, row in table.tables():
        if finding not in measured:
            table.wrong(finding, f"no measured finding{nearest(finding, measured)}")
            continue
        rule = measured[finding]
        fits = _fitted(row, len(rule.terms) if rule.combine == "sum" else 1)
        changed[finding] = replace(rule, fitted={**rule.fitted, **fits})
    return tuple(changed.get(rule.finding, rule) for rule in rules)


def _fitted(table: Table, count: int) -> dict[str, k.Fitted]:
    """The fit of each kind of image, with `count` weights."""
    table.only(*IMAGES)
    found = {}
    for kind, row in table.tables():
        row.only("offset", "weights", "source")
        weights = row.numbers_of("weights")
        if len(weights) != count or any(not 0 <= w <= MOST_WEIGHT for w in weights):
            row.wrong("weights", f"give {count} weights from 0 to {MOST_WEIGHT:g}")
        found[kind] = k.Fitted(row.number("offset", -10, 10), weights, row.text("source"))
    return found


def _feature(row: Table, features: Collection[str] | None) -> str:
    return row.text("feature") if features is None else row.choice("feature", features, "feature")


def _term(row: Table, features: Collection[str] | None) -> k.Term:
    row.only("feature", "points", "says", "optional")
    says = row.optional_text("says")
    if says is not None:
        _check_phrase(row, says)
    points = tuple((p[0], p[1]) for p in row.points("points") if len(p) == 2)
    _check_points(row, points)
    return k.Term(_feature(row, features), points, says, row.flag("optional", False))


def _check_points(row: Table, points: tuple[tuple[float, float], ...], key: str = "points") -> None:
    """Values rise, probabilities lie in 0 to 1 and turn at most once, from rising to falling."""
    values, chances = [p[0] for p in points], [p[1] for p in points]
    if len(points) < 2 or any(b <= a for a, b in pairwise(values)):
        row.wrong(key, "values must rise from point to point, at least two of them")
    if any(not 0 <= c <= 1 for c in chances):
        row.wrong(key, "a probability lies outside 0 to 1; give numbers from 0 to 1")
    steps = [b - a for a, b in pairwise(chances) if b != a]
    if any(a < 0 < b for a, b in pairwise(steps)):
        row.wrong(key, "the curve falls and rises again; let it rise, fall, or rise and then fall")


def _check_phrase(row: Table, says: str) -> None:
    """The only thing in braces is {value}, with a number format."""
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(says) if name is not None}
        says.format(value=1.0)
        wrong = names - {"value"}
    except (ValueError, KeyError, IndexError, AttributeError):
        wrong = {"braces"}
    if wrong:
        row.wrong("says", "only {value} may stand in braces, like {value:.0f} or {value:.0%}")


def _bar(row: Table, features: Collection[str] | None) -> k.Bar:
    row.only("feature", "above", "because", "would_help")
    above = row.number("above", -1e9, 1e9)
    return k.Bar(_feature(row, features), above, row.text("because"), row.optional_text("would_help"))


def _derived(finding: str, row: Table, findings: Collection[str]) -> k.Derived:
    row.only("any", "all")
    combine = "all" if row.has("all") else "any"
    return k.Derived(finding, row.texts(combine, findings, "finding"), combine)


def _study(finding: str, row: Table, findings: Collection[str]) -> k.Rule:
    row.only("lesions", "sides", "lesion_with", "regions", "because", "would_help", "any", "all", "image")
    if row.has("lesions"):
        points = tuple((p[0], p[1]) for p in row.points("lesions") if len(p) == 2)
        _check_points(row, points, "lesions")
        return k.Counted(finding, points)
    if row.has("sides"):
        row.choice("sides", ("both",), "word")
        return k.BothSides(finding)
    if row.has("image"):
        return k.Pictured(finding, row.choice("image", PICTURED, "question"))
    if row.has("lesion_with"):
        return k.Somewhere(
            finding,
            row.texts("lesion_with", findings, "finding"),
            frozenset(row.texts("regions", REGIONS, "region")),
            row.optional_text("because"),
            row.optional_text("would_help"),
        )
    return _derived(finding, row, findings)


def _context(finding: str, row: Table, findings: Collection[str], laboratory: Collection[str]) -> k.Rule:
    row.only("told", "high", "low", "implied_by", "younger_than")
    if row.has("younger_than"):
        return k.Younger(finding, row.number("younger_than", 0, 120))
    told = row.texts("told")
    for key in told:
        if key.partition(".")[0] not in CONTEXT_PARTS or "." not in key:
            row.wrong("told", f"{key} is no key of the context; write history.KEY or examination.KEY")
    return k.Told(
        finding,
        told,
        row.texts("high", laboratory, "laboratory value"),
        row.texts("low", laboratory, "laboratory value"),
        row.texts("implied_by", findings, "finding"),
    )


def _laboratory(key: str, row: Table) -> k.LaboratoryKind:
    row.only("unit", "ranges", "source")
    ranges = []
    for numbers in row.points("ranges"):
        if len(numbers) != 3 or not numbers[1] < numbers[2]:
            row.wrong("ranges", "each range is [younger than, low, high] with low below high")
            continue
        ranges.append(k.Range(numbers[0], numbers[1], numbers[2]))
    return k.LaboratoryKind(key, row.text("unit"), tuple(ranges), row.text("source"))

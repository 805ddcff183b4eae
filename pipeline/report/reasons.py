"""Reasons in one sentence, made of the evidence in results.json: why an entity leads, what decided, what disagrees."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.report.wording import told

Row = Mapping[str, Any]

LEAST_WEIGHT = 0.25
"""Evidence below this (a likelihood ratio of 1.3) is not named in a sentence."""
MOST_FOR = 3
MOST_AGAINST = 1
LEAST_LOSS = 0.05
"""Loss of probability below which a finding is not said to have decided."""
DISAGREEMENT = 0.15
"""Difference of two profiles' probabilities from which they are said to disagree."""
LISTED = 3
"""Entities of each profile that are compared."""
NO_FINDINGS = {
    "no_calcification": "what was seen may be no soft-tissue calcium, or nothing was seen at all",
    "indeterminate": "the chance that none of the known causes fits",
}
"""What stands for evidence where there is none by construction."""


@dataclass(frozen=True, slots=True)
class Names:
    """What people call entities, groups, findings and the absence of findings, by id."""

    entities: Mapping[str, str]
    groups: Mapping[str, str]
    findings: Mapping[str, str]
    absences: Mapping[str, str] = field(default_factory=dict)

    def entity(self, key: str) -> str:
        """Name of an entity, its id in words where there is none."""
        return self.entities.get(key, key.replace("_", " "))

    def finding(self, key: str) -> str:
        """Name of a finding, its id in words where there is none."""
        return self.findings.get(key, key.replace("_", " "))

    def absence(self, key: str) -> str:
        """That a finding is absent, in words."""
        return self.absences.get(key, f"not {self.finding(key)}")


@dataclass(frozen=True, slots=True)
class Decider:
    """The finding without which the first entity would lose most: from `share` of the probability to `without`.

    `lesion` is the one that shows it, None where the study does.
    """

    statement: str
    because: str
    entity: str
    share: float
    without: float
    lesion: int | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How profiles rank: `shares` are (entity, probability by profile, whether they disagree on it)."""

    profiles: tuple[str, ...]
    shares: tuple[tuple[str, tuple[float, ...], bool], ...]
    same_first: bool
    apart: bool


def why(entry: Row, results: Row, names: Names) -> str:
    """One sentence: what speaks for an entity of the differential, and what against it."""
    if entry["entity"] in NO_FINDINGS and not entry["evidence"]:
        if entry["entity"] == "no_calcification" and results["lesions"]:
            surest = max(lesion["confidence"] for lesion in results["lesions"])
            which = "The lesion" if len(results["lesions"]) == 1 else "The surest lesion"
            return f"{which} is calcium in soft tissue with a probability of {surest:.0%}."
        if entry["entity"] == "no_calcification":
            return "No deposit was found in the soft tissue of these images."
        return NO_FINDINGS[entry["entity"]].capitalize() + "."
    strongest = _strongest(entry["evidence"])
    spoken = [e for e in strongest if e["weight"] >= LEAST_WEIGHT][:MOST_FOR]
    against = [e for e in strongest if e["weight"] <= -LEAST_WEIGHT][:MOST_AGAINST]
    parts = []
    if spoken:
        parts.append("For it: " + ", ".join(statement(e, results, names) for e in spoken))
    if against:
        parts.append("against it: " + ", ".join(statement(e, results, names) for e in against))
    if not parts:
        return "No finding speaks clearly for or against it; its frequency decides."
    sentence = "; ".join(parts)
    return sentence[0].upper() + sentence[1:] + "."


def decider(results: Row, names: Names) -> Decider | None:
    """The finding whose removal lowers the first entity most, None where none lowers it by `LEAST_LOSS`.

    Removal divides each entity's odds by its own likelihood ratio for the finding and makes the shares sum to 1 again;
    findings that were tied together in the ranking make the figure approximate.
    """
    ranked = results["differential"]
    if not ranked or not ranked[0]["evidence"]:
        return None
    top = ranked[0]
    weights = [{_key(e): e["weight"] for e in entry["evidence"]} for entry in ranked]
    left = {key: _without(key, ranked, weights) for key in weights[0]}
    key = min(left, key=lambda k: left[k])
    if top["probability"] - left[key] < LEAST_LOSS:
        return None
    best = next(e for e in top["evidence"] if _key(e) == key)
    found = _finding(best, results)
    return Decider(
        statement=_capital(statement(best, results, names)),
        because=_capital(told(found["because"], _features(best, results)) if found else best["claim"].rstrip(".")),
        entity=names.entity(top["entity"]),
        share=top["probability"],
        without=left[key],
        lesion=best["lesion"],
    )


def _without(key: tuple[str, int | None], ranked: Sequence[Row], weights: Sequence[Mapping[Any, float]]) -> float:
    """The first entity's share when one finding says nothing."""
    odds = [row["probability"] * math.exp(-found.get(key, 0.0)) for row, found in zip(ranked, weights, strict=True)]
    return float(odds[0] / sum(odds))


def statement(evidence: Row, results: Row, names: Names) -> str:
    """A finding in words, its absence where that counts, and its lesion where there are several."""
    found = _finding(evidence, results)
    name = names.absence if found is not None and found["state"] == "absent" else names.finding
    words = name(evidence["finding"])
    many = evidence["lesion"] is not None and len(results["lesions"]) > 1
    return f"{words} (lesion {evidence['lesion']})" if many else words


def disagreement(results: Row) -> Disagreement | None:
    """How the profiles differ, None where there is one alone."""
    by_profile: Mapping[str, Sequence[Row]] = results["differential_by_profile"]
    if len(by_profile) < 2:
        return None
    shares = {name: {r["entity"]: r["probability"] for r in ranked} for name, ranked in by_profile.items()}
    entities = dict.fromkeys(r["entity"] for ranked in by_profile.values() for r in ranked[:LISTED])
    rows = []
    for entity in entities:
        values = tuple(found.get(entity, 0.0) for found in shares.values())
        rows.append((entity, values, max(values) - min(values) >= DISAGREEMENT))
    firsts = {ranked[0]["entity"] for ranked in by_profile.values() if ranked}
    return Disagreement(tuple(by_profile), tuple(rows), len(firsts) == 1, any(row[2] for row in rows))


def not_assessed(results: Row, names: Names) -> list[tuple[str | None, list[tuple[str, list[str]]]]]:
    """What would help, with the reasons and the findings of each; those that nothing would help stand last."""
    grouped: dict[str | None, dict[str, list[str]]] = {}
    for row in results["not_assessable"]:
        found = grouped.setdefault(row["would_help"], {}).setdefault(row["reason"], [])
        found.append(names.finding(row["finding"]))
    order = sorted(grouped, key=lambda helps: (helps is None, -sum(map(len, grouped[helps].values()))))
    return [(helps, list(grouped[helps].items())) for helps in order]


def _strongest(evidence: Sequence[Row]) -> list[Row]:
    """The strongest evidence of each finding, in order of |weight|."""
    best: dict[str, Row] = {}
    for row in sorted(evidence, key=lambda e: -abs(e["weight"])):
        best.setdefault(row["finding"], row)
    return list(best.values())


def _key(evidence: Row) -> tuple[str, int | None]:
    return evidence["finding"], evidence["lesion"]


def _finding(evidence: Row, results: Row) -> Row | None:
    """The finding that an evidence speaks of."""
    lesion = _lesion(evidence, results)
    rows = results["findings"] if evidence["lesion"] is None else lesion.get("findings", ())
    return next((f for f in rows if f["id"] == evidence["finding"]), None)


def _features(evidence: Row, results: Row) -> Row:
    """Features of the lesion that an evidence speaks of, by name; none where it speaks of the study."""
    features: Row = _lesion(evidence, results).get("features", {})
    return features


def _lesion(evidence: Row, results: Row) -> Row:
    """The lesion that an evidence speaks of, an empty row where it speaks of the study."""
    return next((x for x in results["lesions"] if x["id"] == evidence["lesion"]), {})


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

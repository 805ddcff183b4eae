"""What a finding weighs by how often it is present in each entity, before anything else is said."""

import math
from dataclasses import dataclass

from pipeline.knowledge.loading import Knowledge

SUREST = 0.97
"""Highest share among those that have the finding that must come first; two rates from two sources may exceed 1."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a finding weighs for one entity, with the words that explain it."""

    present: float = 0.0
    absent: float = 0.0
    assertions: tuple[str, ...] = ()
    claim: str = ""
    source: str = ""


def likelihood_cells(finding: str, modality: str | None, knowledge: Knowledge) -> dict[str, Cell]:
    """Cells from likelihoods: log of P(present | entity) over its mean, and the same for absence."""
    if knowledge.findings[finding].origin not in knowledge.profile.origins:
        return dict.fromkeys(knowledge.entities, Cell())
    found = {e: _likelihood(finding, e, modality, knowledge) for e in knowledge.entities}
    rates = {e: row for e, row in found.items() if row is not None}
    if len(rates) < len(found):
        return dict.fromkeys(knowledge.entities, Cell())
    mean = sum(p for p, _ in rates.values()) / len(rates)
    most = knowledge.profile.numbers.largest_estimate
    label = knowledge.findings[finding].label

    def cell(entity: str, p: float, source: str) -> Cell:
        claim = f"{label}: in about {_percent(p)} of {knowledge.label(entity).lower()}, {_percent(mean)} on average."
        present, absent = math.log(p / mean), math.log((1 - p) / (1 - mean))
        return Cell(max(-most, min(most, present)), max(-most, min(most, absent)), (), claim, source)

    return {e: cell(e, p, source) for e, (p, source) in rates.items()}


def _likelihood(finding: str, entity: str, modality: str | None, knowledge: Knowledge) -> tuple[float, str] | None:
    """P(finding | entity) on this modality, with its source."""
    for own in knowledge.profile.likelihoods:
        if (own.finding, own.entity, own.modality) == (finding, entity, modality):
            return own.p, own.source
    row = knowledge.likelihoods.get((finding, entity))
    if row is None:
        return None
    first = knowledge.likelihoods.get((knowledge.findings[finding].given or "", entity))
    return (row.p if first is None else min(row.p / first.p, SUREST), row.source)


def _percent(p: float) -> str:
    return f"{p:.0%}" if p >= 0.01 else "less than 1%"

"""Findings become evidence: a weight for every entity; what says the same counts once, what errs is heeded less."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.differential.base import Cell
from pipeline.differential.case import Situation
from pipeline.differential.cells import cells_of
from pipeline.differential.claims import Book
from pipeline.differential.soft import soft_weight
from pipeline.knowledge.loading import Knowledge
from pipeline.model.measure import Finding
from pipeline.model.ranking import Evidence

Weights = NDArray[np.float64]
"""float64 [entity], in the order of the knowledge's entities."""
LEAST_SHOWN = 0.05
"""Evidence that moves the odds by less than 5 % is left out of explanations."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Evidence of one situation: `weights` float64 [finding, entity], counted once, and the cells they come from."""

    findings: tuple[str, ...]
    weights: NDArray[np.float64]
    cells: tuple[Mapping[str, Cell], ...]
    levels: tuple[str, ...]


def weigh(situation: Situation, book: Book, knowledge: Knowledge) -> Rows:
    """The evidence of all findings that are known in a situation; `book` holds the claims of the same knowledge."""
    known = [f for f in situation.findings.values() if f.probability is not None and f.id in knowledge.findings]
    ids = tuple(sorted(f.id for f in known))
    cells = tuple(cells_of(book[f], situation, knowledge) for f in ids)
    weights = np.zeros((len(ids), len(knowledge.entities)))
    for i, finding in enumerate(ids):
        p = situation.findings[finding].probability or 0.0
        first = knowledge.findings[finding].given
        holds = 1.0 if first is None else max(0.0, 2 * (situation.probability(first) or 0.0) - 1)
        for j, cell in enumerate(cells[i].values()):
            weights[i, j] = holds * soft_weight(p, cell.present, cell.absent)
    levels = tuple(knowledge.findings[f].level for f in ids)
    learned = knowledge.heed
    heed = np.array([_heed(situation.findings[f], learned) for f in ids])
    return Rows(ids, count_once(weights, ids, knowledge) * heed[:, None], cells, levels)


def _heed(finding: Finding, learned: Mapping[str, tuple[float, float]]) -> float:
    """How far a finding is heeded: as its rule has learned where it was measured, else wholly."""
    presence, absence = learned.get(finding.id, (1.0, 1.0)) if finding.features else (1.0, 1.0)
    return presence if (finding.probability or 0.0) >= 0.5 else absence


def count_once(weights: NDArray[np.float64], ids: tuple[str, ...], knowledge: Knowledge) -> NDArray[np.float64]:
    """Weights [finding, entity] in which dependent findings weigh together no more than the strongest of them.

    Each weight is split into what it says of the entity's group (the mean over the group) and what it says within the
    group. Of either part the strongest finding for and the strongest against stay, the others become 0: so several
    findings that name a vessel count once, and still tell an artery from a vein.
    """
    counted = weights.copy()
    names = [knowledge.findings[f].counted for f in ids]
    for name in sorted({n for n in names if n is not None}):
        rows = np.array([i for i, n in enumerate(names) if n == name])
        if len(rows) > 1:
            shared = _group_means(weights[rows], knowledge)
            counted[rows] = _strongest(shared) + _strongest(weights[rows] - shared)
    return counted


def _group_means(weights: NDArray[np.float64], knowledge: Knowledge) -> NDArray[np.float64]:
    """The mean over the entities of a group, in the place of each of them."""
    groups = np.array([e.group for e in knowledge.entities.values()])
    means = np.zeros_like(weights)
    for group in np.unique(groups):
        means[:, groups == group] = weights[:, groups == group].mean(axis=1, keepdims=True)
    return means


def _strongest(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per column the largest positive and the largest negative weight, all others 0."""
    positive = np.where(weights.max(axis=0) > 0, weights.argmax(axis=0), -1)
    negative = np.where(weights.min(axis=0) < 0, weights.argmin(axis=0), -1)
    rows = np.arange(weights.shape[0])[:, None]
    return np.where((rows == positive) | (rows == negative), weights, 0.0)


def explain(rows: Rows, situation: Situation, entity: str, knowledge: Knowledge) -> tuple[Evidence, ...]:
    """The evidence for and against one entity, strongest first."""
    column = list(knowledge.entities).index(entity)
    found = []
    for i, finding in enumerate(rows.findings):
        weight = float(rows.weights[i, column])
        if abs(weight) >= LEAST_SHOWN:
            cell = rows.cells[i][entity]
            p = situation.findings[finding].probability
            claim = cell.claim if p is None or p >= 0.5 else _absence(finding, cell, knowledge)
            where = situation.findings[finding].lesion
            found.append(Evidence(finding, where, entity, weight, cell.assertions, claim, cell.source))
    return tuple(sorted(found, key=lambda e: (-abs(e.weight), e.finding)))


def _absence(finding: str, cell: Cell, knowledge: Knowledge) -> str:
    """The claim, when the finding is absent."""
    label = knowledge.findings[finding].label
    return f"Absent: {label}. {cell.claim}" if cell.assertions else f"Absent: {cell.claim or label}"

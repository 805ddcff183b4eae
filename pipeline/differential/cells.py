"""What one finding weighs for each entity, present and absent, in one situation.

A weight is a natural-log likelihood ratio against the average entity. It begins with how often the finding is present
in each entity (configs/knowledge/likelihoods.yaml); then come the weights that the profile sets, then the assertions
of the founding text, by their strength, and last what ties or softens them. Each step leaves its words for the report.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.differential.base import Cell
from pipeline.differential.case import Situation, degree
from pipeline.differential.claims import SIGN, Claims
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import Assertion, FixedWeight


def cells_of(claims: Claims, situation: Situation, knowledge: Knowledge) -> dict[str, Cell]:
    """Entity -> cell for the finding of `claims`, in the order of the entities."""
    cells = dict(claims.base[situation.modality])
    for fixed in claims.fixed:
        cells[fixed.entity] = _fixed(cells[fixed.entity], fixed, degree(fixed.condition, situation))
    for stated, spread in ((claims.group, True), (claims.own, False)):
        before = dict(cells)
        for entity, assertions in stated.items():
            acting = [(held, a) for a in assertions if (held := degree(a.condition, situation)) > 0]
            if acting:
                offset = _within(entity, before, knowledge) if spread else 0.0
                cells[entity] = _stated(cells[entity], acting, offset, knowledge)
    for assertion, entity, other in claims.contrasts:
        held = degree(assertion.condition, situation)
        cells[entity] = _contrast(cells[entity], cells[other], assertion, held, knowledge)
    _equalise(cells, claims, knowledge)
    for borrowed in claims.borrowed:
        own = replace(cells[borrowed.of], source=borrowed.source)
        cells[borrowed.to] = _blend(cells[borrowed.to], own, degree(borrowed.condition, situation))
    for damped in claims.damped:
        times = 1 - degree(damped.condition, situation) * (1 - damped.times)
        cells[damped.entity] = replace(cells[damped.entity], absent=cells[damped.entity].absent * times)
    seen = math.prod(1 - degree(a.condition, situation) for a in claims.hiding)
    return cells if seen == 1 else {e: replace(cell, absent=cell.absent * seen) for e, cell in cells.items()}


def _within(entity: str, cells: Mapping[str, Cell], knowledge: Knowledge) -> float:
    """How far an entity lies above the mean of its group: what is said of a group leaves that alone."""
    group = knowledge.entities[entity].group
    own = [math.exp(cell.present) for e, cell in cells.items() if knowledge.entities[e].group == group]
    return cells[entity].present - math.log(sum(own) / len(own))


def _stated(cell: Cell, acting: Sequence[tuple[float, Assertion]], offset: float, knowledge: Knowledge) -> Cell:
    """The cell with what the text states; of several claims the strongest counts.

    A claim about the entity does not weaken what is already stated in the same direction about its group.
    """
    strengths = knowledge.profile.numbers.strengths
    held, assertion = max(acting, key=lambda pair: pair[0] * strengths[pair[1].strength])
    strength = SIGN[assertion.direction] * strengths[assertion.strength]
    absent = min(cell.absent, 0.0) if strength > 0 else max(cell.absent, 0.0)
    if assertion.direction == "requires":
        absent = -strength
    ids = tuple(dict.fromkeys((*cell.assertions, *(a.id for _, a in acting))))
    present = strength + offset
    if cell.assertions and cell.present * strength > 0 and abs(cell.present) > abs(present):
        present = cell.present
    return _blend(cell, Cell(present, absent, ids, assertion.claim, assertion.source), held)


def _blend(old: Cell, new: Cell, held: float) -> Cell:
    """From the old cell to the new as far as the condition holds; the new one's words stand when it holds at all."""
    if held <= 0:
        return old
    mixed = [(1 - held) * a + held * b for a, b in ((old.present, new.present), (old.absent, new.absent))]
    return replace(new, present=mixed[0], absent=mixed[1])


def _contrast(cell: Cell, beside: Cell, assertion: Assertion, held: float, knowledge: Knowledge) -> Cell:
    """The cell of an entity that is compared with another.

    Present, it lies at least the strength above the other (below it, for against); absent, the reverse, by a weak
    strength at least.
    """
    sign, strengths = SIGN[assertion.direction], knowledge.profile.numbers.strengths
    present = beside.present + sign * max(strengths[assertion.strength], sign * (cell.present - beside.present))
    absent = beside.absent - sign * max(strengths["weak"], -sign * (cell.absent - beside.absent))
    ids = tuple(dict.fromkeys((*cell.assertions, assertion.id)))
    return _blend(cell, Cell(present, absent, ids, assertion.claim, assertion.source), held)


def _equalise(cells: dict[str, Cell], claims: Claims, knowledge: Knowledge) -> None:
    """Entities that the finding must not separate get the same weights: the strength of the claim, else their mean."""
    for equal, like in claims.equals:
        own = [cells[e] for e in equal.entities]
        present = sum(c.present for c in own) / len(own)
        if knowledge.profile.strength_first:
            present = SIGN[like.direction] * knowledge.profile.numbers.strengths[like.strength]
        absent = sum(c.absent for c in own) / len(own)
        for entity in equal.entities:
            ids = tuple(dict.fromkeys((*cells[entity].assertions, like.id)))
            claim = (
                cells[entity].claim if cells[entity].assertions else knowledge.profile.notes.get(equal.id, like.claim)
            )
            cells[entity] = Cell(present, absent, ids, claim, like.source)


def _fixed(cell: Cell, fixed: FixedWeight, held: float) -> Cell:
    """The cell with a weight that the profile sets itself."""
    present = cell.present if fixed.present is None else fixed.present
    absent = cell.absent if fixed.absent is None else fixed.absent
    return _blend(cell, Cell(present, absent, fixed.assertions, fixed.claim, fixed.source), held)

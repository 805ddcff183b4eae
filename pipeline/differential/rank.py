"""The ranked differential of a study: the story of the reasoning, from findings to shares.

Log-linear Bayes over the entities with an explicit something else (`indeterminate`), whose likelihood is that of the
average entity, so that every weight counts against it. For each lesion: priors, evidence, exclusions, widenings. For
the study: one process that explains all lesions, or a main process and an incidental second one; and the chance that
nothing is there at all.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.differential.case import Case, Situation, situation_of
from pipeline.differential.claims import IMAGES, Book, book_of
from pipeline.differential.exclusions import Excluded, Logits, exclude, widen
from pipeline.differential.priors import log_priors
from pipeline.differential.processes import Second, Views, combine
from pipeline.differential.shares import limit, shares_of, with_nothing
from pipeline.differential.subtypes import subtype_of
from pipeline.differential.weights import Rows, explain, weigh
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import INDETERMINATE, NO_CALCIFICATION
from pipeline.model.lesion import Lesion
from pipeline.model.ranking import Differential, Evidence, Ranked

MOST_EVIDENCE = 24
"""Rows of evidence that are kept for one entity."""


@dataclass(frozen=True, slots=True)
class SecondProcess:
    """Another process beside the main one, with the probability that there are two."""

    entity: str
    probability: float
    lesions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The study's differential, one for each lesion in the case's order, and the second process if there is one.

    `notes` name conflicts in the founding text that this study meets.
    """

    differential: Differential
    lesion_differentials: tuple[Differential, ...]
    second_process: SecondProcess | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One situation with its evidence: logits float64 [entity] of evidence, exclusions and widening, priors apart.

    `evidence` is the sum of the weights of `rows` over `temperature`.
    """

    situation: Situation
    rows: Rows
    temperature: float
    prior: Logits
    evidence: Logits
    excluded: Excluded
    shift: Logits

    @property
    def logits(self) -> Logits:
        """Log shares before they are made to sum to one."""
        return self.prior + self.evidence + self.excluded.weights + self.shift


def rank(case: Case, knowledge: Knowledge) -> Ranking:
    """The differential of a study and of each of its lesions. Same case and knowledge, same answer."""
    book = book_of(knowledge)
    alone = _judge(case, None, book, knowledge)
    judged = tuple(_judge(case, lesion, book, knowledge) for lesion in case.lesions)
    combined = combine(_views(alone, judged, case), knowledge)
    yielded = tuple(dict.fromkeys(y for j in (*judged, alone) for y in j.excluded.yielded))
    shares = with_nothing(shares_of(combined.logits, _log_else(knowledge), knowledge), case, knowledge)
    shares = limit(shares, max((y.indeterminate for y in yielded), default=0.0), knowledge)
    return Ranking(
        _ranked(shares, list(judged) or [alone], knowledge),
        tuple(_of_lesion(j, knowledge) for j in judged),
        _second(combined.second, case, knowledge),
        tuple(y.text for y in yielded),
    )


def judge_lesion(case: Case, lesion: Lesion, knowledge: Knowledge) -> Judged:
    """What is known of one lesion, and what each finding says of it."""
    return _judge(case, lesion, book_of(knowledge), knowledge)


def _views(alone: Judged, judged: tuple[Judged, ...], case: Case) -> Views:
    """The evidence in the parts that lesions, study and context add."""
    study = np.array([i for i, level in enumerate(alone.rows.levels) if level == "study"], int)
    of_study = alone.rows.weights[study] / alone.temperature
    return Views(
        alone.logits - of_study.sum(axis=0),
        of_study,
        tuple(j.logits - alone.logits for j in judged),
        tuple(lesion.confidence for lesion in case.lesions),
        tuple(_same(case.lesions)),
    )


def _second(second: Second | None, case: Case, knowledge: Knowledge) -> SecondProcess | None:
    """The second process with the ids of its lesions."""
    if second is None:
        return None
    ids = tuple(case.lesions[i].id for i in second.lesions)
    return SecondProcess(list(knowledge.entities)[second.entity], second.probability, ids)


def _log_else(knowledge: Knowledge) -> float:
    return float(np.log(knowledge.prior_indeterminate))


def _judge(case: Case, lesion: Lesion | None, book: Book, knowledge: Knowledge) -> Judged:
    """Evidence, exclusions and widenings in one situation."""
    situation = situation_of(case, lesion)
    prior = log_priors(case, situation.region, knowledge)
    heat = _temperature(situation, case, knowledge)
    rows = weigh(situation, book, knowledge)
    evidence = rows.weights.sum(axis=0) / heat
    shift = widen(prior + evidence, situation, knowledge)
    excluded = exclude(prior + evidence + shift, _log_else(knowledge), situation, knowledge)
    return Judged(situation, rows, heat, prior, evidence, excluded, shift)


def _temperature(situation: Situation, case: Case, knowledge: Knowledge) -> float:
    """What evidence is divided by: that of the modality, the highest where modalities are mixed.

    Findings that were measured share features and err together: with them it is the one named measured.
    """
    table = knowledge.profile.numbers.temperature
    told = table.get(situation.modality or "", max(table[kind] for kind in IMAGES))
    measured = any(f.features and f.lesion is not None and f.probability is not None for f in case.findings)
    return table.get("measured", told) if measured else told


def _same(lesions: tuple[Lesion, ...]) -> list[int]:
    """For each lesion the index of the first that is the same lesion on another view, or its own."""
    index = {lesion.id: i for i, lesion in enumerate(lesions)}
    return [min([i, *(index[s] for s in lesion.same_as if s in index)]) for i, lesion in enumerate(lesions)]


def _of_lesion(judged: Judged, knowledge: Knowledge) -> Differential:
    """A lesion's own differential leaves out that nothing is there, and the evidence: the study's holds it."""
    shares = shares_of(judged.logits, _log_else(knowledge), knowledge)
    least = max((y.indeterminate for y in judged.excluded.yielded), default=0.0)
    limited = limit(shares, least, knowledge)
    ordered = sorted(limited, key=lambda e: (-limited[e], e))
    forms = {e: subtype_of(e, judged.situation, knowledge) for e in knowledge.entities}
    return Differential(tuple(Ranked(e, knowledge.group(e), limited[e], forms.get(e)) for e in ordered))


def _ranked(shares: dict[str, float], judged: list[Judged], knowledge: Knowledge) -> Differential:
    """Shares as a differential, each entity with its evidence, strongest first."""
    ordered = sorted(shares, key=lambda e: (-shares[e], e))
    return Differential(tuple(_entry(e, shares[e], judged, knowledge) for e in ordered))


def _entry(entity: str, share: float, judged: list[Judged], knowledge: Knowledge) -> Ranked:
    """One entity; its subtype and evidence come from the lesion that speaks most for it."""
    if entity in (NO_CALCIFICATION, INDETERMINATE):
        return Ranked(entity, entity, share)
    column = list(knowledge.entities).index(entity)
    best = max(judged, key=lambda j: float(j.logits[column]))
    own = {e.finding: e for e in best.excluded.evidence if e.entity == entity}
    rows = [e for e in explain(best.rows, best.situation, entity, knowledge) if e.finding not in own]
    evidence: list[Evidence] = sorted([*rows, *own.values()], key=lambda e: (-abs(e.weight), e.finding))
    subtype = subtype_of(entity, best.situation, knowledge)
    return Ranked(entity, knowledge.group(entity), share, subtype, tuple(evidence[:MOST_EVIDENCE]))

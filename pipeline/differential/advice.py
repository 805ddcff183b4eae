"""What to do next: warnings, then examinations in order of how much they would settle; and what could not be judged.

An examination is worth what its open findings would tell: the expected fall of the entropy of the differential
(mutual information of finding and entity, Lindley 1956), the largest of its findings.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from pipeline.differential.case import Case, Situation, degree, situation_of
from pipeline.differential.rank import Ranking
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import NO_CALCIFICATION, Advice
from pipeline.model.measure import Finding
from pipeline.model.ranking import Differential, Recommendation
from pipeline.model.vocabulary import State

MOST_EXAMINATIONS = 4
"""Examinations that are recommended at once."""
LEAST_GAIN = 0.005
"""Expected fall of entropy, in natural units, below which an examination is not worth asking for."""


def recommend(case: Case, ranking: Ranking, knowledge: Knowledge) -> tuple[Recommendation, ...]:
    """Conflicts and a second process first, then warnings, then the most informative examinations."""
    front = leading(ranking.differential, knowledge)
    situations = [replace(s, leading=front) for s in situations_of(case)]
    fitting = [a for a in knowledge.advice if any(_fits(a, s) for s in situations)]
    gains = {a.id: gain(a, situations, ranking.differential, knowledge) for a in fitting}
    asked = sorted((a for a in fitting if a.answers), key=lambda a: -gains[a.id])
    asked = [a for a in asked if gains[a.id] >= LEAST_GAIN][:MOST_EXAMINATIONS]
    warned = [a for a in fitting if not a.answers]
    told = [Recommendation(note, _cited(note, knowledge)) for note in ranking.notes]
    told += _of_second(ranking, knowledge)
    return (*told, *(Recommendation(a.text, a.assertions) for a in (*warned, *asked)))


def not_assessable(case: Case, ranking: Ranking, knowledge: Knowledge) -> tuple[Finding, ...]:
    """Open findings that would tell something, each once, the most telling first."""
    open_ones: dict[str, Finding] = {}
    for finding in case.findings:
        if finding.state is State.NOT_ASSESSABLE and finding.id in knowledge.findings:
            open_ones.setdefault(finding.id, finding)
    known = {f.id for f in case.findings if f.state is not State.NOT_ASSESSABLE}
    told = {f: information(f, ranking.differential, knowledge) for f in open_ones if f not in known}
    return tuple(open_ones[f] for f in sorted(told, key=lambda f: (-told[f], f)))


def situations_of(case: Case) -> tuple[Situation, ...]:
    """The situation of each lesion, or of the study alone when there is none."""
    return tuple(situation_of(case, lesion) for lesion in case.lesions) or (situation_of(case, None),)


def leading(differential: Differential, knowledge: Knowledge) -> frozenset[str]:
    """Entities with a notable share, and the first two unless their share is small or nothing was found."""
    notable = knowledge.profile.numbers.notable_share
    least = notable if differential.top.entity == NO_CALCIFICATION else notable / 4
    entities = [r for r in differential.ranked if r.entity in knowledge.entities]
    return frozenset(r.entity for i, r in enumerate(entities) if r.probability >= (least if i < 2 else notable))


def information(finding: str, differential: Differential, knowledge: Knowledge) -> float:
    """Expected fall of the entropy over the entities, in natural units, when the finding were known."""
    rows = [(r.probability, knowledge.likelihoods.get((finding, r.entity))) for r in differential.ranked]
    known = [(share, row.p) for share, row in rows if row is not None and share > 0]
    total = sum(share for share, _ in known)
    if not known or total <= 0:
        return 0.0
    present = sum(share * p for share, p in known) / total
    return _binary(present) - sum(share / total * _binary(p) for share, p in known)


def gain(advice: Advice, situations: Sequence[Situation], differential: Differential, knowledge: Knowledge) -> float:
    """What the most telling open finding of an examination would tell; 0 when none is open."""
    open_ones = [f for f in advice.answers if any(s.probability(f) is None for s in situations)]
    return max((information(f, differential, knowledge) for f in open_ones), default=0.0)


def _binary(p: float) -> float:
    """Entropy of a finding that is present with probability p, in natural units."""
    return 0.0 if p <= 0 or p >= 1 else -p * math.log(p) - (1 - p) * math.log(1 - p)


def _fits(advice: Advice, situation: Situation) -> bool:
    """Whether answers of both lists lead, two different ones, and the condition holds."""
    first = situation.leading.intersection(advice.between) if advice.between else situation.leading
    second = situation.leading.intersection(advice.against) if advice.against else situation.leading
    both = bool(first) and bool(second) and (not advice.against or len(first | second) > 1)
    return both and degree(advice.condition, situation) >= 0.5


def _of_second(ranking: Ranking, knowledge: Knowledge) -> list[Recommendation]:
    """A sentence on the second process."""
    second = ranking.second_process
    if second is None:
        return []
    lesions = ", ".join(str(i) for i in second.lesions)
    text = f"Two processes are likely: {knowledge.label(second.entity)} beside the first answer (lesion {lesions})."
    return [Recommendation(text, ())]


def _cited(note: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The assertions that a note names in brackets."""
    return tuple(a.id for a in knowledge.assertions if a.id in note)

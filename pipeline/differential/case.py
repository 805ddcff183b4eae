"""What is ranked: the findings of a study with its lesions, and what is known where one of them lies."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.knowledge.records import Condition
from pipeline.model.context import ClinicalContext, Patient
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.lesion import Lesion
from pipeline.model.measure import Finding
from pipeline.model.vocabulary import Region

ELSEWHERE = frozenset({"us", "mr"})
"""Modalities the program does not read: a finding from there says itself that it was used."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One study: `findings` of its lesions, of the study and of its context.

    `modalities` are "radiograph" or "ct", one an image.
    """

    findings: tuple[Finding, ...]
    lesions: tuple[Lesion, ...]
    modalities: tuple[str, ...]
    patient: Patient = field(default_factory=Patient)
    context: ClinicalContext = field(default_factory=ClinicalContext)
    region: Maybe[Region] = Unknown("region not stated")


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known where a lesion lies, or of the study alone.

    `leading` are the answers in front; while they are not known (empty), conditions on them hold.
    """

    findings: Mapping[str, Finding]
    region: str | None = None
    modality: str | None = None
    leading: frozenset[str] = frozenset()

    def probability(self, finding: str) -> float | None:
        """The probability of a finding, None when it is not assessable or not known."""
        known = self.findings.get(finding)
        return None if known is None else known.probability


def situation_of(case: Case, lesion: Lesion | None) -> Situation:
    """The situation of one lesion, or of the study alone when `lesion` is None."""
    own = {f.id: f for f in case.findings if f.lesion is None}
    if lesion is not None:
        own |= {f.id: f for f in case.findings if f.lesion == lesion.id}
    region = lesion.region if lesion is not None and isinstance(lesion.region, Known) else case.region
    known = region.value.value if isinstance(region, Known) else None
    return Situation(own, known, _modality(case, lesion))


def _modality(case: Case, lesion: Lesion | None) -> str | None:
    """The modality of the lesion's image, or of the study's images where they agree."""
    if lesion is not None:
        return case.modalities[lesion.image]
    kinds = set(case.modalities)
    return kinds.pop() if len(kinds) == 1 else None


def degree(condition: Condition, situation: Situation) -> float:
    """How far a condition holds, 0 to 1: the least of its terms. What is unknown does not hold, and forbids nothing."""
    held = [1.0, *(_required(term, situation) for term in condition.only_if if ":" not in term)]
    held += [max(_named(t, situation) for t in terms) for terms in _kinds(condition.only_if)]
    held += [1 - _required(t, situation) if ":" not in t else 1 - _named(t, situation) for t in condition.not_if]
    held += [1 - p if (p := situation.probability(t)) is not None else 0.0 for t in condition.only_if_absent]
    if condition.any_of:
        held.append(max(_required(t, situation) for t in condition.any_of))
    return min(held)


def _required(finding: str, situation: Situation) -> float:
    """The probability of a finding that must be there; from even odds downward it is not."""
    p = situation.probability(finding)
    return p if p is not None and p > 0.5 else 0.0


def _kinds(terms: tuple[str, ...]) -> list[list[str]]:
    """Terms with a colon, those of one kind together."""
    kinds: dict[str, list[str]] = {}
    for term in terms:
        if ":" in term:
            kinds.setdefault(term.partition(":")[0], []).append(term)
    return list(kinds.values())


def _named(term: str, situation: Situation) -> float:
    """Whether region:ID, modality:ID or entity:ID holds."""
    kind, _, name = term.partition(":")
    match kind:
        case "region":
            return float(situation.region == name)
        case "modality":
            return float(situation.modality == name or name in ELSEWHERE)
        case _:
            return float(not situation.leading or name in situation.leading)

"""All findings of a study: of its lesions, of the study, of the context.

A finding never says more than the image can: what a rule needs and the image does not give makes it not assessable,
with the reason and what would help.
"""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.findings.context import context_findings
from pipeline.findings.rules import EVEN, apply, assessed, not_assessable
from pipeline.findings.study import derive, study_findings
from pipeline.findings.two_views import compare_views
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import Assertion
from pipeline.knowledge.rules import Derived, Measured, Placed, Unmeasured
from pipeline.model.context import ClinicalContext, Patient
from pipeline.model.image import Image, Volume
from pipeline.model.known import Known
from pipeline.model.lesion import Lesion, Segmentation
from pipeline.model.measure import Finding, Measurement
from pipeline.model.vocabulary import State

HERE, NOT_HERE = 0.97, 0.02
"""Probability that a lesion lies in the region its image names, and that it lies in another."""
NOT_IN = 0.1
"""Probability of what the region of the image rules out; its borders show some of the next region."""


def judge(
    lesions: Sequence[Lesion],
    measurements: Sequence[Measurement],
    images: Sequence[Image],
    segmentations: Sequence[Segmentation],
    patient: Patient,
    context: ClinicalContext,
    knowledge: Knowledge,
) -> tuple[Finding, ...]:
    """Every finding of configs/findings.yaml, for each lesion, then for the study, then from the context.

    `measurements` belong to `lesions`, one each and in order; `images` and `segmentations` to each other.
    """
    del segmentations  # what was seen beside deposits (bone, body) has gone into the features
    found: list[Finding] = []
    modalities = ["ct" if isinstance(images[lesion.image], Volume) else "radiograph" for lesion in lesions]
    for lesion, measurement, modality in zip(lesions, measurements, modalities, strict=True):
        found += lesion_findings(lesion, measurement, modality, knowledge)
    found = list(compare_views(found, lesions, images))
    told = {f.id: f for f in context_findings(patient, context, knowledge)}
    told |= {f.id: f for f in measured_on_study(lesions, measurements, modalities, knowledge)}
    of_study = study_findings(lesions, found, images, told, knowledge, _by_id(lesions, measurements))
    return (
        *found,
        *of_study,
        *_unmeasured("study", None, knowledge),
        *told.values(),
        *_unmeasured("context", None, knowledge),
    )


def _by_id(lesions: Sequence[Lesion], measurements: Sequence[Measurement]) -> dict[int, Measurement]:
    return {lesion.id: measurement for lesion, measurement in zip(lesions, measurements, strict=True)}


def lesion_findings(
    lesion: Lesion, measurement: Measurement, modality: str, knowledge: Knowledge
) -> tuple[Finding, ...]:
    """All findings of one lesion."""
    found: dict[str, Finding] = {}
    of_lesion = {kind.id for kind in knowledge.findings.values() if kind.level == "lesion"}
    for finding in _unmeasured("lesion", lesion.id, knowledge):
        found[finding.id] = finding
    for rule in knowledge.rules:
        match rule:
            case Measured() if rule.finding in of_lesion:
                found[rule.finding] = _measured(rule, lesion, measurement, modality)
            case Placed():
                found[rule.finding] = _placed(rule, lesion)
            case Derived() if rule.finding in of_lesion:
                found[rule.finding] = derive(rule, found, lesion.id)
    return tuple(_hidden(finding, found, knowledge) for finding in found.values())


def _measured(rule: Measured, lesion: Lesion, measurement: Measurement, modality: str) -> Finding:
    """By its features, where the lesion lies in a region in which that can be told."""
    if rule.only_in and not (isinstance(lesion.region, Known) and lesion.region.value.value in rule.only_in):
        return not_assessable(rule.finding, str(rule.only_in_because), lesion.id, rule.would_help)
    if isinstance(lesion.region, Known) and lesion.region.value.value in rule.absent_in:
        return assessed(rule.finding, NOT_IN, f"region {lesion.region.value.value.replace('_', ' ')}", lesion=lesion.id)
    return apply(rule, measurement, lesion.id, modality)


def measured_on_study(
    lesions: Sequence[Lesion], measurements: Sequence[Measurement], modalities: Sequence[str], knowledge: Knowledge
) -> tuple[Finding, ...]:
    """Findings of the study that are measured beside each lesion: the median of those that could be judged."""
    found = []
    for rule in knowledge.rules:
        if not isinstance(rule, Measured) or knowledge.findings[rule.finding].level != "study":
            continue
        rows = [_measured(rule, *given) for given in zip(lesions, measurements, modalities, strict=True)]
        judged = sorted((f for f in rows if f.probability is not None), key=lambda f: f.probability or 0.0)
        because = rows[0].because if rows else "no lesion beside which it could be measured"
        chosen = judged[len(judged) // 2] if judged else not_assessable(rule.finding, because, None, rule.would_help)
        found.append(replace(chosen, lesion=None))
    return tuple(found)


def place_findings(lesion: Lesion, knowledge: Knowledge) -> tuple[Finding, ...]:
    """What follows from the region a lesion lies in, by all rules of kind Placed."""
    return tuple(_placed(rule, lesion) for rule in knowledge.rules if isinstance(rule, Placed))


def _placed(rule: Placed, lesion: Lesion) -> Finding:
    """By the region the lesion lies in."""
    if not isinstance(lesion.region, Known):
        return not_assessable(rule.finding, lesion.region.reason, lesion.id, "the region of the image")
    region = lesion.region.value.value
    said = f"region {region.replace('_', ' ')} ({lesion.region.source})"
    if region in rule.unclear:
        because = rule.because or f"{said}: the place within it is not told"
        return not_assessable(rule.finding, because, lesion.id, rule.would_help or "a look at the image")
    return assessed(rule.finding, HERE if region in rule.regions else NOT_HERE, said, lesion=lesion.id)


def _hidden(finding: Finding, known: dict[str, Finding], knowledge: Knowledge) -> Finding:
    """What was not found where it is hard to see is not assessable rather than absent."""
    if finding.state is not State.ABSENT:
        return finding
    for assertion in knowledge.assertions:
        if assertion.finding == finding.id and _hides(assertion, known):
            because = f"not seen, yet hard to see here: {assertion.claim} ({assertion.id})"
            return replace(finding, state=State.NOT_ASSESSABLE, probability=None, because=because)
    return finding


def _hides(assertion: Assertion, known: dict[str, Finding]) -> bool:
    """Whether all findings under which the assertion says that something is hard to see are present."""
    terms = assertion.condition.only_if
    if assertion.acts != "assessability" or not terms or any(":" in term for term in terms):
        return False
    return all(term in known and (known[term].probability or 0) > EVEN for term in terms)


def _unmeasured(level: str, lesion: int | None, knowledge: Knowledge) -> tuple[Finding, ...]:
    """Findings of a level that nothing measures so far."""
    rules = [r for r in knowledge.rules if isinstance(r, Unmeasured) and knowledge.findings[r.finding].level == level]
    return tuple(not_assessable(r.finding, r.because, lesion, r.would_help) for r in rules)

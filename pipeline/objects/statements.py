"""Coded statements of a structured report: findings, entities with their certainty, measurements."""

from math import isfinite

from highdicom import sr
from pydicom.sr.codedict import codes as dcm
from pydicom.sr.coding import Code

from pipeline.knowledge.codes import CodedWord, Codes, private_word
from pipeline.model.known import Known
from pipeline.model.measure import Feature, Finding, Measurement
from pipeline.model.ranking import Differential, Ranked
from pipeline.model.vocabulary import State
from pipeline.objects import codes

MOST_ENTITIES, MOST_OF_LESION = 6, 3
"""Entities of the study's differential, and of one lesion's, that are written out."""
LEAST_PROBABILITY = 0.01
MOST_EVIDENCE = 4
"""Items of evidence written out for each entity."""
EVIDENCE = Code("EVIDENCE", "99CALCINOSIS", "Evidence")
RANKED = Code("DDX", "99CALCINOSIS", "Ranked differential")
PROPERTY = sr.RelationshipTypeValues.HAS_PROPERTIES


def findings_as_evaluations(findings: tuple[Finding, ...], words: Codes) -> list[sr.QualitativeEvaluation]:
    """Findings that are present, each with its probability."""
    return [
        evaluation(coded(words.findings.get(f.id) or private_word(f.id)), codes.PRESENT, f.probability)
        for f in findings
        if f.state is State.PRESENT and f.probability is not None
    ]


def entities_as_evaluations(
    differential: Differential, words: Codes, *, evidence: bool
) -> list[sr.QualitativeEvaluation]:
    """The likeliest entities with their probabilities and, where asked, the evidence in plain words."""
    most = MOST_ENTITIES if evidence else MOST_OF_LESION
    likely = [r for r in differential.ranked if r.probability >= LEAST_PROBABILITY][:most]
    return [_entity(r, words, evidence=evidence) for r in likely]


def _entity(ranked: Ranked, words: Codes, *, evidence: bool) -> sr.QualitativeEvaluation:
    made = evaluation(
        RANKED, coded(words.entities.get(ranked.entity) or private_word(ranked.entity)), ranked.probability
    )
    for item in ranked.evidence[:MOST_EVIDENCE] if evidence else ():
        text = f"{item.direction}: {item.claim} ({item.source})"
        made[0].ContentSequence.append(sr.TextContentItem(EVIDENCE, text, PROPERTY))
    return made


def evaluation(name: Code, value: Code, probability: float) -> sr.QualitativeEvaluation:
    """A coded statement with its probability, percent, as certainty."""
    made = sr.QualitativeEvaluation(name, value)
    percent = round(100 * probability, 1)
    certainty = sr.NumContentItem(dcm.DCM.CertaintyOfFinding, percent, dcm.UCUM.Percent, relationship_type=PROPERTY)
    made[0].ContentSequence = sr.ContentSequence([certainty])
    return made


def features_as_measurements(measured: Measurement, words: Codes) -> list[sr.Measurement]:
    """The features that a report carries and that are known."""
    by_name = {f.name: f for f in measured.features}
    rows = [by_name[name] for name in words.measurements if name in by_name]
    return [
        sr.Measurement(_name_of(f), float(f"{f.value.value:.6g}"), Code(f.unit, "UCUM", f.unit))
        for f in rows
        if isinstance(f.value, Known) and isfinite(f.value.value)
    ]


def _name_of(feature: Feature) -> Code:
    if feature.code is None:
        return coded(private_word(feature.name))
    scheme, value = feature.code.split(":")
    return Code(value, scheme, feature.name.replace("_", " "))


def coded(word: CodedWord) -> Code:
    """A word as pydicom writes it."""
    return Code(word.value, word.scheme, word.meaning)

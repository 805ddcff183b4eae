"""Findings from the context: history, examination, laboratory and age. What is not told is not judged."""

from pipeline.findings.rules import assessed, not_assessable
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.rules import LaboratoryKind, Told, Younger
from pipeline.model.context import ClinicalContext, Patient
from pipeline.model.known import Known, Maybe
from pipeline.model.measure import Finding

SURE, UNLIKELY = 0.98, 0.02
"""Probability of what is told to be so, or not to be so; people err."""
HIGH, NORMAL = 0.97, 0.03
"""Probability beyond the undecided band around a limit, and before it."""
BAND = 0.05
"""Half width of the undecided band, as a share of the limit."""


def context_findings(patient: Patient, context: ClinicalContext, knowledge: Knowledge) -> tuple[Finding, ...]:
    """All findings that rules of kind Told and Younger make, in the order of the rules."""
    told = [rule for rule in knowledge.rules if isinstance(rule, Told)]
    direct = {rule.finding: _told(rule, patient, context, knowledge) for rule in told}
    implied = [_implied(rule, direct) for rule in told]
    young = [_younger(rule, patient.age_years) for rule in knowledge.rules if isinstance(rule, Younger)]
    return (*implied, *young)


def _told(rule: Told, patient: Patient, context: ClinicalContext, knowledge: Knowledge) -> Finding:
    """The strongest statement of the context: a yes before a no, the more certain before the less."""
    statements = [s for key in rule.keys if (s := _statement(key, context)) is not None]
    for keys, upward in ((rule.high, True), (rule.low, False)):
        for key in keys:
            statement = _value(knowledge.laboratory[key], patient.age_years, context, upward)
            if statement is not None:
                statements.append(statement)
    if not statements:
        return not_assessable(rule.finding, "not told", would_help="ask, or add it to the context")
    probability, because = max(statements)
    return assessed(rule.finding, probability, because)


def _statement(key: str, context: ClinicalContext) -> tuple[float, str] | None:
    """What history.KEY or examination.KEY says."""
    part, _, name = key.partition(".")
    value = context.history.get(name) if part == "history" else context.examination.get(name)
    if not isinstance(value, bool):
        return None
    said = name.replace("_", " ")
    return (SURE, f"told: {said}") if value else (UNLIKELY, f"told: no {said}")


def _value(kind: LaboratoryKind, age: Maybe[float], context: ClinicalContext, upward: bool) -> tuple[float, str] | None:
    """Probability that a laboratory value lies beyond its range, undecided within 5 % of the limit.

    The laboratory's own range wins over that for the age.
    """
    laboratory = context.labs.get(kind.key)
    if laboratory is None or laboratory.unit != kind.unit:
        return None
    own = laboratory.high if upward else laboratory.low
    limits = [r.high if upward else r.low for r in kind.ranges] if own is None else [own]
    if own is None and isinstance(age, Known):
        limits = [next((x for r, x in zip(kind.ranges, limits, strict=True) if age.value < r.age_below), limits[-1])]
    chances = [_beyond(laboratory.value, limit, upward) for limit in limits]
    if max(chances) - min(chances) > BAND:
        return None
    what = f"{kind.key.replace('_', ' ')} {laboratory.value:g} {kind.unit}"
    return chances[
        0
    ], f"{what} ({'up to' if upward else 'from'} {limits[0]:g} is normal{' there' if own is not None else ''})"


def _beyond(value: float, limit: float, upward: bool) -> float:
    """NORMAL before the limit, HIGH beyond it, a straight line within the band around it."""
    offset = (value / limit - 1) / BAND * (1 if upward else -1)
    share = min(max((offset + 1) / 2, 0.0), 1.0)
    return NORMAL + share * (HIGH - NORMAL)


def _implied(rule: Told, direct: dict[str, Finding]) -> Finding:
    """The finding itself, or the surest present finding that implies it."""
    own = direct[rule.finding]
    causes = [f for name in rule.implied_by if (f := direct.get(name)) is not None and (f.probability or 0) > 0.5]
    if not causes or (own.probability or 0) > 0.5:
        return own
    cause = max(causes, key=lambda f: f.probability or 0)
    return assessed(rule.finding, cause.probability or 0.5, f"follows from {cause.id.replace('_', ' ')}")


def _younger(rule: Younger, age: Maybe[float]) -> Finding:
    if not isinstance(age, Known):
        return not_assessable(rule.finding, age.reason, would_help="the age of the patient")
    said = f"{age.value:.0f} years"
    return assessed(rule.finding, SURE if age.value < rule.below_years else UNLIKELY, said)

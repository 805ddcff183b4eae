"""Findings of the study as a whole: number of lesions, sides, vessels, organs, what kind of images there are."""

from collections.abc import Mapping, Sequence

from pipeline.findings.rules import EVEN, assessed, curve, not_assessable
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.rules import BothSides, Counted, Derived, Pictured, Somewhere
from pipeline.model.image import Image, Volume
from pipeline.model.known import Known
from pipeline.model.lesion import Lesion
from pipeline.model.measure import Finding, Measurement
from pipeline.model.vocabulary import Laterality, Region

CERTAIN, HARDLY = 0.99, 0.01
"""Probability of what headers say of images."""
TRUNK = frozenset({Region.PELVIS, Region.ABDOMEN, Region.CHEST, Region.SPINE, Region.NECK, Region.HEAD})
"""Regions whose images show both sides."""
ASIDE = 0.1
"""Distance from the middle of the body, over its half width, from which a lesion lies on a side."""
HARDLY_BOTH = 0.1
"""Probability of both sides where the lesions that were found all lie on one."""


def study_findings(
    lesions: Sequence[Lesion],
    findings: Sequence[Finding],
    images: Sequence[Image],
    told: Mapping[str, Finding],
    knowledge: Knowledge,
    measured: Mapping[int, Measurement],
) -> tuple[Finding, ...]:
    """Findings by rules about the study; `findings` are those of lesions, `told` those of the context by id.

    `measured` are the measurements by id of the lesion.
    """
    offsets = {i: x for i, m in measured.items() if (x := m.known("midline_offset")) is not None}
    found: dict[str, Finding] = {}
    of_study = {kind.id for kind in knowledge.findings.values() if kind.level == "study"}
    for rule in knowledge.rules:
        match rule:
            case Counted():
                found[rule.finding] = _counted(rule, lesions)
            case BothSides():
                found[rule.finding] = _both_sides(rule, lesions, offsets)
            case Somewhere():
                found[rule.finding] = _somewhere(rule, lesions, findings, images)
            case Pictured():
                found[rule.finding] = _pictured(rule, lesions, images)
            case Derived() if rule.finding in of_study:
                found[rule.finding] = derive(rule, {**told, **found}, None)
    return tuple(found.values())


def derive(rule: Derived, known: Mapping[str, Finding], lesion: int | None) -> Finding:
    """Any: the surest of the findings; all: the least sure. Those not assessable count only where all are needed."""
    parts = [known[name] for name in rule.of if name in known]
    chances = [f for f in parts if f.probability is not None]
    open_ones = [f for f in parts if f.probability is None]
    if not chances or (rule.combine == "all" and open_ones and all((f.probability or 0) >= EVEN for f in chances)):
        reasons = dict.fromkeys(f.because for f in open_ones)
        helps = next((f.would_help for f in open_ones if f.would_help), None)
        return not_assessable(rule.finding, "; ".join(reasons) or "not measured", lesion, helps)
    pick = max if rule.combine == "any" else min
    chosen = pick(chances, key=lambda f: f.probability or 0.0)
    features = tuple(dict.fromkeys(name for f in chances for name in f.features))
    return assessed(rule.finding, chosen.probability or 0.0, chosen.because, features=features, lesion=lesion)


def _distinct(lesions: Sequence[Lesion]) -> list[Lesion]:
    """Each lesion once, whatever the number of views."""
    return [lesion for lesion in lesions if not any(other < lesion.id for other in lesion.same_as)]


def _counted(rule: Counted, lesions: Sequence[Lesion]) -> Finding:
    """By the number of lesions, each as far as it is sure to be there."""
    distinct = _distinct(lesions)
    number = sum(lesion.confidence for lesion in distinct)
    plural = "" if len(distinct) == 1 else "s"
    said = f"{len(distinct)} lesion{plural}, {number:.1f} if each counts as far as it is sure"
    return assessed(rule.finding, curve(number, rule.points), said)


def _both_sides(rule: BothSides, lesions: Sequence[Lesion], offsets: Mapping[int, float]) -> Finding:
    """By the sides that headers name, and in the trunk by where lesions lie beside the middle of the body."""
    trunk = [x for x in lesions if isinstance(x.region, Known) and x.region.value in TRUNK and x.id in offsets]
    sides = {x.laterality.value for x in lesions if isinstance(x.laterality, Known)}
    sides |= {Laterality.LEFT if offsets[x.id] > 0 else Laterality.RIGHT for x in trunk if abs(offsets[x.id]) > ASIDE}
    if not sides:
        return not_assessable(rule.finding, "side not stated", would_help="a view of the other side")
    if Laterality.BOTH in sides or {Laterality.LEFT, Laterality.RIGHT} <= sides:
        return assessed(rule.finding, CERTAIN, "lesions on both sides")
    if trunk:
        return assessed(rule.finding, HARDLY_BOTH, "all lesions on one side, both sides in view")
    return not_assessable(rule.finding, "only one side is shown", would_help="a view of the other side")


def _somewhere(
    rule: Somewhere, lesions: Sequence[Lesion], findings: Sequence[Finding], images: Sequence[Image]
) -> Finding:
    """The surest lesion that has one of the findings; none is told only where its place is in view."""
    confidence = {lesion.id: lesion.confidence for lesion in lesions}
    has = [f for f in findings if f.id in rule.of and f.probability is not None and f.lesion in confidence]
    chances = [((f.probability or 0.0) * confidence[f.lesion or 0], f) for f in has]
    probability, best = max(chances, key=lambda c: c[0], default=(0.0, None))
    if best is not None and probability >= EVEN:
        return assessed(rule.finding, probability, f"lesion {best.lesion}: {best.because}", features=best.features)
    in_view = any(isinstance(i.region, Known) and i.region.value in rule.regions for i in images)
    if best is None or (rule.regions and not in_view):
        because = rule.because or "no lesion in which this could be told"
        return not_assessable(rule.finding, because, would_help=rule.would_help)
    return assessed(rule.finding, probability, "no lesion shows it")


def _pictured(rule: Pictured, lesions: Sequence[Lesion], images: Sequence[Image]) -> Finding:
    """What headers say of the images."""
    match rule.asks:
        case "gravity":
            seen = any(isinstance(i.gravity, Known) for i in images)
            said = "gravity runs through the image plane" if seen else "no image with gravity in its plane"
        case "ct":
            seen = any(isinstance(i, Volume) for i in images)
            said = "a CT is among the images" if seen else "no CT among the images"
        case _:
            radiographs = {n for n, i in enumerate(images) if not isinstance(i, Volume)}
            if not radiographs:
                return not_assessable(rule.finding, "no radiograph among the images")
            sure = max((x.confidence for x in lesions if x.image in radiographs), default=HARDLY)
            said = "deposits on a radiograph" if sure > EVEN else "no deposit on a radiograph"
            return assessed(rule.finding, min(sure, CERTAIN), said)
    return assessed(rule.finding, CERTAIN if seen else HARDLY, said)

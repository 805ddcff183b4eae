"""An analysis as results.json says it (contract, section 3)."""

from collections.abc import Iterable
from typing import Any, TypeVar

from pipeline.model.image import Image, Radiograph
from pipeline.model.known import Known, Maybe
from pipeline.model.lesion import ModelDigest
from pipeline.model.measure import Feature, Finding, Measurement
from pipeline.model.ranking import Differential, Evidence, Ranked
from pipeline.model.result import Analysis, Skipped, Software
from pipeline.model.vocabulary import State

SCHEMA_VERSION = "1"
DECIMALS = 6
"""Digits after the point of every number in results.json."""

Row = dict[str, Any]
T = TypeVar("T")


def analysis_as_json(analysis: Analysis, labels: tuple[str | None, ...]) -> Row:
    """The whole of results.json; `labels` are the paths of the label images, one an image, None without lesion file.

    Where nothing was analysed nothing is ranked: no image says that there is no calcium.
    """
    ranked = analysis.differential_by_profile if analysis.images else {}
    return {
        "schema_version": SCHEMA_VERSION,
        "software": software_as_json(analysis.software, _models(analysis)),
        "study": _study(analysis),
        "images": [_image(analysis, index, labels[index]) for index in range(len(analysis.images))],
        "lesions": [_lesion(analysis, index) for index in range(len(analysis.lesions))],
        "findings": [_finding(f) for f in analysis.findings if f.lesion is None],
        "differential": differential_as_json(analysis.differential) if analysis.images else [],
        "differential_by_profile": {name: _shares(differential) for name, differential in sorted(ranked.items())},
        "not_assessable": _not_assessable(analysis.findings),
        "recommendations": [{"text": r.text, "assertions": list(r.assertions)} for r in analysis.recommendations]
        if analysis.images
        else [],
        "follow_up": {"not_assessed": analysis.earlier.reason},
        "skipped": skipped_as_json(analysis.skipped),
        "seconds": {stage: round(value, 3) for stage, value in analysis.seconds.items()},
    }


def failure_as_json(study_instance_uid: str, reason: str, software: Software, skipped: Iterable[Skipped]) -> Row:
    """results.json of a study that failed; `reason` is one line."""
    return {
        "schema_version": SCHEMA_VERSION,
        "software": software_as_json(software, ()),
        "study": {
            "study_instance_uid": study_instance_uid,
            "status": "failed",
            "reason": reason,
            "age_years": None,
            "sex": None,
            "region": "unknown",
            "region_source": "not read",
            "context_source": None,
        },
        "images": [],
        "lesions": [],
        "findings": [],
        "differential": [],
        "differential_by_profile": {},
        "not_assessable": [],
        "recommendations": [],
        "skipped": skipped_as_json(skipped),
        "seconds": {},
    }


def software_as_json(software: Software, models: Iterable[ModelDigest]) -> Row:
    """What made the result."""
    return {
        "name": "calcinosis",
        "version": software.version,
        "settings_sha256": software.settings_sha256,
        "knowledge_sha256": software.knowledge_sha256,
        "profile": software.profile,
        "models": [{"name": m.name, "sha256": m.sha256} for m in models],
    }


def skipped_as_json(skipped: Iterable[Skipped]) -> list[Row]:
    """Files left out, with reasons."""
    return [{"path": s.path, "reason": s.reason} for s in skipped]


def differential_as_json(differential: Differential) -> list[Row]:
    """Entities with their evidence."""
    return [_ranked(r) for r in differential.ranked]


def _models(analysis: Analysis) -> list[ModelDigest]:
    found = {m.sha256: m for s in analysis.segmentations for m in s.models}
    return sorted(found.values(), key=lambda m: (m.name, m.sha256))


def _study(analysis: Analysis) -> Row:
    return {
        "study_instance_uid": analysis.study_instance_uid,
        "status": analysis.status,
        "age_years": value_or_none(analysis.patient.age_years),
        "sex": value_or_none(analysis.patient.sex),
        "region": _word(analysis.region),
        "region_source": source_or_reason(analysis.region),
        "context_source": analysis.context.source,
    }


def _image(analysis: Analysis, index: int, labels: str | None) -> Row:
    image, segmentation = analysis.images[index], analysis.segmentations[index]
    spacing, source = spacing_of(image)
    return {
        "kind": "radiograph" if isinstance(image, Radiograph) else "ct",
        "modality": image.identity.modality,
        "series_instance_uid": image.identity.series_instance_uid,
        "sop_instance_uid": image.identity.sop_instance_uid,
        "shape": list(image.shape),
        "spacing_mm": None if spacing is None else [_number(s) for s in spacing],
        "spacing_source": source,
        "region": _word(image.region),
        "view": value_or_none(image.view),
        "laterality": value_or_none(image.laterality),
        "posture": _word(image.posture),
        "posture_source": source_or_reason(image.posture),
        "gravity": None if not isinstance(image.gravity, Known) else [_number(g) for g in image.gravity.value],
        "gravity_source": source_or_reason(image.gravity),
        "labels": labels,
        "lesions": [lesion.id for lesion in analysis.lesions if lesion.image == index],
        "notes": [*image.notes, *segmentation.notes],
    }


def _lesion(analysis: Analysis, index: int) -> Row:
    lesion, measurement = analysis.lesions[index], analysis.measurements[index]
    points = lesion.crop.points()
    return {
        "id": lesion.id,
        "image": lesion.image,
        "label": lesion.label,
        "region": _word(lesion.region),
        "laterality": value_or_none(lesion.laterality),
        "bbox": [list(lesion.crop.offset), [n - 1 for n in lesion.crop.stop]],
        "centroid": [_number(c) for c in points.mean(axis=0)],
        "parts": int(measurement.known("parts") or len(lesion.deposits)),
        "confidence": _number(lesion.confidence),
        "same_as": list(lesion.same_as),
        "features": features_as_json(measurement),
        "findings": [_finding(f) for f in analysis.findings if f.lesion == lesion.id],
        "differential": _shares(analysis.lesion_differentials[index]),
    }


def features_as_json(measurement: Measurement) -> Row:
    """Features by name: value, unit and code, or why there is none."""
    return {feature.name: _feature(feature) for feature in measurement.features}


def _feature(feature: Feature) -> Row:
    match feature.value:
        case Known(value=value):
            return {"value": _number(value), "unit": feature.unit, "code": feature.code}
        case unknown:
            return {"not_assessable": unknown.reason}


def _finding(finding: Finding) -> Row:
    return {
        "id": finding.id,
        "state": str(finding.state),
        "probability": None if finding.probability is None else _number(finding.probability),
        "because": finding.because,
        "features": list(finding.features),
    }


def _ranked(ranked: Ranked) -> Row:
    return {
        "entity": ranked.entity,
        "group": ranked.group,
        "subtype": ranked.subtype,
        "probability": _number(ranked.probability),
        "evidence": [_evidence(e) for e in ranked.evidence],
    }


def _evidence(evidence: Evidence) -> Row:
    return {
        "finding": evidence.finding,
        "lesion": evidence.lesion,
        "direction": evidence.direction,
        "weight": _number(evidence.weight),
        "assertions": list(evidence.assertions),
        "claim": evidence.claim,
        "source": evidence.source,
    }


def _shares(differential: Differential) -> list[Row]:
    return [{"entity": r.entity, "probability": _number(r.probability)} for r in differential.ranked]


def _not_assessable(findings: tuple[Finding, ...]) -> list[Row]:
    """Each finding and reason once, in the order of the findings."""
    rows: dict[tuple[str, str], Row] = {}
    for finding in findings:
        if finding.state is State.NOT_ASSESSABLE:
            key = (finding.id, finding.because)
            rows.setdefault(key, {"finding": finding.id, "reason": finding.because, "would_help": finding.would_help})
    return list(rows.values())


def spacing_of(image: Image) -> tuple[tuple[float, ...] | None, str]:
    """Spacing in mm per axis of an image, or None, with its source or reason."""
    if not isinstance(image, Radiograph):
        return image.spacing_mm, "ImagePositionPatient, PixelSpacing"
    match image.spacing_mm:
        case Known(value=value, source=source):
            return value, source
        case unknown:
            return None, f"unknown: {unknown.reason}"


def value_or_none(maybe: Maybe[T]) -> T | None:
    """The value, or None where it is unknown."""
    return maybe.value if isinstance(maybe, Known) else None


def source_or_reason(maybe: Maybe[T]) -> str:
    """Where a value comes from, or why there is none."""
    return maybe.source if isinstance(maybe, Known) else maybe.reason


def _word(maybe: Maybe[Any]) -> str:
    return str(maybe.value) if isinstance(maybe, Known) else "unknown"


def _number(value: float) -> float:
    return round(float(value), DECIMALS)

"""DICOM structured report (TID 1500, ComprehensiveSR) of one study: a group a lesion, and the ranked differential.

ComprehensiveSR is what most archives and viewers take; two-dimensional outlines draw the lesions. Nothing in it is
verified by a person, and it says so (PRELIMINARY by its content, UNVERIFIED by its flag).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dcm
from pydicom.sr.coding import Code

from pipeline.knowledge.codes import Codes
from pipeline.model.identity import MANUFACTURER, derived_uid
from pipeline.model.image import Image, Radiograph
from pipeline.model.known import Known
from pipeline.model.lesion import Lesion
from pipeline.model.measure import Finding
from pipeline.model.result import Analysis
from pipeline.objects import codes
from pipeline.objects.outlines import best_frame, closed_outline
from pipeline.objects.segmentation import content_key
from pipeline.objects.sources import source_headers
from pipeline.objects.stamp import stamp
from pipeline.objects.statements import entities_as_evaluations, features_as_measurements, findings_as_evaluations

SERIES_NUMBER = 902
MOST_GROUPS = 20
"""Lesions of an image with a group of their own, the most confident first; the conclusion says how many there are.

A group costs some 0.07 s of CPU time; the SEG and results.json hold all lesions.
"""
CONTAINS = sr.RelationshipTypeValues.CONTAINS
NOTICE = "Decision support. AI result, not for primary diagnosis: a physician decides."

Part = (
    sr.PlanarROIMeasurementsAndQualitativeEvaluations
    | sr.VolumetricROIMeasurementsAndQualitativeEvaluations
    | sr.MeasurementsAndQualitativeEvaluations
)


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """An image with what the report says of it: its lesions and its SEG, where one could be made."""

    image: Image
    lesions: tuple[Lesion, ...]
    segmentation: Dataset | None


def structured_report(analysis: Analysis, pictured: Sequence[Pictured], words: Codes) -> sr.ComprehensiveSR:
    """The report of a study. `pictured` are its images, all of them, in order.

    ValueError, AttributeError and TypeError where the source headers do not allow one.
    """
    builder = _Builder(analysis, words)
    groups: list[Part] = []
    library: dict[str, Dataset] = {}
    evidence: list[Dataset] = []
    for item in pictured:
        made, touched = builder.groups(item)
        groups += made
        library |= {str(header.SOPInstanceUID): header for header in touched}
        if item.segmentation is not None and made:
            evidence.append(item.segmentation)
    if not library:
        first = source_headers(pictured[0].image, (0,), None)[0]
        library[str(first.SOPInstanceUID)] = first
    sources = list(library.values())
    report = sr.MeasurementReport(
        observation_context=_context(),
        procedure_reported=_procedure(pictured),
        imaging_measurements=[*groups, builder.conclusion()],
        title=dcm.DCM.ImagingMeasurementReport,
        referenced_images=[h for h in sources if _fits_library(h)] or None,
    )
    if groups:
        _conclude_apart(report[0])
    key = "\x1f".join((content_key(analysis.lesions, analysis), repr(analysis.differential)))
    # highdicom copies the tree that it is given and searches it three times: two thirds of what a report costs
    content = report[0].ContentSequence
    report[0].ContentSequence = sr.ContentSequence([content[0]])
    made_object = sr.ComprehensiveSR(
        evidence=[*sources, *evidence],
        content=report,
        series_instance_uid=derived_uid("sr series", analysis.study_instance_uid, key),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derived_uid("sr", analysis.study_instance_uid, key),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="Calcific deposits: measurements (AI)",
    )
    made_object.ContentSequence = content
    stamp(made_object, sources[0])
    return made_object


@dataclass(frozen=True, slots=True, eq=False)
class _Builder:
    analysis: Analysis
    words: Codes

    def groups(self, item: Pictured) -> tuple[list[Part], list[Dataset]]:
        """Groups of an image's lesions, and the headers of the frames that they are drawn on."""
        made: list[Part] = []
        touched: list[Dataset] = []
        key = content_key(item.lesions, self.analysis)
        for number, lesion in enumerate(item.lesions[:MOST_GROUPS], start=1):
            frame = None if isinstance(item.image, Radiograph) else best_frame(lesion)
            (header,) = source_headers(item.image, (frame or 0,), None)
            if int(header.get("NumberOfFrames") or 1) > 1:
                continue
            touched.append(header)
            names = self.names(lesion, derived_uid("lesion", str(lesion.id), key))
            region = sr.ImageRegion(
                sr.GraphicTypeValues.POLYLINE,
                closed_outline(lesion, frame),
                sr.SourceImageForRegion.from_source_image(header),
            )
            if frame is None or item.segmentation is None:
                names |= self.statements(lesion)
            else:
                segment = sr.ReferencedSegment(
                    item.segmentation.SOPClassUID,
                    item.segmentation.SOPInstanceUID,
                    number,
                    source_series=sr.SourceSeriesForSegmentation(str(header.SeriesInstanceUID)),
                )
                volume = names | self.statements(lesion)
                made.append(sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **volume))
            made.append(sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **names))
        return made, touched

    def names(self, lesion: Lesion, tracking_uid: str) -> dict[str, Any]:
        """What tells a lesion: readers put a volume and an outline with the same tracking UID together."""
        site = codes.SITES[lesion.region.value] if isinstance(lesion.region, Known) else codes.SOFT_TISSUE
        side = codes.SIDES.get(lesion.laterality.value) if isinstance(lesion.laterality, Known) else None
        return {
            "tracking_identifier": sr.TrackingIdentifier(uid=tracking_uid, identifier=f"lesion {lesion.id}"),
            "finding_type": codes.PATHOLOGIC_CALCIFICATION,
            "finding_sites": [sr.FindingSite(site, laterality=side)],
        }

    def statements(self, lesion: Lesion) -> dict[str, Any]:
        """What is said of a lesion: measurements, findings, its differential."""
        index = self.analysis.lesions.index(lesion)
        return {
            "measurements": features_as_measurements(self.analysis.measurements[index], self.words) or None,
            "qualitative_evaluations": [
                *findings_as_evaluations(self.findings(lesion.id), self.words),
                *entities_as_evaluations(self.analysis.lesion_differentials[index], self.words, evidence=False),
            ],
        }

    def algorithm(self) -> sr.AlgorithmIdentification:
        """Name, version and digests of what made the result."""
        software = self.analysis.software
        digests = [f"profile {software.profile}", f"knowledge {software.knowledge_sha256}"]
        digests += [f"settings {software.settings_sha256}"]
        digests += sorted({f"{m.name} {m.sha256}" for s in self.analysis.segmentations for m in s.models})
        return sr.AlgorithmIdentification(name="calcinosis", version=software.version, parameters=digests)

    def findings(self, lesion_id: int | None) -> tuple[Finding, ...]:
        """Findings of a lesion, or of the study for None."""
        return tuple(f for f in self.analysis.findings if f.lesion == lesion_id)

    def conclusion(self) -> sr.MeasurementsAndQualitativeEvaluations:
        """The study as a whole: number of lesions, findings, the ranked differential, advice."""
        uid = derived_uid("study", self.analysis.study_instance_uid)
        count = sr.Measurement(codes.LESIONS, len(self.analysis.lesions), dcm.UCUM.NoUnits)
        made = sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(uid=uid, identifier="study"),
            finding_type=codes.PATHOLOGIC_CALCIFICATION,
            algorithm_id=self.algorithm(),
            measurements=[count],
            qualitative_evaluations=[
                *findings_as_evaluations(self.findings(None), self.words),
                *entities_as_evaluations(self.analysis.differential, self.words, evidence=True),
            ],
        )
        texts = [(dcm.DCM.Impression, NOTICE)]
        texts += [(dcm.DCM.Recommendation, r.text) for r in self.analysis.recommendations]
        made[0].ContentSequence.extend(sr.TextContentItem(name, text, CONTAINS) for name, text in texts)
        return made


def _context() -> sr.ObservationContext:
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", MANUFACTURER),
        name="calcinosis",
        manufacturer_name=MANUFACTURER,
        model_name="calcinosis",
        serial_number="0",
    )
    return sr.ObservationContext(observer_device_context=sr.ObserverContext(dcm.DCM.Device, device))


def _conclude_apart(report: Dataset) -> None:
    """Move the conclusion, the last group, into the container of qualitative evaluations (TID 1500 row 12), in place.

    A group that is drawn nowhere keeps viewers (OHIF 3.12) from drawing any: beside lesions it must not be one.
    """
    measurements = report.ContentSequence[-1]
    conclusion = measurements.ContentSequence.pop()
    apart = sr.ContainerContentItem(name=codes.QUALITATIVE_EVALUATIONS, relationship_type=CONTAINS)
    tracked = sr.RelationshipTypeValues.HAS_OBS_CONTEXT.value
    apart.ContentSequence = sr.ContentSequence(
        [item for item in conclusion.ContentSequence if item.RelationshipType != tracked]
    )
    report.ContentSequence.append(apart)


def _procedure(pictured: Sequence[Pictured]) -> Code:
    projections = all(isinstance(item.image, Radiograph) for item in pictured)
    name = dcm.LN.XRUnspecifiedBodyRegion if projections else dcm.LN.CTUnspecifiedBodyRegion
    return Code(name.value, name.scheme_designator, name.meaning)


def _fits_library(header: Dataset) -> bool:
    """Whether highdicom's image library can describe an image."""
    try:
        sr.ImageLibraryEntryDescriptors(header)
    except Exception:  # highdicom raises anything on odd headers
        return False
    return True

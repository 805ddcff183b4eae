"""One study, start to end: the story of the program.

A study is a pure function of its files, the settings and the software: the same inputs give the same bytes, `seconds`
aside.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from pipeline import __version__
from pipeline.dicom.context import read_context
from pipeline.dicom.files import StudyFiles
from pipeline.dicom.patient import read_patient, shown_identity
from pipeline.dicom.radiograph import read_radiographs
from pipeline.dicom.volume import read_volumes
from pipeline.differential.advice import recommend
from pipeline.differential.case import Case
from pipeline.differential.confirmed import confirmed
from pipeline.differential.rank import Ranking, rank
from pipeline.errors import ConfigurationError, InputError
from pipeline.features.measure import FULL_LESIONS, measure, measure_in_brief
from pipeline.features.table import FEATURES
from pipeline.findings.judge import judge
from pipeline.knowledge.loading import Knowledge, load_knowledge
from pipeline.knowledge.records import Numbers
from pipeline.knowledge.settings import Settings
from pipeline.model.context import ClinicalContext
from pipeline.model.image import Image, Radiograph
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.lesion import Lesion, Segmentation, union
from pipeline.model.measure import Measurement
from pipeline.model.ranking import Differential
from pipeline.model.result import Analysis, Skipped, Software
from pipeline.model.vocabulary import Region
from pipeline.objects.write import write_objects
from pipeline.report.reasons import Names
from pipeline.report.study_folder import write_study
from pipeline.segmentation.ct import segment_volume
from pipeline.segmentation.matching import match_views
from pipeline.segmentation.radiograph import segment_radiograph

NO_EARLIER = Unknown("no earlier study of this patient in the run or store")
"""Until the run has ended; see `pipeline.batch.following`."""
PROFILES = ("seed", "literature")
"""Profiles that every study is ranked by, beside the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Wall seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to stage `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class Asked:
    """How to analyse a study: profile (name or file), a context.json that the caller named, and its fingerprint."""

    profile: str = "seed"
    context: Path | None = None
    fingerprint: str = ""


def run_study(study: StudyFiles, folder: Path, settings: Settings, asked: Asked) -> None:
    """Analyse a study and leave its results in `folder`, complete or not at all.

    InputError when the study holds images and none can be used; OutputError when the folder cannot be written.
    """
    analysis = analyse(study, settings, asked)
    patient = shown_identity(study, settings.report, settings.dicom)
    write_study(
        analysis, folder, write_objects, names_for(asked.profile), fingerprint=asked.fingerprint, patient=patient
    )


def analyse(study: StudyFiles, settings: Settings, asked: Asked) -> Analysis:
    """One study, start to end, in memory."""
    watch = Stopwatch()
    knowledge = knowledge_for(asked.profile)
    with watch.stage("load"):
        clinical, mistakes = _context_of(study, asked.context, settings.dicom.max_context_bytes)
        images, skipped = read(study, clinical, settings)
        patient = read_patient(study, settings.dicom)
    if not images and (study.refused or study.series):
        raise InputError(_why_no_image(study, skipped))
    with watch.stage("segment"):
        segmentations = tuple(segment(image, settings) for image in images)
        lesions = match_views(number_lesions(images, segmentations, knowledge.profile.numbers), images)
    with watch.stage("features"):
        measurements = measure_all(lesions, images, segmentations)
    with watch.stage("findings"):
        findings = judge(lesions, measurements, images, segmentations, patient, clinical, knowledge)
    with watch.stage("differential"):
        lesions = confirmed(lesions, findings, knowledge.profile.numbers)
        region = study_region(images, clinical)
        modalities = tuple(kind_of(image) for image in images)
        case = Case(findings, lesions, modalities, patient, clinical, region)
        rankings = {name: rank(case, knowledge_for(name)) for name in dict.fromkeys((asked.profile, *PROFILES))}
        chosen = rankings[asked.profile]
        recommendations = recommend(case, chosen, knowledge)
    return Analysis(
        study_instance_uid=study.study_instance_uid,
        software=software(settings, knowledge),
        patient=patient,
        context=clinical,
        region=region,
        images=images,
        segmentations=with_brief_noted(segmentations, lesions),
        lesions=lesions,
        measurements=measurements,
        findings=findings,
        lesion_differentials=chosen.lesion_differentials,
        differential=chosen.differential,
        differential_by_profile=_by_name(rankings),
        recommendations=recommendations,
        skipped=(*study.skipped, *skipped, *mistakes),
        seconds=watch.seconds,
        earlier=NO_EARLIER if isinstance(study.subject, Known) else study.subject,
    )


def read(
    study: StudyFiles, context: ClinicalContext, settings: Settings
) -> tuple[tuple[Image, ...], tuple[Skipped, ...]]:
    """All images of a study in the order of their series; what cannot be used comes back with its reason."""
    images: list[Image] = []
    skipped: list[Skipped] = []
    for series in study.series:
        reader = read_radiographs if series.kind == "radiograph" else read_volumes
        found, unusable = reader(series, context, settings.dicom)
        images.extend(found)
        skipped.extend(unusable)
    return tuple(images), tuple(skipped)


def segment(image: Image, settings: Settings) -> Segmentation:
    """What is seen on one image."""
    match image:
        case Radiograph():
            return segment_radiograph(image, settings.segmentation)
        case volume:
            return segment_volume(volume, settings.segmentation)


def number_lesions(
    images: tuple[Image, ...], segmentations: tuple[Segmentation, ...], numbers: Numbers
) -> tuple[Lesion, ...]:
    """Lesions of all images with ids that count through the study, in the order of images and confidence.

    `numbers` tell how far the search is to be trusted.
    """
    lesions: list[Lesion] = []
    for index, (image, segmentation) in enumerate(zip(images, segmentations, strict=True)):
        for label, deposits in enumerate(segmentation.lesions, start=1):
            lesions.append(
                Lesion(
                    id=len(lesions) + 1,
                    image=index,
                    label=label,
                    deposits=deposits,
                    crop=union(d.crop for d in deposits),
                    confidence=numbers.chance_real(max(d.confidence for d in deposits), kind_of(image)),
                    region=image.region,
                    laterality=image.laterality,
                )
            )
    return tuple(lesions)


def kind_of(image: Image) -> str:
    """Radiograph or ct."""
    return "radiograph" if isinstance(image, Radiograph) else "ct"


def measure_all(
    lesions: tuple[Lesion, ...], images: tuple[Image, ...], segmentations: tuple[Segmentation, ...]
) -> tuple[Measurement, ...]:
    """Features of every lesion on its image; beyond `FULL_LESIONS` the least sure ones in brief."""
    full = {lesion.id for lesion in sorted(lesions, key=lambda x: -x.confidence)[:FULL_LESIONS]}
    return tuple(
        (measure if lesion.id in full else measure_in_brief)(lesion, images[lesion.image], segmentations[lesion.image])
        for lesion in lesions
    )


def with_brief_noted(segmentations: tuple[Segmentation, ...], lesions: tuple[Lesion, ...]) -> tuple[Segmentation, ...]:
    """The segmentations, each with a note where the study has more lesions than are measured in full."""
    if len(lesions) <= FULL_LESIONS:
        return segmentations
    note = f"{len(lesions)} lesions: all but the {FULL_LESIONS} surest are measured in brief (size, density, place)"
    return tuple(replace(segmentation, notes=(*segmentation.notes, note)) for segmentation in segmentations)


def study_region(images: tuple[Image, ...], context: ClinicalContext) -> Maybe[Region]:
    """The region that the images agree on; the context fills silence."""
    known = [image.region for image in images if isinstance(image.region, Known)]
    names = {region.value for region in known}
    if len(names) == 1:
        return known[0]
    if names:
        return Unknown("images show different regions: " + ", ".join(sorted(names)))
    if context.region is not None:
        return Known(context.region, "context")
    return images[0].region if images else Unknown("no image")


def software(settings: Settings, knowledge: Knowledge) -> Software:
    """Version and digests that results bear."""
    return Software(__version__, settings.sha256, knowledge.digest, knowledge.profile.name)


def names_for(profile: str) -> Names:
    """What people call the entities, groups and findings of a profile."""
    knowledge = knowledge_for(profile)
    return Names(
        entities={e.id: e.label for e in knowledge.entities.values()},
        groups=knowledge.groups,
        findings={f.id: f.label for f in knowledge.findings.values()},
        absences={f.id: f.absent for f in knowledge.findings.values()},
    )


@lru_cache(maxsize=4)
def knowledge_for(profile: str) -> Knowledge:
    """The knowledge of a profile, read once a process."""
    return load_knowledge(profile, frozenset(row.name for row in FEATURES))


def _context_of(study: StudyFiles, named: Path | None, most: int) -> tuple[ClinicalContext, tuple[Skipped, ...]]:
    """The clinical context, and the mistakes of a context.json that lay beside the study and is not applied."""
    path = named or study.context
    if path is None:
        return ClinicalContext(), ()
    try:
        return read_context(path, max_bytes=most), ()
    except ConfigurationError as error:
        if named is not None:
            raise
        return ClinicalContext(), (
            Skipped(path.name, f"clinical context not applied: {str(error).replace(chr(10), '; ')}"),
        )


def _why_no_image(study: StudyFiles, skipped: tuple[Skipped, ...]) -> str:
    reasons = [s.reason for s in (*skipped, *study.skipped)]
    return f"no image of the study can be used: {reasons[0]}" if reasons else "no image of the study can be used"


def _by_name(rankings: Mapping[str, Ranking]) -> dict[str, Differential]:
    """Differentials of the shipped profiles, and of the one that was asked for, by name."""
    return {Path(name).stem: ranking.differential for name, ranking in rankings.items()}

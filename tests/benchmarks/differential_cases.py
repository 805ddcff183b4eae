"""Studies of a simulated cohort as cases of the differential: with their true findings, or with what a run measured."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.calibration.replay import case_of, patient_of, region_of
from pipeline.dicom.context import read_context
from pipeline.differential.case import Case
from pipeline.findings.context import context_findings
from pipeline.findings.judge import place_findings
from pipeline.knowledge.loading import Knowledge
from pipeline.model.context import ClinicalContext
from pipeline.model.lesion import Crop, Lesion
from pipeline.model.measure import Finding
from pipeline.model.vocabulary import State

SURE = 0.99
"""Probability that a true finding is given with; nobody is surer of what was seen."""
REAL = 0.97
"""Confidence that a true lesion is given with."""
VISIBLE = {"radiograph": 1.0, "ct": 2.0}
"""Contrast to noise from which the truth counts a lesion as visible."""


@dataclass(frozen=True, slots=True)
class Study:
    """One study of a cohort: its truth, the clinical context beside it, and what a run wrote of it (None: no run)."""

    name: str
    truth: Mapping[str, Any]
    context: ClinicalContext
    result: Mapping[str, Any] | None = None

    @property
    def kind(self) -> str:
        """Radiograph or ct."""
        return str(self.truth["kind"])

    @property
    def entity(self) -> str:
        """What it shows."""
        return str(self.truth["entity"])

    @property
    def visible(self) -> bool:
        """Whether the main lesion can be seen; true where there is none."""
        own = [x for x in self.truth["lesions"] if x["entity"] == self.entity]
        return not own or any(x["visibility"] >= VISIBLE[self.kind] for x in own)


@dataclass(frozen=True, slots=True)
class Runs:
    """Cohorts, and the folders of the runs made of them."""

    cohorts: tuple[Path, ...]
    results: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Sides:
    """Studies, and where they and their results lie."""

    studies: Sequence[Study]
    runs: Runs


def read_studies(cohorts: Sequence[Path], results: Sequence[Path] = ()) -> tuple[Study, ...]:
    """All studies of the cohorts, with the results of the runs where there are any."""
    found = []
    for path in sorted(p for cohort in cohorts for p in cohort.glob("truth/*/truth.json")):
        truth = json.loads(path.read_text())
        told = path.parents[2] / "studies" / path.parent.name / "context.json"
        context = read_context(told) if told.exists() else ClinicalContext()
        name = f"{path.parents[2].name}/{path.parent.name}"
        found.append(Study(name, truth, context, _result(str(truth["study_instance_uid"]), results)))
    return tuple(found)


def _result(uid: str, runs: Iterable[Path]) -> Mapping[str, Any] | None:
    for run in runs:
        path = run / "studies" / uid / "results.json"
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text())
            return found if found["study"]["status"] == "analysed" else None
    return None


def true_case(study: Study, knowledge: Knowledge, *, context: bool) -> Case:
    """A study with the findings of its truth; what the truth does not list is unknown."""
    lesions = tuple(_true_lesions(study.truth))
    findings = list(_true_findings(study.truth, lesions, knowledge))
    told = study.context if context else ClinicalContext()
    patient = patient_of(study.truth["age_years"], study.truth["sex"])
    findings += context_findings(patient, told, knowledge)
    modalities = (study.kind,) * len(study.truth["images"])
    return Case(tuple(findings), lesions, modalities, patient, told, region_of(study.truth["region"]))


def _true_lesions(truth: Mapping[str, Any]) -> Iterator[Lesion]:
    """One lesion for each row; rows with one label are views of one lesion."""
    views: dict[int, list[int]] = {}
    for i, row in enumerate(truth["lesions"], start=1):
        before = tuple(views.setdefault(row["label"], []))
        views[row["label"]].append(i)
        place = region_of(row.get("region") or truth["region"])
        yield Lesion(i, row["image"], row["label"], (), _dot(), REAL, place, same_as=before)


def _true_findings(truth: Mapping[str, Any], lesions: Sequence[Lesion], knowledge: Knowledge) -> Iterator[Finding]:
    """Of the lesions, of the study, and what follows from the region."""
    of_study: dict[str, bool] = {}
    for row, lesion in zip(truth["lesions"], lesions, strict=True):
        listed = {f: v for f, v in row["findings"].items() if f in knowledge.findings}
        yield from (f for f in place_findings(lesion, knowledge) if f.id not in listed)
        for name, present in listed.items():
            if knowledge.findings[name].level != "lesion":
                of_study[name] = of_study.get(name, False) or present
            elif name != "fluid_level" or row["fluid_level"]["assessable"]:
                yield _stated(name, present, lesion.id)
    yield from (_stated(name, present, None) for name, present in of_study.items())
    if any(image["fluid_level"]["assessable"] for image in truth["images"]):
        yield _stated("gravity_sensitive_view", True, None)


def measured_case(study: Study, knowledge: Knowledge, *, context: bool) -> Case | None:
    """A study with the features that a run measured, judged anew; None where the run gave nothing."""
    if study.result is None:
        return None
    return case_of(study.result, knowledge, study.context if context else ClinicalContext())


def _stated(name: str, present: bool, lesion: int | None) -> Finding:
    state, p = (State.PRESENT, SURE) if present else (State.ABSENT, 1 - SURE)
    return Finding(name, state, p, "truth", lesion=lesion)


def _dot() -> Crop:
    return Crop(np.ones((1, 1), bool), (0, 0))

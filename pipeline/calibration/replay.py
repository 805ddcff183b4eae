"""A finished result judged and ranked anew with other knowledge: from what was measured, without its images."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.calibration.pairs import measurement_of
from pipeline.differential.case import Case
from pipeline.differential.rank import rank
from pipeline.findings.judge import judge
from pipeline.knowledge.loading import Knowledge
from pipeline.model.context import ClinicalContext, Patient
from pipeline.model.identity import ImageIdentity
from pipeline.model.image import Image, Radiograph, Volume
from pipeline.model.known import Known, Maybe, Unknown
from pipeline.model.lesion import Crop, Lesion
from pipeline.model.measure import Finding
from pipeline.model.vocabulary import Laterality, Region, State

Row = Mapping[str, Any]


def replayed(result: Row, knowledge: Knowledge) -> dict[str, float]:
    """Probability of each answer for a study, from the content of its results.json."""
    ranked = rank(case_of(result, knowledge), knowledge).differential.ranked
    return {row.entity: row.probability for row in ranked}


def case_of(result: Row, knowledge: Knowledge, told: ClinicalContext | None = None) -> Case:
    """A study with the features that a run measured, judged anew.

    Without `told`, what the result itself says of the history, the laboratory and the examination is kept.
    """
    images = tuple(_image(row) for row in result["images"])
    lesions = tuple(_lesion(row) for row in result["lesions"])
    measurements = [measurement_of(row) for row in result["lesions"]]
    about = result["study"]
    patient = patient_of(about["age_years"], about["sex"])
    clinical = ClinicalContext() if told is None else told
    found = judge(lesions, measurements, images, (), patient, clinical, knowledge)
    if told is None:
        kept = {row["id"]: row for row in result["findings"] if _level(row["id"], knowledge) == "context"}
        found = tuple(_finding(kept[f.id]) if f.id in kept and f.lesion is None else f for f in found)
    kinds = tuple(row["kind"] for row in result["images"])
    return Case(found, lesions, kinds, patient, clinical, region_of(about["region"]))


def _level(finding: str, knowledge: Knowledge) -> str:
    return knowledge.findings[finding].level if finding in knowledge.findings else ""


def _finding(row: Row) -> Finding:
    return Finding(row["id"], State(row["state"]), row["probability"], row["because"], tuple(row["features"]))


def _lesion(row: Row) -> Lesion:
    """A lesion whose mask is one element: what reasons asks for no more."""
    side = row["laterality"]
    return Lesion(
        row["id"], row["image"], row["label"], (), Crop(np.ones((1, 1), bool), (0, 0)), row["confidence"],
        region_of(row["region"]), Known(Laterality(side), "run") if side else Unknown("side not stated"),
        tuple(row["same_as"]),
    )  # fmt: skip


def _image(row: Row) -> Image:
    """What findings ask of an image: its kind, region and gravity; one pixel stands for its picture."""
    ray = row["gravity"]
    gravity: Maybe[tuple[float, ...]] = Known(tuple(ray), "run") if ray else Unknown("gravity not known")
    place, identity = region_of(row["region"]), ImageIdentity("1", "1", None, row["modality"], ())
    if row["kind"] == "ct":
        return Volume(np.zeros((1, 1, 1), np.int16), np.eye(4), gravity, Unknown("-"), place, identity)
    return Radiograph(
        np.zeros((1, 1), np.float32), np.ones((1, 1), bool), Unknown("-"), Unknown("-"), gravity,
        Unknown("-"), Unknown("-"), Unknown("-"), place, identity,
    )  # fmt: skip


def patient_of(age: float | None, sex: str | None) -> Patient:
    """Age in years and sex as a file tells them, None where it does not."""
    return Patient(
        Unknown("age not stated") if age is None else Known(float(age), "header"),
        Unknown("sex not stated") if sex is None else Known(sex, "header"),
    )


def region_of(word: str | None) -> Maybe[Region]:
    """The region of a word, unknown for any other."""
    return Known(Region(word), "header") if word in set(Region) else Unknown("region not stated")

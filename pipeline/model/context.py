"""What is known of the patient beside the images."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.model.known import Maybe, Unknown
from pipeline.model.vocabulary import Posture, Region


@dataclass(frozen=True, slots=True)
class Laboratory:
    """A laboratory value in the first unit that clinical context accepts for it (phosphate: mmol/L).

    `low`, `high`: the laboratory's own reference range in that unit, None where it states none.
    """

    value: float
    unit: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class ClinicalContext:
    """The content of a context.json, checked. A key that is absent is unknown, not false.

    `image_postures` override the headers image by image (SOP Instance UID); `posture` only fills their silence.
    """

    history: Mapping[str, bool | float | str] = field(default_factory=dict)
    labs: Mapping[str, Laboratory] = field(default_factory=dict)
    examination: Mapping[str, bool] = field(default_factory=dict)
    medication: Mapping[str, bool] = field(default_factory=dict)
    age_years: float | None = None
    sex: str | None = None
    posture: Posture | None = None
    region: Region | None = None
    image_postures: Mapping[str, Posture] = field(default_factory=dict)
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """Age and sex ("F", "M", "O"), each with its source."""

    age_years: Maybe[float] = Unknown("age not stated")
    sex: Maybe[str] = Unknown("sex not stated")

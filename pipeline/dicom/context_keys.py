"""Keys, units and limits of context.json, one table for each section.

They are those of the project's clinical reference for context; a table row is all that a new key needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pipeline.model.vocabulary import Region


@dataclass(frozen=True, slots=True)
class Limits:
    """A number within `low` to `high`, both allowed."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Test:
    """A laboratory test: factor of each accepted unit to the first, and possible values in the first."""

    units: Mapping[str, float]
    possible: Limits


Kind: TypeAlias = type[bool] | Limits | tuple[str, ...]
"""What a key holds: true or false, a number, or one of several words."""

_REGIONS = tuple(Region)
_WEEKS = Limits(0, 5200)

HISTORY: dict[str, Kind] = {
    "trauma": bool,
    "trauma_weeks_ago": _WEEKS,
    "trauma_site": _REGIONS,
    "surgery": bool,
    "surgery_weeks_ago": _WEEKS,
    "surgery_site": _REGIONS,
    "paralysis": bool,
    "tuberculosis": bool,
    "tropical_residence": bool,
    "sheep_contact": bool,
    "necrosis": bool,
    "endocrine_disorder": bool,
    "metabolic_disorder": bool,
    "hyperparathyroidism": bool,
    "hyperparathyroidism_kind": ("primary", "secondary", "tertiary"),
    "chronic_kidney_disease": bool,
    "dialysis": bool,
    "dialysis_years": Limits(0, 60),
    "vitamin_d_intoxication": bool,
    "milk_alkali_syndrome": bool,
    "dermatomyositis": bool,
    "dermatomyositis_years": Limits(0, 80),
    "systemic_sclerosis": bool,
    "diabetes": bool,
    "malignancy": bool,
    "venous_insufficiency": bool,
    "gout": bool,
    "family_tumoral_calcinosis": bool,
    "histology_bone": bool,
    "symptom_weeks": _WEEKS,
    "growing": bool,
    "painful": bool,
}
EXAMINATION: dict[str, Kind] = dict.fromkeys(
    (
        "mobile",
        "well_defined",
        "at_lymph_node_station",
        "scar",
        "paralyzed_limb",
        "fluid_moves_on_compression",
        "us_echogenic_fluid",
        "us_calcium_level",
        "mri_t1_normal",
        "mri_t2_bright",
        "skin_rash",
        "muscle_weakness",
        "raynaud",
        "skin_ulcer",
    ),
    bool,
)
MEDICATION: dict[str, Kind] = dict.fromkeys(
    (
        "vitamin_d",
        "calcium_antacid",
        "calcium_phosphate_binder",
        "calcitriol",
        "warfarin",
        "corticosteroid",
        "injection_at_site",
    ),
    bool,
)
LABS: dict[str, Test] = {
    "phosphate": Test({"mmol/L": 1, "mg/dL": 0.323}, Limits(0.05, 10)),
    "calcium_total": Test({"mmol/L": 1, "mg/dL": 0.2495}, Limits(0.5, 6)),
    "calcium_ionized": Test({"mmol/L": 1}, Limits(0.2, 3)),
    "pth": Test({"pmol/L": 1, "ng/L": 0.106, "pg/mL": 0.106}, Limits(0, 1000)),
    "creatinine": Test({"umol/L": 1, "mg/dL": 88.4}, Limits(1, 3000)),
    "egfr": Test({"mL/min/{1.73_m2}": 1}, Limits(0, 300)),
    "vitamin_d_25oh": Test({"nmol/L": 1, "ng/mL": 2.496}, Limits(0, 3000)),
    "alkaline_phosphatase": Test({"U/L": 1}, Limits(0, 20_000)),
    "creatine_kinase": Test({"U/L": 1}, Limits(0, 1_000_000)),
    "fgf23_intact": Test({"ng/L": 1}, Limits(0, 1_000_000)),
}
"""Limits of phosphate, total calcium, PTH and creatinine from the clinical reference; the rest is an estimate of what
no living patient exceeds."""

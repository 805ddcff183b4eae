"""Classifiers trained on the same features, to compare with: random forest and logistic regression (scikit-learn)."""

from collections.abc import Sequence

import numpy as np
from differential_cases import Study
from differential_figures import Row
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from pipeline.features.table import FEATURES
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import ANSWERS
from pipeline.model.vocabulary import Region

TREES = 500
PENALTY = 0.1
"""Inverse strength of the quadratic penalty of the logistic regression."""
HISTORY = (
    "trauma", "surgery", "paralysis", "tuberculosis", "tropical_residence", "sheep_contact", "dialysis", "painful",
    "hyperparathyroidism", "dermatomyositis", "systemic_sclerosis", "diabetes", "venous_insufficiency",
    "family_tumoral_calcinosis",
)  # fmt: skip
LABS = ("phosphate", "calcium_total", "creatinine")
EXAMINATION = ("mobile", "fluid_moves_on_compression", "muscle_weakness")


def learned(training: Sequence[Study], tested: Sequence[Study], knowledge: Knowledge) -> dict[str, list[Row]]:
    """Shares by either classifier, with and without context. Studies without a result cannot be trained on."""
    known = [s for s in training if s.result is not None]
    if not known or {s.truth["study_instance_uid"] for s in known} & {s.truth["study_instance_uid"] for s in tested}:
        raise SystemExit("--train: no results, or studies that are also tested")
    groups = {e: knowledge.group(e) for e in (*knowledge.entities, *ANSWERS)}
    table: dict[str, list[Row]] = {}
    for context in (True, False):
        x = np.array([vector(s, context) for s in known])
        y = np.array([s.entity for s in known])
        for name, model in _models():
            model.fit(x, y)
            rows = []
            for study in tested:
                shares = model.predict_proba(vector(study, context)[None])[0]
                given = {str(e): float(p) for e, p in zip(model.classes_, shares, strict=True)}
                rows.append(Row(study.name, study.kind, study.entity, study.visible, given, groups))
            table[f"{name}, {'with' if context else 'without'} context"] = rows
    return table


def _models() -> tuple[tuple[str, object], ...]:
    forest = RandomForestClassifier(TREES, min_samples_leaf=2, random_state=0)
    line = LogisticRegression(C=PENALTY, max_iter=2000)
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    ranks = QuantileTransformer(n_quantiles=50, output_distribution="normal", random_state=0)
    return (
        (
            "random forest",
            make_pipeline(SimpleImputer(strategy="constant", fill_value=-1e6, keep_empty_features=True), forest),
        ),
        ("logistic regression", make_pipeline(fill, ranks, line)),
    )


def vector(study: Study, context: bool) -> NDArray[np.float64]:
    """Features of the largest lesion (times confidence), number of lesions, kind, region, age, sex, context.

    What is unknown is not a number.
    """
    rows = study.result["lesions"] if study.result is not None else []
    main = max(rows, key=_importance, default=None)
    values = [_feature(main, row.name) for row in FEATURES]
    values += [float(len(rows)), main["confidence"] if main else 0.0, float(study.kind == "ct")]
    region = study.truth["region"]
    values += [float(region == r.value) for r in Region]
    age, sex = study.truth["age_years"], study.truth["sex"]
    values += [np.nan if age is None else float(age), float(sex == "F"), float(sex == "M")]
    if context:
        told = study.context
        values += [_told(told.history.get(key)) for key in HISTORY]
        values += [told.labs[key].value if key in told.labs else np.nan for key in LABS]
        values += [_told(told.examination.get(key)) for key in EXAMINATION]
    return np.array(values)


def _importance(row: dict[str, object]) -> float:
    extent = _feature(row, "largest_extent")
    return float(row["confidence"]) * (1.0 if np.isnan(extent) else extent)  # type: ignore[arg-type]


def _feature(row: dict[str, object] | None, name: str) -> float:
    value = row["features"].get(name, {}).get("value") if row else None  # type: ignore[attr-defined]
    return np.nan if value is None else float(value)


def _told(value: object) -> float:
    return np.nan if value is None else float(bool(value))

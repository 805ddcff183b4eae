"""Studies of which readers told something, each with the result that a run wrote of it."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.calibration.fitting import Pair
from pipeline.calibration.pairs import matched, pairs_of, truths
from pipeline.calibration.priors import expected_shares, is_nothing
from pipeline.calibration.replay import case_of
from pipeline.errors import InputError
from pipeline.feedback.store import Feedback
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import INDETERMINATE
from pipeline.model.identity import file_stem


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """One study: the diagnosis (None where it was not told), what is known of its lesions, and what a run said.

    `pairs` are findings of lesions whose cause is known; `expected` the shares of all causes before anything is seen,
    float64 [entity]; `nothing` whether nothing is there, of a study in which nothing was found (else None). `first` and
    `last` are when readers spoke of it, seconds since the epoch; None of a truth that no reader told.
    """

    name: str
    kind: str
    entity: str | None
    result: Mapping[str, Any]
    pairs: tuple[tuple[str, Pair], ...]
    expected: NDArray[np.float64]
    nothing: bool | None
    first: float | None
    last: float | None


def read_studies(cohort: Path, runs: Path | Feedback, knowledge: Knowledge) -> tuple[Study, ...]:
    """The studies of `cohort` (an export, or any truth of that form) that `runs` has results of.

    `runs` is the output of a run, or the feedback that keeps the results of which readers spoke.
    """
    found = []
    for truth, folder in truths(cohort):
        written = _written(truth, runs)
        if written is None:
            continue
        result = json.loads((written / "results.json").read_text(encoding="utf-8"))
        if result["study"]["status"] == "analysed":
            found.append(_study(truth, folder, (result, written), knowledge))
    return tuple(found)


def pairs_by_finding(studies: Sequence[Study]) -> dict[str, list[Pair]]:
    """The pairs of all studies by finding."""
    found: dict[str, list[Pair]] = defaultdict(list)
    for study in studies:
        for finding, pair in study.pairs:
            found[finding].append(pair)
    return dict(sorted(found.items()))


def _written(truth: Mapping[str, Any], runs: Path | Feedback) -> Path | None:
    """The folder with the result of a study."""
    uid = str(truth["study_instance_uid"])
    if isinstance(runs, Feedback):
        folder = runs.results(uid, str(truth["reader"]["result"]))
    else:
        folder = runs / "studies" / file_stem(uid)
    return folder if (folder / "results.json").is_file() else None


def _study(truth: Mapping[str, Any], folder: Path, said: tuple[Mapping[str, Any], Path], knowledge: Knowledge) -> Study:
    result, written = said
    reader = truth.get("reader") or {}
    entity = str(truth["entity"]) if reader.get("diagnosis_told", True) else None
    uid = str(truth["study_instance_uid"])
    lesions = matched(truth, folder, result, written)
    known = entity is not None and entity != INDETERMINATE
    pairs = tuple(pairs_of(uid, lesions, knowledge)) if known else ()
    nothing = None
    if not result["lesions"] and (known or truth["lesions"]):
        nothing = not truth["lesions"] and entity is not None and is_nothing(entity)
    try:
        expected = expected_shares(case_of(result, knowledge), knowledge)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{written.name}: results.json is not what this version writes: run the study again"
        ) from error
    return Study(
        uid, str(truth["kind"]), entity, result, pairs, expected, nothing, reader.get("first"), reader.get("last")
    )  # fmt: skip

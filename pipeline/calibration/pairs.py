"""Truth beside what a run measured: which lesion of a result is which true one, and what rules see of it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from pipeline.calibration.fitting import Pair
from pipeline.findings.rules import learned_readings, readings
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.rules import Measured
from pipeline.model.known import Known, Unknown
from pipeline.model.measure import Feature, Measurement

LEFT = ("fluid_level",)
"""Findings whose measure already is a probability, made so where levels are sought."""
Row = Mapping[str, Any]


def truths(cohort: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Truth of every study of a cohort, with its folder, by name."""
    for path in sorted(cohort.glob("truth/*/truth.json")):
        yield json.loads(path.read_text(encoding="utf-8")), path.parent


def pairs_of(name: str, lesions: "Iterable[Matched]", knowledge: Knowledge) -> Iterator[tuple[str, Pair]]:
    """The finding and the pair of every rule on every lesion whose cause is known; where a rule rules out, none."""
    for rule, chances, (kind, _, measurement, true) in read_by_rules(lesions, knowledge):
        rate = _rate(rule.finding, true, knowledge)
        if rule.finding not in LEFT and rate is not None:
            learned = sum(r.odds for r in learned_readings(rule, measurement))
            yield rule.finding, Pair(name, kind, chances, rate, learned)


def read_by_rules(
    lesions: "Iterable[Matched]", knowledge: Knowledge
) -> Iterator[tuple[Measured, tuple[float | None, ...], "Matched"]]:
    """Every measured rule on every lesion that it can judge, with the chances of its terms before any fit."""
    rules = [r for r in knowledge.rules if isinstance(r, Measured)]
    for lesion in lesions:
        kind, region, measurement, _ = lesion
        for rule in rules:
            elsewhere = region in rule.absent_in or (rule.only_in and region not in rule.only_in)
            chances = None if elsewhere else readings(rule, measurement, kind)
            if chances is not None:
                yield rule, chances, lesion


def _rate(finding: str, true: Row, knowledge: Knowledge) -> float | None:
    """How often the lesion's cause has the finding; whether it is there where the truth tells."""
    if finding in true["findings"]:
        return float(bool(true["findings"][finding]))
    row = knowledge.likelihoods.get((finding, true["entity"]))
    return None if row is None else row.p


Matched = tuple[str, str, Measurement, Row]
"""Kind of image, region, measurement, and the row of the true lesion."""


def matched(truth: Row, folder: Path, result: Row, written: Path) -> Iterator[Matched]:
    """Every lesion of a result that lies on a true one, with the one it overlaps most."""
    for kind, lesion, true in overlaps(truth, folder, result, written):
        if true is not None:
            yield kind, lesion["region"], measurement_of(lesion), true


def overlaps(truth: Row, folder: Path, result: Row, written: Path) -> Iterator[tuple[str, Row, Row | None]]:
    """Every lesion of a result: the kind of its image, its row, and that of the true one it overlaps most, if any.

    Images of which no truth is known are left out.
    """
    uids = [t["sop_instance_uid"] or t["series_instance_uid"] for t in truth["images"]]
    for n, image in enumerate(result["images"]):
        uid = image["sop_instance_uid"] or image["series_instance_uid"]
        if uid not in uids or not image["labels"]:
            continue
        guessed = read_labels(written / image["labels"])
        known = read_labels(folder / truth["images"][uids.index(uid)]["labels"])
        if guessed.shape != known.shape:
            continue
        rows = {x["label"]: x for x in truth["lesions"] if x["image"] == uids.index(uid)}
        for lesion in (x for x in result["lesions"] if x["image"] == n):
            hits = [label for label in known[guessed == lesion["label"]].tolist() if label in rows]
            yield image["kind"], lesion, rows[max(set(hits), key=hits.count)] if hits else None


def measurement_of(lesion: Row) -> Measurement:
    """The features of a lesion of results.json."""
    return Measurement(tuple(_feature(name, row) for name, row in lesion["features"].items()))


def _feature(name: str, row: Row) -> Feature:
    if "value" in row:
        return Feature(name, Known(float(row["value"]), "run"), row["unit"], row["code"])
    return Feature(name, Unknown(row["not_assessable"]), "1")


def read_labels(path: Path) -> NDArray[np.int64]:
    """Labels in the order of the file; truth and run have the same grid."""
    if path.name.endswith(".nii.gz"):
        volume = nibabel.funcs.as_closest_canonical(nibabel.nifti1.load(path))
        return np.asarray(volume.dataobj).round().astype(np.int64)
    return np.asarray(Picture.open(path)).astype(np.int64)

"""What rules see beside what is true: the terms of every measured rule on lesions whose true findings are known."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.findings.rules import readings
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.rules import Measured
from pipeline.model.known import Known, Unknown
from pipeline.model.measure import Feature, Measurement

RARE = 0.2
"""A finding that the truth does not list is absent where the entity has it no more often than this."""
NOTHING = "no_calcification"


@dataclass(frozen=True, slots=True)
class Pair:
    """One lesion: `chances` of the terms of a rule before any fit, None where unknown, and the truth."""

    study: str
    kind: str
    chances: tuple[float | None, ...]
    present: bool


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Pairs by finding, and for each kind of image whether nothing is there where nothing was found."""

    pairs: Mapping[str, Sequence[Pair]]
    nothing: Mapping[str, Sequence[bool]]


def gather(cohorts: Sequence[Path], runs: Sequence[Path], knowledge: Knowledge) -> Gathered:
    """All pairs of cohorts and of the runs made of them."""
    pairs: dict[str, list[Pair]] = defaultdict(list)
    nothing: dict[str, list[bool]] = defaultdict(list)
    for cohort, run in zip(cohorts, runs, strict=True):
        for truth, folder in _studies(cohort, run):
            written = run / "studies" / truth["study_instance_uid"]
            result = json.loads((written / "results.json").read_text())
            name = f"{cohort.name}/{folder.name}"
            for finding, pair in study_pairs(name, truth, matched(truth, folder, result, written), knowledge):
                pairs[finding].append(pair)
            if not result["lesions"]:
                nothing[truth["kind"]].append(truth["entity"] == NOTHING)
    return Gathered(pairs, nothing)


def _studies(cohort: Path, run: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Truth and its folder, of every study that the run has finished."""
    for path in sorted(cohort.glob("truth/*/truth.json")):
        truth = json.loads(path.read_text())
        if (run / "studies" / truth["study_instance_uid"] / "results.json").exists():
            yield truth, path.parent


Matched = tuple[str, str, Measurement, Mapping[str, Any]]
"""Kind of image, region, measurement, and the row of the true lesion."""


def matched(truth: Mapping[str, Any], folder: Path, result: Mapping[str, Any], written: Path) -> Iterator[Matched]:
    """Every lesion of a result that lies on a true one, with the one it overlaps most."""
    for n, image in enumerate(result["images"]):
        uid = image["sop_instance_uid"] or image["series_instance_uid"]
        uids = [t["sop_instance_uid"] or t["series_instance_uid"] for t in truth["images"]]
        if uid not in uids or not image["labels"]:
            continue
        guessed = _labels(written / image["labels"])
        known = _labels(folder / truth["images"][uids.index(uid)]["labels"])
        if guessed.shape != known.shape:
            continue
        rows = {x["label"]: x for x in truth["lesions"] if x["image"] == uids.index(uid)}
        for lesion in (x for x in result["lesions"] if x["image"] == n):
            hits = [label for label in known[guessed == lesion["label"]].tolist() if label in rows]
            if hits:
                features = tuple(_feature(name, v) for name, v in lesion["features"].items())
                yield image["kind"], lesion["region"], Measurement(features), rows[max(set(hits), key=hits.count)]


def study_pairs(
    name: str, truth: Mapping[str, Any], lesions: Iterable[Matched], knowledge: Knowledge
) -> Iterator[tuple[str, Pair]]:
    """The finding and the pair of every rule on every lesion whose truth is known; where a rule rules out, none."""
    rates = {key: row.p for key, row in knowledge.likelihoods.items()}
    rules = [r for r in knowledge.rules if isinstance(r, Measured)]
    for kind, region, measurement, true in lesions:
        for rule in rules:
            state = state_of(rule.finding, true, rates)
            elsewhere = region in rule.absent_in or (rule.only_in and region not in rule.only_in)
            if state is None or elsewhere:
                continue
            chances = readings(rule, measurement, kind)
            if chances is not None:
                yield rule.finding, Pair(name, kind, chances, state)


def state_of(finding: str, true: Mapping[str, Any], rates: Mapping[tuple[str, str], float]) -> bool | None:
    """Whether a finding is there by the truth, or by being rare in the entity; None when that is not known."""
    if finding in true["findings"]:
        return bool(true["findings"][finding])
    return False if rates.get((finding, true["entity"]), 1.0) <= RARE else None


def _feature(name: str, row: Mapping[str, Any]) -> Feature:
    value = Known(float(row["value"]), "run") if "value" in row else Unknown(row["not_assessable"])
    return Feature(name, value, "1")


def _labels(path: Path) -> NDArray[np.int64]:
    """Labels in the order of the file; truth and run have the same grid."""
    if path.name.endswith(".nii.gz"):
        volume = nib.as_closest_canonical(nib.load(path))
        return np.asarray(volume.dataobj).round().astype(np.int64)
    return np.asarray(Image.open(path)).astype(np.int64)

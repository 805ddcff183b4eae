"""Make findings as sure as they are right: fit each measured rule of configs/findings.yaml on finished runs.

Usage: python -m training.finding_curves --truth COHORT --results OUT [--truth ... --results ...] [--write]

For each lesion that a run found, the rule's own probability (its curves as they stand, without an earlier fit) meets
the truth of the lesion it overlaps most. A finding that the truth does not list counts as absent where it is rare in
the entity (at most RARE), else it is left out. Log odds become offset + slope * log odds (Platt 1999), by penalised
maximum likelihood: the penalty pulls to offset 0 and slope 1, so that what is rare keeps its curve. Findings with fewer
than LEAST present or absent lesions are left alone. `--write` puts the fits into configs/findings.yaml. It also prints
how often nothing is there where nothing was found (`nothing_missed` of a profile), by modality.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import minimize

from pipeline.findings.rules import SHARPEST, apply
from pipeline.knowledge.loading import Knowledge, load_knowledge
from pipeline.knowledge.places import configs
from pipeline.knowledge.rules import Measured
from pipeline.model.known import Known, Unknown
from pipeline.model.measure import Feature, Measurement

RARE = 0.1
LEAST = 5
OFFSET_SPREAD, SLOPE_SPREAD = 1.5, 0.4
"""Standard deviations of the normal priors of offset (about 0) and slope (about 1)."""
SOURCE = "fitted on simulated studies, training/finding_curves.py"
NOTHING = "no_calcification"
Pairs = dict[str, list[tuple[float, bool]]]


def main() -> int:
    """Fit, print, and write when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", type=Path, action="append", required=True)
    parser.add_argument("--results", type=Path, action="append", required=True)
    parser.add_argument("--write", action="store_true", help="change configs/findings.yaml")
    options = parser.parse_args()
    knowledge = load_knowledge("seed", None)
    pairs: Pairs = defaultdict(list)
    nothing: dict[str, list[bool]] = defaultdict(list)
    for cohort, run in zip(options.truth, options.results, strict=True):
        for truth, folder in _studies(cohort, run):
            result = json.loads((run / "studies" / truth["study_instance_uid"] / "results.json").read_text())
            gather(truth, folder, result, run / "studies" / truth["study_instance_uid"], knowledge, pairs)
            if not result["lesions"]:
                nothing[truth["kind"]].append(truth["entity"] == NOTHING)
    fits = {}
    for finding, rows in sorted(pairs.items()):
        present = sum(state for _, state in rows)
        if min(present, len(rows) - present) < LEAST:
            print(f"{finding:24s} {present:4d} of {len(rows):4d}  left as it is")
            continue
        fits[finding] = fit(np.array([p for p, _ in rows]), np.array([s for _, s in rows], float))
        print(
            f"{finding:24s} {present:4d} of {len(rows):4d}  offset {fits[finding][0]:+.2f} slope {fits[finding][1]:.2f}"
        )
    for kind, rows in nothing.items():
        print(f"nothing found on {kind}: nothing there in {sum(rows)} of {len(rows)}, (n + 1) / (N + 2) = "
              f"{(sum(rows) + 1) / (len(rows) + 2):.2f}")  # fmt: skip
    if options.write:
        write(configs() / "findings.yaml", fits)
    return 0


def _studies(cohort: Path, run: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Truth and its folder, of every study that the run has finished."""
    for path in sorted(cohort.glob("truth/*/truth.json")):
        truth = json.loads(path.read_text())
        if (run / "studies" / truth["study_instance_uid"] / "results.json").exists():
            yield truth, path.parent


def gather(
    truth: Mapping[str, Any],
    truth_folder: Path,
    result: Mapping[str, Any],
    folder: Path,
    knowledge: Knowledge,
    pairs: Pairs,
) -> None:
    """Add probability and true state of every finding of every lesion that overlaps a true one."""
    rules = [r for r in knowledge.rules if isinstance(r, Measured)]
    rates = {key: row.p for key, row in knowledge.likelihoods.items()}
    for n, image in enumerate(result["images"]):
        uid = image["sop_instance_uid"] or image["series_instance_uid"]
        true_image = next(
            (i for i, t in enumerate(truth["images"]) if (t["sop_instance_uid"] or t["series_instance_uid"]) == uid),
            None,
        )
        if true_image is None or not image["labels"]:
            continue
        guessed, known = (
            _labels(folder / image["labels"]),
            _labels(truth_folder / truth["images"][true_image]["labels"]),
        )
        if guessed.shape != known.shape:
            continue
        rows = {x["label"]: x for x in truth["lesions"] if x["image"] == true_image}
        for lesion in (x for x in result["lesions"] if x["image"] == n):
            hits = [label for label in known[guessed == lesion["label"]].tolist() if label in rows]
            if not hits:
                continue
            true = rows[max(set(hits), key=hits.count)]
            measured = Measurement(tuple(_feature(name, v) for name, v in lesion["features"].items()))
            for rule in rules:
                state = _state(rule.finding, true, rates)
                p = apply(_unfitted(rule), measured, lesion["id"], image["kind"]).probability
                if state is not None and p is not None:
                    pairs[rule.finding].append((p, state))


def _state(finding: str, true: Mapping[str, Any], rates: Mapping[tuple[str, str], float]) -> bool | None:
    if finding in true["findings"]:
        return bool(true["findings"][finding])
    return False if rates.get((finding, true["entity"]), 1.0) <= RARE else None


def _unfitted(rule: Measured) -> Measured:
    return Measured(rule.finding, rule.terms, rule.combine, rule.bars, rule.only_on, rule.only_on_because)


def _feature(name: str, row: Mapping[str, Any]) -> Feature:
    value = Known(float(row["value"]), "run") if "value" in row else Unknown(row["not_assessable"])
    return Feature(name, value, "1")


def _labels(path: Path) -> NDArray[np.int64]:
    """Labels in the order of the file; truth and run have the same grid."""
    if path.name.endswith(".nii.gz"):
        volume = nib.as_closest_canonical(nib.load(path))
        return np.asarray(volume.dataobj).round().astype(np.int64)
    return np.asarray(Image.open(path)).astype(np.int64)


def fit(probabilities: NDArray[np.float64], states: NDArray[np.float64]) -> tuple[float, float]:
    """Offset and slope by penalised maximum likelihood; the slope stays positive, so that the rule keeps its order."""
    p = np.clip(probabilities, SHARPEST, 1 - SHARPEST)
    odds = np.log(p / (1 - p))

    def cost(x: NDArray[np.float64]) -> float:
        line = x[0] + x[1] * odds
        loss = np.logaddexp(0, line) - states * line
        return float(loss.sum() + (x[0] / OFFSET_SPREAD) ** 2 / 2 + ((x[1] - 1) / SLOPE_SPREAD) ** 2 / 2)

    found = minimize(cost, np.array([0.0, 1.0]), bounds=((-5, 5), (0.05, 3)))
    return float(found.x[0]), float(found.x[1])


def write(path: Path, fits: Mapping[str, tuple[float, float]]) -> None:
    """Put the fits into the rules; all other lines of the file stay as they are."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("    fitted:")]
    written = []
    inside = False
    for line in lines:
        inside = line.startswith("measured:") if line and not line[0].isspace() else inside
        written.append(line)
        name = line.strip().removesuffix(":")
        if inside and line == f"  {name}:" and name in fits:
            offset, slope = fits[name]
            written.append(f'    fitted: {{offset: {offset:.2f}, slope: {slope:.2f}, source: "{SOURCE}"}}')
    text = "\n".join(written) + "\n"
    yaml.safe_load(text)
    path.write_text(text)


if __name__ == "__main__":
    raise SystemExit(main())

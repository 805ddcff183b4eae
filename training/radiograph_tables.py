"""Tables of candidates with their truth, from which the judgement of candidates on radiographs is fitted.

python -m training.radiograph_tables scenes OUT FOLDER... [--draws 1]      scenes, exposed and processed at random
python -m training.radiograph_tables cohort OUT COHORT [--network FILE]    radiographs with truth (cohort format)
python -m training.radiograph_tables films OUT STUDY... [--network FILE]   real radiographs without calcification

One .npz an image: `features` [candidate, feature]; `target` (what the judgement shall say), `precision` (share of the
candidate that is calcium), `overlap` [candidate, lesion] (intersection over union), `visibility` [lesion]; and
`elements`, `starts`, `strides`, `shape` as in `pipeline.segmentation.candidates.Candidates`. With `--network` the
features of its maps stand behind the others; it must not have been trained on these images.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from pipeline.dicom.discovery import discover
from pipeline.dicom.field import seen_field
from pipeline.dicom.radiograph import normalised, read_radiographs
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.context import ClinicalContext
from pipeline.model.identity import ImageIdentity
from pipeline.model.image import Radiograph
from pipeline.model.known import Known, Unknown
from pipeline.segmentation.candidates import Candidates
from pipeline.segmentation.component_judgement import on_grid
from pipeline.segmentation.field import block_mean, working_field
from pipeline.segmentation.network import class_maps
from pipeline.segmentation.radiograph import found_candidates
from training.radiograph_exposure import collimation, mottle, noisy, processed, signals
from training.radiograph_scenes import BONE, METAL, WATER, Canvas, Deposit, Floats, Scene, Sources, placed

VISIBLE_LOG, VISIBLE_SHARE = 0.012, 0.15
"""Visible extent: change of log signal, and its share of the deposit's strongest."""
GRID_MM = 0.4
FRAGMENT = 0.8
"""Target of a pure fragment of a lesion, where one that fits the lesion has 1."""
HALF_PART = 0.5
"""Share of a connected part from which a fragment counts fully."""
PART_LEVEL = 0.3


@dataclass(frozen=True, eq=False)
class Film:
    """A radiograph, and its lesions: `labels` [row, col] with 1..n, `visibility` of each."""

    name: str
    radiograph: Radiograph
    labels: NDArray[np.integer]
    visibility: tuple[float, ...]


def exposed_scenes(folders: list[Path], draws: int) -> Iterator[Film]:
    """Scenes of `folders`, each exposed and processed `draws` times at random."""
    sources = Sources()
    sources.load(folders)
    for draw in range(draws):
        for number, scene in enumerate((*sources.scenes, *sources.projections)):
            yield _exposed(scene, f"scene{number:04d}_{draw}", np.random.default_rng([number, draw]))


def _exposed(scene: Scene, name: str, rng: np.random.Generator) -> Film:
    strength = np.float32(rng.uniform(0.6, 1.8) if rng.random() < 0.5 else 1.0)
    shape = scene.water.shape
    deposits = [Deposit(d.calcium * strength, d.water, d.at) for d in scene.deposits]
    whole = [Deposit(placed(d, shape), placed(Deposit(d.water, d.water, d.at), shape), (0, 0)) for d in deposits]
    paths = (scene.water * np.float32(WATER), scene.bone * np.float32(BONE), scene.metal * np.float32(METAL))
    canvas = Canvas(*paths, deposits=whole)
    field_share = collimation(shape, rng)
    with_calcium, without = signals(canvas, field_share, rng)
    value = -np.log(noisy(with_calcium, rng))
    if rng.random() < 0.3:
        value += mottle(shape, rng)
    values, _ = processed(value, field_share, rng)
    labels = _labels(canvas, np.log(without / with_calcium), field_share > 0.5)
    spacing = GRID_MM * float(rng.uniform(0.8, 1.25))
    kept = tuple(9.0 for _ in whole)
    return Film(name, _radiograph(values, spacing), labels, kept)


def _labels(canvas: Canvas, change: Floats, open_field: NDArray[np.bool_]) -> NDArray[np.uint8]:
    labels = np.zeros(change.shape, np.uint8)
    total = sum((d.calcium for d in canvas.deposits), np.full(change.shape, 1e-9, np.float32))
    for number, deposit in enumerate(canvas.deposits, start=1):
        own = change * np.minimum(deposit.calcium / total, 1)
        there = deposit.calcium > 1e-4
        strongest = float(np.percentile(own[there], 98)) if there.any() else 0.0
        seen = (own >= max(VISIBLE_LOG, VISIBLE_SHARE * strongest)) & open_field & (labels == 0)
        labels[seen & (canvas.metal < 0.02)] = number
    return labels


def _radiograph(values: Floats, spacing_mm: float) -> Radiograph:
    valid, _ = seen_field(values, None)
    attenuation, _, _ = normalised(values, valid)
    nothing = Unknown("simulated")
    return Radiograph(
        attenuation=np.ascontiguousarray(attenuation),
        valid=valid,
        log_per_unit=nothing,
        spacing_mm=Known((spacing_mm, spacing_mm), "simulated"),
        gravity=nothing,
        posture=nothing,
        view=nothing,
        laterality=nothing,
        region=nothing,
        identity=ImageIdentity("1", "1", "1", "DX", ()),
    )


def radiographs(folder: Path) -> Iterator[Radiograph]:
    """All radiographs below `folder`."""
    limits = DicomSettings()
    for study in discover([folder], limits, folder).studies:
        for series in study.series:
            if series.kind == "radiograph":
                yield from read_radiographs(series, ClinicalContext(), limits)[0]


def simulated(cohort: Path) -> Iterator[Film]:
    """Radiographs of a cohort with their truth."""
    for path in sorted(cohort.glob("truth/*/truth.json")):
        truth = json.loads(path.read_text())
        if truth["kind"] != "radiograph":
            continue
        found = {r.identity.sop_instance_uid: r for r in radiographs(cohort / "studies" / path.parent.name)}
        for number, row in enumerate(truth["images"]):
            if row["sop_instance_uid"] not in found:
                continue
            stored = np.asarray(Image.open(path.parent / row["labels"]))
            lesions = [lesion for lesion in truth["lesions"] if lesion["image"] == number]
            labels = np.zeros(stored.shape, np.uint8)
            for new, lesion in enumerate(lesions, start=1):
                labels[stored == lesion["label"]] = new
            visibility = tuple(float(lesion["visibility"]) for lesion in lesions)
            yield Film(f"{path.parent.name}_{number}", found[row["sop_instance_uid"]], labels, visibility)


def clean(studies: list[Path]) -> Iterator[Film]:
    """Real radiographs without calcification."""
    for folder in studies:
        for number, radiograph in enumerate(radiographs(folder)):
            yield Film(f"{folder.name}_{number}", radiograph, np.zeros(radiograph.shape, np.uint8), ())


def table(film: Film, network: Path | None) -> dict[str, NDArray[np.generic]]:
    """The arrays of one image's file."""
    maps = class_maps(film.radiograph, network) if network else None
    field = working_field(film.radiograph)
    found = found_candidates(film.radiograph, field, maps)
    target, precision, overlap = truth_of(found, film, field.factor)
    return {
        "features": found.features,
        "target": target.astype(np.float32),
        "precision": precision.astype(np.float32),
        "overlap": overlap.astype(np.float32),
        "visibility": np.array(film.visibility, np.float32),
        "elements": found.elements.astype(np.int32),
        "starts": found.starts.astype(np.int32),
        "strides": found.strides.astype(np.int8),
        "shape": np.array(field.shape),
    }


def truth_of(
    found: Candidates, film: Film, factor: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Target [candidate], precision [candidate] and intersection over union [candidate, lesion].

    The target is the overlap with a lesion, or for a fragment `FRAGMENT` times its precision squared times the root
    of its share of a connected part.
    """
    shape = block_mean(film.labels.astype(np.float32), factor).shape
    precision = np.zeros(len(found))
    fragment = np.zeros(len(found))
    overlap = np.zeros((len(found), len(film.visibility)))
    cells = [on_grid(found.of(i), int(found.strides[i]), (shape[0], shape[1])) for i in range(len(found))]
    owner = np.repeat(np.arange(len(found)), [len(c) for c in cells])
    flat = np.concatenate(cells) if cells else np.zeros(0, np.intp)
    area = np.maximum(np.bincount(owner, minlength=len(found)), 1)
    for lesion in range(len(film.visibility)):
        share = block_mean((film.labels == lesion + 1).astype(np.float32), factor)
        both = np.bincount(owner, share.ravel()[flat], len(found))
        overlap[:, lesion] = both / np.maximum(area + share.sum() - both, 1e-6)
        pure = both / area
        precision = np.maximum(precision, pure)
        part = _largest_share(share, owner, flat, len(found))
        fragment = np.maximum(fragment, pure**2 * np.sqrt(np.minimum(part / HALF_PART, 1)))
    return np.maximum(overlap.max(axis=1, initial=0), FRAGMENT * fragment), precision, overlap


def _largest_share(share: Floats, owner: NDArray[np.intp], flat: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Per candidate the largest share of a connected part of the lesion, or of the whole, that it covers."""
    parts, number = ndimage.label(share > PART_LEVEL, structure=np.ones((3, 3)))
    weight = share.ravel()[flat]
    covered = np.bincount(owner, weight, count) / max(float(share.sum()), 1e-6)
    key = owner * (number + 1) + parts.ravel()[flat]
    inside = np.bincount(key, weight, count * (number + 1)).reshape(count, number + 1)[:, 1:]
    sizes = np.bincount(parts.ravel(), share.ravel(), number + 1)[1:]
    best: NDArray[np.float64] = np.maximum(covered, (inside / np.maximum(sizes, 1e-6)).max(axis=1, initial=0))
    return best


def main() -> None:
    """Write the tables of what is named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=("scenes", "cohort", "films"))
    parser.add_argument("out", type=Path)
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--network", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    match options.kind:
        case "scenes":
            films = exposed_scenes(options.sources, options.draws)
        case "cohort":
            films = (film for cohort in options.sources for film in simulated(cohort))
        case _:
            films = clean(options.sources)
    for film in films:
        np.savez(options.out / f"{film.name}.npz", **table(film, options.network))


if __name__ == "__main__":
    main()

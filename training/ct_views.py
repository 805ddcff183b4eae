"""What the network for CT is trained on: views of studies with truth, drawn anew at every step.

A study's dense voxels are calcium, something else, or unsure; all others count little. Deposits that ride on bone are
added to a copy of each study (training/ct_riding.py). A view is taken about a random voxel of a random piece, at a
random scale, mirrored and turned by chance; position in the volume never enters.
"""

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from pipeline.model.image import Floats, Volume
from pipeline.segmentation.ct import look_at
from pipeline.segmentation.ct_planes import CELLS, GRID_MM, PLANE_STEP_MM, PLANES, cells_of, planes_about
from training.ct_pieces import DEPOSIT, OTHER, OTHER_SHARE, halves, real_cases, seen_in, volumes
from training.ct_riding import with_riders

SOMETHING, CALCIUM, DOUBT = 1, 2, 3
"""Kinds of dense voxels."""
DOUBTFUL_LABEL = 255
"""In truth images: counts neither way."""
RIDING_COPIES_REAL, RIDING_COPIES = 2, 1
WEIGHT_POWER = -0.4
"""Weight of a piece's cell by the cells of the piece: a grain counts less than a bone, but more for each cell."""
CALCIUM_WEIGHT, SOFT_WEIGHT = 2.0, 0.001
CALCIUM_SHARE = 0.55
"""Views about calcium, where there is any."""
JITTER_MM = (2.0, 35.0, 35.0)
LOG_SCALE = 0.22
FEWEST_VOXELS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A study as it is shown. Of each dense voxel, in the order of the flat index `places`: its piece and kind."""

    name: str
    real: bool
    riding: bool
    volume: Volume
    places: NDArray[np.int32]
    pieces: NDArray[np.int16]
    kinds: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Channels float32 [channel, row, col], calcium bool [row, col] and weights float32 [row, col]."""

    channels: Floats
    calcium: NDArray[np.bool_]
    weights: Floats


def simulated(cohort: Path, half: int | None = None) -> Iterable[Shown]:
    """The CT of a simulated cohort, all or one half, and copies with riding deposits."""
    found = {}
    for path in sorted(cohort.glob("truth/*/truth.json")):
        truth = json.loads(path.read_text())
        if truth["kind"] == "ct":
            found[path.parent.name] = path.parent / truth["images"][0]["labels"]
    wanted = halves(list(found))
    for name, labels in found.items():
        if half is not None and wanted[name] != half:
            continue
        for _, volume in volumes(cohort / "studies" / name):
            image: Any = nib.load(labels)
            lesions = np.asarray(image.dataobj).round().astype(int).transpose(2, 1, 0)
            pieces = look_at(volume).pieces
            kinds = [SOMETHING] * len(pieces)
            other = [(lesions[tuple(p.dense.points().T)] > 0).mean() <= OTHER_SHARE for p in pieces]
            numbers, kind = _painted(volume, pieces, kinds)
            calcium, doubt = (lesions > 0) & (lesions != DOUBTFUL_LABEL), lesions == DOUBTFUL_LABEL
            kind[calcium], kind[doubt] = CALCIUM, DOUBT
            numbers[calcium & (numbers == 0)] = len(pieces) + 1
            yield _shown(name, False, volume, numbers, kind)
            yield from _riding(name, (volume, pieces, np.array(other, bool)), numbers, kind)


def real(folder: Path, half: int | None = None) -> Iterable[Shown]:
    """Real CT that may train, all or one half, by what was seen in them, and copies with riding deposits."""
    cases = real_cases(folder)
    wanted = halves([c["id"] for c in cases])
    for case in cases:
        if half is not None and wanted[case["id"]] != half:
            continue
        for _, volume in volumes(folder / "studies" / case["id"]):
            pieces = look_at(volume).pieces
            classes = seen_in(case, volume, pieces)[0]
            kinds = [CALCIUM if c == DEPOSIT else SOMETHING if c == OTHER else DOUBT for c in classes]
            numbers, kind = _painted(volume, pieces, kinds)
            yield _shown(case["id"], True, volume, numbers, kind)
            yield from _riding(case["id"], (volume, pieces, classes == OTHER), numbers, kind, RIDING_COPIES_REAL)


def _painted(
    volume: Volume, pieces: Sequence[Any], kinds: Sequence[int]
) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Number of the piece, from 1, and kind at each voxel; 0 elsewhere."""
    numbers, kind = np.zeros(volume.shape, np.int16), np.zeros(volume.shape, np.uint8)
    for k, (piece, what) in enumerate(zip(pieces, kinds, strict=True), 1):
        box = tuple(slice(a, b) for a, b in zip(piece.dense.offset, piece.dense.stop, strict=True))
        numbers[box][piece.dense.mask] = k
        kind[box][piece.dense.mask] = what
    return numbers, kind


def _shown(
    name: str, is_real: bool, volume: Volume, numbers: NDArray[np.int16], kind: NDArray[np.uint8], riding: bool = False
) -> Shown:
    places = np.flatnonzero(kind).astype(np.int32)
    return Shown(name, is_real, riding, volume, places, numbers.ravel()[places], kind.ravel()[places])


def _riding(
    name: str,
    base: tuple[Volume, Sequence[Any], NDArray[np.bool_]],
    numbers: NDArray[np.int16],
    kind: NDArray[np.uint8],
    copies: int = RIDING_COPIES,
) -> Iterable[Shown]:
    volume, pieces, other = base
    for copy in range(copies):
        riding = with_riders(volume, pieces, other, np.random.default_rng(zlib.crc32(f"{name}/net{copy}".encode())))
        if riding is None:
            continue
        added = riding.lesions > 0
        numbers_now, kind_now = numbers.copy(), kind.copy()
        numbers_now[added] = int(numbers.max()) + riding.lesions[added]
        kind_now[added] = CALCIUM
        yield _shown(name, copies == RIDING_COPIES_REAL, riding.volume, numbers_now, kind_now, riding=True)


def draw(study: Shown, rng: np.random.Generator) -> View | None:
    """A view about a piece of a study; None where nothing in it is dense."""
    calcium, others = (np.unique(study.pieces[study.kinds == kind]) for kind in (CALCIUM, SOMETHING))
    pool = calcium if len(calcium) and (not len(others) or rng.random() < CALCIUM_SHARE) else others
    if not len(pool):
        return None
    own = np.flatnonzero(study.pieces == pool[rng.integers(len(pool))])
    if len(own) < FEWEST_VOXELS:
        return None
    spacing = np.asarray(study.volume.spacing_mm)
    place = np.array(np.unravel_index(study.places[own[rng.integers(len(own))]], study.volume.shape), float)
    place += rng.uniform(-1, 1, 3) * np.asarray(JITTER_MM) / spacing
    place[0] = np.clip(place[0], 0, study.volume.shape[0] - 1)
    at = (float(place[0]), float(place[1]), float(place[2]))
    grid_mm = GRID_MM * float(np.exp(rng.uniform(-LOG_SCALE, LOG_SCALE)))
    kind, weights = _plane(study, at, grid_mm)
    return _varied(View(planes_about(study.volume, at, grid_mm), kind == CALCIUM, weights), rng)


def _plane(study: Shown, at: tuple[float, float, float], grid_mm: float) -> tuple[NDArray[np.uint8], Floats]:
    """Kinds and weights of the cells about a place."""
    shape, plane = study.volume.shape, study.volume.shape[1] * study.volume.shape[2]
    number = int(np.clip(round(at[0]), 0, shape[0] - 1))
    first, last = np.searchsorted(study.places, (number * plane, (number + 1) * plane))
    kinds, weight = np.zeros(plane, np.uint8), np.zeros(plane, np.float32)
    inside = study.places[first:last] - number * plane
    kinds[inside] = study.kinds[first:last]
    cells = np.bincount(study.pieces) * float(np.prod(study.volume.spacing_mm)) / (GRID_MM**2 * PLANE_STEP_MM)
    weight[inside] = (np.maximum(1, cells) ** WEIGHT_POWER)[study.pieces[first:last]]
    rows, columns = (np.rint(c).astype(int) for c in cells_of(at, study.volume.spacing_mm, grid_mm))
    within = ((rows >= 0) & (rows < shape[1]))[:, None] & ((columns >= 0) & (columns < shape[2]))
    here = np.ix_(np.clip(rows, 0, shape[1] - 1), np.clip(columns, 0, shape[2] - 1))
    kind = kinds.reshape(shape[1:])[here]
    found = np.where(kind == 0, SOFT_WEIGHT, weight.reshape(shape[1:])[here])
    found *= np.where(kind == CALCIUM, CALCIUM_WEIGHT, 1.0) * (kind != DOUBT) * within
    return kind, found.astype(np.float32)


def _varied(view: View, rng: np.random.Generator) -> View:
    """The view mirrored, turned, brighter or darker, and noisier by chance."""
    x, y, w = view.channels, view.calcium, view.weights
    if rng.random() < 0.5:
        x, y, w = x[:, :, ::-1], y[:, ::-1], w[:, ::-1]
    if rng.random() < 0.5:
        x, y, w = x[:, ::-1], y[::-1], w[::-1]
    if rng.random() < 0.3:
        x, y, w = x.transpose(0, 2, 1), y.T, w.T
    if rng.random() < 0.5:
        x = np.concatenate([x[:PLANES][::-1], x[PLANES:][::-1]])
    x = x.copy()
    if rng.random() < 0.5:
        x[PLANES:] = np.clip((x[PLANES:] + 1) * rng.uniform(0.88, 1.12) - 1, -1, 1)
        x[:PLANES] = np.clip(x[:PLANES] + rng.uniform(-0.06, 0.06), -1, 1)
    if rng.random() < 0.4:
        noise_hu = rng.standard_normal((PLANES, CELLS, CELLS)).astype(np.float32) * rng.uniform(0, 25)
        x[:PLANES] = np.clip(x[:PLANES] + noise_hu / 250, -1, 1)
        x[PLANES:] = np.clip(x[PLANES:] + noise_hu / 800, -1, 1)
    return replace(view, channels=x, calcium=y.copy(), weights=w.copy())

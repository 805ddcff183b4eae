"""Truth of a simulated cohort and what a run wrote of it, as plain records on one grid.

A cohort is a folder with studies/NAME/*.dcm and truth/NAME/truth.json beside its label images; a run's output holds
studies/UID/results.json. Labels of both come as int32 [row, col] or [slice, row, col] on the grid of the truth.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

Kind = Literal["radiograph", "ct"]
Labels = NDArray[np.int32]
Affine = NDArray[np.float64]
Row = Mapping[str, Any]

IGNORED = 255
"""Label of what counts neither way: calcium of a real background, the faint border of a deposit."""
TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""NIfTI speaks of right, anterior, superior; DICOM of left, posterior, superior."""


@dataclass(frozen=True, slots=True, eq=False)
class TrueImage:
    """One image of the truth. `place` maps (slice, row, col, 1) to patient millimetres, None on a radiograph."""

    row: Row
    kind: Kind
    labels: Labels
    spacing_mm: tuple[float, ...]
    place: Affine | None
    lesions: tuple[Row, ...]

    @property
    def uid(self) -> str:
        """The SOP instance of a radiograph, the series of a CT."""
        return str(self.row.get("sop_instance_uid") or self.row["series_instance_uid"])


@dataclass(frozen=True, slots=True, eq=False)
class TrueStudy:
    """One study of the truth; `folder` holds its DICOM files."""

    name: str
    row: Row
    kind: Kind
    folder: Path
    images: tuple[TrueImage, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What is said of one image: labels, and the row of results.json of each lesion by its label."""

    labels: Labels
    lesions: Mapping[int, Row] = field(default_factory=dict)

    def confidence(self, label: int) -> float:
        """How sure a lesion is, 0 to 1; 1 where nothing is said."""
        return float(self.lesions.get(label, {}).get("confidence", 1.0))

    def says_level(self, label: int) -> bool:
        """Whether a fluid level is found in a lesion."""
        findings = self.lesions.get(label, {}).get("findings") or ()
        return any(f.get("id") == "fluid_level" and f.get("state") == "present" for f in findings)

    def feature(self, label: int, name: str) -> float | None:
        """The value of a feature of a lesion, None where it is not assessable or not measured."""
        entry = (self.lesions.get(label, {}).get("features") or {}).get(name) or {}
        value = entry.get("value")
        return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a run says of a study, by the uid of the image; `failed` where it says nothing at all."""

    images: Mapping[str, Answer] = field(default_factory=dict)
    failed: bool = False
    problems: tuple[str, ...] = ()


def read_study(cohort: Path, name: str) -> TrueStudy:
    """One study of a cohort, with its label images."""
    folder = cohort / "truth" / name
    row = json.loads((folder / "truth.json").read_text())
    images = []
    for number, image in enumerate(row["images"]):
        labels, place = read_labels(folder / image["labels"])
        spacing = image.get("spacing_mm") or [image.get("pixel_mm", 1.0)] * 2
        lesions = tuple(lesion for lesion in row["lesions"] if lesion["image"] == number)
        images.append(TrueImage(image, row["kind"], labels, tuple(map(float, spacing)), place, lesions))
    return TrueStudy(name, row, row["kind"], cohort / "studies" / name, tuple(images))


def study_names(cohort: Path) -> tuple[str, ...]:
    """Names of all studies of a cohort, sorted."""
    return tuple(sorted(path.parent.name for path in cohort.glob("truth/*/truth.json")))


def read_labels(path: Path) -> tuple[Labels, Affine | None]:
    """A label image [row, col], or a label volume [slice, row, col] with the place of its voxels."""
    if path.suffix == ".png":
        return np.asarray(Picture.open(path)).astype(np.int32), None
    volume = nibabel.nifti1.load(path)
    array = np.asarray(volume.dataobj).round().astype(np.int32).transpose(2, 1, 0)
    return array, TO_LPS @ volume.affine @ np.eye(4)[[2, 1, 0, 3]]


def read_answers(results: Path, study: TrueStudy) -> Answers:
    """What a run wrote of a study; what is missing or malformed is named."""
    folder = results / "studies" / str(study.row["study_instance_uid"])
    try:
        written = json.loads((folder / "results.json").read_text())
        status = written["study"]["status"]
        if status not in ("analysed", "nothing_to_analyse"):
            return Answers(failed=True, problems=(f"status {status}",))
        found = {_uid(row): _answer(row, number, written, folder) for number, row in enumerate(written["images"])}
        images = {image.uid: on_grid(*found[image.uid], image) for image in study.images if image.uid in found}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Answers(failed=True, problems=(f"{type(error).__name__}: {error}",))
    missing = tuple(f"nothing said of image {image.uid}" for image in study.images if image.uid not in images)
    return Answers(images, problems=missing)


def on_grid(answer: Answer, place: Affine | None, image: TrueImage) -> Answer:
    """An answer on the grid of the truth; ValueError where it cannot be brought there."""
    labels = answer.labels
    if place is not None and image.place is not None:
        labels = resampled(labels, np.linalg.inv(place) @ image.place, image.labels.shape)
    if labels.shape != image.labels.shape:
        raise ValueError(f"labels of {image.uid} are {labels.shape}, the image is {image.labels.shape}")
    return Answer(np.where(image.labels == IGNORED, 0, labels), answer.lesions)


def resampled(labels: Labels, to_source: Affine, shape: tuple[int, ...]) -> Labels:
    """Labels at the nearest voxel of another grid; `to_source` maps its indices to theirs. 0 outside."""
    axes = np.abs(to_source[:3, :3]) > 1e-3
    if not ((axes.sum(axis=0) == 1).all() and (axes.sum(axis=1) == 1).all()):
        return _resampled_slices(labels, to_source, shape)
    found = np.zeros(shape, np.int32)
    order = np.argmax(axes, axis=1)
    steps = [np.arange(shape[axis]) for axis in order]
    index = [np.rint(to_source[i, order[i]] * steps[i] + to_source[i, 3]).astype(int) for i in range(3)]
    inside = [(at >= 0) & (at < n) for at, n in zip(index, labels.shape, strict=True)]
    taken = labels[np.ix_(*(at[keep] for at, keep in zip(index, inside, strict=True)))]
    back = np.argsort(order)
    found[np.ix_(*(np.flatnonzero(inside[axis]) for axis in back))] = taken.transpose(tuple(back))
    return found


def _resampled_slices(labels: Labels, to_source: Affine, shape: tuple[int, ...]) -> Labels:
    """The same for oblique grids, slice by slice."""
    found = np.zeros(shape, np.int32)
    rows, cols = np.mgrid[: shape[1], : shape[2]]
    for number in range(shape[0]):
        grid = np.stack([np.full_like(rows, number), rows, cols])
        index = np.rint(np.tensordot(to_source[:3, :3], grid, 1) + to_source[:3, 3, None, None]).astype(int)
        limits = np.asarray(labels.shape)[:, None, None]
        inside = np.all((index >= 0) & (index < limits), axis=0)
        found[number][inside] = labels[tuple(index[:, inside])]
    return found


def _uid(row: Row) -> str:
    return str(row.get("sop_instance_uid") or row["series_instance_uid"])


def _answer(row: Row, number: int, written: Row, folder: Path) -> tuple[Answer, Affine | None]:
    """The answer of one image on its own grid; without a label image nothing is labelled."""
    labels, place = np.zeros(row["shape"], np.int32), None
    if row.get("labels"):
        labels, place = read_labels(folder / row["labels"])
    lesions = {int(lesion["label"]): lesion for lesion in written["lesions"] if lesion["image"] == number}
    return Answer(labels, lesions), place

"""What readers said as truth, in the format of a simulated cohort, so that the same scorers read it.

A lesion marked right gives its segmented label; one marked wrong is background; one that nobody marked, or that readers
dispute, counts neither way (label 255). A missed lesion is a box: a filled label with "outline": "box" that any touch
finds. Nothing was measured by a reader: there are no measures, and no level can be assessed.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from pipeline.errors import InputError, OutputError
from pipeline.feedback.consensus import INDETERMINATE, Drawn, Verdict, verdict
from pipeline.feedback.said import Box, image_uid
from pipeline.feedback.store import Feedback, read_results
from pipeline.model.identity import file_stem

IGNORED = 255
"""Label of what counts neither way."""
SEEN = 99.0
"""Visibility of what a reader saw: it must be found."""
NO_LEVEL = {"present": False, "assessable": False, "levels": []}
Labels = NDArray[np.uint16]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """How much was written: studies, lesions said to be right and wrong, boxes, diagnoses; and what was left out."""

    studies: int = 0
    right: int = 0
    wrong: int = 0
    missed: int = 0
    diagnoses: int = 0
    left_out: tuple[str, ...] = ()


@dataclass(slots=True)
class _Study:
    """What one study's truth is made of."""

    verdict: Verdict
    results: Mapping[str, Any]
    source: Path
    numbers: Iterator[int] = field(default_factory=lambda: (n for n in count(1) if n != IGNORED))
    labels: dict[int, int] = field(default_factory=dict)
    """Label of a lesion by its number; the same lesion on another view has the same."""

    @property
    def entity(self) -> str:
        """What its lesions are."""
        return self.verdict.entity or INDETERMINATE


def export(feedback: Feedback, out: Path, images: Path | None = None) -> Exported:
    """Write `out`/truth/STUDY/ of every study of which something holds.

    With `images`, the folder of a worker's incoming studies, `out`/studies/STUDY/ holds their files. OutputError where
    `out` cannot be written or holds something already.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise OutputError(f"{out}: is not empty; name a new folder")
        verdicts = [v for study in feedback.studies() if (v := verdict(feedback.current(study))) is not None]
        left_out = []
        done = []
        for one in verdicts:
            try:
                source = feedback.results(one.study, one.result)
                _write(_Study(one, read_results(source)[0], source), out)
                done.append(one)
            except InputError:
                left_out.append(one.study)
                continue
            if images is not None:
                _link(images / file_stem(one.study), out / "studies" / file_stem(one.study))
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror}): choose another folder") from error
    return Exported(
        len(done),
        sum(sum(v.lesions.values()) for v in done),
        sum(len(v.lesions) - sum(v.lesions.values()) for v in done),
        sum(len(v.missed) for v in done),
        sum(v.entity is not None for v in done),
        tuple(left_out),
    )


def _write(study: _Study, out: Path) -> None:
    """truth.json and label images of one study."""
    folder = out / "truth" / file_stem(study.verdict.study)
    folder.mkdir(parents=True)
    images, lesions = [], []
    for index, image in enumerate(study.results["images"]):
        name = f"labels{index + 1}.{'nii.gz' if image['kind'] == 'ct' else 'png'}"
        rows = _write_labels(study, index, folder / name)
        lesions += rows
        spacing = {} if image["spacing_mm"] is None else {"spacing_mm": image["spacing_mm"]}
        uids = {key: image[key] for key in ("series_instance_uid", "sop_instance_uid")}
        level = {"assessable": False, "present": False}
        images.append({**uids, "labels": name, "fluid_level": level, **spacing})
    about, said = study.results["study"], study.verdict
    truth = {
        "study_instance_uid": said.study,
        "kind": "ct" if any(i["kind"] == "ct" for i in study.results["images"]) else "radiograph",
        "entity": study.entity,
        "others": [],
        "region": about["region"],
        "posture": next((i["posture"] for i in study.results["images"]), "unknown"),
        "context": None,
        "age_years": about["age_years"],
        "sex": about["sex"],
        "images": images,
        "lesions": lesions,
        "distractors": [],
        "reader": {
            "diagnosis_told": said.entity is not None,
            "other": said.other,
            "first": said.first,
            "last": said.last,
            "result": said.result,
        },
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_labels(study: _Study, index: int, path: Path) -> list[Row]:
    """Write the labels of one image; returns the rows of its lesions."""
    image = study.results["images"][index]
    found = np.zeros(image["shape"], np.uint16)
    shown, volume = _segmented(study.source, image)
    rows = []
    for lesion in (x for x in study.results["lesions"] if x["image"] == index):
        own = shown == lesion["label"]
        right = study.verdict.lesions.get(lesion["id"])
        if right is None:
            found[own] = IGNORED
        elif right:
            label = _label(study, lesion)
            found[own] = label
            rows.append(_right(study, lesion, label, index))
    for drawn in (d for d in study.verdict.missed if d.image == image_uid(image)):
        label = next(study.numbers)
        inside = tuple(slice(low, high + 1) for low, high in zip(*drawn.box, strict=True))
        if len(inside) != found.ndim or any(s.stop > n for s, n in zip(inside, found.shape, strict=True)):
            raise InputError("a box lies outside its image")
        region = found[inside]
        region[(region == 0) | (region == IGNORED)] = label
        rows.append(_missed(study, drawn, label, index))
    if volume is None:
        Picture.fromarray(found).save(path)
    else:
        nibabel.save(nibabel.Nifti1Image(found.transpose(2, 1, 0), volume.affine, dtype=np.uint16), path)
    return rows


def _segmented(source: Path, image: Mapping[str, Any]) -> tuple[Labels, Any]:
    """Labels of the result in the order of the image's axes, and the volume they come from on CT."""
    try:
        if image["kind"] == "ct":
            volume = nibabel.nifti1.load(source / image["labels"])
            return np.asarray(volume.dataobj).round().astype(np.uint16).transpose(2, 1, 0), volume
        return np.asarray(Picture.open(source / image["labels"])).astype(np.uint16), None
    except (OSError, TypeError, nibabel.filebasedimages.ImageFileError) as error:
        raise InputError("a label image cannot be read") from error


def _label(study: _Study, lesion: Mapping[str, Any]) -> int:
    same = next((study.labels[other] for other in lesion["same_as"] if other in study.labels), None)
    study.labels[lesion["id"]] = same or next(study.numbers)
    return study.labels[lesion["id"]]


def _right(study: _Study, lesion: Mapping[str, Any], label: int, image: int) -> Row:
    extent = lesion["features"].get("largest_extent", {}).get("value")
    low, high = lesion["bbox"]
    size = extent if extent is not None else _size(study, image, (tuple(low), tuple(high)))
    return _row(study, label, image) | {"region": lesion["region"], "size_mm": size, "parts": lesion["parts"]}


def _missed(study: _Study, drawn: Drawn, label: int, image: int) -> Row:
    shape = {"size_mm": _size(study, image, drawn.box), "parts": 1, "outline": "box"}
    low, high = drawn.box
    return _row(study, label, image) | shape | {"box": [list(low), list(high)]}


def _row(study: _Study, label: int, image: int) -> Row:
    """What all lesions that a reader saw have in common."""
    about = {"label": label, "image": image, "entity": study.entity, "visibility": SEEN}
    return about | {"fluid_level": NO_LEVEL, "measures": {}, "findings": {}}


def _size(study: _Study, image: int, box: Box) -> float:
    """Diagonal of a box, mm; elements where spacing is not known."""
    spacing = study.results["images"][image]["spacing_mm"] or [1.0] * len(box[0])
    sides = [(b - a + 1) * s for a, b, s in zip(*box, spacing, strict=True)]
    return round(float(np.linalg.norm(sides)), 1)


def _link(source: Path, target: Path) -> None:
    """The files of a study, as hard links where the file system can, else as copies."""
    target.mkdir(parents=True)
    for path in sorted(source.glob("*.dcm")):
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copy2(path, target / path.name)

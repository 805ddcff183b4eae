"""A study's folder: results.json, the report, label images, overlays and DICOM objects, all or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from pipeline.model.lesion import Lesion, label_array
from pipeline.model.result import Analysis, KeyPicture, Skipped
from pipeline.report.files import staged_folder, write_json, write_text
from pipeline.report.label_images import write_labels
from pipeline.report.page import key_image, report_page
from pipeline.report.pictures import View, thumbnail, views
from pipeline.report.reasons import Names
from pipeline.report.result_json import analysis_as_json
from pipeline.report.scenes import Shown, scenes
from pipeline.report.wording import headline

THUMBNAIL = "overlays/thumbnail.png"
"""What the worklist shows of a study."""
FINGERPRINT = "fingerprint"
"""File in a study's folder that says of what its results were made."""

Objects = Callable[[Analysis, Path, KeyPicture | None], tuple[tuple[Path, ...], tuple[Skipped, ...]]]
"""Writes DICOM objects into a folder; returns their paths and what could not be written."""


def write_study(
    analysis: Analysis, folder: Path, write_objects: Objects, names: Names, *, fingerprint: str, patient: str = ""
) -> None:
    """Write all results of a study to `folder`; OutputError when it cannot be written.

    `fingerprint` tells a later run whether the same inputs made them. `patient` is what the report says of who
    the patient is.
    """
    with staged_folder(folder) as staged:
        start = perf_counter()
        labels = tuple(_labels(analysis, index, staged) for index in range(len(analysis.images)))
        pictures = {index: _pictures(analysis, index, staged) for index in range(len(analysis.images))}
        shown = {index: _shown(analysis, index) for index in range(len(analysis.images))}
        draft = analysis_as_json(analysis, labels)
        index = key_image(draft, pictures)
        key = (
            _key_picture(index, pictures[index], shown[index].single.index, headline(draft, names.entity))
            if index is not None
            else None
        )
        if key is not None:
            thumbnail(key.rgb).save(staged / THUMBNAIL)
        pictured = perf_counter()
        _, unwritten = write_objects(analysis, staged, key)
        seconds = {**analysis.seconds, "report": pictured - start, "objects": perf_counter() - pictured}
        whole = replace(analysis, skipped=(*analysis.skipped, *unwritten), seconds=seconds)
        results = analysis_as_json(whole, labels)
        write_text(staged / "report.html", report_page(results, shown, names, patient))
        write_json(staged / "results.json", results)
        write_text(staged / FINGERPRINT, fingerprint)


def write_failure(results: Mapping[str, Any], folder: Path, names: Names) -> None:
    """Write results.json (as `failure_as_json` makes it) and a report for a study that failed."""
    with staged_folder(folder) as staged:
        write_text(staged / "report.html", report_page(results, {}, names))
        write_json(staged / "results.json", results)


def _labels(analysis: Analysis, index: int, folder: Path) -> str:
    image = analysis.images[index]
    stem = image.identity.stem
    if stem in {other.identity.stem for other in analysis.images[:index]}:
        stem = f"{stem}-{index + 1}"
    return write_labels(image, label_array(image.shape, _lesions_of(analysis, index)), folder, stem)


def _pictures(analysis: Analysis, index: int, folder: Path) -> tuple[View, ...]:
    pairs = [(x, m) for x, m in zip(analysis.lesions, analysis.measurements, strict=True) if x.image == index]
    made = views(analysis.images[index], [x for x, _ in pairs], [m for _, m in pairs])
    target = folder / "overlays"
    target.mkdir(exist_ok=True)
    for view in made:
        view.marked.save(target / f"{view.name}.png", compress_level=3)
    return made


def _shown(analysis: Analysis, index: int) -> Shown:
    pairs = [(x, m) for x, m in zip(analysis.lesions, analysis.measurements, strict=True) if x.image == index]
    return scenes(analysis.images[index], [x for x, _ in pairs], [m for _, m in pairs])


def _key_picture(index: int, pictured: tuple[View, ...], cut: int | None, statement: str) -> KeyPicture:
    """The radiograph, or the slice `cut` of a volume, which the report opens with too."""
    wanted = "" if cut is None else f"-{cut + 1:04d}"
    view = next(v for v in reversed(pictured) if v.name.endswith(wanted) or v is pictured[0])
    return KeyPicture(index, np.asarray(view.marked), statement)


def _lesions_of(analysis: Analysis, index: int) -> tuple[Lesion, ...]:
    return tuple(lesion for lesion in analysis.lesions if lesion.image == index)

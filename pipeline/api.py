"""The program as a library: one study in, its values out, with images and labels as arrays.

`from pipeline import analyse_study` is the way in; nothing heavy is imported before one of these names is used. A call
runs in the caller's process without the limits of time and memory that `calcinosis run` puts round a study, and writes
nothing unless `save` is called.
"""

import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.dicom.discovery import discover
from pipeline.dicom.files import StudyFiles
from pipeline.errors import InputError, UsageError
from pipeline.knowledge.places import configs
from pipeline.knowledge.settings import Settings
from pipeline.knowledge.settings_loading import load_settings
from pipeline.model.lesion import Lesion, label_array
from pipeline.model.result import Analysis
from pipeline.objects.write import write_objects
from pipeline.report.pictures import views
from pipeline.report.result_json import analysis_as_json
from pipeline.report.study_folder import write_study
from pipeline.study import Asked, analyse, names_for

PathText: TypeAlias = str | PathLike[str]
"""A path as text or as an object."""
Context: TypeAlias = PathText | Mapping[str, Any]
"""A context.json, or its content."""
CONTEXT_NAME = "context.json"

ANY_PROFILE = "seed"
"""Entities and findings are called the same in every profile."""


def analyse_study(
    source: PathText | Sequence[PathText],
    *,
    profile: PathText = "seed",
    settings: Settings | PathText | None = None,
    context: Context | None = None,
) -> Analysis:
    """Analyse one study and return all that `calcinosis run` would write of it, in memory.

    Args:
        source: A folder, a file or a `.zip`, or several files of one study. Folders are searched to the bottom; what
            belongs together is told by the headers.
        profile: `"seed"`, `"literature"`, or the path of a site's own profile.
        settings: Settings, or the path of a settings file; None is what comes with the program.
        context: What the clinician knows: the path of a context.json, or its content as a mapping. None takes the
            context.json beside the study, where there is one.

    Returns:
        The analysis. `images` hold `attenuation` float32 [row, col] (radiographs) or `hu` int16 [slice, row, col]
        (CT), `lesions` their masks on crops; `labels` makes a label array of the size of an image. `measurements`,
        `findings` and `differential` are what results.json says, not rounded.

    Raises:
        UsageError: No such file, more than one study, or a mistake in a profile, settings or context.
        InputError: Nothing is readable as DICOM, or no image of the study can be used.
    """
    given = (source,) if isinstance(source, str | PathLike) else tuple(source)
    chosen = settings if isinstance(settings, Settings) else load_settings(Path(settings or _shipped_settings()))
    with (
        tempfile.TemporaryDirectory(prefix="calcinosis-") as scratch,
        warnings.catch_warnings(action="ignore"),  # readers quote headers, which may hold patient data
    ):
        study = _only_study(tuple(Path(path) for path in given), chosen, Path(scratch))
        named = _context_file(context, Path(scratch))
        return analyse(study, chosen, Asked(str(profile), named))


def labels(analysis: Analysis, image: int = 0) -> NDArray[np.uint16]:
    """The label image of image number `image`: 0, or `label` of the lesion there.

    [row, col] in stored orientation for a radiograph, [slice, row, col] for a CT: the axes of the image's own array.
    """
    return label_array(analysis.images[image].shape, lesions_on(analysis, image))


def lesions_on(analysis: Analysis, image: int = 0) -> tuple[Lesion, ...]:
    """The lesions of image number `image`, the surest first."""
    return tuple(lesion for lesion in analysis.lesions if lesion.image == image)


def pictures(analysis: Analysis, image: int = 0, *, outlines: bool = True) -> Mapping[str, NDArray[np.uint8]]:
    """What the report shows of an image: caption to RGB uint8 [row, col, 3], with or without outlines."""
    pairs = [(x, m) for x, m in zip(analysis.lesions, analysis.measurements, strict=True) if x.image == image]
    made = views(analysis.images[image], [x for x, _ in pairs], [m for _, m in pairs])
    return {view.caption: np.array(view.marked if outlines else view.plain) for view in made}


def results(analysis: Analysis) -> dict[str, Any]:
    """The content of results.json; the paths of label images are None, since no file is written."""
    return analysis_as_json(analysis, (None,) * len(analysis.images))


def save(analysis: Analysis, folder: PathText) -> Path:
    """Write the files of `calcinosis run` for this study to `folder`, in the place of what it held; returns its path.

    The study's own files must still be where they were, since DICOM objects repeat parts of their headers.
    OutputError where the folder cannot be written.
    """
    target = Path(folder).absolute()
    write_study(analysis, target, write_objects, names_for(ANY_PROFILE), fingerprint="")
    return target


def _shipped_settings() -> Path:
    return configs() / "settings.yaml"


def _only_study(inputs: tuple[Path, ...], settings: Settings, scratch: Path) -> StudyFiles:
    for path in inputs:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
    found = discover(inputs, settings.dicom, scratch)
    match found.studies:
        case (study,):
            return study
        case ():
            reason = f": {found.skipped[0].reason}" if found.skipped else ""
            raise InputError(f"no file of the input is readable as DICOM{reason}")
        case studies:
            raise UsageError(f"the input holds {len(studies)} studies: give the folder or the files of one")


def _context_file(context: Context | None, scratch: Path) -> Path | None:
    """The file of a context; content that is given as a mapping is checked as a file's would be."""
    if not isinstance(context, Mapping):
        return None if context is None else Path(context)
    path = scratch / CONTEXT_NAME
    path.write_text(json.dumps(context), encoding="utf-8")
    return path


__all__ = ["Analysis", "Settings", "analyse_study", "labels", "lesions_on", "pictures", "results", "save"]

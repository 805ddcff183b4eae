"""Which study a context.json speaks of."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pipeline.dicom.inventory import Found
from pipeline.knowledge.settings import DicomSettings
from pipeline.model.result import Skipped

CONTEXT_NAME: Final = "context.json"


def assign_contexts(
    contexts: Sequence[Found], places: Mapping[str, Sequence[Path]], limits: DicomSettings
) -> tuple[dict[str, Path], tuple[Skipped, ...]]:
    """Study Instance UID to its context file, and the context files that apply to none, with the reason.

    `places` are the files of each study. A context file applies to the one study whose files all lie in its folder or
    below; where there are more, to the one whose UID it carries. The deepest file of a study wins.
    """
    assigned: dict[str, Found] = {}
    skipped: list[Skipped] = []
    for context in sorted(contexts, key=lambda c: (-len(c.path.parts), c.name)):
        folder = context.path.parent
        below = [uid for uid, files in places.items() if all(file.is_relative_to(folder) for file in files)]
        study, reason = _chosen(below, _stated_uid(context.path, limits))
        if study in assigned:
            study, reason = "", f"not applied: {assigned[study].name} lies closer to the study"
        if study:
            assigned[study] = context
        else:
            skipped.append(Skipped(context.name, reason))
    return {uid: context.path for uid, context in assigned.items()}, tuple(skipped)


def _chosen(below: Sequence[str], stated: str | None) -> tuple[str, str]:
    """The study meant, or "" with the reason."""
    if not below:
        return "", "not applied: no study lies wholly in its folder"
    if stated is not None:
        return (stated, "") if stated in below else ("", "not applied: its study_instance_uid is of no study here")
    if len(below) > 1:
        return "", f"not applied: {len(below)} studies lie in its folder; state study_instance_uid in it"
    return below[0], ""


def _stated_uid(path: Path, limits: DicomSettings) -> str | None:
    """study_instance_uid of a context file; None without, or where the file is unreadable (told when it is read)."""
    try:
        if path.stat().st_size > limits.max_context_bytes:
            return None
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    stated = content.get("study_instance_uid") if isinstance(content, dict) else None
    return stated if isinstance(stated, str) else None

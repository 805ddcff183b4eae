"""After a run: finished studies of one patient are compared, each with the latest one before it that shows the same.

It is a pass over what the studies left, so that it does not matter which of them ended first, and it changes nothing
where nothing is new.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.dicom.files import StudyFiles, Subject
from pipeline.follow_up import compare, not_assessed
from pipeline.model.known import Known
from pipeline.report.files import write_json, write_text
from pipeline.report.page import with_follow_up
from pipeline.report.worklist import summary_row

Row = dict[str, Any]
Finished = tuple[Subject, Path]
"""Whose study it is and when it was made, with the folder of its results."""

NO_EARLIER = "no earlier study of this patient in the run or store"
UNKNOWN_REGION = "the region of this study is not known, so that earlier studies of the patient cannot be compared"
OTHER_VIEW = "no earlier study of this patient in the run or store shows the same region and side from the same view"


def compare_with_earlier(studies: Sequence[StudyFiles], rows: Sequence[Row], out: Path) -> list[Row]:
    """The rows, anew for studies whose comparison changed; their results.json and report.html say it too.

    `studies` are those of the run, `rows` theirs as far as they ended, `out` is the output folder. OutputError where it
    cannot be written.
    """
    subjects = {s.study_instance_uid: s.subject for s in studies}
    groups: dict[str, list[Finished]] = defaultdict(list)
    compared = {row["folder"] for row in rows if row["follow_up"] is not None}
    for row in rows:
        subject = subjects[row["study_instance_uid"]]
        if row["status"] == "analysed" and isinstance(subject, Known):
            groups[subject.value.key].append((subject.value, out / "studies" / row["folder"]))
    changed: dict[str, Row] = {}
    for group in groups.values():
        if len(group) > 1 or group[0][1].name in compared:
            changed |= {folder.name: results for folder, results in compare_group(group).items()}
    return [
        summary_row(changed[row["folder"]], row["folder"]) | {"unchanged": row["unchanged"]}
        if row["folder"] in changed
        else row
        for row in rows
    ]


def compare_group(group: Sequence[Finished]) -> dict[Path, Row]:
    """Compare the finished studies of one patient; the new results of those whose comparison changed, by folder."""
    order = sorted(group, key=lambda one: (one[0].made, one[1].name))
    results = {folder: _read(folder) for _, folder in order}
    order = [one for one in order if results[one[1]]["study"]["status"] == "analysed"]
    changed: dict[Path, Row] = {}
    for index, (subject, folder) in enumerate(order):
        before = [(other.made, where) for other, where in order[:index] if other.made < subject.made]
        found = (
            compare(results[where], results[folder], _days(made, subject.made)) for made, where in reversed(before)
        )
        placed = any(image["region"] != "unknown" for image in results[folder]["images"])
        nothing = not_assessed((OTHER_VIEW if placed else UNKNOWN_REGION) if before else NO_EARLIER)
        told = next((one for one in found if one is not None), nothing)
        if results[folder].get("follow_up") != told:
            changed[folder] = results[folder] | {"follow_up": told}
            page = folder / "report.html"
            write_text(page, with_follow_up(page.read_text(encoding="utf-8"), told))
            write_json(folder / "results.json", changed[folder])
    return changed


def _days(first: str, second: str) -> int:
    """Days between two moments, YYYYMMDD and what follows."""
    return (datetime.strptime(second[:8], "%Y%m%d") - datetime.strptime(first[:8], "%Y%m%d")).days


def _read(folder: Path) -> Row:
    results: Row = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return results

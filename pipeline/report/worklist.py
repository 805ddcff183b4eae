"""index.html: one row a study, to sort and to filter, with links to the reports and the run in four plots."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.page import DISCLAIMER
from pipeline.report.plots import plots
from pipeline.report.reasons import Names
from pipeline.report.templating import environment, script

Row = Mapping[str, Any]

ORDER = {"failed": 0, "analysed": 1, "nothing_to_analyse": 2}
COLUMNS = (
    ("study", "Study", "text"),
    ("region", "Region", "text"),
    ("lesions", "Lesions", "number"),
    ("size", "Largest", "number"),
    ("probability", "Most probable", "number"),
    ("second", "Second", "text"),
    ("level", "Fluid level", "text"),
    ("seconds", "Seconds", "number"),
)
"""Key, heading and kind of the columns that can be sorted by."""


def summary_row(results: Row, folder: str) -> dict[str, Any]:
    """What the worklist, summary.csv and run.json say of one study; `folder` is its name below studies/.

    `findings` are ids of what is present in any lesion, `largest_mm` is the extent of the largest lesion, `follow_up`
    the number of lesions matched with an earlier study, None where there is none to compare with.
    """
    ranked = results["differential"]
    levels = [f for lesion in results["lesions"] for f in lesion["findings"] if f["id"] == "fluid_level"]
    present = {f["id"] for x in results["lesions"] for f in x["findings"] if f["state"] == "present"}
    extents = [x["features"].get("largest_extent", {}).get("value") for x in results["lesions"]]
    compared = results.get("follow_up", {}).get("lesions")
    return {
        "study_instance_uid": results["study"]["study_instance_uid"],
        "folder": folder,
        "status": results["study"]["status"],
        "region": results["study"]["region"],
        "images": len(results["images"]),
        "lesions": len(results["lesions"]),
        "largest_mm": max((round(e, 1) for e in extents if e is not None), default=None),
        "top_entity": ranked[0]["entity"] if ranked else None,
        "probability": ranked[0]["probability"] if ranked else None,
        "second_entity": ranked[1]["entity"] if len(ranked) > 1 else None,
        "second_probability": ranked[1]["probability"] if len(ranked) > 1 else None,
        "fluid_level": _best_state(levels),
        "findings": sorted(present),
        "follow_up": None if compared is None else len(compared),
        "skipped": len(results["skipped"]),
        "seconds": round(sum(v for k, v in results["seconds"].items() if k != "total"), 3),
        "reason": results["study"].get("reason"),
    }


def worklist_page(rows: Sequence[Row], run: Row, names: Names) -> str:
    """The page of a run. `run` is the content of run.json.

    Rows are whole without script; with it they can be sorted and filtered.
    """
    listed = sorted(rows, key=lambda r: (ORDER[r["status"]], r["lesions"] == 0, -(r["probability"] or 0)))
    page = environment().get_template("index.html.j2")
    return page.render(
        rows=listed,
        run=run,
        names=names,
        disclaimer=DISCLAIMER,
        columns=COLUMNS,
        counts=Counter(r["status"] for r in rows),
        filters=_filters(rows, names),
        plots=plots(rows, names),
        script=script("worklist.js"),
    )


def _filters(rows: Sequence[Row], names: Names) -> list[tuple[str, str, list[tuple[str, str, int]]]]:
    """Key, label and choices (value, name, how many rows) of each filter, most frequent first."""
    entities = Counter(r["top_entity"] for r in rows if r["top_entity"])
    findings = Counter(f for r in rows for f in r.get("findings", ()))
    statuses, regions = Counter(r["status"] for r in rows), Counter(r["region"] for r in rows)
    return [
        ("entity", "Most probable", [(k, names.entity(k), n) for k, n in entities.most_common()]),
        ("finding", "Finding", [(k, names.finding(k), n) for k, n in findings.most_common()]),
        ("status", "Status", [(k, k.replace("_", " "), n) for k, n in statuses.most_common()]),
        ("region", "Region", [(k, k.replace("_", " "), n) for k, n in regions.most_common()]),
    ]


def _best_state(levels: Sequence[Row]) -> str | None:
    """Present if any lesion shows one, else absent if any could be judged, else not_assessable; None without lesion."""
    states = {f["state"] for f in levels}
    return next((s for s in ("present", "absent", "not_assessable") if s in states), None)

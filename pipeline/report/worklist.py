"""index.html: one row a study, with links to the reports."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.page import DISCLAIMER, Names, environment

Row = Mapping[str, Any]


def summary_row(results: Row, folder: str) -> dict[str, Any]:
    """What the worklist, summary.csv and run.json say of one study; `folder` is its name below studies/."""
    ranked = results["differential"]
    levels = [f for lesion in results["lesions"] for f in lesion["findings"] if f["id"] == "fluid_level"]
    return {
        "study_instance_uid": results["study"]["study_instance_uid"],
        "folder": folder,
        "status": results["study"]["status"],
        "region": results["study"]["region"],
        "images": len(results["images"]),
        "lesions": len(results["lesions"]),
        "top_entity": ranked[0]["entity"] if ranked else None,
        "probability": ranked[0]["probability"] if ranked else None,
        "second_entity": ranked[1]["entity"] if len(ranked) > 1 else None,
        "second_probability": ranked[1]["probability"] if len(ranked) > 1 else None,
        "fluid_level": _best_state(levels),
        "skipped": len(results["skipped"]),
        "seconds": round(sum(v for k, v in results["seconds"].items() if k != "total"), 3),
        "reason": results["study"].get("reason"),
    }


def worklist_page(rows: Sequence[Row], run: Row, names: Names) -> str:
    """The page of a run. `run` is the content of run.json."""
    order = {"failed": 0, "analysed": 1, "nothing_to_analyse": 2}
    listed = sorted(rows, key=lambda r: (order[r["status"]], r["lesions"] == 0, -(r["probability"] or 0)))
    page = environment().get_template("index.html.j2")
    return page.render(rows=listed, run=run, names=names, disclaimer=DISCLAIMER)


def _best_state(levels: Sequence[Row]) -> str | None:
    """Present if any lesion shows one, else absent if any could be judged, else not_assessable; None without lesion."""
    states = {f["state"] for f in levels}
    return next((s for s in ("present", "absent", "not_assessable") if s in states), None)

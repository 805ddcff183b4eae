"""Rows of the worklist carry what they are sorted and filtered by; plots count the run."""

import re

from builders import analysis

from pipeline.report.plots import plots
from pipeline.report.reasons import Names
from pipeline.report.result_json import analysis_as_json
from pipeline.report.worklist import summary_row, worklist_page

NAMES = Names({"a": "Entity A"}, {}, {"fluid_level": "fluid level"})
RUN = {"software": {"version": "0.1.0", "profile": "seed"}, "interrupted": False, "skipped": []}


def row(**changes: object) -> dict[str, object]:
    return {**summary_row(analysis_as_json(analysis(), (None,)), "1.2.3"), **changes}


def test_a_row_names_the_findings_of_its_lesions() -> None:
    assert row()["findings"] == ["fluid_level"]
    assert row()["largest_mm"] is None


def test_a_page_offers_each_choice_with_its_count() -> None:
    page = worklist_page([row(), row(region="knee"), row(region="knee")], RUN, NAMES)
    assert '<option value="knee">knee (2)</option>' in page
    assert '<option value="fluid_level">fluid level (3)</option>' in page
    assert len(re.findall(r'<tr role="row" data-study', page)) == 3


def test_plots_count_every_study_once() -> None:
    rows = [row(top_entity="a", largest_mm=mm, seconds=s) for mm, s in ((1, 0.5), (5, 2), (49.9, 100))]
    made = {plot.title: {bar.name: bar.count for bar in plot.bars} for plot in plots(rows, NAMES)}
    assert made["Most probable entity"] == {"Entity A": 3}
    assert made["Largest lesion"]["below 5 mm"] == made["Largest lesion"]["5–10 mm"] == 1
    assert made["Largest lesion"]["20–50 mm"] == 1
    assert made["Time per study"]["80 s and more"] == 1
    assert sum(made["Fluid level"].values()) == 3


def test_rare_entities_are_summed() -> None:
    rows = [row(top_entity=f"e{n}") for n in range(12)]
    (entities, *_) = plots(rows, NAMES)
    assert len(entities.bars) == 8
    assert sum(bar.count for bar in entities.bars) == 12


def test_a_run_without_studies_has_no_plots() -> None:
    assert plots([], NAMES) == ()
    assert "0 studies" in worklist_page([], RUN, NAMES)

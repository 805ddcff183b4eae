"""Pages escape what came from headers, need no network, and say what must be said."""

import re

import numpy as np
from builders import analysis, lesion_at, radiograph, volume

from pipeline.model.identity import ImageIdentity
from pipeline.model.known import Known
from pipeline.model.ranking import Differential, Ranked
from pipeline.report.page import DISCLAIMER, report_page, with_follow_up
from pipeline.report.pictures import LEVEL_COLOUR, colour_of, thumbnail, views
from pipeline.report.reasons import Names
from pipeline.report.result_json import analysis_as_json, failure_as_json
from pipeline.report.scenes import scenes
from pipeline.report.templating import script
from pipeline.report.worklist import summary_row, worklist_page

NAMES = Names({"tumoral_calcinosis": "Tumoral calcinosis"}, {}, {"fluid_level": "Fluid level"})
HOSTILE = "<script>alert(1)</script>{{7*7}}"


def _page(**changes: object) -> str:
    whole = analysis(**changes)
    shown = {i: scenes(image, whole.lesions, whole.measurements) for i, image in enumerate(whole.images)}
    return report_page(analysis_as_json(whole, (None,) * len(whole.images)), shown, NAMES)


def _foreign(page: str) -> str:
    """A page without its own script, which is the only one it may hold."""
    return page.replace(f"<script>{script('report.js').text}</script>", "").replace(
        f"<script>{script('worklist.js').text}</script>", ""
    )


def test_a_report_holds_ranking_evidence_advice_and_label() -> None:
    page = _page()
    for text in (
        "Tumoral calcinosis",
        "80%",
        "founding text, paragraph 10",
        "Make an erect view.",
        DISCLAIMER,
        "not measured",
    ):
        assert text in page


def test_a_report_asks_for_nothing_and_allows_its_own_script_alone() -> None:
    page = _page()
    assert "<script" not in _foreign(page)
    assert f"script-src '{script('report.js').digest}'" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]", page)


def test_parts_bear_names_that_other_programs_rely_on() -> None:
    page = _page()
    assert '<div id="reader-feedback" hidden></div>' in page
    assert '<figure class="whole" data-image="1" data-uid="1.2.3.1">' in page
    assert '<path class="o c0" data-lesion="1"' in page
    assert '<section class="card screen-only" aria-labelledby="lesion1" data-lesion="1">' in page


def test_slices_of_a_ct_bear_their_number() -> None:
    image = volume()
    page = _page(image=image)
    assert [int(n) for n in re.findall(r'data-slice="(\d+)"', page)[1:9]] == list(range(1, 9))


def test_the_lesion_that_shows_the_deciding_sign_is_pictured_beside_it() -> None:
    image = volume()
    small = lesion_at((slice(1, 2), slice(10, 14), slice(10, 14)), image.shape)
    large = lesion_at((slice(5, 7), slice(5, 20), slice(5, 20)), image.shape, number=2)
    box = 'aria-label="Lesion 1, which shows it"'
    assert box in _page(image=image, lesions=(small, large))
    assert box not in _page(image=image, lesions=(small,)), "the key picture shows it"


def test_causes_that_are_hardly_possible_are_counted_not_named() -> None:
    causes = tuple(Ranked(f"cause_{i}", "group", 0.1) for i in range(10))
    assert "cause 8 10%, and 1 more, 10% or less each." in _page(differential=Differential(causes))


def test_a_comparison_replaces_the_one_before_and_nothing_else() -> None:
    page = _page()
    told = {
        "earlier_study": "1.2.3",
        "days": 92,
        "lesions": [{"lesion": 1, "earlier_lesion": 4, "change": "grown", "measures": []}],
        "new": [],
        "gone": [2],
        "notes": ["a note"],
    }
    compared = with_follow_up(page, told)
    assert "92 days before" in compared
    assert "lesion 4" in compared
    assert with_follow_up(compared, {"not_assessed": "no earlier study of this patient in the run or store"}) == page


def test_a_header_cannot_end_the_part_that_is_replaced() -> None:
    page = _page(image=radiograph(notes=("<!--/follow-up--><!--follow-up-->",)))
    assert page.count("<!--follow-up-->") == page.count("<!--/follow-up-->") == 1


def test_markup_from_a_header_stays_text() -> None:
    page = _page(image=radiograph(view=Known(HOSTILE, "ViewPosition"), notes=(HOSTILE,)))
    assert "<script" not in _foreign(page)
    assert "&lt;script&gt;" in page
    assert "{{7*7}}" in page


def test_a_failed_study_says_why() -> None:
    results = failure_as_json("1.2.3", f"no image {HOSTILE}", analysis().software, ())
    page = report_page(results, {}, NAMES)
    assert "could not be analysed" in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_worklist_links_every_study_and_escapes_reasons() -> None:
    done = summary_row(analysis_as_json(analysis(), (None,)), "1.2.840.99999.1")
    failed = summary_row(failure_as_json("1.2.4", HOSTILE, analysis().software, ()), "1.2.4")
    run = {
        "software": {"version": "0.1.0", "profile": "seed"},
        "interrupted": False,
        "skipped": [{"path": HOSTILE, "reason": "x"}],
    }
    page = worklist_page([done, failed], run, NAMES)
    assert 'href="studies/1.2.840.99999.1/report.html"' in page
    assert "<script" not in _foreign(page)


def test_a_thumbnail_is_small_and_keeps_thin_lines() -> None:
    picture = np.full((300, 600, 3), 90, np.uint8)
    picture[150, 100:500] = (255, 176, 0)
    made = np.asarray(thumbnail(picture).convert("RGB")).astype(int)
    assert made.shape == (42, 85, 3)
    assert (made[150 // 7, 15:70].max(axis=1) - made[150 // 7, 15:70].min(axis=1) > 80).all()
    assert (made[:20] == 90).all()


def test_outlines_lie_round_the_lesion_and_leave_it_bare() -> None:
    image = radiograph(shape=(600, 500))
    lesion = lesion_at((slice(200, 300), slice(100, 250)), image.shape)
    whole = analysis(image=image, lesions=(lesion,))
    (view,) = views(image, whole.lesions, whole.measurements)
    scale = view.marked.height / 600
    marked, plain = np.asarray(view.marked), np.asarray(view.plain)
    inside = (slice(int(210 * scale), int(290 * scale)), slice(int(110 * scale), int(240 * scale)))
    assert np.array_equal(marked[inside], plain[inside])
    line = np.all(marked == colour_of(1), axis=2)
    assert line[int(250 * scale)].any()
    assert not line[: int(170 * scale)].any()


def test_a_level_is_drawn_where_it_was_measured() -> None:
    whole = analysis()
    (view,) = views(whole.images[0], whole.lesions, whole.measurements)
    rows = np.flatnonzero(np.all(np.asarray(view.marked) == LEVEL_COLOUR, axis=2).any(axis=1))
    scale = view.marked.height / 60
    assert abs(rows.mean() / scale - 30) < 1.5


def test_ct_pictures_have_square_millimetres() -> None:
    image = volume(shape=(30, 40, 40))
    whole = analysis(image=image, lesions=(lesion_at((slice(5, 9), slice(10, 20), slice(10, 20)), image.shape),))
    coronal, best = views(image, whole.lesions, whole.measurements)
    assert abs(coronal.marked.height / coronal.marked.width - 30 * 2 / 40) < 0.05
    assert abs(best.marked.height / best.marked.width - 1) < 0.05
    assert isinstance(image.identity, ImageIdentity)

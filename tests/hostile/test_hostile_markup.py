"""Script, markup, formulae and terminal escapes in every text that a page, a table or a log shows stay text."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from dicom_files import header, save, write_radiograph
from hostile_files import limb
from hostile_text import MARKUP, TEXTS
from hostile_trial import Ran, run
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from pipeline.report.files import summary_csv
from pipeline.worker.intake import Tally
from pipeline.worker.log import tell
from pipeline.worker.spool import Spool
from pipeline.worker.status import Pages
from pipeline.worker.store import Store

PLACES = ("href", "src", "srcset", "action", "formaction", "data", "style", "xlink:href")
"""Attributes that a browser follows."""
ALIVE = ("script", "img", "svg", "iframe", "object", "embed", "link", "meta", "base", "form")
"""Elements that could act; a page has those that it had without the hostile words."""


class Elements(HTMLParser):
    """Counts elements that could act, and collects attributes that could run something."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ALIVE:
            self.counts[tag] = self.counts.get(tag, 0) + 1
        for name, value in attrs:
            said = (value or "").strip().lower()
            if name.startswith("on") or (name in PLACES and said.startswith(("javascript:", "data:text"))):
                self.handlers.append(f"{name}={value}")


def elements(page: str) -> Elements:
    parser = Elements()
    parser.feed(page)
    return parser


def marked(path: Path, words: tuple[str, ...]) -> None:
    """Put a hostile word into every text attribute that is read, as raw bytes."""
    ds = dcmread(path)
    for number, keyword in enumerate(k for k in TEXTS if k not in ("Modality", "Manufacturer")):
        tag = BaseTag(tag_for_keyword(keyword) or 0)
        value = words[number % len(words)].encode()
        value += b" " * (len(value) % 2)
        ds[tag] = RawDataElement(tag, dictionary_VR(tag), len(value), value, 0, False, True)
    ds.save_as(path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A clean study with a lesion, the same with hostile words, a hostile UID, and hostile file names."""
    folder = tmp_path_factory.mktemp("in")
    write_radiograph(folder / "clean", "1.2.840.99999.81")
    for number in range(2):
        study = f"1.2.840.99999.9{number}"
        marked(write_radiograph(folder / f"hostile{number}", study), MARKUP[number:] + MARKUP[:number])
    for number, word in enumerate(MARKUP):
        made = header("DX", f"{word.encode('ascii', 'replace').decode()}1")
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = f"1.2.3.{number}"
        # cut off: refused at once, and its UID is shown all the same
        path = save(made, limb(), folder / f"uid{number}" / "dx.dcm")
        path.write_bytes(path.read_bytes()[:-99])
        (folder / word.replace("/", "_")).write_text("no image")
    return run(folder, tmp_path_factory.mktemp("run") / "out")


@pytest.mark.slow
def test_every_page_has_the_elements_that_it_has_without_hostile_words(ran: Ran) -> None:
    clean = elements((ran.out / "studies" / "1.2.840.99999.81" / "report.html").read_text())
    for page in (*ran.out.glob("studies/*/report.html"), ran.out / "index.html"):
        found = elements(page.read_text())
        assert found.handlers == [], page
        assert found.counts.get("script", 0) <= max(1, clean.counts.get("script", 0)), page
        for kind in ("iframe", "object", "embed", "link", "base"):
            assert kind not in found.counts, page
        assert "alert(2)>" not in page.read_text()
        assert "Content-Security-Policy" in page.read_text()


@pytest.mark.slow
def test_every_study_has_an_answer_and_no_line_of_the_terminal_is_controlled(ran: Ran) -> None:
    assert len(ran.report["studies"]) == 3 + len(MARKUP)
    assert [line for line in ran.said.splitlines() if not line.isprintable()] == []


@pytest.mark.slow
def test_names_in_the_output_are_uids_or_digests(ran: Ran) -> None:
    names = [path.name for path in (ran.out / "studies").iterdir()]
    assert [n for n in names if not re.fullmatch(r"[0-9.]{1,64}|[0-9a-f]{64}", n)] == []


@pytest.mark.slow
def test_no_cell_of_the_summary_is_a_formula(ran: Ran) -> None:
    rows = list(csv.reader(io.StringIO((ran.out / "summary.csv").read_text())))
    assert len(rows) == 1 + len(ran.report["studies"])
    assert {len(row) for row in rows} == {len(rows[0])}
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))] == []
    assert [c for row in rows for c in row if c.startswith("-") and not re.fullmatch(r"-?[0-9.]+", c)] == []


@pytest.mark.parametrize("word", MARKUP)
def test_a_cell_is_text_whatever_stands_in_it(word: str) -> None:
    (_, row) = csv.reader(io.StringIO(summary_csv([{"study_instance_uid": word, "reason": f"\n{word}"}])))
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert not row[-1].startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("word", MARKUP)
def test_the_status_page_shows_words_and_runs_none(word: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "spool")
    spool = Spool(store.database)
    spool.received("1.2.3", "1.2.3.4", "digest")
    spool.failed("1.2.3", word)
    tally = Tally(watching=word)
    pages = Pages(spool, store, tally, lambda: True)
    clean = elements(Pages(spool, store, Tally(), lambda: True).page().replace("1.2.3", ""))
    found = elements(pages.page())
    spool.close()
    assert found.handlers == []
    assert {k: n for k, n in found.counts.items() if k != "form"} == {
        k: n for k, n in clean.counts.items() if k != "form"
    }


@pytest.mark.parametrize("word", MARKUP)
def test_an_event_of_the_log_is_one_line_of_json(word: str) -> None:
    stream = io.StringIO()
    tell("failed", stream, study=word, reason=word)
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["reason"] == word
    assert line.isascii()
    assert "\x1b" not in line

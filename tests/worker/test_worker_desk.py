"""Readers' statements are taken from this server's own pages alone, checked, and kept."""

import http.client
import json
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from made_results import write_result

from pipeline.study import knowledge_for
from pipeline.worker.desk import MOST_BYTES, Desk, open_desk, opened_policy
from pipeline.worker.intake import Tally
from pipeline.worker.spool import Spool
from pipeline.worker.status import Pages, start_status
from pipeline.worker.store import Store

STUDY = "1.2.3"
PAGE = (
    '<!doctype html><html><head><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    'img-src data:"></head><body>report</body></html>'
)
REPORT = f"/results/{STUDY}/studies/{STUDY}/report.html"
RIGHT = {"mark": "right", "lesion": 1}


class Browser:
    """What a browser sends from the report's page, unless it is told otherwise."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> tuple[int, bytes, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        own = f"127.0.0.1:{self.port}"
        length = None if body is None else str(len(body))
        given = {"Host": own, "Origin": f"http://{own}", "X-Calcinosis-Token": self.token, "Content-Length": length}
        given |= {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        connection.putrequest(method, path, skip_host=True)
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers

    def say(self, statement: Any, study: str = STUDY, **headers: str | None) -> tuple[int, Any]:
        status, body, _ = self.ask("POST", f"/feedback/{study}", json.dumps(statement).encode(), **headers)
        return status, json.loads(body)


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    made = open_desk(Store(store.root, durable=False), knowledge_for("seed"), ("reading.example",))
    write_result(store.results(STUDY), STUDY)
    (store.results(STUDY) / "studies" / STUDY / "report.html").write_text(PAGE)
    yield made
    made.feedback.close()


@pytest.fixture
def browser(desk: Desk, store: Store, spool: Spool) -> Iterator[Browser]:
    spool.received(STUDY, "1", "x")
    server = start_status(Pages(spool, store, Tally(), lambda: True, desk), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Browser(server.server_address[1], desk.token)
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_statement_is_kept_and_shown_again(browser: Browser, desk: Desk) -> None:
    assert browser.say(RIGHT)[0] == 200
    assert browser.say({"mark": "diagnosis", "entity": "phlebolith", "reader": "B"})[0] == 200
    status, body, _ = browser.ask("GET", f"/feedback/{STUDY}")
    state = json.loads(body)
    assert status == 200
    assert [(s["about"], s["mark"], s["entity"], s["reader"]) for s in state["said"]] == [
        ("lesion:1", "right", None, ""), ("diagnosis", "diagnosis", "phlebolith", "B"),
    ]  # fmt: skip
    assert "phlebolith" in {e["id"] for group in state["diagnoses"] for e in group["entities"]}
    assert state["images"] == [{"uid": "1.2.3.1.1", "kind": "radiograph", "shape": [40, 60]}]
    assert desk.summary(STUDY) == "1 mark, Phlebolith"
    assert "1 mark, Phlebolith" in browser.ask("GET", "/")[1].decode()


def test_a_served_report_bears_the_controls_and_the_file_does_not(browser: Browser, store: Store) -> None:
    status, body, headers = browser.ask("GET", REPORT)
    page = body.decode()
    assert status == 200
    assert '<script src="/feedback.js" defer>' in page
    assert f'data-study="{STUDY}"' in page
    assert "script-src 'self'" in page
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert (store.results(STUDY) / "studies" / STUDY / "report.html").read_text() == PAGE
    assert browser.ask("GET", "/feedback.js")[2]["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": None},
        {"Origin": "null"},
        {"Host": "evil.example", "Origin": "http://evil.example"},  # a foreign name that was made to point here
        {"X_Calcinosis_Token": "guessed"},
        {"X_Calcinosis_Token": None},
    ],
)
def test_another_page_cannot_say_anything(browser: Browser, desk: Desk, headers: dict[str, str | None]) -> None:
    status, answer = browser.say(RIGHT, **headers)
    assert status == 403
    assert answer["error"]
    assert desk.feedback.studies() == ()


def test_a_name_that_the_settings_give_is_taken(browser: Browser) -> None:
    assert browser.say(RIGHT, Host="reading.example", Origin="https://reading.example")[0] == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_what_a_form_can_send_without_asking_is_refused(browser: Browser, kind: str | None) -> None:
    assert browser.say(RIGHT, Content_Type=kind)[0] == 415


@pytest.mark.parametrize(
    ("length", "status"),
    [(str(MOST_BYTES + 1), 413), ("9" * 400, 413), ("-1", 411), ("many", 411), (None, 411)],
)
def test_what_is_too_large_or_of_no_length_is_refused_unread(browser: Browser, length: str, status: int) -> None:
    assert browser.ask("POST", f"/feedback/{STUDY}", b"", Content_Length=length)[0] == status


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"mark": NaN'])
def test_what_is_no_json_is_said_to_be_none(browser: Browser, body: bytes) -> None:
    status, answer, _ = browser.ask("POST", f"/feedback/{STUDY}", body)
    assert status == 400
    assert b"no JSON" in answer


def test_a_mistake_is_told_with_what_was_meant(browser: Browser) -> None:
    status, answer = browser.say({"mark": "diagnosis", "entity": "flebolith"})
    assert status == 422
    assert "did you mean phlebolith" in answer["error"]


def test_a_page_of_an_earlier_analysis_is_told_to_reload(browser: Browser) -> None:
    assert browser.say({**RIGHT, "result": "0" * 64})[0] == 409


@pytest.mark.parametrize("study", ["9.9", "..", "%2e%2e", "1.2.3/../1.2.3", "x" * 300, ""])
def test_a_study_that_is_not_here_is_not_found(browser: Browser, study: str) -> None:
    assert browser.say(RIGHT, study)[0] == 404
    assert browser.ask("GET", f"/feedback/{study}")[0] == 404


def test_nothing_else_can_be_sent_to(browser: Browser) -> None:
    assert browser.ask("POST", "/", b"{}")[0] == 404
    assert browser.ask("POST", REPORT, b"{}")[0] == 404


def test_a_file_that_cannot_be_written_is_said(browser: Browser, desk: Desk) -> None:
    desk.feedback.close()
    status, answer = browser.say(RIGHT)
    assert status == 507
    assert "cannot be kept" in answer["error"]
    assert browser.ask("GET", f"/feedback/{STUDY}")[0] == 507
    assert browser.ask("GET", "/")[0] == 200


def test_words_of_readers_are_escaped_on_the_status_page(browser: Browser) -> None:
    browser.say({"mark": "diagnosis", "other": "<script>alert(1)</script>"})
    assert "<script>alert" not in browser.ask("GET", "/")[1].decode()


def test_the_policy_is_opened_for_this_server_alone() -> None:
    assert opened_policy("default-src 'none'; img-src data:") == (
        "default-src 'none'; img-src data:; script-src 'self'; connect-src 'self'"
    )
    assert "script-src 'self' 'sha256-x'" in opened_policy("default-src 'none'; script-src 'sha256-x'")


def test_the_file_has_no_more_columns_than_what_is_said(browser: Browser, store: Store) -> None:
    browser.say(RIGHT)
    with sqlite3.connect(store.root / "feedback" / "feedback.sqlite") as db:
        assert db.execute("SELECT about, mark, reader FROM said").fetchall() == [("lesion:1", "right", "")]

"""What readers said stays: the newest of each reader holds, and nothing is lost."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_results import write_result

from pipeline.errors import InputError, OutputError
from pipeline.feedback.consensus import verdict
from pipeline.feedback.said import Said
from pipeline.feedback.store import Feedback, open_feedback, read_results

BOX = ((1, 2), (3, 4))


@pytest.fixture
def feedback(tmp_path: Path) -> Iterator[Feedback]:
    made = Feedback(tmp_path / "feedback" / "feedback.sqlite", durable=False)
    yield made
    made.close()


def lesion(number: int, mark: str = "right", reader: str = "", result: str = "r") -> Said:
    return Said("1.2", result, f"lesion:{number}", mark, number, "1.2.1", reader=reader)  # type: ignore[arg-type]


def missed(token: str, reader: str = "") -> Said:
    return Said("1.2", "r", f"missed:{token}", "missed", image="1.2.1", box=BOX, reader=reader)


def diagnosis(entity: str | None, other: str | None = None, reader: str = "") -> Said:
    return Said("1.2", "r", "diagnosis", "diagnosis", entity=entity, other=other, reader=reader)


def test_what_was_said_comes_back_as_it_was(feedback: Feedback) -> None:
    told = [lesion(1), missed("a", "B"), diagnosis(None, "gout")]
    kept = [feedback.add(one) for one in told]
    assert list(feedback.history("1.2")) == kept
    assert all(one.time > 1e9 for one in kept)
    assert feedback.studies() == ("1.2",)


def test_a_later_mark_replaces_an_earlier_one_of_the_same_reader_and_the_history_stays(feedback: Feedback) -> None:
    for one in (lesion(1, "right"), lesion(1, "wrong", "B"), lesion(1, "wrong"), lesion(2, "right")):
        feedback.add(one)
    assert [(s.lesion, s.mark, s.reader) for s in feedback.current("1.2")] == [
        (1, "wrong", "B"), (1, "wrong", ""), (2, "right", ""),
    ]  # fmt: skip
    assert len(feedback.history("1.2")) == 4


def test_what_was_withdrawn_no_longer_holds(feedback: Feedback) -> None:
    feedback.add(missed("a"))
    feedback.add(Said("1.2", "r", "missed:a", "withdrawn"))
    assert feedback.current("1.2") == ()
    feedback.add(missed("a"))
    assert len(feedback.current("1.2")) == 1


def test_it_outlives_the_process_that_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "feedback.sqlite"
    first = Feedback(path)
    first.add(lesion(1))
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    again = open_feedback(path)
    assert again.current("1.2") == first.current("1.2")
    first.close()
    again.close()


def test_many_threads_lose_nothing(feedback: Feedback) -> None:
    threads = [
        threading.Thread(target=lambda k=k: [feedback.add(lesion(n, reader=str(k))) for n in range(20)])
        for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(feedback.current("1.2")) == 160


def test_the_result_that_was_spoken_of_is_kept_even_when_it_is_made_anew(feedback: Feedback, tmp_path: Path) -> None:
    folder = write_result(tmp_path, "1.2")
    _, digest = read_results(folder)
    feedback.add(lesion(1, result=digest), folder)
    (folder / "results.json").write_text("{}")
    kept = feedback.results("1.2", digest)
    assert read_results(kept)[1] == digest
    assert [path.name for path in (kept / "labels").iterdir()] == ["i.png"]


def test_times_of_stages_do_not_make_another_result(tmp_path: Path) -> None:
    folder = write_result(tmp_path, "1.2")
    _, digest = read_results(folder)
    results = json.loads((folder / "results.json").read_text())
    (folder / "results.json").write_text(json.dumps(results | {"seconds": {"load": 9.0}}))
    assert read_results(folder)[1] == digest
    (folder / "results.json").write_text(json.dumps(results | {"lesions": []}))
    assert read_results(folder)[1] != digest


def test_results_that_cannot_be_read_and_folders_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="analyse it again"):
        read_results(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        open_feedback(tmp_path / "none.sqlite")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="writable"):
        Feedback(tmp_path / "file" / "feedback.sqlite")


def test_readers_who_disagree_leave_it_open(feedback: Feedback) -> None:
    for one in (lesion(1), lesion(1, "wrong", "B"), lesion(2), lesion(2, "right", "B"), lesion(3, "wrong")):
        feedback.add(one)
    for one in (diagnosis("phlebolith"), diagnosis("granuloma", reader="B"), missed("a"), missed("b", "B")):
        feedback.add(one)
    said = verdict(feedback.current("1.2"))
    assert said is not None
    assert said.lesions == {2: True, 3: False}
    assert said.entity is None
    assert len(said.missed) == 1  # twice the same box


def test_a_diagnosis_in_free_words_fits_no_entity(feedback: Feedback) -> None:
    feedback.add(diagnosis(None, "gout"))
    said = verdict(feedback.current("1.2"))
    assert said is not None
    assert (said.entity, said.other) == ("indeterminate", "gout")


def test_numbers_of_lesions_hold_for_the_newest_marked_result_alone(feedback: Feedback) -> None:
    for one in (lesion(1, result="old"), lesion(2, "wrong", result="new"), diagnosis("phlebolith")):
        feedback.add(one)
    said = verdict(feedback.current("1.2"))
    assert said is not None
    assert (said.result, said.lesions, said.entity) == ("new", {2: False}, "phlebolith")

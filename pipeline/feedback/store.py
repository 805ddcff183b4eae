"""What readers said, in one SQLite file with a write-ahead log. Nothing is changed or removed: the newest wins.

Beside it, in `kept/`, lie the results that were spoken of (results.json and label images, no picture): they may leave
the place they were written to, or be made anew with other numbers of lesions, and what was said must keep its sense.
"""

import hashlib
import json
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import Any

from pipeline.errors import InputError, OutputError
from pipeline.feedback.said import Said
from pipeline.model.identity import file_stem

NAME = "feedback.sqlite"
BUSY_MS = 30_000
COLUMNS = tuple(f.name for f in fields(Said))
SCHEMA = """
CREATE TABLE IF NOT EXISTS said (
    id INTEGER PRIMARY KEY, study TEXT NOT NULL, result TEXT NOT NULL, about TEXT NOT NULL, mark TEXT NOT NULL,
    lesion INTEGER, image TEXT, box TEXT, entity TEXT, other TEXT, reader TEXT NOT NULL, time REAL NOT NULL);
CREATE INDEX IF NOT EXISTS said_study ON said (study, id);
"""


class Feedback:
    """The statements of readers; safe to use from several threads."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Open or make it. OutputError where the file system cannot hold it. Without `durable` nothing is synced."""
        self.kept = path.parent / "kept"
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
            self._db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            self._db.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"{path}: cannot be opened ({error}): choose a local, writable folder") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def add(self, said: Said, folder: Path | None = None) -> Said:
        """Keep a statement, and of `folder`, the study's results, what it is about. OutputError when it cannot be kept.

        Returns it with its time: now, unless it bears one.
        """
        stamped = said if said.time else replace(said, time=time.time())
        row = [json.dumps(v) if isinstance(v, tuple) else v for v in astuple(stamped)]
        try:
            if folder is not None:
                self._keep(folder, said)
            with self._lock:
                marks = ",".join("?" * len(COLUMNS))
                self._db.execute(f"INSERT INTO said ({','.join(COLUMNS)}) VALUES ({marks})", row)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"what was said cannot be kept ({type(error).__name__}): free disk space") from error
        return stamped

    def history(self, study: str) -> tuple[Said, ...]:
        """Everything that was said of a study, oldest first. OutputError, as below, where the file cannot be read."""
        return self._rows("WHERE study=? ORDER BY id", study)

    def current(self, study: str) -> tuple[Said, ...]:
        """What holds: the newest of each reader on each subject of each result, without what was withdrawn."""
        newest: dict[tuple[str, ...], Said] = {}
        for said in self.history(study):
            of_result = said.result if said.about.startswith("lesion:") else ""
            key = (said.about, said.reader, of_result)
            newest.pop(key, None)
            newest[key] = said
        return tuple(said for said in newest.values() if said.mark != "withdrawn")

    def studies(self) -> tuple[str, ...]:
        """The studies of which something was said, in the order of their first statement."""
        return tuple(str(row[0]) for row in self._select("study FROM said GROUP BY study ORDER BY min(id)"))

    def results(self, study: str, digest: str) -> Path:
        """Where the result that was spoken of is kept."""
        return self.kept / file_stem(study) / digest[:16]

    def _rows(self, where: str, *values: object) -> tuple[Said, ...]:
        rows = self._select(f"{','.join(COLUMNS)} FROM said {where}", *values)
        return tuple(_said(dict(zip(COLUMNS, row, strict=True))) for row in rows)

    def _select(self, what: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a question. OutputError where the file cannot be read."""
        try:
            with self._lock:
                return self._db.execute(f"SELECT {what}", values).fetchall()
        except sqlite3.Error as error:
            raise OutputError(f"what was said cannot be read ({type(error).__name__}): is the disk well?") from error

    def _keep(self, folder: Path, said: Said) -> None:
        """Copy results.json and label images, complete or not at all; what is kept already stays."""
        final = self.results(said.study, said.result)
        if final.is_dir():
            return
        aside = final.with_name(f".{uuid.uuid4().hex}")
        aside.mkdir(parents=True)
        try:
            shutil.copy2(folder / "results.json", aside / "results.json")
            if (folder / "labels").is_dir():
                shutil.copytree(folder / "labels", aside / "labels")
            if not final.is_dir():
                aside.rename(final)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def open_feedback(path: Path) -> Feedback:
    """The statements in a file that is there. InputError where there is none."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; the worker keeps it in its folder as {NAME}")
    return Feedback(path)


def read_results(folder: Path) -> tuple[Mapping[str, Any], str]:
    """Content of results.json in a study's folder, and its digest. InputError where it cannot be read."""
    try:
        results: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        timeless = {key: value for key, value in results.items() if key != "seconds"}
        results["study"]["study_instance_uid"], results["images"], results["lesions"]  # what statements are about
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("results.json of this study cannot be read: analyse it again") from error
    return results, hashlib.sha256(json.dumps(timeless, sort_keys=True).encode()).hexdigest()


def _said(row: dict[str, Any]) -> Said:
    box = None if row["box"] is None else tuple(tuple(corner) for corner in json.loads(row["box"]))
    return Said(**{**row, "box": box})

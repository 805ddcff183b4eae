"""The file that owns what the worker knows: SQLite with a write-ahead log, one transaction a step."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import OutputError

BUSY_MS = 30_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS study (
    uid TEXT PRIMARY KEY, state TEXT NOT NULL, since REAL NOT NULL, received REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
    again INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS study_state ON study (state, received);
CREATE INDEX IF NOT EXISTS study_since ON study (since);
CREATE TABLE IF NOT EXISTS instance (
    study TEXT NOT NULL, uid TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (study, uid));
CREATE TABLE IF NOT EXISTS object (
    study TEXT NOT NULL, path TEXT NOT NULL, uid TEXT NOT NULL DEFAULT '', step INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (study, path));
CREATE INDEX IF NOT EXISTS object_uid ON object (uid);
CREATE TABLE IF NOT EXISTS place (source TEXT PRIMARY KEY, last INTEGER NOT NULL, mark TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (
    source TEXT NOT NULL, study TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (source, study));
"""


class Database:
    """An open database; safe to use from several threads."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Open or make it. OutputError where the file system cannot hold it. Without `durable` nothing is synced."""
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            mode = self._db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
            self._db.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            self._db.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"{path}: spool cannot be opened ({error}): choose a local, writable folder") from error
        if mode != "wal":
            raise OutputError(f"{path}: this file system has no shared memory for a spool: choose a local folder")

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and nobody else meanwhile. OutputError when the disk is full or broken."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    self._rollback()
                    raise
                try:
                    self._db.execute("COMMIT")
                except sqlite3.Error:
                    self._rollback()
                    raise
            except sqlite3.OperationalError as error:
                raise _unusable(error) from error

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a question answers. OutputError when the disk is full or broken."""
        try:
            with self._lock:
                return self._db.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            raise _unusable(error) from error

    def place(self, source: str) -> tuple[int, str]:
        """How far an archive's changes were handled: number and mark of the last one; (0, "") at the beginning."""
        found = self.rows("SELECT last, mark FROM place WHERE source=?", source)
        return (int(found[0][0]), str(found[0][1])) if found else (0, "")

    def set_place(self, source: str, last: int, mark: str) -> None:
        """Remember how far an archive's changes were handled."""
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO place VALUES (?,?,?)", (source, last, mark))

    def fetched(self, source: str, study: str) -> str:
        """Digest of a study's content when it was last fetched from an archive, empty when it was not."""
        found = self.rows("SELECT content FROM seen WHERE source=? AND study=?", source, study)
        return str(found[0][0]) if found else ""

    def set_fetched(self, source: str, study: str, content: str) -> None:
        """Remember what was fetched."""
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO seen VALUES (?,?,?)", (source, study, content))

    def _rollback(self) -> None:
        """Undo; SQLite itself has already undone a transaction that met a full disk."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _unusable(error: sqlite3.Error) -> OutputError:
    return OutputError(f"the spool's database cannot be used ({error}): free disk space")

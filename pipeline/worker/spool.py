"""The spool: which studies lie here, and how far each is. One SQLite file owns the state.

States of a study: receiving → processing → delivering → delivered; failed with a reason (a dead letter) from any of
them. "Ready" is a study that is receiving and has been quiet. Every transition is one transaction and may be repeated
without harm; a start after a crash puts back what was running.
"""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pipeline.errors import OutputError

State = Literal["receiving", "processing", "delivering", "delivered", "failed"]
STATES: tuple[State, ...] = get_args(State)
BUSY_MS = 30_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS study (
    uid TEXT PRIMARY KEY, state TEXT NOT NULL, since REAL NOT NULL, received REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_try REAL NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
    again INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS study_state ON study (state, received);
CREATE TABLE IF NOT EXISTS instance (
    study TEXT NOT NULL, uid TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (study, uid));
CREATE TABLE IF NOT EXISTS object (
    study TEXT NOT NULL, path TEXT NOT NULL, uid TEXT NOT NULL DEFAULT '', step INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (study, path));
CREATE INDEX IF NOT EXISTS object_uid ON object (uid);
"""
WAITING, TAKEN, COMMITTED = 0, 1, 2
"""Steps of an object: not sent, taken by the peer, and the peer has promised to keep it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A study in the spool. `since` and `next_try` are seconds since the epoch."""

    uid: str
    state: State
    since: float
    attempts: int
    next_try: float
    reason: str


class Spool:
    """The database; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Open or make the database. OutputError where the file system cannot hold it."""
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            mode = self._db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            self._db.execute("PRAGMA synchronous=FULL")
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
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def received(self, study: str, instance: str, digest: str) -> bool:
        """Note a stored instance. Returns whether it is news; the same content once more changes nothing.

        News for a study that is being processed makes it ready again afterwards; for one that is through, at once.
        """
        now = time.time()
        with self._transaction() as db:
            known = db.execute("SELECT digest FROM instance WHERE study=? AND uid=?", (study, instance)).fetchone()
            if known is not None and known[0] == digest:
                return False
            db.execute("INSERT OR REPLACE INTO instance VALUES (?,?,?)", (study, instance, digest))
            db.execute(
                "INSERT INTO study (uid, state, since, received) VALUES (?,'receiving',?,?) "
                "ON CONFLICT (uid) DO UPDATE SET received=excluded.received, again=(state='processing'), "
                "since=CASE WHEN state IN ('receiving','processing') THEN since ELSE excluded.since END, "
                "attempts=0, reason='', state=CASE WHEN state='processing' THEN state ELSE 'receiving' END",
                (study, now, now),
            )
        return True

    def take_ready(self, quiet_s: float) -> str | None:
        """The study quiet for longest, `quiet_s` or more, now in state processing; None when there is none."""
        with self._transaction() as db:
            row = db.execute(
                "SELECT uid FROM study WHERE state='receiving' AND received<=? ORDER BY received LIMIT 1",
                (time.time() - quiet_s,),
            ).fetchone()
            if row is None:
                return None
            db.execute("UPDATE study SET state='processing', since=?, again=0 WHERE uid=?", (time.time(), row[0]))
        return str(row[0])

    def processed(self, study: str, objects: Iterable[Path]) -> None:
        """A study was analysed; its objects wait for delivery. What came in meanwhile makes it ready again."""
        with self._transaction() as db:
            again = db.execute("SELECT again FROM study WHERE uid=?", (study,)).fetchone()
            db.execute("DELETE FROM object WHERE study=?", (study,))
            state = "receiving" if again is not None and again[0] else "delivering"
            if state == "delivering":
                db.executemany("INSERT INTO object (study, path) VALUES (?,?)", [(study, str(p)) for p in objects])
            db.execute(
                "UPDATE study SET state=?, since=?, attempts=0, next_try=0, again=0 WHERE uid=?",
                (state, time.time(), study),
            )

    def take_delivery(self) -> Entry | None:
        """A study whose objects are due; it stays in its state."""
        with self._lock:
            row = self._db.execute(
                "SELECT uid, state, since, attempts, next_try, reason FROM study "
                "WHERE state='delivering' AND next_try<=? ORDER BY next_try, since LIMIT 1",
                (time.time(),),
            ).fetchone()
        return None if row is None else Entry(*row)

    def undelivered(self, study: str) -> tuple[Path, ...]:
        """Objects of a study that the peer has not taken yet."""
        return self._objects(study, WAITING)

    def uncommitted(self, study: str) -> tuple[Path, ...]:
        """Objects of a study that the peer has taken and not promised to keep."""
        return self._objects(study, TAKEN)

    def _objects(self, study: str, step: int) -> tuple[Path, ...]:
        with self._lock:
            rows = self._db.execute(
                "SELECT path FROM object WHERE study=? AND step=? ORDER BY path", (study, step)
            ).fetchall()
        return tuple(Path(row[0]) for row in rows)

    def object_taken(self, study: str, path: Path, uid: str) -> None:
        """The peer has taken an object, whose SOP Instance UID is `uid`."""
        with self._transaction() as db:
            db.execute("UPDATE object SET step=?, uid=? WHERE study=? AND path=?", (TAKEN, uid, study, str(path)))

    def commitment(self, kept: Iterable[str], lost: Iterable[str]) -> None:
        """What the peer keeps and what it does not have, by SOP Instance UID; lost objects are sent again."""
        now = time.time()
        with self._transaction() as db:
            for uid in kept:
                db.execute("UPDATE object SET step=? WHERE uid=? AND step=?", (COMMITTED, uid, TAKEN))
                db.execute(
                    "UPDATE study SET state='delivered', reason='', since=? WHERE state='delivering' AND uid IN "
                    "(SELECT study FROM object WHERE uid=?) AND NOT EXISTS "
                    "(SELECT 1 FROM object WHERE object.study=study.uid AND step<?)",
                    (now, uid, COMMITTED),
                )
            for uid in lost:
                db.execute("UPDATE object SET step=? WHERE uid=? AND step=?", (WAITING, uid, TAKEN))
                db.execute(
                    "UPDATE study SET next_try=?, reason='the peer lost an object' WHERE state='delivering' AND uid IN "
                    "(SELECT study FROM object WHERE uid=?)",
                    (now, uid),
                )

    def delivered(self, study: str) -> None:
        """All objects of a study were taken."""
        self._end(study, "delivering", "delivered", "")

    def failed(self, study: str, during: State, reason: str) -> None:
        """A study needs a person; `reason` is one line without patient data, `during` the state that it was in."""
        self._end(study, during, "failed", reason)

    def _end(self, study: str, during: State, state: State, reason: str) -> None:
        """From `during` to a final state; a study with news since then waits again instead."""
        with self._transaction() as db:
            db.execute(
                "UPDATE study SET state=CASE WHEN again THEN 'receiving' ELSE ? END, reason=?, since=?, again=0 "
                "WHERE uid=? AND state=?",
                (state, reason, time.time(), study, during),
            )

    def postpone(self, study: str, until: float, reason: str) -> None:
        """Try delivery again at `until`, seconds since the epoch."""
        with self._transaction() as db:
            db.execute(
                "UPDATE study SET attempts=attempts+1, next_try=?, reason=? WHERE uid=? AND state='delivering'",
                (until, reason, study),
            )

    def recover(self) -> int:
        """Put back what was being processed when the last worker ended; returns how many."""
        with self._transaction() as db:
            done = db.execute("UPDATE study SET state='receiving', again=0 WHERE state='processing'")
        return done.rowcount

    def retry(self, studies: Iterable[str] = ()) -> int:
        """Dead letters back to the queue, all or those named; returns how many."""
        named = tuple(studies)
        chosen = f" AND uid IN ({','.join('?' * len(named))})" if named else ""
        with self._transaction() as db:
            done = db.execute(
                "UPDATE study SET attempts=0, next_try=0, since=?, reason='', state=CASE WHEN EXISTS "
                "(SELECT 1 FROM object WHERE object.study=study.uid) THEN 'delivering' ELSE 'receiving' END "
                f"WHERE state='failed'{chosen}",
                (time.time(), *named),
            )
        return done.rowcount

    def counts(self) -> dict[State, int]:
        """Studies by state."""
        with self._lock:
            found = dict(self._db.execute("SELECT state, count(*) FROM study GROUP BY state").fetchall())
        return {state: int(found.get(state, 0)) for state in STATES}

    def latest(self, limit: int) -> tuple[Entry, ...]:
        """The studies that changed last, newest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT uid, state, since, attempts, next_try, reason FROM study ORDER BY since DESC LIMIT ?", (limit,)
            ).fetchall()
        return tuple(Entry(*row) for row in rows)

"""The spool: which studies lie here, and how far each is. One SQLite file owns the state.

States of a study: receiving → processing → delivering → delivered; failed with a reason (a dead letter) from any of
them. "Ready" is a study that is receiving and has been quiet. Every transition is one transaction and may be repeated
without harm; a start after a crash puts back what was running.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pipeline.worker.database import Database

State = Literal["receiving", "processing", "delivering", "delivered", "failed"]
STATES: tuple[State, ...] = get_args(State)
WAITING, TAKEN, COMMITTED = 0, 1, 2
"""Steps of an object: not sent, taken by the peer, and the peer has promised to keep it."""
FARTHEST_S = 14_400.0
"""No try is planned so far ahead: a time beyond it was written before the clock jumped back, and is past."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A study in the spool. `since` and `next_try` are seconds since the epoch."""

    uid: str
    state: State
    since: float
    attempts: int
    next_try: float
    reason: str


class Spool(Database):
    """The studies in the database; safe to use from several threads."""

    def received(self, study: str, instance: str, digest: str) -> bool:
        """Note a stored instance. Returns whether it is news; the same content once more changes nothing.

        News for a study that is being processed makes it ready again afterwards; for one that is through, at once.
        """
        now = time.time()
        with self.transaction() as db:
            known = db.execute("SELECT digest FROM instance WHERE study=? AND uid=?", (study, instance)).fetchone()
            if known is not None and known[0] == digest:
                return False
            db.execute("INSERT OR REPLACE INTO instance VALUES (?,?,?)", (study, instance, digest))
            db.execute(
                "INSERT INTO study (uid, state, since, received) VALUES (?,'receiving',?,?) "
                "ON CONFLICT (uid) DO UPDATE SET received=excluded.received, again=(state='processing'), "
                "since=CASE WHEN state IN ('receiving','processing') THEN since ELSE excluded.since END, "
                "attempts=0, next_try=0, reason='', state=CASE WHEN state='processing' THEN state ELSE 'receiving' END",
                (study, now, now),
            )
        return True

    def knows(self, study: str, instance: str, digest: str) -> bool:
        """Whether this content is noted already."""
        return bool(self.rows("SELECT 1 FROM instance WHERE study=? AND uid=? AND digest=?", study, instance, digest))

    def take_ready(self, quiet_s: float) -> str | None:
        """The study quiet for longest, `quiet_s` or more, now in state processing; None when there is none."""
        now = time.time()
        with self.transaction() as db:
            row = db.execute(
                "SELECT uid FROM study WHERE state='receiving' AND (received<=? OR received>?) "
                "AND (next_try<=? OR next_try>?) ORDER BY received LIMIT 1",
                (now - quiet_s, now, now, now + FARTHEST_S),
            ).fetchone()
            if row is None:
                return None
            db.execute("UPDATE study SET state='processing', since=?, again=0 WHERE uid=?", (now, row[0]))
        return str(row[0])

    def processed(self, study: str, objects: Mapping[Path, str]) -> None:
        """A study was analysed; its objects (path to SOP Instance UID) wait for delivery.

        One that came out as before is not sent again. What came in meanwhile makes the study ready again.
        """
        with self.transaction() as db:
            steps = dict(db.execute("SELECT uid, step FROM object WHERE study=?", (study,)).fetchall())
            again = db.execute("SELECT again FROM study WHERE uid=?", (study,)).fetchone()
            db.execute("DELETE FROM object WHERE study=?", (study,))
            state = "receiving" if again is not None and again[0] else "delivering"
            if state == "delivering":
                rows = [(study, str(path), uid, steps.get(uid, WAITING)) for path, uid in objects.items()]
                db.executemany("INSERT INTO object VALUES (?,?,?,?)", rows)
            db.execute(
                "UPDATE study SET state=?, since=?, attempts=0, next_try=0, again=0, reason='' WHERE uid=?",
                (state, time.time(), study),
            )

    def take_delivery(self) -> Entry | None:
        """A study whose objects are due; it stays in its state."""
        now = time.time()
        found = self.rows(
            "SELECT uid, state, since, attempts, next_try, reason FROM study "
            "WHERE state='delivering' AND (next_try<=? OR next_try>?) ORDER BY next_try, since LIMIT 1",
            now,
            now + FARTHEST_S,
        )
        return Entry(*found[0]) if found else None

    def undelivered(self, study: str) -> tuple[Path, ...]:
        """Objects of a study that the peer has not taken yet."""
        return self._objects(study, WAITING)

    def uncommitted(self, study: str) -> tuple[Path, ...]:
        """Objects of a study that the peer has taken and not promised to keep."""
        return self._objects(study, TAKEN)

    def _objects(self, study: str, step: int) -> tuple[Path, ...]:
        rows = self.rows("SELECT path FROM object WHERE study=? AND step=? ORDER BY path", study, step)
        return tuple(Path(row[0]) for row in rows)

    def made(self, uid: str) -> bool:
        """Whether an object of this SOP Instance UID was made here."""
        return bool(self.rows("SELECT 1 FROM object WHERE uid=?", uid))

    def object_taken(self, study: str, path: Path, uid: str) -> None:
        """The peer has taken an object of this SOP Instance UID; one that was replaced meanwhile still waits."""
        with self.transaction() as db:
            db.execute(
                "UPDATE object SET step=?, uid=? WHERE study=? AND path=? AND uid IN (?,'')",
                (TAKEN, uid, study, str(path), uid),
            )

    def commitment(self, kept: Iterable[str], lost: Iterable[str]) -> None:
        """What the peer keeps and what it does not have, by SOP Instance UID; lost objects are sent again."""
        now = time.time()
        with self.transaction() as db:
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

    def delivered(self, entry: Entry) -> None:
        """All objects of a study were taken, or stay here because there is no peer."""
        self._end(entry.uid, "delivering", "delivered", entry.since)

    def undeliverable(self, entry: Entry, reason: str) -> None:
        """A delivery needs a person; `reason` is one line without patient data."""
        self._end(entry.uid, "delivering", "failed", entry.since, reason)

    def failed(self, study: str, reason: str) -> None:
        """An analysis needs a person; a study with news since it began waits again instead."""
        self._end(study, "processing", "failed", None, reason)

    def _end(self, study: str, during: State, state: State, since: float | None, reason: str = "") -> None:
        """From `during` to a final state; the end of older work (another `since`) changes nothing."""
        with self.transaction() as db:
            db.execute(
                "UPDATE study SET state=CASE WHEN again THEN 'receiving' ELSE ? END, reason=?, since=?, again=0 "
                "WHERE uid=? AND state=? AND since=coalesce(?,since)",
                (state, reason, time.time(), study, during, since),
            )
            if during == "processing":  # objects of an earlier analysis: a retry must analyse, not deliver them
                db.execute("DELETE FROM object WHERE study=?", (study,))

    def postpone(self, entry: Entry, until: float, reason: str) -> None:
        """Try delivery again at `until`, seconds since the epoch."""
        with self.transaction() as db:
            db.execute(
                "UPDATE study SET attempts=attempts+1, next_try=?, reason=? "
                "WHERE uid=? AND state='delivering' AND since=?",
                (until, reason, entry.uid, entry.since),
            )

    def put_back(self, study: str, until: float, reason: str) -> None:
        """An analysis could not be done for a reason that may pass: again at `until`, seconds since the epoch."""
        with self.transaction() as db:
            db.execute(
                "UPDATE study SET state='receiving', attempts=attempts+1, next_try=?, reason=?, since=?, again=0 "
                "WHERE uid=? AND state='processing'",
                (until, reason, time.time(), study),
            )

    def attempts(self, study: str) -> int:
        """How often a study's present step was tried in vain."""
        found = self.rows("SELECT attempts FROM study WHERE uid=?", study)
        return int(found[0][0]) if found else 0

    def recover(self) -> int:
        """Put back what was being processed when the last worker ended; returns how many."""
        with self.transaction() as db:
            done = db.execute("UPDATE study SET state='receiving', again=0 WHERE state='processing'")
        return done.rowcount

    def retry(self, studies: Iterable[str] = ()) -> int:
        """Dead letters back to the queue, all or those named; returns how many."""
        named = tuple(studies)
        chosen = f" AND uid IN ({','.join('?' * len(named))})" if named else ""
        with self.transaction() as db:
            done = db.execute(
                "UPDATE study SET attempts=0, next_try=0, since=?, reason='', state=CASE WHEN EXISTS "
                "(SELECT 1 FROM object WHERE object.study=study.uid) THEN 'delivering' ELSE 'receiving' END "
                f"WHERE state='failed'{chosen}",
                (time.time(), *named),
            )
        return done.rowcount

    def counts(self) -> dict[State, int]:
        """Studies by state."""
        found = dict(self.rows("SELECT state, count(*) FROM study GROUP BY state"))
        return {state: int(found.get(state, 0)) for state in STATES}

    def latest(self, limit: int) -> tuple[Entry, ...]:
        """The studies that changed last, newest first."""
        rows = self.rows(
            "SELECT uid, state, since, attempts, next_try, reason FROM study ORDER BY since DESC LIMIT ?", limit
        )
        return tuple(Entry(*row) for row in rows)

    def finished(self, before: float, states: Iterable[State]) -> tuple[Entry, ...]:
        """Studies that came into one of these states before a time (seconds since the epoch), oldest first."""
        wanted = tuple(states)
        rows = self.rows(
            "SELECT uid, state, since, attempts, next_try, reason FROM study "
            f"WHERE since<? AND state IN ({','.join('?' * len(wanted))}) ORDER BY since",
            before,
            *wanted,
        )
        return tuple(Entry(*row) for row in rows)

    def forget(self, entry: Entry, remove: Callable[[], None]) -> bool:
        """Call `remove` and drop a study's rows, unless the study changed since `entry` was read.

        Nobody can note an instance meanwhile. Returns whether it was dropped.
        """
        with self.transaction() as db:
            same = db.execute(
                "SELECT 1 FROM study WHERE uid=? AND state=? AND since=?", (entry.uid, entry.state, entry.since)
            ).fetchone()
            if same is None:
                return False
            remove()
            for table, key in (("study", "uid"), ("instance", "study"), ("object", "study")):
                db.execute(f"DELETE FROM {table} WHERE {key}=?", (entry.uid,))
        return True

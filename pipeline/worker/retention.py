"""Old studies leave the spool: by age, or sooner when the disk fills. What nobody else has stays."""

import time

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.deliver import has_peer
from pipeline.worker.log import tell
from pipeline.worker.spool import Entry, Spool
from pipeline.worker.store import Store

DAY_S = 86_400.0
EACH_S = 60.0
"""Seconds between two looks."""
YOUNGEST_S = 3_600.0
"""A study stays so long after its delivery even when the disk is full: its echo from the archive must be known."""


def retire(store: Store, spool: Spool, settings: WorkerSettings, now: float) -> int:
    """Remove what is old at `now`, seconds since the epoch; returns how many studies.

    Delivered studies and dead letters go when they are older than `keep_days`. While less than `keep_free_bytes` is
    free, delivered studies go, oldest first. Without a peer nothing goes: the results are nowhere else.
    """
    if not has_peer(settings):
        return 0
    gone = 0
    if settings.keep_days:
        old = spool.finished(now - settings.keep_days * DAY_S, ("delivered", "failed"))
        gone += sum(_remove(store, spool, entry) for entry in old)
    store.empty_trash()
    for entry in spool.finished(now - YOUNGEST_S, ("delivered",)) if settings.keep_free_bytes else ():
        if store.free_bytes() >= settings.keep_free_bytes:
            break
        gone += _remove(store, spool, entry)
        store.empty_trash()
    return gone


def _remove(store: Store, spool: Spool, entry: Entry) -> bool:
    removed = spool.forget(entry, lambda: store.remove(entry.uid))
    if removed:
        tell("removed", study=entry.uid, was=entry.state)
    return removed


class Retention:
    """Looks every minute."""

    def __init__(self, store: Store, spool: Spool, settings: WorkerSettings) -> None:
        self._store, self._spool, self._settings = store, spool, settings
        self._next = 0.0

    def look(self) -> bool:
        """Remove what is old, when it is time to; returns False: there is never more to do at once."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EACH_S
            retire(self._store, self._spool, self._settings, time.time())
        return False

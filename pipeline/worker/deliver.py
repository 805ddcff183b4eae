"""Results go to a peer by C-STORE or STOW-RS; the spool keeps what is left, and when it is tried again."""

import random
import time
from pathlib import Path

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.commitment import WAIT_S, ask
from pipeline.worker.send import send
from pipeline.worker.spool import Entry, Spool
from pipeline.worker.stow import stow

FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 3600.0
"""Waits double from the first to the longest, each by a random factor of 0.5 to 1.5 so that workers do not march."""


def has_peer(settings: WorkerSettings) -> bool:
    """Whether results go anywhere; without a peer they stay in the spool."""
    return settings.peer_host is not None or settings.peer_url is not None


def deliver(spool: Spool, entry: Entry, settings: WorkerSettings) -> None:
    """Send what is left of a study; the spool then says delivered, try again at, or failed.

    Each object is noted when the peer has taken it, so that a crash sends again at most the one it met. With storage
    commitment a study is delivered only when the peer reports that it keeps every object.
    """

    def taken(path: Path, uid: str) -> None:
        spool.object_taken(entry.uid, path, uid)

    way = send if settings.peer_url is None else stow
    report = way(spool.undelivered(entry.uid), settings, taken)
    reason = report.reason
    if not reason and not settings.commitment:
        spool.delivered(entry)
        return
    pause = wait_s(entry.attempts)
    if not reason:
        reason = ask(spool.uncommitted(entry.uid), settings) or "waits for storage commitment"
        pause = max(pause, WAIT_S)
    if report.final or entry.attempts + 1 >= settings.max_attempts:
        spool.undeliverable(entry, reason)
    else:
        spool.postpone(entry, time.time() + pause, reason)


def wait_s(attempts: int) -> float:
    """Seconds until the next try after `attempts` failures."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**attempts) * random.uniform(0.5, 1.5)

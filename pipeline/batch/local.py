"""The engine for one machine: N studies at a time, each in a child of a warm fork server."""

import multiprocessing
import os
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from multiprocessing.connection import wait

from pipeline.batch.child import Child
from pipeline.batch.job import Job

POLL_S = 0.1
"""How often limits are checked, seconds: a child that fills memory at 10 GB/s overshoots by 1 GB."""
PRELOADED = ["pipeline.batch.warm"]
"""Imported once in the fork server, so that a study does not pay for it."""
THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One thread a child: N children on N cores, and no threads when the server forks."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one study ended: `kind` "done", "failed" (with a reason) or "output" (the output cannot be written)."""

    job: Job
    kind: str
    reason: str


def run_local(jobs: Iterable[Job], workers: int) -> Generator[Outcome]:
    """Run every job, `workers` at a time; outcomes come as they end. Closing the iterator ends all children."""
    for name in THREAD_LIMITS:
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    waiting = iter(jobs)
    running: list[Child] = []
    try:
        while True:
            while len(running) < workers and (job := next(waiting, None)) is not None:
                running.append(Child(job, context))
            if not running:
                return
            wait([child.answers for child in running], timeout=POLL_S)
            for child in tuple(running):
                answer = child.outcome()
                if answer is not None:
                    running.remove(child)
                    child.close()
                    yield Outcome(child.job, *answer)
    finally:
        for child in running:
            child.close()

"""The engine for many machines: each study a task of an existing Dask cluster, run there as a supervised child."""

import contextlib
import secrets
import time
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pipeline
from pipeline.batch import worker_side
from pipeline.batch.job import Job
from pipeline.batch.local import Outcome
from pipeline.batch.rerun import finished
from pipeline.batch.worker_side import Probe
from pipeline.errors import OutputError, UsageError
from pipeline.report.files import cannot_write

CONNECT_S = 10
"""How long a scheduler may take to answer."""
AHEAD = 2
"""Tasks handed out for each thread of the cluster: one that runs and one that waits."""
SHARED_FOLDER_S = 10.0
"""How long a finished study may take to appear here: shared folders cache what they list."""
PROBE = ".calcinosis-probe-"


def run_on_cluster(jobs: Iterable[Job], address: str, folders: tuple[Path, ...]) -> Generator[Outcome]:
    """Run every job on the cluster at `address`; outcomes come as they end. Closing the iterator ends all studies.

    `folders` are the output and the inputs, absolute.

    A worker that dies costs its study one attempt: the scheduler gives it to another one.

    Raises:
        UsageError: `distributed` is not installed, the scheduler does not answer, has no worker, or a worker has no
            or another version of the program.
        OutputError: a worker does not see a folder, under the same path.
    """
    try:
        import distributed
    except ImportError as error:
        raise UsageError("--dask needs the extra: pip install 'calcinosis[dask]'") from error
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(f"--dask {address}: no scheduler answers ({type(error).__name__})") from error
    with client, _probe(folders) as probe:
        _check(client, probe)
        try:
            yield from _outcomes(client, jobs, probe)
        finally:
            with contextlib.suppress(OSError, TimeoutError):
                client.run(worker_side.stop, probe.run, on_error="ignore")


@contextlib.contextmanager
def _probe(folders: tuple[Path, ...]) -> Iterator[Probe]:
    """A file in the output folder by which workers show that they see it."""
    out, *inputs = folders
    run = secrets.token_hex(8)
    path = out / f"{PROBE}{run}"
    try:
        path.write_text(run)
    except OSError as error:
        raise cannot_write(out, error) from error
    try:
        yield Probe(path, run, tuple(inputs))
    finally:
        path.unlink(missing_ok=True)


def _check(client: Any, probe: Probe) -> None:
    """Every worker has this version of the program and sees the folders."""
    told = client.run(worker_side.look, probe, on_error="return")
    if not told:
        raise UsageError("--dask: the scheduler has no worker; start some")
    for worker, seen in sorted(told.items()):
        if not isinstance(seen, worker_side.Seen):
            raise UsageError(f"--dask: the worker {worker} cannot load this program ({type(seen).__name__})")
        if seen.version != pipeline.__version__:
            raise UsageError(f"--dask: the worker {worker} has version {seen.version}, here is {pipeline.__version__}")
        if seen.missing is not None:
            raise OutputError(f"{seen.missing}: not seen by the Dask worker {worker}; mount it there, at the same path")


def _outcomes(client: Any, jobs: Iterable[Job], probe: Probe) -> Generator[Outcome]:
    """Keep each thread of the cluster busy with few tasks ahead, so that ten million studies need no memory here."""
    from distributed import as_completed

    waiting = iter(jobs)
    running: dict[Any, Job] = {}
    ended = as_completed(loop=client.loop)
    try:
        while True:
            room = max(1, AHEAD * sum(client.nthreads().values())) - len(running)
            while room > 0 and (job := next(waiting, None)) is not None:
                future = client.submit(worker_side.perform, job, probe, pure=False)
                running[future] = job
                ended.add(future)
                room -= 1
            if not running:
                return
            future = next(ended)
            job = running.pop(future)
            yield Outcome(job, *_answer(future, job))
    finally:
        client.cancel(list(running))


def _answer(future: Any, job: Job) -> tuple[str, str]:
    from distributed import KilledWorker

    try:
        kind, reason = future.result()
    except KilledWorker:
        return "failed", "its workers were lost again and again; see the cluster's logs"
    except Exception as error:  # whatever the cluster raises costs this study alone, and its text may hold paths
        return "failed", f"the cluster could not run it ({type(error).__name__})"
    if kind == "done":
        _await_results(job)
    return kind, reason


def _await_results(job: Job) -> None:
    """Wait until what a worker has written is to be seen here."""
    deadline = time.monotonic() + SHARED_FOLDER_S
    while finished(job.folder, job.fingerprint) is None and time.monotonic() < deadline:
        time.sleep(0.1)

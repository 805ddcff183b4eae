"""What runs inside a Dask worker: a look at the shared folder, and one study at a time a thread.

Only paths, settings and a short answer travel; files are read and written where the worker sees them.
"""

import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pipeline
from pipeline.batch.far import receive, send
from pipeline.batch.job import Job

Answer = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Probe:
    """A file that the caller has put into the output folder, the run it belongs to, and the inputs of the run."""

    path: Path
    run: str
    inputs: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a worker says of itself: its version of the program, and the first folder that it does not see."""

    version: str
    missing: Path | None


class Hosts:
    """The warm processes of this worker, one a thread that works; those of a run can be ended from outside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._busy: dict[str, set[subprocess.Popen[bytes]]] = {}

    def take(self, run: str) -> subprocess.Popen[bytes]:
        """A process that is free, a new one if none is."""
        with self._lock:
            self._idle = [host for host in self._idle if host.poll() is None]
            host = self._idle.pop() if self._idle else _start()
            self._busy.setdefault(run, set()).add(host)
            return host

    def give_back(self, run: str, host: subprocess.Popen[bytes]) -> None:
        """Keep a process for the next study."""
        with self._lock:
            self._busy[run].discard(host)
            if host.poll() is None:
                self._idle.append(host)

    def end(self, run: str) -> None:
        """End the processes that work for a run, and those that are idle."""
        with self._lock:
            for host in (*self._busy.pop(run, ()), *self._idle):
                host.kill()
                host.wait()
            self._idle = []
            self._busy.setdefault(run, set())


HOSTS = Hosts()


def look(probe: Probe) -> Seen:
    """Whether this worker sees the output folder, with the file that the caller has just put there, and the inputs."""
    return Seen(pipeline.__version__, missing(probe))


def missing(probe: Probe) -> Path | None:
    """The output folder or the first input that is not to be seen from here."""
    try:
        same = probe.path.read_text() == probe.run
    except OSError:
        same = False
    if not same:
        return probe.path.parent
    return next((path for path in probe.inputs if not path.exists()), None)


def perform(job: Job, probe: Probe) -> Answer:
    """Run one study beside this worker; the kinds of answer are those of the local engine."""
    unseen = missing(probe)
    if unseen is not None:
        return "output", f"{unseen}: not seen by a Dask worker on {socket.gethostname()}; mount it there"
    run = probe.run
    host = HOSTS.take(run)
    assert host.stdin is not None
    assert host.stdout is not None
    try:
        send(host.stdin, job)
        ended = receive(host.stdout)
    except (OSError, EOFError):
        return "failed", "the process that supervises it ended; run again"
    finally:
        HOSTS.give_back(run, host)
    assert isinstance(ended, tuple)
    return str(ended[0]), str(ended[1])


def stop(run: str) -> None:
    """End what this worker does for a run."""
    HOSTS.end(run)


def _start() -> subprocess.Popen[bytes]:
    root = str(Path(pipeline.__file__).resolve().parents[1])
    paths = os.pathsep.join((root, *filter(None, (os.environ.get("PYTHONPATH"),))))
    command = (sys.executable, "-m", "pipeline.batch.far")
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

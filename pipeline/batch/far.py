"""A warm process beside a Dask worker: takes jobs on stdin, runs each as a supervised child, answers on stdout.

Workers of Dask are daemons that may start no children of `multiprocessing`, and hold threads that must not fork. This
process may and does not, keeps its fork server between studies, and ends with all children when its worker does.
"""

import os
import pickle
import queue
import struct
import sys
import threading
from typing import IO

from pipeline.batch.job import Job
from pipeline.batch.local import run_local

LENGTH = struct.Struct(">Q")
"""Every message is a pickle after its length."""


def main() -> int:
    """Serve until stdin closes."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs), daemon=True).start()
    while True:
        outcomes = run_local((jobs.get(),), 1)
        ended = next(outcomes)
        outcomes.close()
        send(answers, (ended.kind, ended.reason))


def send(stream: IO[bytes], message: object) -> None:
    """Write one message."""
    body = pickle.dumps(message)
    stream.write(LENGTH.pack(len(body)) + body)
    stream.flush()


def receive(stream: IO[bytes]) -> object:
    """Read one message; EOFError when the other side is gone."""
    head = stream.read(LENGTH.size)
    body = stream.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""
    if not body:
        raise EOFError("the other side is gone")
    return pickle.loads(body)


def _listen(stream: IO[bytes], jobs: "queue.SimpleQueue[Job]") -> None:
    """Hand jobs on; when the worker is gone, end at once, and the children with it."""
    try:
        while True:
            job = receive(stream)
            assert isinstance(job, Job)
            jobs.put(job)
    except (EOFError, pickle.UnpicklingError):
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())

"""One study in a supervised process: a wall-clock limit, a memory limit, and no trace when it dies."""

import contextlib
import logging
import os
import resource
import signal
import threading
import time
import traceback
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil

from pipeline.batch.garbage import collect_rarely
from pipeline.batch.job import Job
from pipeline.batch.quiet import silence_libraries
from pipeline.dicom.confine import confine, limit_address_space
from pipeline.errors import CalcinosisError, OutputError
from pipeline.study import Asked, run_study

THREAD_BYTES = 8 * 2**30
"""Address space beyond batch.memory_gb: stacks and arenas of threads count there and hold no memory."""
Answer = tuple[str, str]
"""("done" | "failed" | "output", reason)."""


class Child:
    """A running study. Owns a process and two pipes; `close` ends all of them."""

    def __init__(self, job: Job, context: ForkServerContext) -> None:
        self.job = job
        self.answers, theirs = context.Pipe(duplex=False)
        far_end, self.lifeline = context.Pipe(duplex=False)
        self.started = time.monotonic()
        self.process: BaseProcess = context.Process(target=_study_process, args=(job, theirs, far_end), daemon=False)
        self.process.start()
        theirs.close()
        far_end.close()

    def outcome(self) -> Answer | None:
        """How the study ended, None while it runs. A limit that is exceeded ends it here."""
        if self.answers.poll():
            with contextlib.suppress(EOFError):
                answer: Answer = self.answers.recv()
                return answer
        if not self.process.is_alive():
            return "failed", _death(self.process.exitcode)
        limits = self.job.settings.batch
        if time.monotonic() - self.started > limits.timeout_s:
            return "failed", f"took longer than batch.timeout_s = {limits.timeout_s:g} s and was ended"
        if _resident_bytes(self.process.pid) > limits.memory_gb * 2**30:
            return "failed", f"needed more than batch.memory_gb = {limits.memory_gb:g} GiB and was ended"
        return None

    def close(self) -> None:
        """End the process with all that it started, and wait for it."""
        pid = self.process.pid
        if pid is not None and self.process.is_alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            self.process.kill()
        self.process.join()
        self.answers.close()
        self.lifeline.close()


def _study_process(job: Job, answers: Connection, lifeline: Connection) -> None:
    """The child's main function: run the study, answer once."""
    with contextlib.suppress(PermissionError):
        os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    silence_libraries()
    collect_rarely()
    limit_address_space(int(job.settings.batch.memory_gb * 2**30) + THREAD_BYTES)
    confine()
    threading.Thread(target=_die_with_parent, args=(lifeline,), daemon=True).start()
    answers.send(_answer(job))
    answers.close()


def _answer(job: Job) -> Answer:
    try:
        run_study(job.study, job.folder, job.settings, Asked(job.profile, job.context, job.fingerprint))
    except OutputError as error:
        return "output", str(error)
    except CalcinosisError as error:
        return "failed", str(error)
    except MemoryError:
        return "failed", "ran out of memory"
    except BaseException as error:  # the child's edge: nothing may pass, and a message may hold patient data
        place = _place(error)
        logging.getLogger(__name__).debug("study failed: %s at %s", type(error).__name__, place)
        return "failed", f"internal error {type(error).__name__} at {place}: please report it"
    return "done", ""


def _place(error: BaseException) -> str:
    """file:line of the last frame inside this program."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f"{os.sep}pipeline{os.sep}" in f.filename] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}"


def _die_with_parent(lifeline: Connection) -> None:
    """End this process group when the parent is gone."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv()
    os.killpg(0, signal.SIGKILL)


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"its process was ended by signal {-code} ({signal.strsignal(-code)})"
    return f"its process ended without an answer (exit code {code})"


def _resident_bytes(pid: int | None) -> int:
    """Resident memory of a process and all below it; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        return sum(p.memory_info().rss for p in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0

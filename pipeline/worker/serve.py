"""`calcinosis serve`: receive, analyse, deliver, until told to stop."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from pydicom.filereader import read_file_meta_info

from pipeline.batch.run import Request, run
from pipeline.errors import CalcinosisError, ConfigurationError, OutputError, StudyError
from pipeline.knowledge.settings import Settings
from pipeline.study import knowledge_for
from pipeline.worker.deliver import deliver, has_peer, wait_s
from pipeline.worker.desk import open_desk
from pipeline.worker.earlier import compare_in_store
from pipeline.worker.intake import Intake, Tally, identified
from pipeline.worker.log import tell
from pipeline.worker.people import people
from pipeline.worker.receive import start_node
from pipeline.worker.retention import Retention
from pipeline.worker.spool import Spool
from pipeline.worker.status import Pages, start_status
from pipeline.worker.store import Store, adopt
from pipeline.worker.watch import Watch
from pipeline.worker.web import site

POLL_S = 0.5
"""Pause of an idle thread."""
FULL_S = 5.0
"""Pause of a thread that cannot write."""


def serve(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set; studies that are being analysed are finished first.

    ConfigurationError where settings contradict, OutputError where folder or ports cannot be had, StudyError where an
    internal error stopped it. What was running when a worker died is done again at the start.
    """
    own = settings.worker
    watched, _ = site(own, "watch"), site(own, "peer")
    if own.commitment and own.peer_host is None:
        raise ConfigurationError("worker.commitment: it is asked for over DICOM, name worker.peer_host too")
    store = Store(Path(own.folder).resolve())
    spool = Spool(store.database)
    tally = Tally()
    intake = Intake(own, store, spool, tally)
    left, news, back = store.tidy(), adopt(store, spool, identified), spool.recover()
    tell("started", half_written=left, adopted=news, put_back=back)
    node = start_node(intake)
    desk = open_desk(store, knowledge_for(own.profile), (own.status_host, *own.status_names))
    pages = Pages(spool, store, tally, lambda: not stop.is_set(), desk, people(store, settings))
    page = start_status(pages, own.status_host, own.status_port)
    loops: list[Callable[[], bool]] = [lambda: analyse_next(store, spool, settings)] * own.workers
    loops += [lambda: deliver_next(spool, settings), Retention(store, spool, own).look]
    loops += [Watch(watched, intake, stop).look] if watched is not None else []
    broken: list[str] = []
    threads = [threading.Thread(target=repeat, args=(loop, stop, broken)) for loop in loops]
    threads.append(threading.Thread(target=page.serve_forever, kwargs={"poll_interval": POLL_S}))
    for thread in threads:
        thread.start()
    tell("ready", ae_title=own.ae_title, port=node.server_address[1], status_port=page.server_address[1])
    stop.wait()
    node.shutdown()
    page.shutdown()
    for thread in threads:
        thread.join()
    page.server_close()
    desk.feedback.close()
    spool.close()
    tell("stopped")
    if broken:
        raise StudyError(f"the worker stopped itself by an internal error ({broken[0]}): start it again and report it")


def analyse_next(store: Store, spool: Spool, settings: Settings) -> bool:
    """Analyse the study that waits longest; returns whether there was one.

    A disk that is full is no fault of the study: it waits and is tried again, as often as a delivery.
    """
    study = spool.take_ready(settings.worker.quiet_s)
    if study is None:
        return False
    out = store.results(study)
    try:
        request = Request((store.incoming(study),), out, settings, settings.worker.profile)
        rows = run(request, lambda *_: None)["studies"]
        compare_in_store(store, study, settings.dicom)
        objects = {p: str(read_file_meta_info(p).MediaStorageSOPInstanceUID) for p in out.glob("studies/*/dicom/*.dcm")}
    except (OutputError, OSError) as error:
        attempt = spool.attempts(study) + 1
        reason = _line(error)
        if attempt < settings.worker.max_attempts:
            spool.put_back(study, time.time() + wait_s(attempt - 1), reason)
            tell("postponed", study=study, attempt=attempt, reason=reason)
            return True
    except CalcinosisError as error:
        reason = _line(error)
    else:
        failed = [row["reason"] for row in rows if row["status"] == "failed"]
        reason = failed[0] if failed else "" if rows else "nothing of the study is readable as DICOM"
    if reason:
        spool.failed(study, reason)
        tell("failed", study=study, reason=reason)
        return True
    spool.processed(study, objects)
    tell("analysed", study=study, seconds=rows[0]["seconds"], lesions=rows[0]["lesions"] or 0)
    return True


def _line(error: CalcinosisError | OSError) -> str:
    """One line without patient data: an operating system's error says its kind alone."""
    return str(error).splitlines()[0] if isinstance(error, CalcinosisError) else f"cannot write ({error.strerror})"


def deliver_next(spool: Spool, settings: Settings) -> bool:
    """Deliver the study that is due; returns whether there was one. Without a peer, results stay in the spool."""
    entry = spool.take_delivery()
    if entry is None:
        return False
    if has_peer(settings.worker):
        deliver(spool, entry, settings.worker)
    else:
        spool.delivered(entry)
    tell("delivery", study=entry.uid, attempt=entry.attempts + 1, left=len(spool.undelivered(entry.uid)))
    return True


def repeat(step: Callable[[], bool], stop: threading.Event, broken: list[str]) -> None:
    """Do `step` until told to stop.

    A spool that cannot be written (disk full) is tried again; an error that nobody foresaw stops the whole worker, so
    that it is seen.
    """
    while not stop.is_set():
        try:
            if not step():
                stop.wait(POLL_S)
        except OutputError as error:
            tell("waits", reason=str(error).splitlines()[0])
            stop.wait(FULL_S)
        except Exception as error:  # a thread's edge: a worker that looks alive and does nothing is worse than none
            broken.append(type(error).__name__)
            stop.set()

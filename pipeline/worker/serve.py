"""`calcinosis serve`: receive, analyse, deliver, until told to stop."""

import threading
from collections.abc import Callable
from pathlib import Path

from pipeline.batch.run import Request, run
from pipeline.errors import CalcinosisError, StudyError
from pipeline.knowledge.settings import Settings
from pipeline.worker.deliver import deliver
from pipeline.worker.log import tell
from pipeline.worker.receive import Tally, identified, start_node
from pipeline.worker.spool import Spool
from pipeline.worker.status import Pages, start_status
from pipeline.worker.store import Store, adopt

POLL_S = 0.5
"""Pause of an idle thread."""


def serve(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set; studies that are being analysed are finished first.

    OutputError where folder or ports cannot be had, StudyError where an internal error stopped it. What was running
    when a worker died is done again at the start.
    """
    own = settings.worker
    store = Store(Path(own.folder).resolve())
    spool = Spool(store.database)
    tally = Tally()
    left, news, back = store.tidy(), adopt(store, spool, identified), spool.recover()
    tell("started", half_written=left, adopted=news, put_back=back)
    node = start_node(own, store, spool, tally)
    page = start_status(Pages(spool, store, tally, lambda: not stop.is_set()), own.status_host, own.status_port)
    loops: list[Callable[[], bool]] = [lambda: analyse_next(store, spool, settings)] * own.workers
    loops.append(lambda: deliver_next(spool, settings))
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
    spool.close()
    tell("stopped")
    if broken:
        raise StudyError(f"the worker stopped itself by an internal error ({broken[0]}): start it again and report it")


def analyse_next(store: Store, spool: Spool, settings: Settings) -> bool:
    """Analyse the study that waits longest; returns whether there was one."""
    study = spool.take_ready(settings.worker.quiet_s)
    if study is None:
        return False
    out = store.results(study)
    try:
        request = Request((store.incoming(study),), out, settings, settings.worker.profile)
        rows = run(request, lambda *_: None)["studies"]
    except CalcinosisError as error:
        reason = str(error).splitlines()[0]
    else:
        failed = [row["reason"] for row in rows if row["status"] == "failed"]
        reason = failed[0] if failed else "" if rows else "nothing of the study is readable as DICOM"
    if reason:
        spool.failed(study, "processing", reason)
        tell("failed", study=study, reason=reason)
        return True
    spool.processed(study, sorted(out.glob("studies/*/dicom/*.dcm")))
    tell("analysed", study=study, seconds=rows[0]["seconds"], lesions=rows[0]["lesions"] or 0)
    return True


def deliver_next(spool: Spool, settings: Settings) -> bool:
    """Deliver the study that is due; returns whether there was one. Without a peer, results stay in the spool."""
    entry = spool.take_delivery()
    if entry is None:
        return False
    if settings.worker.peer_host is not None:
        deliver(spool, entry, settings.worker)
    else:
        spool.delivered(entry.uid)
    tell("delivery", study=entry.uid, attempt=entry.attempts + 1, left=len(spool.undelivered(entry.uid)))
    return True


def repeat(step: Callable[[], bool], stop: threading.Event, broken: list[str]) -> None:
    """Do `step` until told to stop; an error that nobody foresaw stops the whole worker, so that it is seen."""
    try:
        while not stop.is_set():
            if not step():
                stop.wait(POLL_S)
    except Exception as error:  # a thread's edge: a worker that looks alive and does nothing is worse than none
        broken.append(type(error).__name__)
        stop.set()

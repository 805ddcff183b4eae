"""`calcinosis serve` and `calcinosis retry`."""

import argparse
import signal
import threading
from pathlib import Path

SERVE_EXAMPLES = ("calcinosis serve --settings worker.yaml               status page: http://127.0.0.1:8790",)
RETRY_EXAMPLES = (
    "calcinosis retry --settings worker.yaml               all dead letters",
    "calcinosis retry --settings worker.yaml 1.2.840.1     one study",
)


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Arguments of `serve`."""
    parser.add_argument("--settings", type=Path, required=True, help="settings file (YAML) with a worker section")
    parser.set_defaults(command=run_serve)


def add_retry(parser: argparse.ArgumentParser) -> None:
    """Arguments of `retry`."""
    parser.add_argument("--settings", type=Path, required=True, help="the settings file of the worker")
    parser.add_argument("studies", nargs="*", metavar="ID", help="StudyInstanceUID (default: all dead letters)")
    parser.set_defaults(command=run_retry)


def run_serve(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; a running study is finished first."""
    from pipeline.knowledge.settings_loading import load_settings
    from pipeline.worker.serve import serve

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(load_settings(options.settings), stop)
    return 0


def run_retry(options: argparse.Namespace) -> int:
    """Put dead letters back."""
    from pipeline.knowledge.settings_loading import load_settings
    from pipeline.worker.spool import Spool
    from pipeline.worker.store import Store

    spool = Spool(Store(Path(load_settings(options.settings).worker.folder).resolve()).database)
    try:
        print(f"{spool.retry(options.studies)} studies back in the queue")
    finally:
        spool.close()
    return 0

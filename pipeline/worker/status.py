"""The status page, what monitoring asks (/healthz, /readyz, /metrics), results, and the desk for readers."""

import mimetypes
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.errors import OutputError
from pipeline.model.identity import file_stem
from pipeline.worker.answers import Answer, refusal
from pipeline.worker.answers import text as _text
from pipeline.worker.desk import MOST_BYTES, PLACE, Desk, policy_of
from pipeline.worker.guard import unhurried
from pipeline.worker.intake import Tally
from pipeline.worker.log import tell
from pipeline.worker.people import Who
from pipeline.worker.spool import Entry, Spool
from pipeline.worker.status_page import ROWS, Overview, Shown, status_page
from pipeline.worker.store import Store

SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
MOST_DIGITS = 9
"""Digits of a Content-Length that is read as a number."""
PAGES = (".html", ".json", ".png", ".csv")


@dataclass(frozen=True, slots=True)
class Pages:
    """What can be asked, and the answers."""

    spool: Spool
    store: Store
    tally: Tally
    ready: Callable[[], bool]
    desk: Desk | None = None
    who: Who | None = None

    def answer(self, path: str) -> Answer:
        """The answer to GET `path`."""
        where = unquote(urlsplit(path).path)
        match where:
            case "/":
                return _text("text/html", self.page())
            case "/healthz":
                return _text("text/plain", "ok\n")
            case "/readyz":
                ready = self.ready()
                return _text("text/plain", "ready\n" if ready else "not ready\n", HTTPStatus.OK if ready else _BUSY)
            case "/metrics":
                return _text("text/plain; version=0.0.4", self.metrics())
        asked = self.desk.asked(where) if self.desk is not None else None
        return asked if asked is not None else self._file(where)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to POST `path`; names of `headers` are lower case."""
        where = unquote(urlsplit(path).path)
        if self.desk is None or not where.startswith(PLACE):
            return refusal("nothing is taken here", HTTPStatus.NOT_FOUND)
        return self.desk.said(where, headers, body)

    def page(self) -> str:
        """Counts and the studies that changed last."""
        head = self.desk.head() if self.desk is not None else ""
        studies = [self._shown(entry) for entry in self.spool.latest(ROWS)]
        return status_page(Overview(self.spool.counts(), studies, self.tally.watching, head, self.who))

    def _shown(self, entry: Entry) -> Shown:
        """A study with its report, and what readers said of it where there is one."""
        stem = file_stem(entry.uid)
        if not (self.store.results(entry.uid) / "studies" / stem / "report.html").is_file():
            return Shown(entry, stem)
        said = self.desk.summary(entry.uid) if self.desk is not None else None
        return Shown(entry, stem, f"/results/{stem}/studies/{stem}/report.html", said)

    def metrics(self) -> str:
        """Prometheus text."""
        lines = ["# TYPE calcinosis_studies gauge"]
        lines += [f'calcinosis_studies{{state="{state}"}} {n}' for state, n in self.spool.counts().items()]
        lines.append("# TYPE calcinosis_instances_total counter")
        for name in ("stored", "known", "own", "refused"):
            lines.append(f'calcinosis_instances_total{{outcome="{name}"}} {getattr(self.tally, name)}')
        lines += ["# TYPE calcinosis_free_bytes gauge", f"calcinosis_free_bytes {self.store.free_bytes()}"]
        if self.tally.watching:
            lines += ["# TYPE calcinosis_watch_up gauge", f"calcinosis_watch_up {int(self.tally.watching == 'ok')}"]
        return "\n".join(lines) + "\n"

    def _file(self, where: str) -> Answer:
        """A file of the results, by a path that stays inside them."""
        root = (self.store.root / "results").resolve()
        if where.startswith("/results/") and "\0" not in where:
            path = (root / where.removeprefix("/results/")).resolve()
            if path.is_relative_to(root) and path.suffix in PAGES and path.is_file():
                kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                if path.suffix == ".html":
                    return self._html(path)
                return Answer(HTTPStatus.OK, kind, path.read_bytes())
        return _text("text/plain", "not found\n", HTTPStatus.NOT_FOUND)

    def _html(self, path: Path) -> Answer:
        """A page of the results under its own policy; a report bears the desk's controls."""
        page = path.read_text(encoding="utf-8")
        if self.desk is not None and path.name == "report.html":
            page = self.desk.report(path.parent.name, page)
        shown, policy = _text("text/html", page), policy_of(page)
        return shown if policy is None else replace(shown, policy=policy)


_BUSY = HTTPStatus.SERVICE_UNAVAILABLE


class _Server(ThreadingHTTPServer):
    """A request that breaks is a line of the log, as all else; a reader who left before the answer is not even that."""

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            tell("refused", reason=f"internal error ({type(error).__name__}) on the status page")


def start_status(pages: Pages, host: str, port: int) -> ThreadingHTTPServer:
    """A server that answers; OutputError where the port cannot be had. Run it with `serve_forever()`."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            self._send(pages.answer(self.path))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal():
                self._send(refusal("say how long the statement is", HTTPStatus.LENGTH_REQUIRED))
            elif len(length) > MOST_DIGITS or int(length) > MOST_BYTES:
                said = f"a statement has at most {MOST_BYTES} bytes"
                self._send(refusal(said, HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            else:
                headers = {name.lower(): value for name, value in self.headers.items()}
                self._send(pages.take(self.path, headers, self.rfile.read(int(length))))

        def _send(self, found: Answer) -> None:
            self.send_response(found.status)
            said = {"Content-Type": found.kind, "Content-Security-Policy": found.policy}
            for name, value in {**SAFE, **said, "Content-Length": str(len(found.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Requests are not logged."""

    try:
        server = _Server((host, port), Handler)
    except OSError as error:
        raise OutputError(f"{host}:{port}: cannot listen ({error.strerror}): free worker.status_port") from error
    server.get_request = unhurried(server.get_request)  # type: ignore[method-assign]
    return server

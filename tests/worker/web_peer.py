"""An HTTP server of a test: it answers as it is told and remembers what it was asked."""

import json
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from worker_peers import free_port


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def parts(self) -> list[bytes]:
        """The contents of a multipart body."""
        found = re.search(r"boundary=(\w+)", self.headers["Content-Type"])
        assert found is not None
        pieces = self.body.split(f"--{found[1]}".encode())
        assert pieces[0] == b""
        assert pieces[-1] == b"--\r\n"
        return [piece.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for piece in pieces[1:-1]]


Said = tuple[int, Any]
"""Status, and content for JSON or bytes as they are."""


@dataclass
class WebPeer:
    answer: Callable[[Asked], Said]
    context: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://localhost:{self.port}"

    def start(self) -> None:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = Asked(self.command, self.path, dict(self.headers), body)
                peer.asked.append(asked)
                status, content = peer.answer(asked)
                whole = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(whole)))
                if 300 <= status < 400:
                    self.send_header("Location", f"{peer.url}/elsewhere")
                self.end_headers()
                self.wfile.write(whole)

            do_GET = do_POST = _answer  # noqa: N815 - the library's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        if self.context is not None:
            self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

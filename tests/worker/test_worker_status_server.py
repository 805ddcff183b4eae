"""The server of the status page says nothing that is no line of the log, whoever asks and leaves."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from worker_peers import free_port

from pipeline.worker.answers import Answer, text
from pipeline.worker.intake import Tally
from pipeline.worker.spool import Spool
from pipeline.worker.status import Pages, start_status
from pipeline.worker.store import Store

LARGE = 8_000_000
"""Bytes of a page that no buffer of the system takes whole."""
WITH_RESET = struct.pack("ii", 1, 0)


class Odd(Pages):
    """A large page, and one that breaks."""

    def answer(self, path: str) -> Answer:
        if path == "/breaks":
            raise KeyError("a secret of the page")
        return text("text/plain", "x" * LARGE)


@pytest.fixture
def port(store: Store, spool: Spool) -> Iterator[int]:
    chosen = free_port()
    server = start_status(Odd(spool, store, Tally(), lambda: True), "127.0.0.1", chosen)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield chosen
    server.shutdown()
    server.server_close()
    thread.join()


def asked(port: int, path: str, *, leaves: bool) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as peer:
        peer.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        if leaves:
            peer.recv(10)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, WITH_RESET)
            return b""
        return peer.recv(100)


def test_a_reader_who_leaves_in_the_middle_is_no_event(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    asked(port, "/", leaves=True)
    while any("process_request" in thread.name for thread in threading.enumerate()):
        time.sleep(0.01)
    assert asked(port, "/", leaves=False).startswith(b"HTTP/1.0 200")
    assert capfd.readouterr().err == ""


def test_a_page_that_breaks_is_one_line_without_its_words(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert asked(port, "/breaks", leaves=False) == b""
    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line)["reason"] == "internal error (KeyError) on the status page"

"""One request over HTTP ends in an answer or in a WebError, whatever the network does."""

import socket
import threading
from typing import Any

import pytest

from pipeline.worker.web import Site, WebError


def test_a_server_that_resets_the_first_packet_did_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(*_: Any, **__: Any) -> socket.socket:
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(socket, "create_connection", reset)
    with pytest.raises(WebError, match="did not answer"):
        Site("http://127.0.0.1:1", 1.0).ask("GET", "/system")


def test_a_server_that_takes_the_request_and_goes_did_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        server.listen(1)

        def close() -> None:
            taken, _ = server.accept()
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            taken.close()

        thread = threading.Thread(target=close)
        thread.start()
        with pytest.raises(WebError, match="did not answer"):
            Site(url, 5.0).ask("POST", "/x", body=b"0" * 10_000_000)
        thread.join()

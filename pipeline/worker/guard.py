"""What pynetdicom's server leaves open to a peer: half a PDU held for ever, huge PDUs, a TLS handshake never ended."""

import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from pynetdicom.association import Association
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from pipeline.knowledge.settings import WorkerSettings

HEAD_ROOM_BYTES = 65_536
"""What a PDU may have above the agreed maximum: association requests are not bound by it."""
SLOWEST_BYTES_S = 10_000
"""A PDU that comes more slowly than this is a peer that holds its place by dripping."""


def guard(server: ThreadedAssociationServer, settings: WorkerSettings, tls: ssl.SSLContext | None) -> None:
    """Let no peer hold a slot for ever by half a PDU, or everybody by a TLS handshake that it never ends.

    pynetdicom's timeouts do not reach a blocked recv, and it shakes hands inside accept(): both get a socket timeout in
    the connection's own thread. Its recv takes 4 kB at a time and any length: it is replaced by `read_pdu`.
    """
    serve: Callable[[Any, Any], None] = server.process_request_thread

    class Handler(RequestHandler):
        def _create_association(self) -> Association:
            association = super()._create_association()
            largest = settings.max_pdu_bytes + HEAD_ROOM_BYTES
            association.dul.socket.recv = partial(  # type: ignore[union-attr,method-assign]
                read_pdu, self.request, largest=largest, stall_s=settings.stall_s
            )
            return association

    def thread(request: Any, address: Any) -> None:
        try:
            request.settimeout(settings.stall_s)
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                request = tls.wrap_socket(request, server_side=True)
        except OSError:
            server.shutdown_request(request)
            return
        serve(request, address)

    server.RequestHandlerClass = Handler
    server.process_request_thread = thread  # type: ignore[assignment,method-assign]


def read_pdu(connection: socket.socket, size: int, *, largest: int, stall_s: float) -> bytearray:
    """Read `size` bytes of a PDU, less when the peer has gone.

    OSError where they are more than `largest`, nothing comes for the connection's timeout, or they come too slowly.
    """
    if size > largest:
        raise OSError(f"a PDU of {size} bytes is larger than agreed")
    latest = time.monotonic() + stall_s + size / SLOWEST_BYTES_S
    content = bytearray(size)
    done = 0
    with memoryview(content) as view:
        while done < size:
            read = connection.recv_into(view[done:])
            if not read:
                break
            if time.monotonic() > latest:
                raise TimeoutError(f"a PDU of {size} bytes came too slowly")
            done += read
    del content[done:]
    return content

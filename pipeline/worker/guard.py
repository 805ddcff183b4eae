"""What pynetdicom's server leaves open to a peer: half a PDU held for ever, huge PDUs, a TLS handshake never ended."""

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.inbox import WAIT_S, Inbox, Serve

HEAD_ROOM_BYTES = 65_536
"""What a PDU may have above the agreed maximum: association requests are not bound by it."""
SLOWEST_BYTES_S = 10_000
"""A PDU that comes more slowly than this is a peer that holds its place by dripping."""

ACCEPT_AGAIN_S = 0.1
"""Pause after a connection that could not be taken for want of file handles: the next try comes at once otherwise."""
Accept = Callable[[], tuple[socket.socket, Any]]


class Connection(AssociationSocket):
    """A peer's socket: it waits for data where pynetdicom looks and sleeps, and reads no more than was agreed, in time.

    `unserved` counts the bytes read since the last whole message.
    """

    def __init__(self, association: Association, peer: socket.socket, settings: WorkerSettings) -> None:
        super().__init__(association, client_socket=peer)
        self.settings, self.unserved = settings, 0

    @property
    def ready(self) -> bool:
        """Whether data has come; waits a moment for it."""
        peer = self.socket
        if peer is not None and not (isinstance(peer, ssl.SSLSocket) and peer.pending()):
            with contextlib.suppress(OSError, ValueError):  # closed meanwhile: the original tells so
                select.select([peer], [], [], WAIT_S)
        return super().ready

    def recv(self, nr_bytes: int) -> bytearray:
        """Read a part of a PDU as `read_pdu` does; OSError also where a message becomes longer than an image may be."""
        assert self.socket is not None
        largest = self.settings.max_pdu_bytes + HEAD_ROOM_BYTES
        self.unserved += nr_bytes
        if self.unserved > self.settings.max_instance_bytes + largest:
            raise OSError("a message is larger than worker.max_instance_bytes")
        return read_pdu(self.socket, nr_bytes, largest=largest, stall_s=self.settings.stall_s)


def guard(
    server: ThreadedAssociationServer, settings: WorkerSettings, tls: ssl.SSLContext | None, serve: Serve
) -> None:
    """Let no peer hold a slot for ever by half a PDU, or everybody by a TLS handshake that it never ends.

    pynetdicom's timeouts do not reach a blocked recv, and it shakes hands inside accept(): both get a socket timeout in
    the connection's own thread. Its socket, which takes 4 kB at a time and any length, and its queue of messages are
    replaced; `serve` is called for each image.
    """
    process: Callable[[Any, Any], None] = server.process_request_thread

    class Handler(RequestHandler):
        def _create_association(self) -> Association:
            association = super()._create_association()
            association.dul.event_queue.get_nowait()  # the replaced socket's "connected"
            association.dul.socket = Connection(association, self.request, settings)
            association.dimse.msg_queue = Inbox(association, serve)
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
        process(request, address)

    server.get_request = unhurried(server.get_request)  # type: ignore[method-assign]
    server.RequestHandlerClass = Handler
    server.process_request_thread = thread  # type: ignore[assignment,method-assign]


def unhurried(accept: Accept) -> Accept:
    """`accept` of a server of the standard library, which asks it again at once while connections wait: not so fast."""

    def accepted() -> tuple[socket.socket, Any]:
        try:
            return accept()
        except OSError:
            time.sleep(ACCEPT_AGAIN_S)
            raise

    return accepted


def whole(event: Event) -> None:
    """Handler of EVT_DIMSE_RECV: a message has come to its end."""
    connection = event.assoc.dul.socket
    if isinstance(connection, Connection):
        connection.unserved = 0


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

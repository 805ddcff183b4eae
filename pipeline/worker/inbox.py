"""C-STORE served where it arrives, without the hand-over between pynetdicom's two threads.

pynetdicom reads PDUs in one thread and serves requests in another; each looks, sleeps and looks again, and an image
waits for both in turn. Here the thread that has read an image serves and answers it, and a peer that sends on meanwhile
is held back by TCP instead of filling memory.
"""

import queue
import struct
from collections.abc import Callable
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.presentation import PresentationContext

from pipeline.worker.intake import SOP_CLASSES

WAIT_S = 0.005
"""How long a thread waits for its next event before it looks whether it should end."""
C_STORE_RSP, NO_DATA_SET = 0x8001, 0x0101
"""PS3.7 section 9.3.1.2."""
LAST_OF_COMMAND = 0b11
"""Message control header of a command's last fragment, PS3.8 annex E.2."""
Serve = Callable[[C_STORE, PresentationContext], int]
"""Stores an image that came in a context; the status to answer."""


class Inbox(queue.Queue[Any]):
    """Messages for the association's thread, except images: those are served by the thread that puts them here."""

    def __init__(self, association: Association, serve: Serve) -> None:
        super().__init__()
        self.association, self.serve = association, serve

    def put(self, item: tuple[int, Any], block: bool = True, timeout: float | None = None) -> None:
        """Serve an image at once, keep any other message."""
        context = self._storage(*item)
        if context is None:
            super().put(item, block, timeout)
            return
        status = self.serve(item[1], context)
        dul = self.association.dul
        if dul.to_provider_queue.empty():  # nothing is to be said after an abort
            answer = P_DATA()
            value = [item[0], bytes([LAST_OF_COMMAND]) + response(item[1], status)]
            answer.presentation_data_value_list = [value]  # type: ignore[list-item] # it takes lists alone
            dul.send_pdu(answer)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The next message; who does not want to block waits a moment."""
        return super().get(True, timeout if block else WAIT_S)

    def _storage(self, context_id: int, message: Any) -> PresentationContext | None:
        """The agreed context of an image to be stored."""
        if isinstance(message, C_STORE) and message.is_valid_request and message.AffectedSOPClassUID in SOP_CLASSES:
            for context in self.association.accepted_contexts:
                if context.context_id == context_id:
                    return context
        return None


def response(request: C_STORE, status: int) -> bytes:
    """The command set of C-STORE-RSP (PS3.7 section 9.3.1.2), implicit VR little endian."""
    elements = (
        (0x0002, _uid(request.AffectedSOPClassUID)),
        (0x0100, struct.pack("<H", C_STORE_RSP)),
        (0x0120, struct.pack("<H", request.MessageID)),
        (0x0800, struct.pack("<H", NO_DATA_SET)),
        (0x0900, struct.pack("<H", status)),
        (0x1000, _uid(request.AffectedSOPInstanceUID)),
    )
    rest = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in elements)
    return struct.pack("<HHII", 0, 0, 4, len(rest)) + rest


def part_10(request: C_STORE, context: PresentationContext, program: str) -> bytes:
    """A received image as a file (PS3.10 section 7.1), its data set as it was sent; `program` is who writes it."""
    assert request.DataSet is not None
    elements = (
        (0x0002, b"UI", _uid(request.AffectedSOPClassUID)),
        (0x0003, b"UI", _uid(request.AffectedSOPInstanceUID)),
        (0x0010, b"UI", _uid(context.transfer_syntax[0])),
        (0x0012, b"UI", _uid(program)),
    )
    meta = b"\x02\0\x01\0OB\0\0\x02\0\0\0\0\x01"
    meta += b"".join(struct.pack("<HH2sH", 2, tag, vr, len(value)) + value for tag, vr, value in elements)
    head = b"\0" * 128 + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta
    return b"".join((head, request.DataSet.getbuffer()))


def _uid(value: Any) -> bytes:
    """A UID padded to an even length, PS3.5 section 9.1."""
    code = str(value).encode("ascii")
    return code + b"\0" * (len(code) % 2)

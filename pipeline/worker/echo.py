"""Verification (C-ECHO, PS3.4 annex A): does a peer answer, and does it know us?"""

import re
from dataclasses import dataclass

from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from pipeline.errors import UsageError

WAIT_S = 5.0
"""Longest wait for a connection and for each answer, seconds; a person waits."""
_PEER = re.compile(r"(?P<title>[^@\s]{1,16})@(?P<host>[^@\s]+):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity and where it listens."""

    title: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.title}@{self.host}:{self.port}"


def peer_of(text: str) -> Peer:
    """The peer that `AET@host:port` names; UsageError for anything else."""
    found = _PEER.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65_536:
        raise UsageError(f"{text}: not a peer; write AET@host:port, such as PACS@10.0.0.5:104")
    return Peer(found["title"], found["host"].strip("[]"), int(found["port"]))


def echo(peer: Peer, own_title: str) -> str:
    """Ask `peer` for a sign of life as `own_title`; returns why there was none, "" when it answered."""
    node = AE(ae_title=own_title)
    node.acse_timeout = node.dimse_timeout = node.network_timeout = node.connection_timeout = WAIT_S
    node.add_requested_context(Verification)
    association = node.associate(peer.host, peer.port, ae_title=peer.title)
    if association.is_rejected:
        return f"{peer} refused the association: does it know {own_title}, and is it called {peer.title}?"
    if not association.is_established:
        return f"{peer} is not reached: is it up, is the port right, does a firewall let {own_title} through?"
    try:
        status = association.send_c_echo().get("Status")
    finally:
        if association.is_established:
            association.release()
    if status is None:
        return f"{peer} broke off: does it know {own_title}?"
    return "" if status == 0 else f"{peer} answered with status 0x{status:04x}: see its log"

"""Results go to a peer by STOW-RS (PS3.18 section 10.5): one request a study, judged instance by instance."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pydicom

from pipeline.errors import ConfigurationError
from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.send import TEMPORARY, Report, Taken, vanished
from pipeline.worker.web import Answer, WebError, site

BLOCK = 1 << 20
"""Bytes of a file held at a time."""
FAILED, TAKEN = "00081198", "00081199"
"""FailedSOPSequence and ReferencedSOPSequence."""
UID, REASON = "00081155", "00081197"
"""ReferencedSOPInstanceUID and FailureReason."""
BUSY = (408, 425, 429, 500, 502, 503, 504)
"""Statuses of a server that may answer otherwise later (RFC 9110)."""
SPOKEN = (200, 202, 400, 409)
"""Statuses whose body may say what became of each instance; 400 with stored instances is Orthanc's partial success."""


def stow(paths: Sequence[Path], settings: WorkerSettings, taken: Taken) -> Report:
    """Send files in one request."""
    try:
        peer = site(settings, "peer")
    except ConfigurationError as error:
        return Report(str(error), final=True)
    if not paths or peer is None:
        return Report()
    boundary = uuid.uuid4().hex
    try:
        uids = {str(pydicom.filereader.read_file_meta_info(path).MediaStorageSOPInstanceUID): path for path in paths}
        # no parameter: Orthanc stores nothing of a part of type "application/dicom; transfer-syntax=..."
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        size = sum(len(head) + path.stat().st_size + 2 for path in paths)
        headers = {
            "Accept": "application/dicom+json",
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Content-Length": str(size + len(_tail(boundary))),
        }
        answer = peer.ask("POST", "/studies", _body(paths, head, boundary), headers)
    except FileNotFoundError as error:
        return vanished(error)
    except WebError as error:
        return Report(str(error), error.final)
    return judged(answer, uids, peer.url, taken)


def judged(answer: Answer, uids: Mapping[str, Path], peer: str, taken: Taken) -> Report:
    """What an answer means for each instance (SOP Instance UID to path)."""
    said = _sequences(answer)
    if said is None:
        return _by_status(answer, uids, peer, taken)
    failed = {_first(item, UID): _first(item, REASON) for item in said.get(FAILED, ())}
    named = {_first(item, UID) for item in said.get(TAKEN, ())}
    reason, final = "", False
    for uid, path in uids.items():
        why = failed.get(uid)
        if uid in named and uid not in failed:
            taken(path, uid)
        elif isinstance(why, int):
            reason = f"{peer} answered failure reason 0x{why:04X} to {path.name}"
            final = final or why not in TEMPORARY
        else:
            reason = reason or f"{peer} answered HTTP status {answer.status} and did not say that it took {path.name}"
            final = final or answer.status >= 400
    return Report(reason, final)


def _by_status(answer: Answer, uids: Mapping[str, Path], peer: str, taken: Taken) -> Report:
    """The report where nothing was said of any instance: only 200 says that all were taken."""
    if answer.status == 200:
        for uid, path in uids.items():
            taken(path, uid)
        return Report()
    advice = {401: ": check peer_user and peer_secret", 403: ": may this user store?", 404: ": is peer_url right?"}
    final = answer.status not in (*BUSY, 202)
    return Report(f"{peer} answered HTTP status {answer.status}{advice.get(answer.status, '')}", final)


def _sequences(answer: Answer) -> Mapping[str, Sequence[Mapping[str, Any]]] | None:
    """The items of the two sequences of a store response (PS3.18 annex I), None where the body holds neither.

    Empty sequences say that nothing was stored, even below status 200: so answers Orthanc for parts it does not know.
    """
    if answer.status not in SPOKEN:
        return None
    try:
        content = json.loads(answer.body)
        content = content[0] if isinstance(content, list) else content
        found = {tag: content[tag].get("Value", []) for tag in (FAILED, TAKEN) if tag in content}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return None
    items = {tag: [item for item in rows if isinstance(item, dict)] for tag, rows in found.items()}
    return items or None


def _first(item: Mapping[str, Any], tag: str) -> Any:
    """The first value of an attribute, None where there is none."""
    values = item.get(tag, {}).get("Value") if isinstance(item.get(tag), dict) else None
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str | int) else None


def _tail(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode()


def _body(paths: Sequence[Path], head: bytes, boundary: str) -> Iterator[bytes]:
    """The request's body, piece by piece."""
    for path in paths:
        yield head
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
        yield b"\r\n"
    yield _tail(boundary)

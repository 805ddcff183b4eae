"""Delivery by STOW-RS is judged by what the answer says of each instance, and by its status where it says nothing."""

import base64
import dataclasses
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
import trustme
from web_peer import Asked, Said, WebPeer
from worker_peers import free_port

from pipeline.errors import ConfigurationError
from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.deliver import deliver
from pipeline.worker.spool import Entry, Spool
from pipeline.worker.web import site

Start = Callable[..., WebPeer]
SECRET = "se-cret"  # no password of anything


@pytest.fixture
def peer() -> Iterator[Start]:
    started: list[WebPeer] = []

    def start(answer: Callable[[Asked], Said], context: ssl.SSLContext | None = None) -> WebPeer:
        started.append(WebPeer(answer, context))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()


def uid_of(content: Path | bytes) -> str:
    from io import BytesIO

    source = BytesIO(content) if isinstance(content, bytes) else content
    return str(pydicom.dcmread(source, stop_before_pixels=True).SOPInstanceUID)


def said(asked: Asked, failed: dict[int, int]) -> dict[str, Any]:
    """A store response: the parts at the places in `failed` were not stored, for that reason."""
    rows: dict[str, list[Any]] = {"00081198": [], "00081199": []}
    for place, part in enumerate(asked.parts):
        item: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [uid_of(part)]}}
        if place in failed:
            item["00081197"] = {"vr": "US", "Value": [failed[place]]}
        rows["00081198" if place in failed else "00081199"].append(item)
    return {tag: {"vr": "SQ", "Value": items} for tag, items in rows.items()}


def queued(spool: Spool, paths: tuple[Path, ...]) -> None:
    spool.received("1.2", "1.2.1", "a")
    spool.take_ready(0)
    spool.processed("1.2", {path: uid_of(path) for path in paths})


def delivered(spool: Spool, settings: WorkerSettings) -> Entry:
    entry = spool.take_delivery()
    assert entry is not None
    deliver(spool, entry, settings)
    return spool.latest(1)[0]


def to(peer: WebPeer, settings: WorkerSettings, **changes: Any) -> WorkerSettings:
    return dataclasses.replace(settings, **({"peer_url": f"{peer.url}/dicom-web/"} | changes))


def test_every_file_arrives_byte_by_byte_in_one_request(
    peer: Start, spool: Spool, settings: WorkerSettings, slices: tuple[Path, ...]
) -> None:
    archive = peer(lambda asked: (200, said(asked, {})))
    queued(spool, slices[:3])
    assert delivered(spool, to(archive, settings)).state == "delivered"
    (asked,) = archive.asked
    assert (asked.method, asked.path) == ("POST", "/dicom-web/studies")
    assert asked.parts == [path.read_bytes() for path in slices[:3]]
    assert "Authorization" not in asked.headers


@pytest.mark.parametrize("status", [200, 202, 400, 409])
def test_one_of_several_that_may_pass_later_is_sent_again_alone(
    status: int, peer: Start, spool: Spool, settings: WorkerSettings, slices: tuple[Path, ...]
) -> None:
    archive = peer(lambda asked: (status, said(asked, {1: 0xA700})))
    queued(spool, slices[:3])
    entry = delivered(spool, to(archive, settings))
    assert (entry.state, entry.attempts) == ("delivering", 1)
    assert "0xA700" in entry.reason
    archive.answer = lambda asked: (200, said(asked, {}))
    deliver(spool, entry, to(archive, settings))
    assert archive.asked[1].parts == [slices[1].read_bytes()]
    assert spool.counts()["delivered"] == 1


def test_one_of_several_that_is_refused_for_good_is_a_dead_letter_and_the_others_are_noted(
    peer: Start, spool: Spool, settings: WorkerSettings, slices: tuple[Path, ...]
) -> None:
    archive = peer(lambda asked: (409, said(asked, {0: 0xA900})))
    queued(spool, slices[:2])
    entry = delivered(spool, to(archive, settings))
    assert (entry.state, spool.undelivered("1.2")) == ("failed", (slices[0],))
    assert "0xA900" in entry.reason
    assert spool.retry() == 1
    archive.answer = lambda asked: (200, said(asked, {}))
    assert delivered(spool, to(archive, settings)).state == "delivered"
    assert len(archive.asked[1].parts) == 1


@pytest.mark.parametrize(
    ("status", "content", "state"),
    [
        (200, b"", "delivered"),
        (200, {}, "delivered"),
        (200, {"00081198": {"vr": "SQ"}, "00081199": {"vr": "SQ"}}, "delivering"),
        (202, b"", "delivering"),
        (200, {"00081199": {"vr": "SQ", "Value": [{"00081155": {"Value": ["1.2.3"]}}]}}, "delivering"),
        (503, b"busy", "delivering"),
        (429, b"", "delivering"),
        (500, b"<html>", "delivering"),
        (400, {"00081198": {"vr": "SQ"}, "00081199": {"vr": "SQ"}}, "failed"),
        (400, b'{"00081198": [1', "failed"),
        (409, [{"00081198": 7}], "failed"),
        (401, b"", "failed"),
        (403, b"", "failed"),
        (404, b"", "failed"),
        (413, b"", "failed"),
        (302, b"", "failed"),
    ],
)
def test_without_words_on_instances_the_status_decides(
    status: int, content: Any, state: str, peer: Start, spool: Spool, settings: WorkerSettings, slices: tuple[Path, ...]
) -> None:
    archive = peer(lambda asked: (status, content))
    queued(spool, slices[:1])
    entry = delivered(spool, to(archive, settings))
    assert entry.state == state
    assert str(status) in entry.reason or not entry.reason
    assert len(archive.asked) == 1


def test_an_archive_that_is_down_is_tried_later(
    spool: Spool, settings: WorkerSettings, slices: tuple[Path, ...]
) -> None:
    queued(spool, slices[:1])
    entry = delivered(spool, dataclasses.replace(settings, peer_url=f"http://127.0.0.1:{free_port()}"))
    assert (entry.state, entry.attempts) == ("delivering", 1)
    assert "did not answer" in entry.reason


@pytest.mark.parametrize("user", [None, "worker"])
@pytest.mark.parametrize("place", ["file", "env"])
def test_the_secret_is_shown_to_the_archive_and_to_nobody_else(
    user: str | None,
    place: str,
    peer: Start,
    spool: Spool,
    settings: WorkerSettings,
    slices: tuple[Path, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("ARCHIVE_SECRET", SECRET)
    where = f"file:{tmp_path / 'secret'}" if place == "file" else "env:ARCHIVE_SECRET"
    archive = peer(lambda asked: (401, b""))
    queued(spool, slices[:1])
    chosen = to(archive, settings, peer_user=user, peer_secret=where)
    entry = delivered(spool, chosen)
    basic = "Basic " + base64.b64encode(f"worker:{SECRET}".encode()).decode()
    assert archive.asked[0].headers["Authorization"] == (basic if user else f"Bearer {SECRET}")
    assert SECRET not in entry.reason + repr(site(chosen, "peer"))


def test_only_a_certificate_of_the_named_authority_is_trusted(
    peer: Start, spool: Spool, settings: WorkerSettings, slices: tuple[Path, ...], tmp_path: Path
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    archive = peer(lambda asked: (200, said(asked, {})), context)
    queued(spool, slices[:1])
    entry = delivered(spool, to(archive, settings))
    assert (entry.state, archive.asked) == ("failed", [])
    assert "certificate is not trusted" in entry.reason
    spool.retry()
    assert delivered(spool, to(archive, settings, peer_authority=str(tmp_path / "authority.pem"))).state == "delivered"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"peer_url": "ftp://archive"}, "peer_url"),
        ({"peer_url": "http://archive:x/"}, "peer_url"),
        ({"peer_url": "https://user:word@archive/"}, "peer_secret"),
        ({"peer_url": "http://archive", "peer_secret": "env:PATH"}, "needs https"),
        ({"peer_url": "https://archive", "peer_secret": "env:NOT_SET_AT_ALL"}, "cannot be read"),
        ({"peer_url": "https://archive", "peer_secret": "file:/nowhere"}, "cannot be read"),
        ({"peer_url": "https://archive", "peer_secret": SECRET}, "file:PATH or env:NAME"),
    ],
)
def test_settings_that_cannot_be_meant_are_told_without_a_secret(
    changes: dict[str, str], told: str, settings: WorkerSettings
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        site(dataclasses.replace(settings, **changes), "peer")
    assert SECRET not in str(caught.value)
    assert "word" not in str(caught.value)

"""What the status page's server says: a status, a body of some kind, and what a browser may do with it."""

import json
from dataclasses import dataclass
from http import HTTPStatus

SAFE = "default-src 'self'; img-src 'self' data:; style-src 'unsafe-inline'"
"""What a page may load unless it says less itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; `policy` is its Content-Security-Policy."""

    status: HTTPStatus
    kind: str
    body: bytes
    policy: str = SAFE


def text(kind: str, said: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """A text of a kind, in UTF-8."""
    return Answer(status, kind if "charset" in kind else f"{kind}; charset=utf-8", said.encode())


def as_json(value: object, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """A value as JSON."""
    return text("application/json", json.dumps(value, ensure_ascii=False), status)


def refusal(said: str, status: HTTPStatus) -> Answer:
    """Why something was not taken."""
    return as_json({"error": said}, status)

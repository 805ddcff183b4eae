"""Where readers say what they think of a result: the report that is served, with controls, and what they send.

Only a page of this server may send: the request must come from the page's own origin, under an address of this machine
or a name that the settings give (a foreign name that was made to point here is none), with the token that the page
bears. Statements are JSON, small, and checked against the result and the knowledge.
"""

import ipaddress
import json
import re
import secrets
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.errors import InputError, OutputError
from pipeline.feedback.said import Said, Seen, StaleError, image_uid, read_said
from pipeline.feedback.store import NAME, Feedback, read_results
from pipeline.knowledge.loading import Knowledge
from pipeline.knowledge.records import NO_CALCIFICATION
from pipeline.worker.answers import Answer, as_json, refusal, text
from pipeline.worker.log import tell
from pipeline.worker.store import Store

SCRIPT = "/feedback.js"
PLACE = "/feedback/"
MOST_BYTES = 16_384
"""Largest statement; the longest that makes sense has about 1 kB."""
TOKEN = "x-calcinosis-token"
POLICY = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")([^"]*)(">)')
OWN = "'self'"
FORBIDDEN = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes statements about the results of `store`; `names` are further names by which readers reach this machine."""

    store: Store
    feedback: Feedback
    knowledge: Knowledge
    names: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def head(self, stem: str = "") -> str:
        """What a page needs in its head to show controls; `stem` names the study of a report."""
        study = f' data-study="{escape(stem)}"' if stem else ""
        meta = f'<meta name="calcinosis-feedback" content="{escape(self.token)}"{study}>'
        return f'{meta}<link rel="icon" href="data:,"><script src="{SCRIPT}" defer></script>'

    def report(self, stem: str, page: str) -> str:
        """A report with controls: its own policy, opened for the script of this server alone."""
        opened = POLICY.sub(lambda m: m[1] + opened_policy(m[2]) + m[3], page, count=1)
        return opened.replace("</head>", f"{self.head(stem)}</head>", 1)

    def asked(self, path: str) -> Answer | None:
        """The answer to GET: the script, or what was said of a study; None where it is not the desk's."""
        if path == SCRIPT:
            return text("text/javascript", (Path(__file__).parent / "feedback.js").read_text(encoding="utf-8"))
        if not path.startswith(PLACE):
            return None
        try:
            return as_json(self._state(self._folder(path)))
        except InputError as error:
            return refusal(str(error), HTTPStatus.NOT_FOUND)
        except OutputError as error:
            return refusal(str(error), HTTPStatus.INSUFFICIENT_STORAGE)

    def said(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to POST: what holds now, or why the statement was not taken. Names of `headers` are lower case."""
        refused = self._refused(headers)
        if refused is not None:
            return refused
        try:
            folder = self._folder(path)
            results, digest = read_results(folder)
        except InputError as error:
            return refusal(str(error), HTTPStatus.NOT_FOUND)
        seen = Seen(results, digest, (*self.knowledge.entities, NO_CALCIFICATION))
        try:
            said = read_said(json.loads(body), seen, uuid.uuid4().hex[:12])
            self.feedback.add(said, folder)
        except (ValueError, RecursionError):
            return refusal("the statement is no JSON", HTTPStatus.BAD_REQUEST)
        except StaleError as error:
            return refusal(str(error), HTTPStatus.CONFLICT)
        except InputError as error:
            return refusal(str(error), HTTPStatus.UNPROCESSABLE_ENTITY)
        except OutputError as error:
            return refusal(str(error), HTTPStatus.INSUFFICIENT_STORAGE)
        tell("feedback", study=said.study, mark=said.mark)
        return as_json(self._state(folder))

    def summary(self, study: str) -> str:
        """What readers said of a study, in a few words; empty when nothing, or when it cannot be read."""
        try:
            said = self.feedback.current(study)
        except OutputError:
            return ""
        marks = sum(s.mark != "diagnosis" for s in said)
        told = [self.knowledge.label(s.entity) if s.entity else str(s.other) for s in said if s.mark == "diagnosis"]
        counted = [f"{marks} mark{'s' if marks != 1 else ''}"] if marks else []
        return ", ".join([*counted, *dict.fromkeys(told)])

    def _refused(self, headers: Mapping[str, str]) -> Answer | None:
        """Why a request is not one of this server's own pages; None when it is."""
        host = headers.get("host", "")
        if not self._is_own(host):
            return refusal("this name is not one of this machine's: add it to worker.status_names", _NO)
        if urlsplit(headers.get("origin", "")).netloc.lower() != host.lower():
            return refusal("statements are taken from this server's own pages alone", _NO)
        if not secrets.compare_digest(headers.get(TOKEN, "").encode(), self.token.encode()):
            return refusal("the worker was started again since this page was opened: reload it", _NO)
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return refusal("a statement is application/json", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        return None

    def _is_own(self, host: str) -> bool:
        """Whether a Host header names an address, this machine, or one of `names`."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in ("localhost", socket.gethostname().lower(), *(n.lower() for n in self.names)):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _folder(self, path: str) -> Path:
        """The folder with a study's results."""
        stem = path.removeprefix(PLACE)
        folder = self.store.root / "results" / stem / "studies" / stem
        if not re.fullmatch(r"[0-9.]{1,64}|[0-9a-f]{64}", stem) or ".." in stem or not folder.is_dir():
            raise InputError("no such study here: its results may have been removed")
        return folder

    def _state(self, folder: Path) -> Row:
        """What a page shows: the result, what can be said, and what was said."""
        results, digest = read_results(folder)
        study = str(results["study"]["study_instance_uid"])
        return {
            "study": study,
            "result": digest,
            "images": [{"uid": image_uid(r), "kind": r["kind"], "shape": r["shape"]} for r in results["images"]],
            "lesions": [{"id": r["id"], "image": r["image"]} for r in results["lesions"]],
            "diagnoses": self._diagnoses(),
            "said": [_shown(s, digest) for s in self.feedback.current(study)],
        }

    def _diagnoses(self) -> list[Row]:
        """What can be chosen, by group."""
        entities = self.knowledge.entities.values()
        none = {"label": "Nothing", "entities": [{"id": NO_CALCIFICATION, "label": "No calcification"}]}
        return [
            *(
                {"label": label, "entities": [{"id": e.id, "label": e.label} for e in entities if e.group == group]}
                for group, label in self.knowledge.groups.items()
            ),
            none,
        ]


_NO = HTTPStatus.FORBIDDEN


def open_desk(store: Store, knowledge: Knowledge, names: tuple[str, ...]) -> Desk:
    """The desk of a worker, with its file of statements. OutputError where it cannot be kept."""
    return Desk(store, Feedback(store.root / "feedback" / NAME, durable=store.durable), knowledge, names)


def opened_policy(policy: str) -> str:
    """A page's policy that lets this server's script run and speak to this server; all else as the page has it."""
    parts = [part.split() for part in policy.split(";") if part.strip()]
    rules = {part[0].lower(): part[1:] for part in parts}
    for name in ("script-src", "connect-src"):
        sources = [s for s in rules.get(name, rules.get("default-src", [])) if s not in ("'none'", OWN)]
        rules[name] = [OWN, *sources]
    return "; ".join(" ".join([name, *sources]) for name, sources in rules.items())


def policy_of(page: str) -> str | None:
    """The policy that a page states itself, without what only a header can forbid; None when it states none."""
    found = POLICY.search(page)
    return f"{found[2]}; {FORBIDDEN}" if found else None


def _shown(said: Said, digest: str) -> Row:
    """A statement as the page reads it; `old` where it is about lesions of another result."""
    keys = ("about", "mark", "lesion", "image", "box", "entity", "other", "reader", "time")
    old = said.lesion is not None and said.result != digest
    return {key: getattr(said, key) for key in keys} | {"old": old}

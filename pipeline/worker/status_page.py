"""The status page: how many studies are how far, and what became of the last ones, with links to their reports."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from pipeline.report.page import DISCLAIMER
from pipeline.report.templating import environment
from pipeline.worker.spool import Entry, State

ROWS = 100
"""Studies on the page, those that changed last."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A study on the page: its report's address (None while there is none), and what readers said of it.

    `said` is None where readers cannot speak of it; `stem` names its results.
    """

    entry: Entry
    stem: str
    report: str | None = None
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows. `head` is what readers' controls need in its head; `who` names patients, if allowed."""

    counts: Mapping[State, int]
    studies: Sequence[Shown]
    watching: str = ""
    head: str = ""
    who: Callable[[str], str] | None = None


def status_page(overview: Overview) -> str:
    """The page as HTML; what came from outside is escaped, `head` is this server's own."""
    return _template().render(
        counts=overview.counts,
        studies=overview.studies,
        watching=overview.watching,
        desk=Markup(overview.head),  # made of this server's own token
        readers=bool(overview.head),
        who=overview.who,
        most=ROWS,
        now=time.time(),
        disclaimer=DISCLAIMER,
    )


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    made = environment().overlay()
    made.filters = {**made.filters, "moment": lambda s: time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(s))}
    return made.from_string((Path(__file__).parent / "status.html.j2").read_text(encoding="utf-8"))

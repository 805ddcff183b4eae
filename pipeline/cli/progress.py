"""Progress on stderr: a bar on a terminal, a line now and then elsewhere; studies a minute and time left in both."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

from pipeline.cli.colour import coloured, painted

Row = dict[str, Any]
Progress = Callable[[int, int, Row], None]

LINE_EVERY_S = 10.0
"""Seconds between lines where there is no terminal."""
BAR_WIDTH = 20
WIDE = 110
"""Columns of a terminal that also show how the last study ended; narrower ones keep to count, rate and time left."""
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


@dataclass(slots=True)
class Pace:
    """How fast studies are analysed; those that were finished before and are only looked up do not count."""

    begun: float
    analysed: int = 0

    def add(self, row: Row) -> None:
        """Count a study."""
        self.analysed += not row.get("unchanged", False)

    def said(self, left: int, now: float) -> str:
        """Studies a minute, and the time that `left` studies will take; "" before the first was analysed."""
        seconds = max(now - self.begun, 0.1)
        if not self.analysed:
            return ""
        rate = f"{60 * self.analysed / seconds:.3g} studies a minute"
        return f"{rate}, {duration(left * seconds / self.analysed)} left" if left else rate


def duration(seconds: float) -> str:
    """A time for people: "40 s", "12 min", "3 h 20 min", "2 d 4 h"."""
    whole = round(seconds)
    if whole < 2 * MINUTE_S:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{round(whole / MINUTE_S)} min"
    if whole < DAY_S:
        return f"{whole // HOUR_S} h {whole % HOUR_S // MINUTE_S} min"
    return f"{whole // DAY_S} d {whole % DAY_S // HOUR_S} h"


@contextmanager
def shown(stream: TextIO) -> Iterator[Progress]:
    """A function that takes (done, all, row of the study) and shows how far the run is."""
    if stream.isatty():
        yield from _bar(stream)
    else:
        yield _lines(stream)


def _bar(stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(file=stream, no_color=not coloured(stream))
    columns = [BarColumn(BAR_WIDTH), MofNCompleteColumn(), TextColumn("{task.fields[pace]}")]
    if console.width >= WIDE:
        columns.append(TextColumn("{task.fields[last]}"))
    pace = Pace(time.monotonic())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("studies", total=None, last="", pace="")

        def show(done: int, total: int, row: Row) -> None:
            pace.add(row)
            said = pace.said(total - done, time.monotonic())
            bar.update(task, completed=done, total=total, last=_last(row), pace=said)
            if row["status"] == "failed":
                console.print(_failure(row), highlight=False, markup=False, style="red")

        yield show


def _lines(stream: TextIO) -> Progress:
    pace = Pace(time.monotonic())
    printed = pace.begun

    def show(done: int, total: int, row: Row) -> None:
        nonlocal printed
        pace.add(row)
        if row["status"] == "failed":
            print(painted(_failure(row), "red", stream), file=stream, flush=True)
        now = time.monotonic()
        if done == total or now - printed >= LINE_EVERY_S:
            printed = now
            said = pace.said(total - done, now)
            print(f"{done} of {total} studies{', ' if said else ''}{said}", file=stream, flush=True)

    return show


def _last(row: Row) -> str:
    return f"{row['status']}: {row['top_entity'] or '-'}"


def _failure(row: Row) -> str:
    return f"failed: study …{row['folder'][-18:]}: {row['reason']}"

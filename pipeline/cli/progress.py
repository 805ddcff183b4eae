"""Progress on stderr: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

Row = dict[str, Any]
Progress = Callable[[int, int, Row], None]

LINE_EVERY_S = 10.0
"""Seconds between lines where there is no terminal."""


@contextmanager
def shown(stream: TextIO) -> Iterator[Progress]:
    """A function that takes (done, all, row of the study) and shows how far the run is."""
    if stream.isatty():
        yield from _bar(stream)
    else:
        yield _lines(stream)


def _bar(stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=stream)
    columns = (
        TextColumn("studies"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[last]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("studies", total=None, last="")

        def show(done: int, total: int, row: Row) -> None:
            bar.update(task, completed=done, total=total, last=_last(row))
            if row["status"] == "failed":
                console.print(_failure(row), highlight=False, markup=False)

        yield show


def _lines(stream: TextIO) -> Progress:
    begun = time.monotonic()
    printed = begun

    def show(done: int, total: int, row: Row) -> None:
        nonlocal printed
        if row["status"] == "failed":
            print(_failure(row), file=stream, flush=True)
        now = time.monotonic()
        if done == total or now - printed >= LINE_EVERY_S:
            printed = now
            print(
                f"{done} of {total} studies, {60 * done / max(now - begun, 0.1):.0f} a minute", file=stream, flush=True
            )

    return show


def _last(row: Row) -> str:
    return f"{row['status']}: {row['top_entity'] or '-'}"


def _failure(row: Row) -> str:
    return f"failed: study …{row['study_instance_uid'][-18:]}: {row['reason']}"

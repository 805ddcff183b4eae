"""A run in four plots: what was found, how large, with levels or without, and how long it took."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pipeline.report.reasons import Names

Row = Mapping[str, Any]

MOST_BARS = 8
"""Bars of a plot; what is rarer is summed in the last."""
SIZE_EDGES_MM = (0.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Lower edges of the size classes; the last is open."""
SECOND_EDGES = (0.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
"""Lower edges of the classes of time per study, seconds; the last is open."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its name, how many studies, and its length as a share of the longest."""

    name: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Plot:
    """A bar chart with a title."""

    title: str
    bars: tuple[Bar, ...]

    @property
    def said(self) -> str:
        """The chart in words, for those who do not see it."""
        return f"{self.title}: " + ", ".join(f"{bar.name} {bar.count}" for bar in self.bars)


def plots(rows: Sequence[Row], names: Names) -> tuple[Plot, ...]:
    """The plots of a run's rows, as `summary_row` makes them; a plot without a count is left out."""
    entities = Counter(names.entity(r["top_entity"]) for r in rows if r["top_entity"]).most_common()
    rest = sum(n for _, n in entities[MOST_BARS - 1 :])
    shown = entities if len(entities) <= MOST_BARS else [*entities[: MOST_BARS - 1], ("others", rest)]
    sizes = [r["largest_mm"] for r in rows if r.get("largest_mm") is not None]
    seconds = [r["seconds"] for r in rows if r["status"] == "analysed"]
    levels = Counter((r["fluid_level"] or "no lesion").replace("_", " ") for r in rows if r["status"] == "analysed")
    made = (
        _plot("Most probable entity", shown),
        _plot("Largest lesion", _classes(sizes, SIZE_EDGES_MM, "mm")),
        _plot("Fluid level", levels.most_common()),
        _plot("Time per study", _classes(seconds, SECOND_EDGES, "s")),
    )
    return tuple(plot for plot in made if any(bar.count for bar in plot.bars))


def _plot(title: str, counted: Sequence[tuple[str, int]]) -> Plot:
    longest = max((n for _, n in counted), default=0) or 1
    return Plot(title, tuple(Bar(name, n, n / longest) for name, n in counted))


def _classes(values: Sequence[float], edges: Sequence[float], unit: str) -> list[tuple[str, int]]:
    """How many values lie in each class, lower edge included."""
    named = [
        (f"{low:g}–{high:g} {unit}" if low else f"below {high:g} {unit}", sum(low <= v < high for v in values))
        for low, high in pairwise(edges)
    ]
    return [*named, (f"{edges[-1]:g} {unit} and more", sum(v >= edges[-1] for v in values))]

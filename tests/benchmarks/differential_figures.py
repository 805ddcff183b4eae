"""Figures of ranked differentials against the truth: how often right, how sure, how honest; tables and a picture."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

LEAST_SHARE = 1e-4
"""Shares are not taken lower than this in the log-loss."""
BINS = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One study: the shares a model gave, and the truth. `groups` maps every answer to its group."""

    study: str
    kind: str
    entity: str
    visible: bool
    shares: Mapping[str, float]
    groups: Mapping[str, str]

    @property
    def ranked(self) -> list[str]:
        """Answers, likeliest first."""
        return sorted(self.shares, key=lambda e: (-self.shares[e], e))

    @property
    def top(self) -> str:
        """The first answer."""
        return self.ranked[0]

    @property
    def sure(self) -> float:
        """The share of the first answer."""
        return self.shares[self.top]

    @property
    def group_right(self) -> bool:
        """Whether the group with the largest share is the true one."""
        sums: Counter[str] = Counter()
        for answer, share in self.shares.items():
            sums[self.groups[answer]] += share
        return max(sums, key=lambda g: sums[g]) == self.groups[self.entity]


COLUMNS = ("top-1", "top-3", "group", "logloss", "Brier", "ECE")
HEADER = f"{'':34s} {'n':>4s} " + " ".join(f"{c:>{max(6, len(c))}s}" for c in COLUMNS) + "  surest wrong"


def line(label: str, rows: Sequence[Row]) -> str:
    """One line of the table; empty rows give dashes."""
    if not rows:
        return f"{label:34s} {0:4d}" + "      -" * 6
    values = (
        np.mean([r.top == r.entity for r in rows]),
        np.mean([r.entity in r.ranked[:3] for r in rows]),
        np.mean([r.group_right for r in rows]),
    )
    wrong = max((r for r in rows if r.top != r.entity), key=lambda r: r.sure, default=None)
    worst = f"{wrong.sure:.2f} {wrong.top} for {wrong.entity}" if wrong else "none"
    return (
        f"{label:34s} {len(rows):4d} "
        + " ".join(f"{v:6.3f}" for v in values)
        + f" {log_loss(rows):7.3f} {brier(rows):6.3f} {calibration_error(rows):6.3f}  {worst}"
    )


def log_loss(rows: Sequence[Row]) -> float:
    """Mean negative natural log of the share of the truth."""
    return float(np.mean([-np.log(max(r.shares.get(r.entity, 0.0), LEAST_SHARE)) for r in rows]))


def brier(rows: Sequence[Row]) -> float:
    """Mean over studies of the summed squared errors over all answers (Brier 1950)."""
    return float(np.mean([sum((p - (e == r.entity)) ** 2 for e, p in r.shares.items()) for r in rows]))


def calibration_error(rows: Sequence[Row]) -> float:
    """Expected calibration error of the first answer over ten bins of equal width."""
    return float(sum(n / len(rows) * abs(sure - right) for _, n, sure, right in bins(rows)))


def bins(rows: Sequence[Row]) -> list[tuple[int, int, float, float]]:
    """Bin, studies in it, mean share of the first answer, part that is right."""
    sure = np.array([r.sure for r in rows])
    right = np.array([r.top == r.entity for r in rows], float)
    index = np.minimum((sure * BINS).astype(int), BINS - 1)
    return [
        (b, int((index == b).sum()), float(sure[index == b].mean()), float(right[index == b].mean()))
        for b in range(BINS)
        if (index == b).any()
    ]


def per_entity(rows: Sequence[Row]) -> str:
    """A line for each true entity."""
    entities = sorted({r.entity for r in rows})
    return "\n".join([HEADER, *(line(e, [r for r in rows if r.entity == e]) for e in entities)])


def confusion(rows: Sequence[Row]) -> str:
    """True entity (row), first answer and how often (right ones first)."""
    lines = []
    for entity in sorted({r.entity for r in rows}):
        said = Counter(r.top for r in rows if r.entity == entity)
        right = said.pop(entity, 0)
        others = ", ".join(f"{name} {n}" for name, n in said.most_common())
        lines.append(f"{entity:26s} right {right:3d} of {right + said.total():3d}   {others}")
    return "\n".join(lines)


def closest_to_certain(rows: Sequence[Row], count: int = 8) -> str:
    """The wrong first answers with the largest shares."""
    wrong = sorted((r for r in rows if r.top != r.entity), key=lambda r: -r.sure)[:count]
    return "\n".join(f"{r.sure:.3f} {r.top} for {r.entity} ({r.kind}, {r.study})" for r in wrong) or "none"


def readme_table(table: Mapping[str, Sequence[Row]]) -> str:
    """The comparison as Markdown: CT, and radiographs whose main lesion is visible or that are normal."""
    head = "| | top-1 | top-3 | group | log-loss | ECE |\n|---|---|---|---|---|---|"
    parts = []
    for title, kind in (("CT", "ct"), ("Radiographs, visible or normal", "radiograph")):
        chosen = {
            name: [r for r in rows if r.kind == kind and (kind == "ct" or r.visible)] for name, rows in table.items()
        }
        count = len(next(iter(chosen.values()), []))
        parts.append(f"{title} ({count} studies)\n\n{head}")
        parts += [f"| {name} | {' | '.join(_cells(rows))} |" for name, rows in chosen.items() if rows]
        parts.append("")
    return "\n".join(parts)


def _cells(rows: Sequence[Row]) -> list[str]:
    values = (
        np.mean([r.top == r.entity for r in rows]), np.mean([r.entity in r.ranked[:3] for r in rows]),
        np.mean([r.group_right for r in rows]), log_loss(rows), calibration_error(rows),
    )  # fmt: skip
    return [f"{v:.2f}" for v in values]


def reliability_plot(path: Path, series: Iterable[tuple[str, Sequence[Row]]]) -> None:
    """A PNG with one panel a series: part right over share of the first answer, dots as large as their number."""
    side, gap = 300, 56
    chosen = [(name, rows) for name, rows in series if rows]
    image = Image.new("RGB", (gap + (side + gap) * len(chosen), side + 2 * gap), "white")
    draw = ImageDraw.Draw(image)
    for k, (name, rows) in enumerate(chosen):
        x0, y0 = gap + k * (side + gap), gap + side
        draw.rectangle((x0, gap, x0 + side, y0), outline="black")
        draw.line((x0, y0, x0 + side, gap), fill="gray")
        for tick in (0.0, 0.5, 1.0):
            draw.text((x0 + tick * side - 8, y0 + 6), f"{tick:.1f}", fill="black")
            draw.text((x0 - 24, y0 - tick * side - 6), f"{tick:.1f}", fill="black")
        for _, n, sure, right in bins(rows):
            x, y, r = x0 + sure * side, y0 - right * side, 2 + 1.6 * n**0.5
            spread = (right * (1 - right) / n) ** 0.5 * side
            draw.line((x, y - spread, x, y + spread), fill="steelblue")
            draw.ellipse((x - r, y - r, x + r, y + r), outline="navy", fill="steelblue")
        draw.text((x0, gap - 30), name, fill="black")
        draw.text((x0, gap - 16), f"n {len(rows)}, ECE {calibration_error(rows):.3f}", fill="black")
        draw.text((x0 + 70, y0 + 24), "share of the first answer", fill="black")
    image.save(path)

"""The tables of the quality benchmark as Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

FIRST = (
    "IoU >= 0.1, visible",
    "IoU >= 0.3, visible",
    "any touch, visible",
    "IoU >= 0.1, all",
    "IoU >= 0.3, all",
    "any touch, all",
    "false lesions per image",
    "normals without false lesion",
    "Dice of found",
    "boundary error mm",
    "split: lesions a touched deposit",
    "merged: touched deposits that share a lesion",
    "level sensitivity, per image",
    "level sensitivity, per image, unfiltered",
    "level specificity, per image",
    "level sensitivity, per visible lesion",
    "level specificity, per found lesion",
)
"""Order of the rows; errors and the rest follow by name."""
PARTS = (
    "IoU >= 0.1, all",
    "IoU >= 0.3, all",
    "Dice of found",
    "boundary error mm",
    "level sensitivity, per visible lesion",
)
"""Columns of the tables by visibility and entity, before the errors."""
MOST_ERRORS = 8

Table = Mapping[str, Any]


def markdown(report: Mapping[str, Table], least: Mapping[str, float], command: str) -> str:
    """All tables; `report` holds, for the pipeline and the baseline, figures by modality."""
    lines = [
        "# Quality on simulated studies with truth",
        "",
        f"`{command}`; values with 95 % intervals over studies, n is what is counted. Visible: contrast-to-noise",
        "from 1 (radiograph) or 2 (CT). Errors are means over found deposits, their median in brackets.",
    ]
    for kind, own in report["pipeline"].items():
        other = report.get("baseline", {}).get(kind)
        lines += ["", f"## {kind}: {own['studies']} studies, confidence from {least[kind]:g}", ""]
        lines += _whole(own["whole"], other["whole"] if other else None)
        lines += ["", *_curve(own["curve"])]
        lines += ["", *_parts(own["parts"])]
    return "\n".join(lines) + "\n"


def short(report: Mapping[str, Table], command: str) -> str:
    """The rows of a README: each figure of the pipeline beside the baseline's, a modality a pair of columns."""
    kinds = list(report["pipeline"])
    names = [name for name in FIRST if any(name in report["pipeline"][kind]["whole"] for kind in kinds)]
    lines = [
        f"`{command}`",
        "",
        "| figure | " + " | ".join(f"{kind} | {kind}, baseline" for kind in kinds) + " |",
        "|---|" + "---|---|" * len(kinds),
    ]
    for name in names:
        cells = [
            _shown(table[name], name) if table and name in table else ""
            for kind in kinds
            for table in (_part(report, "pipeline", kind), _part(report, "baseline", kind))
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _part(report: Mapping[str, Table], way: str, kind: str) -> Table:
    found: Table = report.get(way, {}).get(kind, {}).get("whole", {})
    return found


def _whole(own: Table, other: Table | None) -> Iterator[str]:
    yield "| figure | pipeline | n | baseline |"
    yield "|---|---|---|---|"
    names = [name for name in FIRST if name in own] + sorted(name for name in own if name not in FIRST)
    for name in names:
        beside = _shown(other[name], name) if other and name in other else ""
        yield f"| {name} | {_shown(own[name], name)} | {own[name]['count']} | {beside} |"


def _curve(rows: list[Table]) -> Iterator[str]:
    yield "Visible deposits found against false lesions, by confidence:"
    yield ""
    names = list(rows[0])
    yield "| " + " | ".join(names) + " |"
    yield "|" + "---|" * len(names)
    for row in rows:
        yield "| " + " | ".join(f"{row[name]:.2f}" for name in names) + " |"


def _parts(parts: Mapping[str, Table]) -> Iterator[str]:
    """A row for each band and entity."""
    found = {name for table in parts.values() for name in table if name.startswith("error of")}
    counts = {name: sum(table[name]["count"] for table in parts.values() if name in table) for name in found}
    errors = sorted(found, key=lambda name: -counts[name])[:MOST_ERRORS]
    columns = [name for name in PARTS if any(name in table for table in parts.values())] + sorted(errors)
    yield "| deposits | n | " + " | ".join(columns) + " |"
    yield "|---|---|" + "---|" * len(columns)
    for part, table in parts.items():
        cells = [_shown(table[name], name) if name in table else "" for name in columns]
        yield f"| {part} | {table['IoU >= 0.1, all']['count']} | " + " | ".join(cells) + " |"


def _shown(figure: Table, name: str) -> str:
    digits = 1 if name.endswith("%") else 2
    text = f"{figure['value']:.{digits}f} [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"
    is_error = name.startswith("error of") or name == "boundary error mm"
    return f"{text} ({figure['median']:.{digits}f})" if is_error else text

"""A site's profile as a file: what it stands on, and what feedback changes, each value with its source."""

import contextlib
import os
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any

import yaml

from pipeline.calibration.calibrate import Calibrated
from pipeline.errors import OutputError, UsageError
from pipeline.knowledge.loading import load_knowledge
from pipeline.knowledge.places import configs, profile_path
from pipeline.knowledge.yaml_text import Keys, Plain, Scalar, Sequence, parse

PREFIX = "FEEDBACK-"
"""Ids of the changes that calibration makes."""
HEAD = """A site's profile, made by `calcinosis calibrate` on the profile {base}. Check it, and use it:
  calcinosis check-config FILE
  calcinosis run IMAGES -o OUT --profile FILE
Source of all that is changed: {source}."""
Row = dict[str, Any]


def check_target(path: Path, base: str, *, force: bool) -> None:
    """UsageError where `path` is there and not to be replaced, or where `base` is a calibrated profile itself."""
    if path.exists() and not force:
        raise UsageError(f"{path}: is there already; name another file, or replace it with --force")
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{path}: a profile is a .yaml file")
    base_content(base)


def write_profile(path: Path, base: str, made: Calibrated, figures: Several[str]) -> None:
    """Write the profile; `base` is the profile it was fitted on, `figures` the lines of the table of before and after.

    UsageError where the base is a calibrated profile itself; OutputError where the file cannot be written.
    """
    told = base_content(base) | _changes(base, made)
    notes = [f"{kind}: {n} studies in which nothing was found" for kind, (_, n) in made.site.missed.items()]
    head = [*HEAD.format(base=base, source=made.source).splitlines(), *_told("nothing_missed", notes), "", *figures]
    lines = [f"# {line}".rstrip() for line in head]
    body = yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    aside = path.with_name(f".{path.name}.{os.getpid()}.yaml")
    try:
        aside.write_text("\n".join(lines) + "\n" + body, encoding="utf-8")
        load_knowledge(aside, None)
        aside.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}): choose another folder") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def base_content(base: str) -> Row:
    """What the profile begins with: a shipped one by its name (one that stands on another: its content), or a file's.

    UsageError where that file was itself made by calibration: feedback would count twice.
    """
    path = profile_path(base)
    told: Row = _plain(parse(path.read_text(encoding="utf-8"))[0])
    if path.parent == configs() / "profiles":
        named = {"name": f"{base}-site", "title": f"{base}, calibrated by the readers of this site"}
        return {**told, **named} if "based_on" in told else {**named, "based_on": base}
    if any(str(row.get("id")).startswith(PREFIX) for row in told.get("changes") or []) or "fitted" in told:
        raise UsageError(f"{path}: is calibrated already; name the profile that it was made from")
    return told


def _plain(value: Plain | None) -> Any:
    """Values without their lines."""
    match value:
        case Keys(entries=entries):
            return {key: _plain(entry) for key, entry in entries.items()}
        case Sequence(entries=rows):
            return [_plain(row) for row in rows]
        case Scalar(value=single):
            return single
    return None


def _changes(base: str, made: Calibrated) -> Row:
    """What feedback puts in place of the base's own, or adds."""
    site = made.site
    rows = list((base_content(base)).get("changes") or [])
    for entity, times in site.factors.items():
        met = site.causes[entity]
        note = f"{met.cases} cases, {met.expected:.1f} expected"
        rows.append(
            {
                "id": f"{PREFIX}{entity}",
                "factor": {"entity": entity, "times": times},
                "source": made.source,
                "note": note,
            }
        )
    found: Row = {"changes": rows} if rows else {}
    if site.fits:
        found["fitted"] = {
            finding: {
                kind: {"offset": fit.offset, "weights": list(fit.weights), "source": fit.source}
                for kind, fit in fits.items()
            }
            for finding, fits in site.fits.items()
        }
    if site.missed:
        shipped = load_knowledge(base, None).profile.numbers.nothing_missed
        found["nothing_missed"] = {**shipped, **{kind: round(p, 3) for kind, (p, _) in site.missed.items()}}
    return found


def _told(key: str, notes: Several[str]) -> list[str]:
    return [f"{key}: {'; '.join(notes)}"] if notes else []

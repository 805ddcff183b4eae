"""The table of before and after, as text."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pipeline.calibration.calibrate import Calibrated
from pipeline.calibration.held_out import Change


def lines_of(made: Calibrated) -> Iterator[str]:
    """Figures by cross-validation, then what changes; each value with the number of cases it rests on."""
    figures = made.figures
    yield f"Before and after, by {figures.folds}-fold cross-validation over {made.studies} studies; less is better."
    yield f"{'':26s} {'n':>5s}  {'log-loss':>15s}  {'Brier':>15s}  {'calibration error':>17s}"
    yield from _change("diagnosis (studies)", figures.diagnoses)
    if figures.settled is not None:
        yield from _change("findings that changed", figures.settled)
    yield ""
    yield "What findings tell of the cause, in natural log; more is better. Changed is what gains more than its error."
    yield f"{'finding':26s} {'n':>5s}  {'before':>7s} {'after':>7s} {'error':>7s}"
    for finding, told in figures.findings.items():
        changed = "changed" if finding in made.site.fits else "left as it is"
        yield f"{finding:26s} {told.count:5d}  {told.before:7.3f} {told.after:7.3f} {told.error:7.3f}  {changed}"
    if not figures.findings:
        yield "no finding has enough lesions of different causes: all left as they are"
    yield ""
    yield f"{'prior of':26s} {'cases':>5s}  {'expected':>8s}  {'times':>7s}"
    for entity, times in made.site.factors.items():
        met = made.site.causes[entity]
        yield f"{entity:26s} {met.cases:5d}  {met.expected:8.1f}  {times:7.2f}"
    for kind, (chance, count) in made.site.missed.items():
        yield f"nothing missed where nothing was found, {kind}: {chance:.3f} ({count} studies)"


def _change(name: str, change: Change) -> Iterator[str]:
    before, after = change.before, change.after
    pairs = (
        (before.log_loss, after.log_loss),
        (before.brier, after.brier),
        (before.calibration_error, after.calibration_error),
    )
    yield f"{name:26s} {before.count:5d}  " + "  ".join(f"{a:7.3f} {b:7.3f}" for a, b in pairs)


def warning(made: Calibrated) -> str | None:
    """What to say when the profile does not help yet; None when it does."""
    change = made.figures.diagnoses
    if change.after.log_loss < change.before.log_loss:
        return None
    return (
        "diagnoses of studies held out are told no better than before: gather more feedback before using this profile"
    )


def as_json(made: Calibrated) -> dict[str, Any]:
    """The same for programs."""
    return {"source": made.source, "studies": made.studies, **asdict(made.figures), "changes": asdict(made.site)}

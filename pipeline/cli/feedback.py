"""`calcinosis feedback` and `calcinosis calibrate`: what readers said becomes truth, and a site's profile."""

import argparse
import json
import sys
from pathlib import Path

from pipeline.cli.colour import painted
from pipeline.cli.describe import feature_names
from pipeline.cli.run import PROFILE_HELP

FEEDBACK_EXAMPLES = (
    "calcinosis feedback export said --settings worker.yaml            truth as a cohort, for scorers and calibrate",
    "calcinosis feedback export said --feedback feedback.sqlite        the worker's file itself",
    "calcinosis feedback export said --settings worker.yaml --images   with the DICOM files still in the spool",
)
CALIBRATE_EXAMPLES = (
    "calcinosis calibrate --feedback spool/feedback/feedback.sqlite -o site.yaml",
    "calcinosis calibrate --feedback said --results results -o site.yaml   an export, and a run over its studies",
    "calcinosis calibrate --feedback said --results results                the table alone",
)


def add_feedback(parser: argparse.ArgumentParser) -> None:
    """Arguments of `feedback`."""
    parser.add_argument("what", choices=("export",), help="export: write what readers said as truth of a cohort")
    parser.add_argument("out", type=Path, metavar="OUT", help="new folder for truth/")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--settings", type=Path, help="the settings file of the worker")
    where.add_argument("--feedback", type=Path, metavar="FILE", help="the worker's feedback.sqlite")
    parser.add_argument(
        "--images", action="store_true", help="also the DICOM files that the spool still has, in studies/"
    )
    parser.set_defaults(command=run_feedback)


def add_calibrate(parser: argparse.ArgumentParser) -> None:
    """Arguments of `calibrate`."""
    parser.add_argument(
        "--feedback", type=Path, required=True, metavar="FILE", help="the worker's feedback.sqlite, or an export of it"
    )
    parser.add_argument(
        "--results", type=Path, metavar="RUN", help="a run over those studies (default: results kept with the feedback)"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="PROFILE", help="profile to write; without it, the table alone"
    )
    parser.add_argument("--profile", default="seed", help=f"what to calibrate: {PROFILE_HELP}")
    parser.add_argument("--force", action="store_true", help="replace PROFILE where it is there")
    parser.add_argument("--json", action="store_true", help="print figures and changes as JSON")
    parser.set_defaults(command=run_calibrate)


def run_feedback(options: argparse.Namespace) -> int:
    """Export."""
    from pipeline.feedback.export import export
    from pipeline.feedback.store import NAME, open_feedback
    from pipeline.knowledge.settings_loading import load_settings

    folder = None if options.settings is None else Path(load_settings(options.settings).worker.folder).resolve()
    path = options.feedback if folder is None else folder / "feedback" / NAME
    incoming = (path.parent.parent if folder is None else folder) / "incoming" if options.images else None
    feedback = open_feedback(path)
    try:
        done = export(feedback, options.out, incoming)
    finally:
        feedback.close()
    print(
        f"{options.out}: {done.studies} studies, {done.right} lesions right, {done.wrong} wrong, {done.missed} missed, "
        f"{done.diagnoses} diagnoses"
    )
    for study in done.left_out:
        print(f"{painted('left out:', 'yellow', sys.stderr)} {study}: its result cannot be read", file=sys.stderr)
    return 0


def run_calibrate(options: argparse.Namespace) -> int:
    """Fit, print the table, and write the profile that was named."""
    from pipeline.calibration.calibrate import calibrate
    from pipeline.calibration.profile_file import check_target, write_profile
    from pipeline.calibration.table import as_json, lines_of, warning
    from pipeline.knowledge.loading import load_knowledge

    knowledge = load_knowledge(options.profile, feature_names())
    if options.out is not None:
        check_target(options.out, options.profile, force=options.force)
    made = calibrate(options.feedback, options.results, knowledge)
    table = tuple(lines_of(made))
    print(json.dumps(as_json(made), indent=1) if options.json else "\n".join(table))
    told = warning(made)
    if told is not None:
        print(f"{painted('warning:', 'yellow', sys.stderr)} {told}", file=sys.stderr)
    if options.out is not None:
        write_profile(options.out, options.profile, made, table)
        print(
            f"profile: {options.out}; use it with: calcinosis run IMAGES -o OUT --profile {options.out}",
            file=sys.stderr,
        )
    return 0

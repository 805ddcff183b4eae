"""`calcinosis doctor`: is all there that is needed? A line a check, each with what to do."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.colour import painted

if TYPE_CHECKING:
    from pipeline.cli.checks import Check

DOCTOR_EXAMPLES = (
    "calcinosis doctor",
    "calcinosis doctor --out results --settings worker.yaml",
    "calcinosis doctor --echo PACS@10.0.0.5:104            does the PACS answer, and does it know us?",
    "calcinosis doctor --json",
)
MARKS = {True: ("ok", "green"), False: ("FAIL", "red")}


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("-o", "--out", type=Path, help="folder that must be writable (default: the current one)")
    parser.add_argument("--settings", type=Path, help="settings file (YAML) to check, with the peer of its worker")
    parser.add_argument("--echo", metavar="AET@HOST:PORT", help="PACS that must answer a C-ECHO")
    parser.add_argument("--json", action="store_true", help="print a list of checks")
    parser.set_defaults(command=run_doctor)


def run_doctor(options: argparse.Namespace) -> int:
    """Check everything; 0 when all is well, else 1."""
    from pipeline.cli.checks import all_checks

    made: list[Check] = []
    for check in all_checks(options.out or Path(), options.settings, options.echo):
        made.append(check)
        if not options.json:
            print(_line(check), flush=True)
    if options.json:
        rows = [{"check": c.name, "ok": c.ok, "said": c.said, "do": c.advice} for c in made]
        json.dump(rows, sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    return 0 if all(check.ok for check in made) else 1


def _line(check: "Check") -> str:
    word, colour = MARKS[check.ok]
    advice = f"; {check.advice}" if check.advice else ""
    return f"{painted(f'{word:<4}', colour, sys.stdout)}  {check.name:<10} {check.said}{advice}"

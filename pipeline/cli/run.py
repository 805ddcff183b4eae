"""`calcinosis run`: studies in, results out."""

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.colour import painted
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.knowledge.settings import Settings

PROFILE_HELP = "seed (the founding text), literature (with later corrections), or a profile file"
RUN_EXAMPLES = (
    "calcinosis run study/ -o results                      one study or a tree of studies",
    "calcinosis run day.zip -o results --workers 4         four studies at a time",
    "calcinosis run study/ -o results --profile site.yaml  weighed by a site's own profile",
    "calcinosis run study/ -o results --context known.json with what the clinician knows",
    "calcinosis run archive/ -o results --dask tcp://head:8786",
)


def add_run(run: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    run.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="folder, file or .zip")
    run.add_argument("-o", "--out", type=Path, required=True, help="folder for the results")
    run.add_argument("--workers", type=_positive, default=None, metavar="N", help="studies at a time (default: cores)")
    run.add_argument("--dask", metavar="ADDRESS", help="run on a Dask cluster, such as tcp://head:8786")
    run.add_argument("--profile", default="seed", help=PROFILE_HELP)
    run.add_argument("--settings", type=Path, help="settings file (YAML)")
    run.add_argument("--context", type=Path, help="context.json of the one study of the input")
    run.add_argument("--timeout", type=_above_zero, metavar="S", help="wall-clock limit of a study, seconds")
    run.add_argument("--memory", type=_above_zero, metavar="GB", help="memory limit of a study, GiB")
    run.add_argument("--force", action="store_true", help="also studies whose results are there and unchanged")
    run.add_argument("--json", action="store_true", help="print run.json to stdout")
    run.set_defaults(command=run_studies)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def run_studies(options: argparse.Namespace) -> int:
    """Analyse what the arguments name; the contract's exit code."""
    from pipeline.batch.run import Request, exit_code, run
    from pipeline.cli.progress import shown
    from pipeline.knowledge.places import configs
    from pipeline.knowledge.settings_loading import load_settings

    missing = [str(path) for path in options.inputs if not path.exists()]
    if missing:
        raise UsageError(f"{missing[0]}: no such file or folder")
    settings = _with_limits(load_settings(options.settings or configs() / "settings.yaml"), options)
    request = Request(
        inputs=tuple(options.inputs),
        out=options.out,
        settings=settings,
        profile=options.profile,
        workers=options.workers or len(os.sched_getaffinity(0)),
        context=options.context,
        force=options.force,
        cluster=options.dask,
    )
    with shown(sys.stderr) as progress:
        report = run(request, progress)
    if options.json:
        json.dump(report, sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    code = exit_code(report)
    if code == 3:
        said = "no file of the input is readable as DICOM; run.json lists each with its reason"
        print(f"{painted('error:', 'red', sys.stderr)} {said}", file=sys.stderr)
    print(f"results: open {options.out / 'index.html'}", file=sys.stderr)
    return code


def _with_limits(settings: "Settings", options: argparse.Namespace) -> "Settings":
    """The settings with the limits of the command line, where it names any."""
    named = {"timeout_s": options.timeout, "memory_gb": options.memory}
    return replace(settings, batch=replace(settings.batch, **{k: v for k, v in named.items() if v is not None}))

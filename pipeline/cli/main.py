"""Arguments and exit codes. Heavy imports happen in the command that needs them, so that --help is quick."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import __version__
from pipeline.cli.module import add_module
from pipeline.cli.serve import add_retry, add_serve
from pipeline.errors import CalcinosisError, OutputError, UsageError

if TYPE_CHECKING:
    from pipeline.knowledge.settings import Settings

PROFILE_HELP = "seed (the founding text), literature (with later corrections), or a profile file"
EXAMPLES = """examples:
  calcinosis run study/ -o results               one study or a tree of studies
  calcinosis run day.zip -o results --workers 4
  calcinosis describe entities
  calcinosis sample demo && calcinosis run demo/studies -o results

Decision support, not a diagnosis. Exit codes: 0 done, 1 a study failed, 2 wrong usage or configuration,
3 nothing was DICOM, 4 the output cannot be written, 130 interrupted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except OutputError as error:
        return _refuse(error, 4)
    except UsageError as error:
        return _refuse(error, 2)
    except CalcinosisError as error:
        return _refuse(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _refuse(error: Exception, code: int) -> int:
    for line in str(error).splitlines():
        print(f"error: {line}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="calcinosis",
        description="Finds calcium in soft tissue on radiographs and CT, measures it and ranks its causes.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"calcinosis {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="analyse studies"))
    describe = commands.add_parser("describe", help="what the program knows")
    describe.add_argument(
        "topic", nargs="?", default="entities", choices=("assertions", "entities", "findings", "features", "settings")
    )
    describe.add_argument("--profile", default="seed", help=PROFILE_HELP)
    describe.set_defaults(command=_describe)
    check = commands.add_parser("check-config", help="validate a knowledge, profile or settings file")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    check.set_defaults(command=_check_config)
    sample = commands.add_parser("sample", help="write the sample studies")
    sample.add_argument("out", type=Path, metavar="OUT")
    sample.set_defaults(command=_sample)
    add_serve(commands.add_parser("serve", help="run as a PACS worker"))
    add_retry(commands.add_parser("retry", help="dead letters of the worker back to the queue"))
    add_module(commands.add_parser("module", help="called by mercure, a MONAI package or kaapana"))
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
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
    run.set_defaults(command=_run)


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


def _run(options: argparse.Namespace) -> int:
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
        print("error: no file of the input is readable as DICOM; run.json lists each with its reason", file=sys.stderr)
    print(f"results: open {options.out / 'index.html'}", file=sys.stderr)
    return code


def _with_limits(settings: "Settings", options: argparse.Namespace) -> "Settings":
    """The settings with the limits of the command line, where it names any."""
    named = {"timeout_s": options.timeout, "memory_gb": options.memory}
    return replace(settings, batch=replace(settings.batch, **{k: v for k, v in named.items() if v is not None}))


def _describe(options: argparse.Namespace) -> int:
    from pipeline.cli.describe import describe

    for line in describe(options.topic, options.profile):
        print(line)
    return 0


def _check_config(options: argparse.Namespace) -> int:
    from pipeline.cli.describe import feature_names
    from pipeline.knowledge.loading import check_file

    mistakes = [line for path in options.files for line in check_file(path, feature_names())]
    for line in mistakes:
        print(f"error: {line}", file=sys.stderr)
    if not mistakes:
        print(f"{len(options.files)} file(s) checked: no mistake")
    return 2 if mistakes else 0


def _sample(options: argparse.Namespace) -> int:
    from pipeline.simulate.studies import write_samples

    try:
        write_samples(options.out)
    except OSError as error:
        raise OutputError(f"{options.out}: cannot be written ({error.strerror})") from error
    print(
        f"sample studies: {options.out / 'studies'}; analyse them with: calcinosis run {options.out / 'studies'} -o OUT"
    )
    return 0

"""Commands and exit codes. Heavy imports happen in the command that needs them, so that --help is quick."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipeline import __version__
from pipeline.cli.colour import painted
from pipeline.cli.completion import COMPLETION_EXAMPLES, add_completion, parsers_of
from pipeline.cli.describe import CHECK_EXAMPLES, DESCRIBE_EXAMPLES, add_check_config, add_describe
from pipeline.cli.doctor import DOCTOR_EXAMPLES, add_doctor
from pipeline.cli.export import EXPORT_EXAMPLES, add_export
from pipeline.cli.feedback import CALIBRATE_EXAMPLES, FEEDBACK_EXAMPLES, add_calibrate, add_feedback
from pipeline.cli.module import MODULE_EXAMPLES, add_module
from pipeline.cli.parser import Parser, examples
from pipeline.cli.run import RUN_EXAMPLES, add_run
from pipeline.cli.serve import RETRY_EXAMPLES, SERVE_EXAMPLES, add_retry, add_serve
from pipeline.errors import CalcinosisError, OutputError, UsageError

EPILOG = (
    examples(
        "calcinosis run study/ -o results               one study or a tree of studies",
        "calcinosis run day.zip -o results --workers 4",
        "calcinosis doctor                              is all there that is needed?",
        "calcinosis sample demo && calcinosis run demo/studies -o results",
    )
    + """

`calcinosis COMMAND --help` shows the arguments of a command, with examples.
Decision support, not a diagnosis. Exit codes: 0 done, 1 a study failed, 2 wrong usage or configuration,
3 nothing was DICOM, 4 the output cannot be written, 130 interrupted."""
)
SAMPLE_EXAMPLES = ("calcinosis sample demo && calcinosis run demo/studies -o results",)
Command = tuple[str, str, tuple[str, ...], Callable[[argparse.ArgumentParser], None]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    options, unknown = _parser().parse_known_args(arguments)
    if unknown:
        options.parser.refuse(unknown)
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
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        return _refuse(OutputError(f"the system refused ({reason}): free space, memory or open files and run again"), 4)
    except Exception as error:  # the edge: a traceback may quote what headers hold
        return _refuse(CalcinosisError(f"internal error {type(error).__name__}: please report it"), 1)


def _refuse(error: Exception, code: int) -> int:
    for line in str(error).splitlines():
        print(f"{painted('error:', 'red', sys.stderr)} {line}", file=sys.stderr)
    return code


def helps() -> Iterator[tuple[str, str]]:
    """The help of every command, in their order, for the pages of docs/."""
    for name, command in parsers_of(_parser()).items():
        yield name, command.format_help()


def _parser() -> Parser:
    parser = Parser(
        prog="calcinosis",
        description="Finds calcium in soft tissue on radiographs and CT, measures it and ranks its causes.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"calcinosis {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, does, shown, add in COMMANDS:
        command = commands.add_parser(
            name, help=does, description=f"{does[0].upper()}{does[1:]}.", epilog=examples(*shown)
        )
        add(command)
        command.set_defaults(parser=command, root=parser)
    return parser


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for studies/ and truth/")
    parser.set_defaults(command=_sample)


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


COMMANDS: tuple[Command, ...] = (
    ("run", "analyse studies", RUN_EXAMPLES, add_run),
    ("describe", "what the program knows", DESCRIBE_EXAMPLES, add_describe),
    ("check-config", "validate a knowledge, profile or settings file", CHECK_EXAMPLES, add_check_config),
    ("sample", "write the sample studies", SAMPLE_EXAMPLES, _add_sample),
    ("export", "features of a finished run as one table", EXPORT_EXAMPLES, add_export),
    ("doctor", "check this installation and a PACS, and say what to do", DOCTOR_EXAMPLES, add_doctor),
    ("serve", "run as a PACS worker", SERVE_EXAMPLES, add_serve),
    ("retry", "dead letters of the worker back to the queue", RETRY_EXAMPLES, add_retry),
    ("feedback", "what readers said on the worker's pages, as truth", FEEDBACK_EXAMPLES, add_feedback),
    ("calibrate", "a site's profile from what its readers said", CALIBRATE_EXAMPLES, add_calibrate),
    ("module", "called by mercure, a MONAI package or kaapana", MODULE_EXAMPLES, add_module),
    ("completion", "completion of commands and options for a shell", COMPLETION_EXAMPLES, add_completion),
)
"""Name, what it does, examples, and what adds its arguments."""

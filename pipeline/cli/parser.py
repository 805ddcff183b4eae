"""A parser of arguments that shows examples and says what a mistaken word was meant to be."""

import argparse
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from pipeline.cli.colour import painted


class Parser(argparse.ArgumentParser):
    """argparse with a suggestion beside each unknown command, choice or option, and examples below the help."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, **named})

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            from pipeline.knowledge.nearest import nearest

            raise argparse.ArgumentError(action, f"unknown: {value}{nearest(str(value), tuple(action.choices))}")

    def error(self, message: str) -> NoReturn:
        """One line that says what is wrong, one that says where help is; exit code 2."""
        self.exit(2, f"{painted('error:', 'red', sys.stderr)} {message}\nhelp: {self.prog} --help\n")

    def refuse(self, unknown: Iterable[str]) -> NoReturn:
        """Say which arguments are not known, and which were meant."""
        from pipeline.knowledge.nearest import meant

        known = tuple(self._option_string_actions)
        words = tuple(unknown)
        options = [word for word in words if word.startswith("-")] or words
        self.error("; ".join(f"unknown argument {word}{meant(word, known)}" for word in options))


def examples(*lines: str) -> str:
    """The end of a command's help: lines to copy."""
    return "\n".join(("examples:", *(f"  {line}" for line in lines)))

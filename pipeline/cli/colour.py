"""Colours, on a terminal alone and never where NO_COLOR stands in the environment (no-color.org)."""

import os
from typing import TextIO

CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}
"""Select Graphic Rendition of ECMA-48."""


def coloured(stream: TextIO) -> bool:
    """Whether a stream may show colours."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def painted(text: str, colour: str, stream: TextIO) -> str:
    """`text` in one of `CODES` where `stream` may show it, else as it is."""
    return f"\x1b[{CODES[colour]}m{text}\x1b[0m" if coloured(stream) else text

"""What MkDocs fills in while it builds, so that it cannot be out of date: help of all commands, list of decisions."""

import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HELP_WIDTH = "92"
"""Columns of the help as argparse breaks its lines."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page with its `<!-- name -->` marks filled in."""
    for mark, made in (("commands", _commands), ("decisions", _decisions)):
        if f"<!-- {mark} -->" in markdown:
            markdown = markdown.replace(f"<!-- {mark} -->", made())
    return markdown


def _commands() -> str:
    sys.path.insert(0, str(ROOT))  # a checkout that is not installed builds its pages too
    from pipeline.cli.main import helps

    os.environ["COLUMNS"] = HELP_WIDTH
    return "\n\n".join(f"## {name}\n```\n{text.rstrip()}\n```" for name, text in helps())


def _decisions() -> str:
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    titles = [page.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for page in pages]
    return "\n".join(f"- [{title}]({page.name})" for page, title in zip(pages, titles, strict=True))

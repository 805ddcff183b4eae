"""The pages speak of commands, files and pictures that are there; `mkdocs build --strict` checks their links."""

import re
from pathlib import Path

import pytest

from pipeline.cli.main import COMMANDS

MOST_PICTURE_BYTES = 300_000
"""All pictures together; they are kept in the repository."""
PAGES = sorted((Path(__file__).resolve().parents[2] / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_on_a_page_exists(page: Path) -> None:
    named = set(re.findall(r"(?:^\s*\$ |`|\| )calcinosis ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= {command[0] for command in COMMANDS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_of_the_program_named_on_a_page_exists(page: Path, root: Path) -> None:
    named = re.findall(r"`((?:configs|deploy|scripts|training|sample_data|tests)/[\w./-]+\.\w+)`", page.read_text())
    assert not [name for name in named if not (root / name).is_file()]


def test_pictures_are_small_and_each_is_shown(root: Path) -> None:
    pictures = sorted((root / "docs" / "pictures").iterdir())
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert sum(picture.stat().st_size for picture in pictures) < MOST_PICTURE_BYTES
    assert not [picture.name for picture in pictures if f"pictures/{picture.name}" not in text]

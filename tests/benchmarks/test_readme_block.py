from pathlib import Path

import pytest
from readme_block import README, write_block


def test_only_what_stands_between_the_marks_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- speed -->\nold\n<!-- end of speed -->\nafter\n")
    write_block("speed", "new\n", page)
    write_block("speed", "newer", page)
    assert page.read_text() == "before\n<!-- speed -->\nnewer\n<!-- end of speed -->\nafter\n"


def test_a_page_without_the_block_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- speed -->\nnever closed\n")
    with pytest.raises(ValueError, match="no block"):
        write_block("speed", "new", page)


def test_the_readme_has_the_blocks_that_benchmarks_write() -> None:
    assert "<!-- quality -->" in README.read_text()

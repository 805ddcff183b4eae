"""Tables of the README that a command writes: a marked block, replaced as a whole."""

from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def write_block(name: str, text: str, page: Path = README) -> None:
    """Replace what stands between the marks of block `name` by `text`.

    Raises:
        ValueError: the page has no such block.
    """
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, mark, rest = page.read_text().partition(start)
    _, closing, after = rest.partition(end)
    if not mark or not closing:
        raise ValueError(f"{page.name} has no block {start.strip()} ... {end}")
    page.write_text(f"{before}{start}{text.rstrip()}\n{closing}{after}")

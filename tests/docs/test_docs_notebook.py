"""The notebook runs from its first cell to its last and shows what it promises; nothing of a run is stored in it."""

import os
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat comes with the extra notebook")
nbclient = pytest.importorskip("nbclient", reason="nbclient comes with the extra notebook")
pytest.importorskip("ipykernel", reason="ipykernel comes with the extra notebook")


@pytest.fixture(scope="module")
def stored(root: Path) -> Any:
    return nbformat.read(root / "docs" / "notebook.ipynb", as_version=4)


@pytest.fixture(scope="module")
def ran(stored: Any, root: Path) -> Any:
    """The notebook after a run from the folder it lies in."""
    notebook = nbformat.from_dict(stored)
    client = nbclient.NotebookClient(
        notebook, timeout=900, startup_timeout=300, resources={"metadata": {"path": str(root / "docs")}}
    )
    paths = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    client.execute(env={**os.environ, "PYTHONPATH": paths})
    return notebook


def _text(cell: Any) -> str:
    return "".join(str(out.get("text", "")) + str(out.get("data", {}).get("text/plain", "")) for out in cell.outputs)


def test_no_output_is_stored(stored: Any) -> None:
    cells = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert not [cell for cell in cells if cell.outputs or cell.execution_count]


@pytest.mark.slow
def test_it_shows_measurements_findings_and_the_differential(ran: Any) -> None:
    said = "\n".join(_text(cell) for cell in ran.cells if cell.cell_type == "code")
    for word in ("analysed", "largest_extent", "not assessable", "lobulated", "tumoral_calcinosis", "founding text"):
        assert word in said


@pytest.mark.slow
def test_it_shows_the_outlined_film(ran: Any) -> None:
    pictures = [
        out.data["image/png"]
        for cell in ran.cells
        for out in cell.get("outputs", ())
        if "image/png" in out.get("data", {})
    ]
    assert len(pictures) == 1


@pytest.mark.slow
def test_the_site_profile_changes_the_answer(ran: Any) -> None:
    (lines,) = (_text(cell).splitlines() for cell in ran.cells if "notebook-site.yaml" in cell.source)
    shares = {line.split()[0]: line.split("tumoral_calcinosis ")[-1][:4] for line in lines}
    assert float(shares["notebook-site"]) < float(shares["seed"])

"""The table of features holds what results.json holds, a row a lesion, in CSV and Parquet."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from dicom_files import write_ct, write_radiograph

from pipeline.cli.main import main
from pipeline.features.table import FEATURES


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over a radiograph and a CT."""
    top = tmp_path_factory.mktemp("table")
    write_radiograph(top / "in" / "dx")
    write_ct(top / "in" / "ct")
    assert main(["run", str(top / "in"), "-o", str(top / "out")]) == 0
    return top / "out"


def _lesions(run: Path) -> list[tuple[str, dict[str, Any]]]:
    found = [json.loads(path.read_text()) for path in sorted((run / "studies").glob("*/results.json"))]
    return [(r["study"]["study_instance_uid"], lesion) for r in found for lesion in r["lesions"]]


def test_a_csv_row_a_lesion_with_every_known_feature(run: Path, tmp_path: Path) -> None:
    assert main(["export", "features", str(run), "-o", str(tmp_path / "f.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "f.csv").open()))
    assert [(row["study_instance_uid"], int(row["lesion"])) for row in rows] == [(u, x["id"]) for u, x in _lesions(run)]
    for row, (_, lesion) in zip(rows, _lesions(run), strict=True):
        for name, feature in lesion["features"].items():
            assert row[name] == ("" if "value" not in feature else str(feature["value"]))


def test_the_columns_of_a_csv_are_explained_beside_it(run: Path, tmp_path: Path) -> None:
    main(["export", "features", str(run), "-o", str(tmp_path / "f.csv")])
    meaning = {row["column"]: row for row in csv.DictReader((tmp_path / "f.columns.csv").open())}
    assert set(meaning) == {row.name for row in FEATURES}
    assert meaning["volume_mesh"] == {"column": "volume_mesh", "unit": "mm3", "code": "IBSI:RNU0"}


def test_parquet_holds_the_same_with_unit_and_code_in_its_schema(run: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow comes with the extra parquet")
    assert main(["export", "features", str(run), "-o", str(tmp_path / "f.parquet")]) == 0
    table = parquet.read_table(tmp_path / "f.parquet")
    assert table.schema.field("volume_mesh").metadata == {b"unit": b"mm3", b"code": b"IBSI:RNU0"}
    for row, (_, lesion) in zip(table.to_pylist(), _lesions(run), strict=True):
        assert row["confidence"] == lesion["confidence"]
        for name, feature in lesion["features"].items():
            assert row[name] == feature.get("value")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nowhere", "-o", "f.csv"], "no studies/"), (["RUN", "-o", "f.xlsx"], "end the name in .csv or .parquet")],
)
def test_a_wrong_call_says_what_to_give(
    arguments: list[str], said: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(run) if word == "RUN" else str(tmp_path / word) if "." in word else word for word in arguments]
    assert main(["export", "features", *given]) == 2
    assert said in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(run: Path, tmp_path: Path) -> None:
    for name in ("f.csv", "f.parquet"):
        assert main(["export", "features", str(run), "-o", str(tmp_path / "absent" / name)]) == 4

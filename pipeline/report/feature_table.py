"""The features of all lesions of a run as one table, a row a lesion, for statistics and radiomics.

Columns bear the names of the features, which are IBSI's where IBSI defines the feature; unit and code (`IBSI:RNU0`)
travel in the schema of a Parquet file, and in a second file beside a CSV. A feature that was not assessable is empty.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.report.files import cannot_write, write_text

TEXT_COLUMNS = (
    "study_instance_uid",
    "series_instance_uid",
    "sop_instance_uid",
    "kind",
    "modality",
    "region",
    "laterality",
    "entity",
)
WHOLE_COLUMNS = ("lesion", "image", "label")
REAL_COLUMNS = ("confidence", "entity_probability")
"""What identifies a lesion: `lesion` is its id in results.json, `label` its value in the label image, `entity` the
first of its own differential."""
PARQUET_HINT = "Parquet needs pyarrow: pip install 'calcinosis[parquet]', or give a name that ends in .csv"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A feature as a column: name, UCUM unit, and code or None."""

    name: str
    unit: str
    code: str | None


def feature_rows(run: Path) -> Iterator[Row]:
    """A row for each lesion of the finished studies below `run`, in order of study and lesion.

    UsageError where `run` is no folder that `calcinosis run` wrote.
    """
    if not (run / "studies").is_dir():
        raise UsageError(f"{run}: holds no studies/; name the folder that calcinosis run wrote (its -o)")
    for path in sorted((run / "studies").glob("*/results.json")):
        try:
            results = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise UsageError(f"{path}: cannot be read as results; run the study again") from None
        for lesion in results["lesions"]:
            yield _row(results, lesion)


def _row(results: Mapping[str, Any], lesion: Mapping[str, Any]) -> Row:
    image = results["images"][lesion["image"]]
    first = next(iter(lesion["differential"]), None)
    features = {name: feature.get("value") for name, feature in lesion["features"].items()}
    return {
        "study_instance_uid": results["study"]["study_instance_uid"],
        **{key: image[key] for key in ("series_instance_uid", "sop_instance_uid", "kind", "modality")},
        **{key: lesion[key] for key in ("region", "laterality", "image", "label", "confidence")},
        "lesion": lesion["id"],
        "entity": first and first["entity"],
        "entity_probability": first and first["probability"],
        **features,
    }


def write_table(rows: Sequence[Row], columns: Sequence[Column], path: Path) -> None:
    """Write the table as the end of the name says: .csv, with what the columns mean in NAME.columns.csv, or .parquet.

    UsageError for another ending, or where pyarrow is absent; OutputError where it cannot be written.
    """
    match path.suffix.lower():
        case ".csv":
            write_text(path, _csv([*TEXT_COLUMNS, *WHOLE_COLUMNS, *REAL_COLUMNS, *(c.name for c in columns)], rows))
            meaning = [{"column": c.name, "unit": c.unit, "code": c.code} for c in columns]
            write_text(path.with_suffix(".columns.csv"), _csv(["column", "unit", "code"], meaning))
        case ".parquet":
            _write_parquet(rows, columns, path)
        case other:
            raise UsageError(f"{path}: {other or 'no ending'} is not written; end the name in .csv or .parquet")


def _csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _write_parquet(rows: Sequence[Row], columns: Sequence[Column], path: Path) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError(PARQUET_HINT) from None
    fields = [pyarrow.field(name, pyarrow.string()) for name in TEXT_COLUMNS]
    fields += [pyarrow.field(name, pyarrow.int32()) for name in WHOLE_COLUMNS]
    fields += [pyarrow.field(name, pyarrow.float64()) for name in REAL_COLUMNS]
    for column in columns:
        meaning = {"unit": column.unit} | ({"code": column.code} if column.code else {})
        fields.append(pyarrow.field(column.name, pyarrow.float64(), metadata=meaning))
    aside = path.with_name(f".{path.name}.part")
    try:
        parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema=pyarrow.schema(fields)), aside)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise cannot_write(path, error) from error

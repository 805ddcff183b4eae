"""`calcinosis export`: what a run wrote, in other forms."""

import argparse
from pathlib import Path

EXPORT_EXAMPLES = (
    "calcinosis export features results -o features.csv      also features.columns.csv: unit and IBSI code",
    "calcinosis export features results -o features.parquet  unit and code in the schema (extra parquet)",
)


def add_export(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("what", choices=("features",), help="features: a row a lesion")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that calcinosis run wrote")
    parser.add_argument("-o", "--out", type=Path, required=True, help="file to write, .csv or .parquet")
    parser.set_defaults(command=run_export)


def run_export(options: argparse.Namespace) -> int:
    """Write the table."""
    from pipeline.features.table import FEATURES
    from pipeline.report.feature_table import Column, feature_rows, write_table

    rows = tuple(feature_rows(options.run))
    write_table(rows, tuple(Column(row.name, row.unit, row.code) for row in FEATURES), options.out)
    print(f"{options.out}: {len(rows)} lesions, {len(FEATURES)} features")
    return 0

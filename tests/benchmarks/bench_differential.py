"""How right and how honest the differential is, on simulated studies with truth, beside learned classifiers.

Usage, all with one or more `--truth COHORT`:
  python tests/benchmarks/bench_differential.py --truth C --true-findings [--out FOLDER]
      feeds the findings of the truth (what it does not list is unknown): errors of reasoning alone
  python tests/benchmarks/bench_differential.py --truth C --results OUT [--out FOLDER]
      feeds the features that `calcinosis run` wrote; findings and differential are made anew with configs/ as it stands
  ... --train C2 --train-results OUT2 [--readme]
      a random forest and a logistic regression on the same features, and a random forest on those of MIRP where that is
      installed (extra `benchmark`), trained on other cohorts than those tested; --readme puts the table into README.md

`--out` gets reliability.png, figures.txt and, for each way of reasoning, studies/<uid>/results.json with the
differential. Both profiles are shown, with and without clinical context.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from differential_cases import Runs, Sides, Study, measured_case, read_studies, true_case
from differential_figures import (
    HEADER,
    Row,
    closest_to_certain,
    confusion,
    line,
    per_entity,
    readme_table,
    reliability_plot,
)
from readme_block import write_block

from pipeline.differential.rank import rank
from pipeline.features.table import FEATURES
from pipeline.knowledge.loading import Knowledge, load_knowledge
from pipeline.knowledge.records import ANSWERS

PROFILES = ("seed", "literature")
KINDS = ("ct", "radiograph")
Table = dict[str, list[Row]]


def main() -> int:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", type=Path, action="append", required=True, help="cohort to test on")
    parser.add_argument("--results", type=Path, action="append", default=[], help="what a run wrote of it")
    parser.add_argument("--true-findings", action="store_true", help="feed the findings of the truth")
    parser.add_argument("--train", type=Path, action="append", default=[], help="cohort to train classifiers on")
    parser.add_argument("--train-results", type=Path, action="append", default=[], help="what a run wrote of that")
    parser.add_argument("--profile", action="append", help="default: seed and literature")
    parser.add_argument("--readme", action="store_true", help="put the comparison into README.md")
    parser.add_argument("--out", type=Path, help="folder for figures, plot and results")
    options = parser.parse_args()
    if options.true_findings == bool(options.results):
        parser.error("give one of --true-findings, --results")
    studies = read_studies(options.truth, options.results)
    if not studies:
        parser.error("no truth under --truth")
    profiles = options.profile or PROFILES
    table: Table = {}
    for profile in profiles:
        knowledge = load_knowledge(profile, None if options.true_findings else frozenset(r.name for r in FEATURES))
        for context in (True, False):
            if options.true_findings:
                knowledge = seeing_all(knowledge)
            name = f"{Path(profile).stem}, {'with' if context else 'without'} context"
            table[name] = reason(studies, knowledge, options.true_findings, context)
    if options.train:
        from differential_learned import learned
        from differential_radiomics import radiomics

        training = read_studies(options.train, options.train_results)
        table |= learned(training, studies, load_knowledge("seed", None))
        tested = Runs(tuple(options.truth), tuple(options.results))
        trained = Runs(tuple(options.train), tuple(options.train_results))
        table |= radiomics(Sides(training, trained), Sides(studies, tested), load_knowledge("seed", None))
    text = report(table, table[next(iter(table))])
    print(text)
    if options.readme:
        write_block("differential", readme_table(table))
    if options.out:
        write(options.out, text, table, studies)
    return 0


def seeing_all(knowledge: Knowledge) -> Knowledge:
    """The knowledge for findings of the truth, which misses no lesion."""
    numbers = knowledge.profile.numbers
    sure = dict.fromkeys(numbers.nothing_missed, numbers.highest_share)
    return replace(knowledge, profile=replace(knowledge.profile, numbers=replace(numbers, nothing_missed=sure)))


def reason(studies: Sequence[Study], knowledge: Knowledge, true_findings: bool, context: bool) -> list[Row]:
    """The differential of every study; a study without a result is answered with nothing."""
    groups = {e: knowledge.group(e) for e in (*knowledge.entities, *ANSWERS)}
    rows = []
    for study in studies:
        case = (true_case if true_findings else measured_case)(study, knowledge, context=context)
        ranked = rank(case, knowledge).differential.ranked if case else ()
        shares = {r.entity: r.probability for r in ranked} or {"indeterminate": 1.0}
        rows.append(Row(study.name, study.kind, study.entity, study.visible, shares, groups))
    return rows


def report(table: Table, main_rows: Sequence[Row]) -> str:
    """All tables as text; the details are those of the first way of reasoning."""
    parts = []
    for kind in (*KINDS, "both"):
        parts += [f"{kind}", HEADER]
        for name, rows in table.items():
            chosen = [r for r in rows if kind in (r.kind, "both")]
            parts.append(line(name, chosen))
            if kind == "radiograph":
                parts.append(line("  visible or normal", [r for r in chosen if r.visible]))
        parts.append("")
    name = next(iter(table))
    parts += [f"{name}, by entity", per_entity(main_rows), ""]
    parts += [f"{name}, first answers", confusion(main_rows), ""]
    parts += [f"{name}, wrong answers closest to certain", closest_to_certain(main_rows)]
    return "\n".join(parts)


def write(out: Path, text: str, table: Table, studies: Sequence[Study]) -> None:
    """Figures, plot, and a results.json for each study and way of reasoning."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "figures.txt").write_text(text + "\n")
    reliability_plot(out / "reliability.png", table.items())
    for name, rows in table.items():
        for study, row in zip(studies, rows, strict=True):
            uid = str(study.truth["study_instance_uid"])
            folder = out / name.replace(", ", "-").replace(" ", "-") / "studies" / uid
            folder.mkdir(parents=True, exist_ok=True)
            ranked = [
                {"entity": e, "group": row.groups[e], "subtype": None, "probability": row.shares[e], "evidence": []}
                for e in row.ranked
            ]
            head = {"study_instance_uid": uid, "status": "analysed"}
            content = {"schema_version": "1", "study": head, "images": [], "lesions": [], "differential": ranked}
            (folder / "results.json").write_text(json.dumps(content))


if __name__ == "__main__":
    raise SystemExit(main())

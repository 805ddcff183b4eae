"""One call of `calcinosis run`: find the studies, analyse each, say what became of them."""

import contextlib
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.batch.following import compare_with_earlier
from pipeline.batch.job import Job
from pipeline.batch.local import Outcome, run_local
from pipeline.batch.quiet import silence_libraries
from pipeline.batch.rerun import fingerprint, finished
from pipeline.dicom.context import read_context
from pipeline.dicom.discovery import discover
from pipeline.dicom.files import Discovery, StudyFiles
from pipeline.errors import OutputError, UsageError
from pipeline.knowledge.settings import Settings
from pipeline.model.identity import file_stem
from pipeline.model.result import Software
from pipeline.report.files import cannot_write, prepare_output, summary_csv, write_json, write_text
from pipeline.report.reasons import Names
from pipeline.report.result_json import failure_as_json, skipped_as_json, software_as_json
from pipeline.report.staging import private_folder, sweep
from pipeline.report.study_folder import write_failure
from pipeline.report.worklist import summary_row, worklist_page
from pipeline.study import knowledge_for, names_for, software

UNPACKED = ".calcinosis-unpacked"
"""Where archives are unpacked: among the system's temporary files, or where a cluster sees them."""
Row = dict[str, Any]
Progress = Callable[[int, int, Row], None]
"""Called after each study with the number done, the number of all, and the study's row."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. `context` is a context.json for the one study of the input, `cluster` a Dask scheduler."""

    inputs: tuple[Path, ...]
    out: Path
    settings: Settings
    profile: str = "seed"
    workers: int = 1
    context: Path | None = None
    force: bool = False
    cluster: str | None = None


@dataclass(slots=True)
class Tally:
    """What became of the studies so far."""

    rows: list[Row] = field(default_factory=list)
    interrupted: bool = False


def run(request: Request, progress: Progress) -> Row:
    """Analyse all studies of the inputs; returns the content of run.json.

    UsageError, ConfigurationError: before anything is read. OutputError: the output cannot be written. An interrupt
    ends running studies, keeps finished ones and is told by "interrupted" in the result.
    """
    silence_libraries()
    request = _absolute(request)
    prepare_output(request.out)
    if request.context is not None:
        read_context(request.context)
    made_by = software(request.settings, knowledge_for(request.profile))
    with _unpacking(request) as scratch:
        found = discover(request.inputs, request.settings.dicom, scratch)
        if request.context is not None and len(found.studies) > 1:
            raise UsageError(f"--context speaks of one study and the input holds {len(found.studies)}: name one study")
        tally = Tally()
        try:
            for row in _rows(request, found, made_by, scratch):
                tally.rows.append(row)
                progress(len(tally.rows), len(found.studies), row)
        except KeyboardInterrupt:
            tally.interrupted = True
    return _conclude(request, found, made_by, tally)


def _absolute(request: Request) -> Request:
    """The same with absolute paths: studies may run where the current folder is another."""
    context = request.context and request.context.absolute()
    inputs = tuple(path.absolute() for path in request.inputs)
    return replace(request, inputs=inputs, out=request.out.resolve(), context=context)


@contextlib.contextmanager
def _unpacking(request: Request) -> Iterator[Path]:
    """A private folder for what archives hold; OutputError where it cannot be made."""
    parent = request.out if request.cluster else Path(tempfile.gettempdir())
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(private_folder(parent, UNPACKED))
        except OSError as error:
            raise cannot_write(parent, error) from error
        yield folder


def exit_code(report: Row) -> int:
    """The contract's exit code for a run.json."""
    if report["interrupted"]:
        return 130
    if not report["studies"]:
        return 3
    return 1 if any(row["status"] == "failed" for row in report["studies"]) else 0


def _rows(request: Request, found: Discovery, made_by: Software, scratch: Path) -> Generator[Row]:
    """A row a study: first those already finished, then the others as they end."""
    jobs: list[Job] = []
    for study in found.studies:
        job = _job(request, study, made_by, scratch)
        results = None if request.force else finished(job.folder, job.fingerprint)
        if results is not None and results["study"]["status"] != "failed":
            yield {**summary_row(results, job.folder.name), "unchanged": True}
        else:
            jobs.append(job)
    outcomes = _engine(request, jobs)
    try:
        for outcome in outcomes:
            yield _row(outcome, made_by, names_for(request.profile))
    finally:
        outcomes.close()


def _engine(request: Request, jobs: list[Job]) -> Generator[Outcome]:
    if request.cluster is None:
        return run_local(jobs, request.workers)
    from pipeline.batch.cluster import run_on_cluster

    return run_on_cluster(jobs, request.cluster, (request.out, *request.inputs))


def _job(request: Request, study: StudyFiles, made_by: Software, scratch: Path) -> Job:
    parts = (made_by.version, made_by.settings_sha256, made_by.knowledge_sha256, made_by.profile)
    return Job(
        study=study,
        folder=request.out / "studies" / file_stem(study.study_instance_uid),
        settings=request.settings,
        profile=request.profile,
        fingerprint=fingerprint(study, parts, request.context, scratch),
        context=request.context,
    )


def _row(outcome: Outcome, made_by: Software, names: Names) -> Row:
    job = outcome.job
    match outcome.kind:
        case "done":
            results = finished(job.folder, job.fingerprint)
        case "failed":
            study = job.study
            results = failure_as_json(study.study_instance_uid, outcome.reason, made_by, study.skipped)
            write_failure(results, job.folder, names)
        case _:
            raise OutputError(outcome.reason)
    if results is None:
        raise OutputError(f"{job.folder}: results vanished while the run went on; run again")
    return {**summary_row(results, job.folder.name), "unchanged": False}


def _conclude(request: Request, found: Discovery, made_by: Software, tally: Tally) -> Row:
    """Write run.json, summary.csv and index.html; the rows stand in the order of their UIDs."""
    sweep(request.out / "studies")
    rows = sorted(tally.rows, key=lambda row: row["study_instance_uid"])
    rows = compare_with_earlier(found.studies, rows, request.out)
    report: Row = {
        "schema_version": "1",
        "software": software_as_json(made_by, ()),
        "asked": {
            "inputs": [path.name for path in request.inputs],
            "profile": request.profile,
            "workers": request.workers,
            "force": request.force,
            "context": request.context is not None,
        },
        "interrupted": tally.interrupted,
        "studies": rows,
        "not_started": len(found.studies) - len(rows),
        "skipped": skipped_as_json(found.skipped),
    }
    write_json(request.out / "run.json", report)
    write_text(request.out / "summary.csv", summary_csv(rows))
    write_text(request.out / "index.html", worklist_page(rows, report, names_for(request.profile)))
    return report

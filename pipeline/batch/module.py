"""One call by a host: results as DICOM objects and result.json, flat in the output folder, result.json last."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.batch.hosts import SKIPPED, Call, Host
from pipeline.batch.run import Request, Row, exit_code, run
from pipeline.errors import OutputError, UsageError
from pipeline.knowledge.settings import Settings
from pipeline.knowledge.settings_loading import load_settings
from pipeline.report.files import cannot_write, write_json
from pipeline.report.staging import private_folder, staged_file, sweep

NOTHING = ("nothing_to_analyse",)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended: the host's exit code, and the content of result.json."""

    code: int
    result: Row


def answer(host: Host, work: tuple[Call, ...], base: Settings, workers: int) -> Answer:
    """Do all calls; the input folders are never written.

    Failure of one study fails the call, for hosts have no other word for it; nothing to analyse does not.
    """
    rows = [row for call in work for row in perform(call, base, workers)]
    failed = any(row["status"] == "failed" for row in rows)
    idle = all(row["status"] in NOTHING for row in rows)
    code = 1 if failed else SKIPPED if idle and host == "kaapana" else 0
    return Answer(code, {"studies": rows})


def perform(call: Call, base: Settings, workers: int) -> list[Row]:
    """One call: analyse, then copy the objects, then write result.json. Returns a row a study, without patient data.

    Results are made in a hidden folder of the output; beside it only the system's temporary folder is written.
    """
    try:
        call.target.mkdir(parents=True, exist_ok=True)
        sweep(call.target)
        with private_folder(call.target, ".calcinosis") as aside:
            settings, profile = task_settings(call.settings, base, aside)
            out = aside / "out"
            report = run(Request((call.source,), out, settings, profile, workers), lambda *_: None)
            if exit_code(report) == 130:
                raise KeyboardInterrupt
            rows = [_row(row) for row in report["studies"]]
            for row in report["studies"]:
                _copy_objects(out / "studies" / row["folder"], call.target)
            write_json(call.target / "result.json", _result(rows))
    except OSError as error:
        raise cannot_write(call.target, error) from error
    return rows


def task_settings(named: Mapping[str, Any], base: Settings, aside: Path) -> tuple[Settings, str]:
    """The settings with what the host names, checked as a settings file is; and the profile."""
    wanted = {key: value for key, value in named.items() if key != "profile"}
    profile = named.get("profile", "seed")
    if not isinstance(profile, str):
        raise UsageError("profile: give a name such as seed or literature")
    if not wanted:
        return base, profile
    merged: dict[str, Any] = {}
    for name, section in asdict(base).items():
        told = {key: value for key, value in section.items() if value is not None}
        merged[name] = told | (wanted.pop(name) if isinstance(wanted.get(name), dict) else {})
    path = aside / "task.json"
    path.write_text(json.dumps(merged | wanted), encoding="utf-8")
    return load_settings(path), profile


def _copy_objects(folder: Path, target: Path) -> None:
    """Copy a study's DICOM objects under names that no other study has; each appears complete or not at all."""
    for path in sorted((folder / "dicom").glob("*.dcm")):
        final = target / f"{folder.name}-{path.name}"
        try:
            with path.open("rb") as source, staged_file(final) as handle, os.fdopen(os.dup(handle), "wb") as copy:
                shutil.copyfileobj(source, copy)
        except OSError as error:
            raise OutputError(str(cannot_write(final, error))) from error


def _row(row: Row) -> Row:
    kept = ("study_instance_uid", "status", "lesions", "top_entity", "probability", "fluid_level", "seconds", "reason")
    return {key: row.get(key) for key in kept}


def _result(rows: list[Row]) -> Row:
    """result.json; mercure shows the text of its notification to people."""
    failed = sum(row["status"] == "failed" for row in rows)
    lesions = sum(row["lesions"] or 0 for row in rows)
    text = f"{len(rows)} studies, {lesions} calcific lesions"
    text += f", {failed} failed" if failed else ""
    notice = f"{text}. Decision support, not for primary diagnosis."
    return {"studies": rows, "__mercure_notification": {"text": notice, "requested": bool(lesions or failed)}}

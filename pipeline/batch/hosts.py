"""Called as a module by another program: where that program says input, output and settings are.

Facts: mercure (docs/modules.rst, app/process/process_series.py), MONAI Deploy application packages (app.json,
pkg.json), kaapana (KaapanaBaseOperator.py).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import UsageError

Host = Literal["mercure", "monai", "kaapana"]
FOLDERS: dict[str, tuple[tuple[str, str], ...]] = {
    "mercure": (("MERCURE_IN_DIR", "MERCURE_OUT_DIR"),),
    "monai": (("HOLOSCAN_INPUT_PATH", "HOLOSCAN_OUTPUT_PATH"), ("MONAI_INPUTPATH", "MONAI_OUTPUTPATH")),
}
"""Environment variables for input and output, the newer ones first."""
BATCH_FOLDERS = ("WORKFLOW_DIR", "BATCH_NAME", "OPERATOR_IN_DIR", "OPERATOR_OUT_DIR")
"""How kaapana names its folders."""
SKIPPED = 126
"""kaapana's exit code for "nothing to do"."""
MOST_TASK_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """One piece of work: input and output folder, and what the host sets ("profile", or keys of a settings file)."""

    source: Path
    target: Path
    settings: Mapping[str, Any] = field(default_factory=dict)


def calls(host: Host | None, environment: Mapping[str, str]) -> tuple[Host, tuple[Call, ...]]:
    """The host, told or seen from the environment, and its calls; UsageError says which variable is missing."""
    named = host or _seen(environment)
    if named == "kaapana":
        return named, _elements(environment)
    source, target = _pair(named, environment)
    settings = _task_settings(source / "task.json") if named == "mercure" else {}
    return named, (Call(source, target, settings),)


def _seen(environment: Mapping[str, str]) -> Host:
    """Mercure also sets the variables of MONAI, so it is asked first."""
    if "MERCURE_IN_DIR" in environment:
        return "mercure"
    if "WORKFLOW_DIR" in environment:
        return "kaapana"
    if any(source in environment for source, _ in FOLDERS["monai"]):
        return "monai"
    names = ", ".join(pair[0] for pairs in FOLDERS.values() for pair in pairs)
    raise UsageError(f"no host is to be seen in the environment ({names}, WORKFLOW_DIR): set them, or use run")


def _pair(host: Host, environment: Mapping[str, str]) -> tuple[Path, Path]:
    for source, target in FOLDERS[host]:
        if source in environment and target in environment:
            return _folder(source, environment), Path(environment[target])
    raise UsageError(f"{host}: set {' and '.join(FOLDERS[host][0])}")


def _elements(environment: Mapping[str, str]) -> tuple[Call, ...]:
    """One call for each folder of the batch that holds the operator's input."""
    missing = [name for name in BATCH_FOLDERS if not environment.get(name)]
    if missing:
        raise UsageError(f"kaapana: set {missing[0]}")
    batch = _folder("WORKFLOW_DIR", environment) / environment["BATCH_NAME"]
    inside, outside = environment["OPERATOR_IN_DIR"], environment["OPERATOR_OUT_DIR"]
    elements = sorted(p for p in batch.iterdir() if (p / inside).is_dir()) if batch.is_dir() else []
    return tuple(Call(element / inside, element / outside) for element in elements)


def _folder(name: str, environment: Mapping[str, str]) -> Path:
    path = Path(environment[name])
    if not path.is_dir():
        raise UsageError(f"{name}: {path} is no folder")
    return path


def _task_settings(path: Path) -> Mapping[str, Any]:
    """Settings of the module in mercure's task.json; its `process` is one object or, with several steps, a list."""
    try:
        with path.open("rb") as file:
            task = json.loads(file.read(MOST_TASK_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(
            f"task.json cannot be read ({type(error).__name__}): mercure writes one beside the images"
        ) from error
    process = task.get("process") if isinstance(task, dict) else None
    step = process[0] if isinstance(process, list) and process else process
    settings = step.get("settings") if isinstance(step, dict) else None
    return settings if isinstance(settings, dict) else {}

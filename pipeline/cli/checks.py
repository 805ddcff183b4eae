"""What `calcinosis doctor` looks at: each check says what it saw, and what to do where that is not enough."""

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline import __version__
from pipeline.cli.describe import feature_names
from pipeline.dicom.codec_check import codec_states
from pipeline.errors import CalcinosisError, ConfigurationError
from pipeline.knowledge.loading import check_file
from pipeline.knowledge.places import configs
from pipeline.knowledge.settings import Settings
from pipeline.knowledge.settings_loading import load_settings
from pipeline.report.files import prepare_output
from pipeline.segmentation.model_check import model_states

GIB = 2**30
LIBRARIES = ("numpy", "scipy", "scikit-image", "pydicom", "imagecodecs", "highdicom", "onnxruntime")
"""Named beside the version: what a result depends on most."""
LEAST_FREE_GIB = 1.0
"""Disk below which a run of some hundred studies may end early (2 to 8 MB a study)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `advice` is what to do, "" where nothing is."""

    name: str
    ok: bool
    said: str
    advice: str = ""


def all_checks(out: Path, settings_file: Path | None, peer: str | None) -> Iterator[Check]:
    """Every check, as it is done. A settings file that is wrong is told, and the program's own used for the rest."""
    yield from _software()
    settings, mistake = _settings(settings_file)
    yield from _configs(settings_file, mistake)
    yield _codecs()
    yield from _models(settings)
    yield _memory(settings)
    yield _cores()
    yield _output(out)
    yield from _peers(settings, peer)


def _software() -> Iterator[Check]:
    yield Check("software", True, f"calcinosis {__version__}, Python {platform.python_version()}")
    try:
        versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    except importlib.metadata.PackageNotFoundError as error:
        yield Check("libraries", False, f"{error.name} is missing", "install the program again: pip install calcinosis")
        return
    yield Check("libraries", True, ", ".join(versions))


def _settings(path: Path | None) -> tuple[Settings, str]:
    """The settings of a file and its mistakes; the program's own where there are any."""
    try:
        return load_settings(path or configs() / "settings.yaml"), ""
    except ConfigurationError as error:
        return Settings(), str(error)


def _configs(settings_file: Path | None, mistake: str) -> Iterator[Check]:
    files = sorted(configs().rglob("*.yaml"))
    mistakes = [line for path in files for line in check_file(path, feature_names())]
    for line in mistakes:
        yield Check("configs", False, line, "install the program again, or mend the line")
    if not mistakes:
        yield Check("configs", True, f"{len(files)} files without mistake")
    for line in mistake.splitlines():
        yield Check("settings", False, line, "mend the line")
    if settings_file is not None and not mistake:
        yield Check("settings", True, f"{settings_file} is without mistake")


def _codecs() -> Check:
    states = tuple(codec_states())
    broken = [state for state in states if state.reason]
    if broken:
        said = "; ".join(f"{state.syntax} ({state.reason})" for state in broken)
        return Check(
            "codecs", False, f"cannot decode {said}", "pip install --force-reinstall imagecodecs pylibjpeg-rle"
        )
    return Check("codecs", True, f"{len(states)} compressed transfer syntaxes decode, JPEG to HTJ2K and RLE")


def _models(settings: Settings) -> Iterator[Check]:
    for state in model_states(settings.segmentation):
        if state.reason:
            yield Check(
                "models", False, state.reason, "install the program again, or name another file in the settings"
            )
        else:
            yield Check("models", True, f"{state.name} sha256 {state.sha256[:16]}")


def _memory(settings: Settings) -> Check:
    free, needed = psutil.virtual_memory().available / GIB, settings.batch.memory_gb
    fits = int(free // needed)
    said = f"{free:.1f} GiB free, a study may take {needed:g} (batch.memory_gb)"
    if fits < 1:
        return Check("memory", False, said, "free memory, or lower --memory: most radiographs need 0.6 GiB, most CT 1")
    return Check("memory", True, f"{said}: {fits} at a time in the worst case")


def _cores() -> Check:
    usable = len(os.sched_getaffinity(0))
    return Check("cores", True, f"{usable} usable: run takes so many studies at a time unless --workers says otherwise")


def _output(out: Path) -> Check:
    """Whether results can be written below `out`; folders that the check had to make are taken away again."""
    target = out.absolute()
    existing = next(p for p in (target, *target.parents) if p.is_dir())
    made = _new_folders(target / "studies", existing)
    try:
        prepare_output(target)
        free = psutil.disk_usage(str(target)).free / GIB
    except CalcinosisError as error:
        return Check("output", False, str(error))
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
    said = f"{out} can be written, {free:.1f} GiB free"
    return Check("output", free >= LEAST_FREE_GIB, said, "" if free >= LEAST_FREE_GIB else "free space on that disk")


def _new_folders(target: Path, existing: Path) -> tuple[Path, ...]:
    """Folders from `target` up to `existing` that are not there yet, deepest first."""
    return tuple(p for p in (target, *target.parents) if p.is_relative_to(existing) and not p.exists())


def _peers(settings: Settings, named: str | None) -> Iterator[Check]:
    worker = settings.worker
    if named is None and worker.peer_host is None:
        return
    from pipeline.worker.echo import Peer, echo, peer_of

    peers = [peer_of(named)] if named else []
    if worker.peer_host is not None:
        peers.append(Peer(worker.peer_ae_title, worker.peer_host, worker.peer_port))
    for peer in dict.fromkeys(peers):
        reason = echo(peer, worker.ae_title)
        yield Check("pacs", not reason, reason or f"{peer} answers C-ECHO from {worker.ae_title}")

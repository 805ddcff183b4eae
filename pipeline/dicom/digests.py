"""Digests of decoded pixels, made in a process of its own, so that a decoder that breaks costs that file alone."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from pipeline.dicom.confine import confine, limit_address_space
from pipeline.dicom.pixels import read_dataset, stored_values
from pipeline.errors import InputError
from pipeline.knowledge.settings import DicomSettings

_TOGETHER_S: Final = 120.0
"""For all files of a study; what is not decoded by then has no digest."""
_SLACK_BYTES: Final = 4 * 2**30
_NONE: Final = "-"
_ROOT: Final = Path(__file__).resolve().parents[2]
"""Where this program lies: the current folder is no place to load code from, it may be the input."""


def pixel_digests(paths: Sequence[Path], limits: DicomSettings) -> tuple[str | None, ...]:
    """The SHA-256 of shape, kind and values of each file's pixels, None where they cannot be decoded."""
    found: list[str | None] = []
    while len(found) < len(paths):
        told, timed_out = _asked(paths[len(found) :], limits)
        found += [None if line == _NONE else line for line in told]
        if timed_out:
            break
        if len(found) < len(paths):  # the decoder took its process with it
            found.append(None)
    return (*found, *(None,) * (len(paths) - len(found)))


def main() -> int:
    """Read limits and paths from stdin as JSON; print one digest a line, or a dash."""
    wanted = json.load(sys.stdin)
    limits = DicomSettings(**wanted["limits"])
    limit_address_space(2 * limits.max_study_bytes + _SLACK_BYTES)
    confine()
    for path in wanted["paths"]:
        digest = _NONE
        with contextlib.suppress(InputError, OSError, MemoryError):
            values = stored_values(read_dataset(Path(path), limits))
            digest = hashlib.sha256(f"{values.shape}{values.dtype.str}".encode() + values.tobytes()).hexdigest()
        sys.stdout.write(digest + "\n")
        sys.stdout.flush()
    return 0


def _asked(paths: Sequence[Path], limits: DicomSettings) -> tuple[list[str], bool]:
    """Lines that the process answered, one a file as far as it came, and whether its time ran out."""
    command = [sys.executable, "-P", "-m", "pipeline.dicom.digests"]
    path = os.pathsep.join((str(_ROOT), *filter(None, (os.environ.get("PYTHONPATH"),))))
    wanted = json.dumps({"limits": asdict(limits), "paths": [str(path) for path in paths]})
    try:
        ended = subprocess.run(
            command, input=wanted.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_TOGETHER_S,
            env=os.environ | {"PYTHONPATH": path},
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode().split(), True
    return ended.stdout.decode().split(), False


if __name__ == "__main__":
    sys.exit(main())

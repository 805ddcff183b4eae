"""`calcinosis serve` in a process of its own."""

import contextlib
import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pydicom

from pipeline.knowledge.settings import WorkerSettings
from pipeline.worker.store import Store

ROOT = Path(__file__).parents[2]
LIMIT_S = 600


class Worker:
    """`calcinosis serve` in a process of its own."""

    def __init__(self, settings: WorkerSettings, folder: Path, **batch: float) -> None:
        rows = {
            k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(settings).items() if v is not None
        }
        self.file = folder / "settings.json"
        self.rows = rows
        self.limit(**batch)
        self.settings = settings
        self.store = Store(Path(settings.folder))
        self.log = folder / "log"
        self.start()

    def limit(self, **batch: float) -> None:
        """Write the settings file, with these limits of a study; they count from the next start."""
        self.file.write_text(json.dumps({"worker": self.rows, "batch": batch}))

    def start(self) -> None:
        command = [sys.executable, "-m", "pipeline", "serve", "--settings", str(self.file)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=self.log.open("ab"), env=environment)
        self.wait(lambda: self.get("/readyz") == (200, "ready\n"))

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.settings.status_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:
            return 0, ""

    def studies(self, state: str) -> int:
        lines = self.get("/metrics")[1].splitlines()
        return next((int(line.split()[-1]) for line in lines if f'state="{state}"' in line), 0)

    def objects(self) -> dict[str, bytes]:
        """The DICOM objects in the spool by SOP Instance UID, without their file meta information."""
        paths = Path(self.settings.folder).glob("results/*/studies/*/dicom/*.dcm")
        return {str(pydicom.dcmread(path).SOPInstanceUID): _dataset(path) for path in paths}

    def seen(self) -> int:
        """The number of the last change of a watched archive that was handled."""
        with contextlib.closing(sqlite3.connect(self.store.database)) as db:
            return int((db.execute("SELECT max(last) FROM place").fetchone() or [0])[0] or 0)

    def told(self, event: str) -> list[dict[str, Any]]:
        """The log's lines of one event."""
        rows = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [row for row in rows if row["event"] == event]

    def retry(self) -> str:
        """What `calcinosis retry` says."""
        command = [sys.executable, "-m", "pipeline", "retry", "--settings", str(self.file)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    def wait(self, condition: Any) -> None:
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)


def _dataset(path: Path) -> bytes:
    """A file's bytes after its file meta information (PS3.10 section 7.1), whose length stands in its first element."""
    content = path.read_bytes()
    return content[144 + int.from_bytes(content[140:144], "little") :]

"""`calcinosis serve` in a process of its own."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from pipeline.knowledge.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
LIMIT_S = 120


class Worker:
    """`calcinosis serve` in a process of its own."""

    def __init__(self, settings: WorkerSettings, folder: Path) -> None:
        rows = {
            k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(settings).items() if v is not None
        }
        self.file = folder / "settings.json"
        self.file.write_text(json.dumps({"worker": rows}))
        self.settings = settings
        self.log = folder / "log"
        self.start()

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

"""Orthanc with its DICOMweb plugin on loopback, started and ended by a test."""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from worker_peers import free_port

PROGRAM = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/bin")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
START_S, STOP_S = 60, 60
USER, PASSWORD = "worker", "of this test alone"


class Orthanc:
    """A server; `dicom_port` takes C-STORE, `get` and `put` ask its HTTP interface, which knows one user."""

    def __init__(self, folder: Path, worker_port: int) -> None:
        folder.mkdir()
        self.folder = folder
        self.http_port, self.dicom_port = free_port(), free_port()
        settings = {
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "DicomAet": "ORTHANC",
            "StableAge": 1,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "DicomAlwaysAllowStore": True,
            "DicomModalities": {"worker": ["CALCINOSIS", "127.0.0.1", worker_port]},
            "Plugins": [str(PLUGIN)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        (folder / "orthanc.json").write_text(json.dumps(settings))
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        command = [str(PROGRAM), str(self.folder / "orthanc.json")]
        with (self.folder / "log").open("ab") as log:
            environment = os.environ | {"TCP_NODELAY": "1"}
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, env=environment)
        end = time.monotonic() + START_S
        while self.get("/system") is None:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.1)

    def get(self, path: str) -> Any:
        """JSON of a path, None when there is no answer."""
        return self._ask(path, None)

    def put(self, path: Path) -> Any:
        """Send a file as a person does on Orthanc's page."""
        return self._ask("/instances", path.read_bytes())

    def _ask(self, path: str, body: bytes | None) -> Any:
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Accept": "application/json", "Authorization": f"Basic {login}"}
        request = urllib.request.Request(f"{self.url}{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except (urllib.error.URLError, OSError):
            return None

    def changes(self, kind: str) -> int:
        """How many changes of a kind there were."""
        return sum(row["ChangeType"] == kind for row in self.get("/changes?limit=10000")["Changes"])

    def stop(self) -> None:
        """End the server."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def empty(self) -> None:
        """Lose everything, as a restored or new database does. The server is down."""
        shutil.rmtree(self.folder / "db")

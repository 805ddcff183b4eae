"""OHIF's built app and an archive's DICOMweb under one origin, on loopback."""

import base64
import http.server
import json
import mimetypes
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
"""What browsers ask for before workers may share memory."""
WEB = "/dicom-web"
TIMEOUT_S = 60


class OhifServer:
    """Serves files of `dist`; what lies under /dicom-web is asked of `archive`, with a user's name and password."""

    def __init__(self, dist: Path, archive: str, login: str) -> None:
        self.dist, self.archive = dist.resolve(), archive
        self.authorization = "Basic " + base64.b64encode(login.encode()).decode()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, kind, body = owner.answer(self.path, self.headers.get("Accept", "*/*"))
                self.send_response(status)
                for name, value in (ISOLATION | {"Content-Type": kind, "Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path: str, accept: str) -> tuple[int, str, bytes]:
        """Status, content type and body of a path."""
        if path.startswith(f"{WEB}/"):
            return self._of_archive(path, accept)
        name = path.partition("?")[0].lstrip("/")
        if name == "app-config.js":
            return 200, "text/javascript", f"window.config = {json.dumps(self._config())};".encode()
        file = (self.dist / name).resolve()
        if not file.is_relative_to(self.dist) or not file.is_file():
            file = self.dist / "index.html"  # the app routes in the browser
        kind = KINDS.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return 200, kind, file.read_bytes()

    def _of_archive(self, path: str, accept: str) -> tuple[int, str, bytes]:
        # the archive writes links with the host that it was asked for
        headers = {"Accept": accept, "Host": self.url.removeprefix("http://"), "Authorization": self.authorization}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.archive + path, headers=headers), timeout=TIMEOUT_S
            ) as found:
                return found.status, found.headers["Content-Type"] or "text/plain", found.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Content-Type") or "text/plain", error.read()
        except OSError as error:
            return 502, "text/plain", str(error).encode()

    def _config(self) -> dict[str, Any]:
        """OHIF's configuration with one data source; see the options of its own default file."""
        root = self.url + WEB
        source = {
            "friendlyName": "archive",
            "name": "archive",
            "qidoRoot": root,
            "wadoRoot": root,
            "wadoUriRoot": root,
            "qidoSupportsIncludeField": False,
            "imageRendering": "wadors",
            "thumbnailRendering": "wadors",
            "enableStudyLazyLoad": True,
            "supportsFuzzyMatching": False,
            "supportsWildcard": True,
            "omitQuotationForMultipartRequest": True,
            "bulkDataURI": {"enabled": True},
        }
        module = "@ohif/extension-default.dataSourcesModule.dicomweb"
        return {
            "routerBasename": "/",
            "extensions": [],
            "modes": [],
            "customizationService": {},
            "showStudyList": True,
            "maxNumberOfWebWorkers": 1,
            "showLoadingIndicator": True,
            "showCPUFallbackMessage": False,
            "showWarningMessageForCrossOrigin": False,
            "strictZSpacingForVolumeViewport": True,
            "investigationalUseDialog": {"option": "never"},
            "defaultDataSourceName": "archive",
            "dataSources": [{"namespace": module, "sourceName": "archive", "configuration": source}],
        }

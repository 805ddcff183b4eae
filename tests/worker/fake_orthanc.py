"""What the worker asks of an Orthanc, answered from memory."""

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from web_peer import Asked, Said


@dataclass
class Archive:
    """What of Orthanc's REST API is asked for, as version 1.10.1 answers."""

    files: dict[str, bytes] = field(default_factory=dict)
    studies: dict[str, dict[str, tuple[str, list[str]]]] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()

    def add(self, study: str, paths: tuple[Path, ...], manufacturer: str = "Maker") -> None:
        """Images that arrive, in a series of their manufacturer; then the study becomes stable."""
        series = self.studies.setdefault(study, {}).setdefault(f"{study}-{manufacturer}", (manufacturer, []))[1]
        for path in paths:
            name = f"{study}-{path.stem}"
            self.files[name], self.versions[name] = path.read_bytes(), uuid.uuid4().hex
            if name not in series:
                series.append(name)
            self.change("NewInstance", name)
        self.change("StableStudy", study)

    def change(self, kind: str, resource: str) -> None:
        number = len(self.changes) + 1
        self.changes.append({"ChangeType": kind, "Date": uuid.uuid4().hex, "ID": resource, "Seq": number})

    def answer(self, asked: Asked) -> Said:
        path, _, query = asked.path.partition("?")
        if any(word in path for word in self.broken):
            return 500, b""
        match path.strip("/").split("/"):
            case ["changes"]:
                return 200, self._changes(dict(pair.split("=") for pair in query.split("&")))
            case ["system"]:
                return 200, {}
            case ["studies", study, "series"] if study in self.studies:
                rows = self.studies[study].items()
                return 200, [{"ID": name, "MainDicomTags": {"Manufacturer": made}} for name, (made, _) in rows]
            case ["series", series, "instances"]:
                held = next(s[series] for s in self.studies.values() if series in s)[1]
                return 200, [
                    {"ID": name, "FileUuid": self.versions[name], "FileSize": len(self.files[name])} for name in held
                ]
            case ["instances", name, "metadata", "SopClassUid"] if name in self.files:
                return 200, b"1.2.840.10008.5.1.4.1.1.2" if "doc" not in name else b"1.2.840.10008.5.1.4.1.1.88.22"
            case ["instances", name, "file"] if name in self.files:
                return 200, self.files[name]
        return 404, {"Message": "Unknown resource"}

    def _changes(self, query: dict[str, str]) -> dict[str, Any]:
        since, limit = int(query["since"]), int(query["limit"])
        rows = [change for change in self.changes if change["Seq"] > since]
        page = rows[:limit]
        return {"Changes": page, "Done": len(rows) <= limit, "Last": page[-1]["Seq"] if page else len(self.changes)}

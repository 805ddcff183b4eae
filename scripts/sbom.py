"""Writes what the program is made of, as installed here: a software bill of materials (CycloneDX 1.6, JSON).

Usage: python scripts/sbom.py > sbom.json
"""

import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
Row = dict[str, Any]


def project() -> Mapping[str, Any]:
    """The project table of pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: Mapping[str, Any] = tomllib.load(file)["project"]
    return found


def runtime() -> dict[str, Distribution]:
    """Every installed library of the runtime by its normal name, direct and transitive, without extras of the project.

    Raises PackageNotFoundError where one is not installed.
    """
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in project()["dependencies"]]
    while waiting:
        wanted = waiting.pop()
        name = normal(wanted.name)
        if name in found or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[name] = distribution(wanted.name)
        waiting += [Requirement(text) for text in found[name].requires or ()]
    return dict(sorted(found.items()))


def normal(name: str) -> str:
    """A name as indices write it."""
    return re.sub("[-_.]+", "-", name).lower()


def licence(made: Distribution) -> str:
    """What a library states as its licence: SPDX expression, else classifiers, else the first line of its text."""
    stated = made.metadata.get("License-Expression")
    if stated:
        return str(stated)
    classifiers = [c.split("::")[-1].strip() for c in made.metadata.get_all("Classifier") or () if "License ::" in c]
    text = (made.metadata.get("License") or "").strip().splitlines()
    return " AND ".join(classifiers) or (text[0] if text else "")


def bill() -> Row:
    """The bill: the program as its subject, each library as a component, and who needs whom."""
    own = project()
    libraries = runtime()
    subject = f"pkg:pypi/{own['name']}@{own['version']}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{_serial(libraries)}",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": subject, "name": own["name"], "version": own["version"]}
        },
        "components": [_component(name, made) for name, made in libraries.items()],
        "dependencies": [
            {"ref": subject, "dependsOn": sorted(_needed(own["dependencies"], libraries))},
            *({"ref": _ref(n, d), "dependsOn": sorted(_needed(d.requires, libraries))} for n, d in libraries.items()),
        ],
    }


def _component(name: str, made: Distribution) -> Row:
    stated = licence(made)
    form: Row = {"expression": stated} if made.metadata.get("License-Expression") else {"license": {"name": stated}}
    return {
        "type": "library",
        "bom-ref": _ref(name, made),
        "name": name,
        "version": made.version,
        "purl": _ref(name, made),
        "licenses": [form] if stated else [],
    }


def _ref(name: str, made: Distribution) -> str:
    return f"pkg:pypi/{name}@{made.version}"


def _needed(requirements: Any, libraries: Mapping[str, Distribution]) -> Iterator[str]:
    for text in requirements or ():
        wanted = Requirement(text)
        name = normal(wanted.name)
        if name in libraries and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            yield _ref(name, libraries[name])


def _serial(libraries: Mapping[str, Distribution]) -> uuid.UUID:
    """The same libraries give the same bill."""
    return uuid.uuid5(uuid.NAMESPACE_OID, " ".join(_ref(name, made) for name, made in libraries.items()))


if __name__ == "__main__":
    try:
        json.dump(bill(), sys.stdout, indent=1)
        sys.stdout.write("\n")
    except PackageNotFoundError as missing:
        sys.exit(f"error: {missing.name} is not installed: run this where the program is installed")

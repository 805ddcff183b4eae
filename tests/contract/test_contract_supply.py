"""What the program is made of: allowed licences, pinned and hashed, and told in a bill of materials."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

ALLOWED = frozenset(
    {"MIT", "MIT-CMU", "BSD", "BSD-2-CLAUSE", "BSD-3-CLAUSE", "APACHE-2.0", "PSF-2.0", "ISC", "ZLIB", "0BSD", "CC0-1.0"}
)
TRANSITIVE = frozenset({"MPL-2.0"})
"""Allowed unmodified, and only where no dependency of our own bears it."""
WORDS = {
    "MIT LICENSE": "MIT",
    "BSD LICENSE": "BSD",
    "3-CLAUSE BSD LICENSE": "BSD-3-CLAUSE",
    "APACHE SOFTWARE LICENSE": "APACHE-2.0",
    "PYTHON SOFTWARE FOUNDATION LICENSE": "PSF-2.0",
    "MOZILLA PUBLIC LICENSE 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What classifiers and older fields call them."""
GCC_RUNTIME = frozenset({"numpy", "scipy"})
"""Their wheels carry libgfortran and libgcc under GPL-3.0 with the GCC runtime exception; no other library may."""


@pytest.fixture(scope="module")
def sbom(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", root / "scripts" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parts(stated: str) -> list[set[str]]:
    """The licences that all apply, each as the set of its alternatives."""
    return [
        {WORDS.get(word.strip("() ").upper(), word.strip("() ").upper()) for word in re.split(r"\bOR\b", part)}
        for part in re.split(r"\bAND\b", stated)
    ]


def test_every_licence_of_the_runtime_is_allowed(sbom: ModuleType) -> None:
    direct = {sbom.normal(Requirement(text).name) for text in sbom.project()["dependencies"]}
    wrong = {}
    for name, made in sbom.runtime().items():
        allowed = ALLOWED if name in direct else ALLOWED | TRANSITIVE
        stated = sbom.licence(made)
        if not stated or not all(alternatives & allowed for alternatives in parts(stated)):
            wrong[name] = stated
    assert wrong == {}


def test_only_numpy_and_scipy_carry_the_gcc_runtime(sbom: ModuleType) -> None:
    carrying = {
        name
        for name, made in sbom.runtime().items()
        if any("libgfortran" in str(file) or "libgcc_s" in str(file) for file in made.files or ())
    }
    assert carrying <= GCC_RUNTIME


def test_libraries_that_may_not_be_used_are_absent(sbom: ModuleType) -> None:
    forbidden = {"opencv-python", "opencv-python-headless", "simpleitk", "pylibjpeg-libjpeg", "python-gdcm", "edt"}
    assert forbidden & set(sbom.runtime()) == set()


@pytest.fixture(scope="module")
def locked(root: Path) -> dict[str, list[tuple[Requirement, list[str]]]]:
    """Pinned libraries by name, with their digests."""
    text = (root / "deploy" / "requirements.lock").read_text().replace("\\\n", " ")
    found: dict[str, list[tuple[Requirement, list[str]]]] = {}
    for line in (line for line in text.splitlines() if line and not line.startswith("#")):
        wanted, *digests = line.split("--hash=")
        requirement = Requirement(wanted.strip())
        found.setdefault(requirement.name, []).append((requirement, [d.strip() for d in digests]))
    return found


def test_every_pin_is_exact_and_has_digests(locked: dict[str, list[tuple[Requirement, list[str]]]]) -> None:
    assert len(locked) > 30
    for pins in locked.values():
        for requirement, digests in pins:
            assert re.fullmatch(r"==[0-9][^,*]*", str(requirement.specifier)), requirement
            assert digests
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in digests)


def test_the_lock_holds_what_the_project_needs(
    sbom: ModuleType, locked: dict[str, list[tuple[Requirement, list[str]]]]
) -> None:
    for text in sbom.project()["dependencies"]:
        wanted = Requirement(text)
        versions = [str(pin.specifier).removeprefix("==") for pin, _ in locked[sbom.normal(wanted.name)]]
        assert all(wanted.specifier.contains(version) for version in versions), text


def test_the_lock_names_no_place(root: Path) -> None:
    assert not re.search(r"https?:|file:|index-url|find-links|@", (root / "deploy" / "requirements.lock").read_text())


def test_the_bill_of_materials_names_every_library_with_its_licence(sbom: ModuleType) -> None:
    bill = sbom.bill()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    names = {row["name"] for row in bill["components"]}
    assert {"numpy", "pydicom", "onnxruntime", "jinja2"} <= names
    assert all(row["version"] and row["purl"] and row["licenses"] for row in bill["components"])
    refs = {row["bom-ref"] for row in bill["components"]}
    assert {ref for row in bill["dependencies"] for ref in row["dependsOn"]} <= refs
    assert bill == sbom.bill()

"""The steps of deploy/Containerfile, run without a container engine: what they install analyses a study.

The image is built from a lock with digests alone; here its build commands run in a fresh virtual environment, and what
they made is called as its entry point is: with its command, no rights of root, and no folder to write but the output.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
NOBODY = 1000
UNREACHED = re.compile("Failed to establish a new connection|Temporary failure in name resolution|timed out|ProxyError")
"""What pip says where no index can be reached."""
OF_VERSION = re.compile(r"lib/python3\.\d+/")


def build_step(root: Path) -> str:
    """The command of the build stage, in one line."""
    text = (root / "deploy" / "Containerfile").read_text().replace("\\\n", " ")
    (step,) = [line.removeprefix("RUN ") for line in text.splitlines() if line.startswith("RUN ")]
    return step


def test_the_image_is_made_of_the_lock_alone(root: Path) -> None:
    """Every pip of the build checks digests, or takes no dependency at all."""
    calls = build_step(root).split("pip install")[1:]
    assert "--require-hashes -r /source/deploy/requirements.lock" in calls[0]
    assert all("--require-hashes" in call or "--no-deps" in call for call in calls)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def installed(root: Path, place: Path) -> Path:
    """Where the build step put the program, and the interpreter that ran it."""
    subprocess.run([sys.executable, "-m", "venv", str(place / "python")], check=True, capture_output=True)
    here = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/"
    step = OF_VERSION.sub(here, build_step(root)).replace("/install", str(place / "install"))
    step = step.replace("/source", str(root))
    environment = os.environ | {"PATH": f"{place / 'python' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(["sh", "-ec", step], capture_output=True, text=True, env=environment, check=False, cwd=place)
    if done.returncode and UNREACHED.search(done.stderr):
        pytest.skip("no package index is reached: what the lock names cannot be fetched")
    assert done.returncode == 0, done.stderr[-2_000:]
    return place / "install"


def for_everybody() -> bool:
    """Whether every user may start this interpreter, as in the image; a root's own cannot."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in Path(sys.executable).resolve().parents)


def test_what_the_build_installs_analyses_a_study(installed: Path, place: Path, root: Path) -> None:
    shutil.copytree(root / "sample_data" / "studies" / "phleboliths_pelvis", place / "data")
    out, temporary = place / "output", place / "tmp"
    for folder in (out, temporary):
        folder.mkdir()
        folder.chmod(0o777)
    home = next((installed / "lib").iterdir()) / "site-packages"
    environment = {
        "PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin",
        "HOME": str(temporary), "TMPDIR": str(temporary),
        "MERCURE_IN_DIR": str(place / "data"), "MERCURE_OUT_DIR": str(out),
    }  # fmt: skip
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 and for_everybody() else {}
    command = [str(installed / "bin" / "calcinosis"), "module"]
    done = subprocess.run(command, cwd=temporary, env=environment, capture_output=True, text=True, check=False, **user)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    assert (out / "result.json").is_file()
    assert list(out.glob("*.dcm"))

"""Pages in headless Chromium: steps in, what came of them out.

The library that drives the browser and the accessibility rules (axe-core) lie in `.browser`, where `.ci/run` puts them;
nothing of them is kept here.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
MODULES = ROOT / ".browser"
CHROMIUM, NODE = shutil.which("chromium"), shutil.which("node")
LIMIT_S = 300
GRAVE = ("serious", "critical")
"""Impacts of a broken accessibility rule that no page may have."""
Step = tuple[Any, ...]
"""A step's name, as in `headless_steps.mjs`, and what it takes."""

needs_browser = [
    pytest.mark.skipif(None in (CHROMIUM, NODE), reason="Chromium or node is not installed"),
    pytest.mark.skipif(
        not all((MODULES / "node_modules" / name).is_dir() for name in ("playwright-core", "axe-core")),
        reason=".browser does not hold playwright-core and axe-core: .ci/run fetches them",
    ),
]
"""Marks of tests that show a page."""


def browse(*steps: Step, own_requests: bool = False, **page: Any) -> list[Any]:
    """What each step gave, None where it gives nothing; `page` are options such as viewport and colorScheme.

    An error of the page's script or a request over the network (unless `own_requests`) fails the test.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "steps.json"
        asked.write_text(json.dumps({"page": page, "steps": steps}), encoding="utf-8")
        script = Path(__file__).parent / "headless_steps.mjs"
        command = [str(NODE), str(script), str(MODULES), str(CHROMIUM), str(asked)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    problems = [p for p in told["problems"] if not (own_requests and p.startswith("asked for "))]
    assert not problems, problems
    results: list[Any] = told["results"]
    return results


def grave(violations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Broken accessibility rules that are serious or critical."""
    return [v for v in violations if v["impact"] in GRAVE]

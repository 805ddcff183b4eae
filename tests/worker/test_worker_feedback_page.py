"""A reader clicks through reports that a worker serves, and `calcinosis calibrate` makes a site's profile of it.

The library that drives the browser lies in `.ohif`, accessibility rules in `.browser`; `.ci/run` puts them there.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headless import Step, browse, grave, needs_browser

from pipeline.cli.main import main
from pipeline.knowledge.loading import load_knowledge
from pipeline.study import knowledge_for
from pipeline.worker.desk import open_desk
from pipeline.worker.intake import Tally
from pipeline.worker.spool import Spool
from pipeline.worker.status import Pages, start_status
from pipeline.worker.store import Store

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".ohif"
CHROMIUM, NODE = shutil.which("chromium"), shutil.which("node")
LIMIT_S = 900
STUDIES = {
    "tumoral_calcinosis_hip_erect": "tumoral_calcinosis",
    "cysticercosis_thigh": "cysticercosis",
    "phleboliths_pelvis": "phlebolith",
    "myositis_ossificans_thigh": "myositis_ossificans",
    "hydatid_cyst_thigh_ct": "hydatid_cyst",
}
"""Sample studies with what they show; five are enough for a calibration."""
BOX = [0.1, 0.2, 0.25, 0.45]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(None in (CHROMIUM, NODE), reason="Chromium or node is not installed"),
    pytest.mark.skipif(
        not (CACHE / "node_modules" / "playwright-core").is_dir(),
        reason=".ohif does not hold playwright-core: .ci/run fetches it",
    ),
]


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of results of each study, by name."""
    folder = tmp_path_factory.mktemp("analysed")
    sources = [str(ROOT / "sample_data" / "studies" / name) for name in STUDIES]
    command = [sys.executable, "-m", "pipeline", "run", *sources, "-o", str(folder), "--workers", "2", "--json"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=environment, timeout=LIMIT_S)
    found = {}
    for name in STUDIES:
        truth = json.loads((ROOT / "sample_data" / "truth" / name / "truth.json").read_text())
        found[name] = folder / "studies" / truth["study_instance_uid"]
    return found


@pytest.fixture
def server(analysed: dict[str, Path], store: Store, spool: Spool) -> Iterator[str]:
    """The address of a worker's status page that serves those results."""
    for made in analysed.values():
        shutil.copytree(made, store.results(made.name) / "studies" / made.name)
        spool.received(made.name, f"{made.name}.1", "x")
    desk = open_desk(store, knowledge_for("seed"), ())
    page = start_status(Pages(spool, store, Tally(), lambda: True, desk), "127.0.0.1", 0)
    thread = threading.Thread(target=page.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{page.server_address[1]}"
    page.shutdown()
    thread.join()
    page.server_close()
    desk.feedback.close()


def clicked(server: str, statements: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """What the pages said when a reader clicked these statements; pictures go to `folder`."""
    (folder / "say.json").write_text(json.dumps(statements))
    script = Path(__file__).parent / "browser" / "say.mjs"
    command = [str(NODE), str(script), str(CACHE), str(CHROMIUM), server, str(folder / "say.json"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_feedback_that_was_clicked_changes_a_sites_profile(
    server: str, analysed: dict[str, Path], store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    statements: list[dict[str, Any]] = []
    for name, entity in STUDIES.items():
        lesions = [row["id"] for row in json.loads((analysed[name] / "results.json").read_text())["lesions"]]
        statements.append({"study": analysed[name].name, "right": lesions[:1], "wrong": lesions[1:2], "entity": entity})
    statements[0] |= {"reader": "B", "box": BOX}
    statements[1]["keys"] = True
    statements[-1]["box"] = BOX
    found = clicked(server, statements, tmp_path)
    assert not found["problems"]
    assert sum("diagnosis" in line for lines in found["said"].values() for line in lines) == len(STUDIES)

    feedback = store.root / "feedback" / "feedback.sqlite"
    assert main(["feedback", "export", str(tmp_path / "said"), "--feedback", str(feedback)]) == 0
    assert f"{len(STUDIES)} studies" in capsys.readouterr().out
    truth = json.loads((tmp_path / "said" / "truth" / statements[0]["study"] / "truth.json").read_text())
    rows, columns = json.loads((analysed["tumoral_calcinosis_hip_erect"] / "results.json").read_text())["images"][0][
        "shape"
    ]
    low, high = next(row["box"] for row in truth["lesions"] if row.get("outline") == "box")
    drawn = [low[0] / rows, low[1] / columns, (high[0] + 1) / rows, (high[1] + 1) / columns]
    assert drawn == pytest.approx(BOX, abs=0.02)
    volume = json.loads((tmp_path / "said" / "truth" / statements[-1]["study"] / "truth.json").read_text())
    assert any(len(row["box"][0]) == 3 for row in volume["lesions"] if row.get("outline") == "box")

    profile = tmp_path / "site.yaml"
    assert main(["calibrate", "--feedback", str(feedback), "-o", str(profile)]) == 0
    table = capsys.readouterr().out
    assert f"Before and after, by 5-fold cross-validation over {len(STUDIES)} studies" in table
    before, after = (load_knowledge(p, None) for p in ("seed", profile))
    own = {f.entity: f.times for f in after.factors[len(before.factors) :]}
    assert all(own[entity] > 1 for entity in STUDIES.values())
    assert own["granuloma"] < 1


def _press(words: str) -> Step:
    """A step that presses the first button with these words."""
    return "click", f"button:text-is('{words}')"


@needs_browser[1]
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_gravely_broken_while_a_reader_marks(
    server: str, analysed: dict[str, Path], scheme: str
) -> None:
    film, volume = (
        f"{server}/results/{analysed[name].name}/studies/{analysed[name].name}/report.html"
        for name in ("tumoral_calcinosis_hip_erect", "hydatid_cyst_thigh_ct")
    )
    ready = ("wait", 700)
    found = browse(
        *(("open", film), ready, ("click", "button[data-mark=right]"), _press("Mark missed")),
        *(("drag", ".fb-layer", [0.1, 0.1], [0.3, 0.3]), ("axe",)),
        *(_press("Save box"), ready, ("choose", "#fb-diagnosis", "-other"), ("axe",)),
        *(("open", volume), ready, _press("Mark missed"), ("press", ".fb-layer", "ArrowDown"), ("axe",)),
        *(("open", f"{server}/"), ready, ("click", "[data-feedback] summary"), ready, ("axe",)),
        own_requests=True,
        colorScheme=scheme,
    )
    checked = [broken for broken in found if isinstance(broken, list)]
    assert len(checked) == 4
    assert not grave([rule for broken in checked for rule in broken])


def test_a_report_from_a_disk_has_no_controls(analysed: dict[str, Path]) -> None:
    for made in analysed.values():
        page = (made / "report.html").read_text()
        assert "calcinosis-feedback" not in page
        assert "/feedback.js" not in page

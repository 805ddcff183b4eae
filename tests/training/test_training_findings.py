"""Fits of findings: what they learn, and what they leave alone in the file that they are written into."""

from pathlib import Path

import numpy as np
import yaml

from pipeline.findings.rules import curve
from pipeline.knowledge.places import configs
from pipeline.knowledge.rules import Fitted
from training.finding_curves import fit_trust, write
from training.finding_fits import Rows, fit_finding

FIT = {"ct": Fitted(1.25, (0.5, 0.25, 0.0, 0.0, 1.0), "a test"), "radiograph": Fitted(-1.0, (0.5,) * 5, "a test")}


def test_a_new_fit_leaves_older_fits_and_all_other_lines_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "findings.yaml"
    before = (configs() / "findings.yaml").read_text()
    path.write_text(before)
    write(path, {"lobulated": FIT})
    old, new = (yaml.safe_load(text)["measured"] for text in (before, path.read_text()))
    assert new["lobulated"]["fitted"]["ct"] == {
        "offset": 1.25,
        "weights": [0.5, 0.25, 0.0, 0.0, 1.0],
        "source": "a test",
    }
    assert {f: rule for f, rule in new.items() if f != "lobulated"} == {
        f: r for f, r in old.items() if f != "lobulated"
    }
    changed = set(path.read_text().splitlines()) - set(before.splitlines())
    assert all(line.startswith(("      ct: {offset", "      radiograph: {offset")) for line in changed)


def test_a_feature_that_tells_the_finding_gets_a_rising_curve_and_one_of_chance_a_flat_one() -> None:
    rng = np.random.default_rng(5)
    present = rng.random(400) < 0.4
    telling = present + 0.3 * rng.standard_normal(400)
    rows = Rows(np.zeros((400, 1)), {"telling": telling, "chance": rng.random(400)}, rng.random(400) < 0.5, present)
    _, learned = fit_finding(rows, 0.5, "a test", learn=True)
    curves = {one.feature: one.points for one in learned}
    low, high = (curve(value, curves["telling"]) for value in (0.0, 1.0))
    assert high - low > 2
    assert max(abs(odds) for _, odds in curves["chance"]) < 0.4


def test_scores_that_promise_too_much_are_trusted_less() -> None:
    rows = [(0.6, i % 5 == 0) for i in range(100)] + [(0.95, i % 20 != 0) for i in range(100)]
    offset, weight = fit_trust(rows)
    chance = 1 / (1 + np.exp(-offset - weight * np.log(0.6 / 0.4)))
    assert abs(chance - 0.2) < 0.05

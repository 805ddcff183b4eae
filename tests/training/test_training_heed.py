"""How far findings are heeded: what tells is heeded more, what misleads less, and the curves of the file stay."""

import json
from pathlib import Path

import numpy as np

from pipeline.knowledge.loading import LEARNED
from pipeline.knowledge.places import configs
from training.finding_curves import write_learned
from training.finding_heed import Voices, learn, loss, write


def voices(count: int) -> list[Voices]:
    """Lesions of two entities: one finding always names the true one, one does so by chance."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(count):
        entity, said = rng.integers(2, size=2)
        weights = np.zeros((2, 2))
        weights[0, entity], weights[1, said] = 0.8, 2.0
        found.append(
            Voices("a", ("chance", "telling"), np.array([True, True]), weights[::-1], np.zeros(2), entity, 1.0)
        )
    return found


def test_what_tells_is_heeded_more_and_what_misleads_less() -> None:
    shown, others = voices(200), voices(100)
    learned = learn(shown)
    assert learned["telling"][0] > 1.5
    assert learned["chance"][0] < 0.5
    assert loss(others, learned) < 0.7 * loss(others, {})


def test_one_lesion_moves_little() -> None:
    assert all(abs(np.log(presence)) < 0.5 for presence, _ in learn(voices(1)).values())


def test_factors_are_written_beside_the_curves_and_stay_when_curves_are_written_anew(tmp_path: Path) -> None:
    path = tmp_path / LEARNED
    path.write_text((configs() / LEARNED).read_text())
    before = json.loads(path.read_text())
    write(path, {"lobulated": (1.5, 0.5)})
    write(path, {"lobulated": (1.25, 0.5), "septate": (2.0, 1.0)})
    after = json.loads(path.read_text())
    assert after == before | {"heed": {"lobulated": [1.25, 0.5], "septate": [2.0, 1.0]}}
    write_learned(path, {})
    assert json.loads(path.read_text())["heed"] == after["heed"]

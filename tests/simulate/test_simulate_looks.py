"""Processing, collimation and side letters."""

import numpy as np

from pipeline.simulate import looks


def test_more_absorption_is_brighter_unless_inverted() -> None:
    counts = np.full((240, 240), 2000.0, np.float32)
    counts[100:140, 100:140] = 900
    field = np.ones(counts.shape, np.float32)
    plain = looks.processed(counts, field, 0.4, looks.Look())
    turned = looks.processed(counts, field, 0.4, looks.Look(inverted=True))
    assert plain[120, 120] > plain[20, 20]
    assert turned[120, 120] < turned[20, 20]
    assert np.allclose(plain + turned, 4095, atol=0.5)


def test_a_collimated_field_leaves_the_margins_closed() -> None:
    field = looks.collimated((200, 300), (10.0, 20.0, 5.0, 15.0), 1.0, 0.0)
    assert field[100, 150] == 1.0
    assert field[8, 150] == field[185, 150] == field[100, 3] == field[100, 290] == 0.0


def test_letters_are_ten_millimetres_high() -> None:
    for letter in looks.LETTERS:
        path = looks.side_marker(letter, (300, 300), (60.0, 30.0), 0.25, 0.0)
        rows = np.flatnonzero((path > 0.05).any(1))
        assert abs((rows[-1] - rows[0]) * 0.25 - 10 - 2 * looks.STROKE_MM) < 0.6

"""Components from runs against labelling of the whole array."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from pipeline.segmentation.runs import Runs, components, crops_of, runs_of


def runs_in(mask: np.ndarray) -> Runs:
    found = [runs_of(mask[n], n, (0, 0)) for n in range(len(mask))]
    slices, rows, starts, stops = (np.concatenate([r[i] for r in found]) for i in range(4))
    return Runs(slices, rows, starts, stops, mask.shape)


def test_a_run_knows_its_place() -> None:
    mask = np.array([[0, 1, 1, 0, 1], [0, 0, 0, 0, 0]], bool)
    slices, rows, starts, stops = runs_of(mask, 7, (10, 20))
    assert slices.tolist() == [7, 7]
    assert rows.tolist() == [10, 10]
    assert starts.tolist() == [21, 24]
    assert stops.tolist() == [23, 25]


def test_corners_connect_and_line_ends_do_not() -> None:
    corner = np.zeros((2, 3, 4), bool)
    corner[0, 0, 0] = corner[1, 1, 1] = True
    assert components(runs_in(corner)).max() == 0
    ends = np.zeros((1, 3, 4), bool)
    ends[0, 0, 3] = ends[0, 1, 0] = True
    assert components(runs_in(ends)).max() == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.5))
def test_components_are_those_of_labelling(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((4, 6, 7)) < share
    mask[0, 0, 0] = True
    runs = runs_in(mask)
    numbers = components(runs)
    crops = crops_of(runs, numbers, np.arange(numbers.max() + 1))
    expected, count = label(mask, np.ones((3, 3, 3)))
    assert len(crops) == count
    assert {frozenset(map(tuple, c.points())) for c in crops} == {
        frozenset(map(tuple, np.argwhere(expected == n + 1))) for n in range(count)
    }

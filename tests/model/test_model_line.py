"""A line with fewer points: what is left out of them lies within the tolerance."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import approximate_polygon, find_contours

from pipeline.model.line import simplified


def test_a_square_keeps_its_corners() -> None:
    side = np.arange(11.0)
    line = np.concatenate([
        np.column_stack([side, 0 * side]), np.column_stack([0 * side + 10, side]),
        np.column_stack([side[::-1], 0 * side + 10]), np.column_stack([0 * side, side[::-1]]),
    ])  # fmt: skip
    assert {tuple(p) for p in simplified(line, 0.1)} == {(0, 0), (10, 0), (10, 10), (0, 10)}


@given(st.integers(3, 30), st.sampled_from([0.2, 0.4, 1.0]))
def test_no_point_of_a_disc_lies_farther_from_its_line_than_the_tolerance(radius: int, tolerance: float) -> None:
    grid = np.arange(2 * radius + 5) - radius - 2.0
    (line,) = find_contours((np.hypot(grid[:, None], grid[None]) <= radius).astype(np.uint8), 0.5)
    found = simplified(line, tolerance)
    start, way = found[:-1], np.diff(found, axis=0)
    share = np.clip(((line[:, None] - start) * way).sum(axis=2) / (way**2).sum(axis=1), 0, 1)
    away = np.linalg.norm(line[:, None] - start - share[..., None] * way, axis=2).min(axis=1)
    assert away.max() <= tolerance + 1e-9
    assert len(found) <= 1.2 * len(approximate_polygon(line, tolerance)) + 2
    assert np.array_equal(found[0], found[-1])

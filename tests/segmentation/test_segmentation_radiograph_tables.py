"""The truth of candidates from which the judgement is fitted."""

import numpy as np
import pytest

from pipeline.segmentation.candidates import Candidates

tables = pytest.importorskip("training.radiograph_tables", reason="the extra `training` is not installed")


def candidates_of(*masks):
    cells = [np.flatnonzero(m) for m in masks]
    starts = np.concatenate(([0], np.cumsum([len(c) for c in cells])))
    features = np.zeros((len(masks), 1), np.float32)
    return Candidates(features, np.concatenate(cells), starts, np.ones(len(masks), np.intp))


def square(low, high):
    mask = np.zeros((40, 40), bool)
    mask[low:high, low:high] = True
    return mask


def truth_of(*masks):
    film = tables.Film("made", None, square(10, 20).astype(np.uint8), (2.0,))
    return tables.truth_of(candidates_of(*masks), film, (1, 1))


def test_a_candidate_that_fits_its_lesion_has_target_one():
    target, precision, overlap = truth_of(square(10, 20))
    assert target == precision == overlap[:, 0] == pytest.approx(1)


def test_a_candidate_beside_every_lesion_has_target_none():
    target, precision, overlap = truth_of(square(25, 30))
    assert target == precision == overlap[:, 0] == 0


def test_a_pure_fragment_is_worth_more_than_its_overlap_and_less_than_the_whole():
    target, precision, overlap = truth_of(square(10, 15))
    assert precision == pytest.approx(1)
    assert overlap[0, 0] == pytest.approx(0.25)
    assert overlap[0, 0] < target[0] < tables.FRAGMENT


def test_a_candidate_with_much_else_in_it_is_worth_its_overlap():
    target, precision, overlap = truth_of(square(5, 25))
    assert precision == pytest.approx(0.25)
    assert target == overlap[:, 0] == pytest.approx(0.25)

"""Simpler labels and scores of the same size."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck.shrinking.candidate import Candidate, simplicity
from gradcheck.shrinking.scores import simpler


def candidates(S, y):
    return list(simpler(Candidate(np.array(S, dtype=float), np.array(y))))


def test_zeros_with_labels_0_come_first():
    zeros = candidates([[0.3, 0.7]], [1])[0]
    assert (zeros.S.tolist(), zeros.y.tolist()) == ([[0.0, 0.0]], [0])


def test_the_size_stays():
    assert {each.size for each in candidates([[0.3, 0.7], [1.2, 3.4]], [1, 0])} == {(2, 2)}


def test_a_tie_survives_the_shift_that_makes_its_label_score_0():
    shifted = [each.S.tolist() for each in candidates([[-1.0, -2.0]], [0])]
    assert [[0.0, -1.0]] in shifted
    assert [[1.0, 0.0]] in shifted


def test_the_label_may_change_places_with_class_0():
    exchanged = [(each.S.tolist(), each.y.tolist()) for each in candidates([[3.0, 5.0, 7.0]], [2])]
    assert ([[7.0, 5.0, 3.0]], [0]) in exchanged


@pytest.mark.parametrize("y", [[[0.3, 0.4]], [0.25]])
def test_labels_that_are_numbers_become_simpler_too(y):
    assert min(simplicity(each) for each in candidates([[0.3, 0.7]], y))[2] == 0
    assert any(each.y.tolist() == np.zeros_like(y).tolist() for each in candidates([[0.3, 0.7]], y))


def test_of_few_scores_each_is_tried_alone():
    assert [[0.0, 0.7]] in [each.S.tolist() for each in candidates([[0.3, 0.7]], [1])]
    many = candidates(np.full((1, 20), 0.3), [1])
    assert not any(np.count_nonzero(each.S == 0.3) == 19 for each in many)

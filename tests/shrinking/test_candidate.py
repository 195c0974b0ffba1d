"""The one order of simplicity."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck.shrinking.candidate import Candidate, simplicity


def of(S, y) -> tuple[float, ...]:
    return simplicity(Candidate(np.array(S, dtype=float), np.array(y)))


SIMPLER_FIRST = [
    ([[1.37]], [0]),
    ([[0.0, 0.0]], [0]),
    ([[0.0, 1.0]], [0]),
    ([[0.0, -1.0]], [0]),
    ([[0.0, 2.0]], [0]),
    ([[1.0, 1.0]], [0]),
    ([[0.0, 0.5]], [0]),
    ([[0.0, 0.1]], [0]),
    ([[0.0, 0.123456789]], [0]),
    ([[0.0, 0.0]], [1]),
    ([[0.0, 0.0, 0.0]], [0]),
    ([[0.0], [0.0]], [0, 0]),
]


def test_fewer_rows_come_before_fewer_classes_then_labels_0_then_zeros_small_integers_halves_and_few_digits():
    order = [of(S, y) for S, y in SIMPLER_FIRST]
    assert order == sorted(order)
    assert len(set(order)) == len(order)


@pytest.mark.parametrize("y", [np.array([[0.5, 0.25]]), np.array(["a"]), np.array([True])])
def test_labels_of_any_kind_have_a_place_in_the_order(y):
    assert simplicity(Candidate(np.zeros((1, 2)), y)) <= simplicity(Candidate(np.ones((1, 2)), y))

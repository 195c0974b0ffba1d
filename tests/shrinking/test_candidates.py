"""Candidates: the order of simplicity, labels of a part, candidates of a size, simpler ones of the same size."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from gradcheck.shrinking.shrinker import Candidate, Failure, of_size, simpler, simplicity

CLASSES = np.array([2, 0, 1])
ONE_HOT = np.eye(3)[CLASSES]
REAL = np.arange(9.0).reshape(3, 3) / 7
TARGETS = np.array([0.5, 1.5, 2.5])
S = np.arange(12.0).reshape(3, 4) + 0.1
WRONG = np.zeros((3, 4), dtype=bool)
WRONG[2, 1] = True
FAILURE = Failure(S, np.array([0, 1, 3]), WRONG)


def candidate(S, y) -> Candidate:
    return Candidate(np.array(S, dtype=float), np.array(y))


def test_fewer_rows_come_before_fewer_classes_then_labels_0_then_zeros_small_integers_halves_and_few_digits():
    numbers = [[0, 0], [0, 1], [0, -1], [0, 2], [1, 1], [0, 0.5], [0, 0.1], [0, 0.123456789]]
    others = [([[0, 0]], [1]), ([[0, 0, 0]], [0]), ([[0], [0]], [0, 0])]
    simpler_first = [([[1.37]], [0]), *(([row], [0]) for row in numbers), *others]
    order = [simplicity(candidate(*each)) for each in simpler_first]
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    for y in (np.array([[0.5, 0.25]]), np.array(["a"]), np.array([True])):  # labels of any kind have a place
        assert simplicity(Candidate(np.zeros((1, 2)), y)) <= simplicity(Candidate(np.ones((1, 2)), y))


@pytest.mark.parametrize("y", [CLASSES, ONE_HOT, ONE_HOT.astype(np.float32)])
def test_the_class_of_a_row_is_known_for_classes_and_one_hot_labels(y):
    own = Candidate(np.zeros((3, 3)), y).own
    assert own is not None
    assert own.tolist() == [2, 0, 1]
    for other in (REAL, TARGETS, [2, 0, 3], [-1, 1, 1], [1, 2], 3.0, ["a", "b", "c"]):
        assert Candidate(np.zeros((3, 3)), np.array(other)).own is None


@pytest.mark.parametrize(
    ("y", "columns", "expected"),
    [
        (CLASSES, [0, 2], [1, 1]),  # a class that is not among the columns becomes one that is
        (ONE_HOT, [0, 2], [[0, 1], [0, 1]]),
        (REAL, [1], [[REAL[0, 1]], [REAL[2, 1]]]),
        (TARGETS, [1], [0.5, 2.5]),
        (np.array(3.0), [1], 3.0),
    ],
)
def test_labels_follow_their_rows_and_columns(y, columns, expected):
    part = Candidate(np.zeros((3, 3)), y).part(np.array([0, 2]), np.array(columns))
    assert part.y.tolist() == expected
    assert part.y.dtype == y.dtype
    assert part.S.shape == (2, len(columns))


def first(size, many, failure=FAILURE):
    return list(islice(of_size(failure, *size), many))


def test_the_first_of_a_size_is_the_wrong_row_with_its_label_and_the_wrong_column_then_zeros_and_the_first_rows():
    assert first((1, 1), 1)[0].S.tolist() == [[S[2, 1]]]
    best = first((1, 2), 1)[0]
    assert (best.S.tolist(), best.y.tolist()) == ([[S[2, 1], S[2, 3]]], [1])
    found = [(each.S.tolist(), each.y.tolist()) for each in first((2, 2), 5)]
    for wanted in ((np.zeros((2, 2)), [0, 1]), (np.zeros((2, 2)), [1, 0]), (S[:2, :2], [0, 1])):
        assert (wanted[0].tolist(), wanted[1]) in found


def test_candidates_of_a_size_do_not_end_differ_and_are_the_same_each_time():
    one, other = (first((2, 3), 50) for _ in range(2))
    assert all(each.S.shape == (2, 3) and set(each.y.tolist()) <= {0, 1, 2} for each in one)
    assert len({each.S.tobytes() for each in one}) > 30
    assert [each.S.tolist() for each in one] == [each.S.tolist() for each in other]


@pytest.mark.parametrize("y", [CLASSES, ONE_HOT, REAL, TARGETS])
def test_drawn_labels_are_of_the_same_kind_and_dtype(y):
    for each in first((2, 2), 20, Failure(np.ones((3, 3)), y, np.ones((3, 3), dtype=bool))):
        assert each.y.dtype == y.dtype
        assert (each.own is None) == (y is REAL or y is TARGETS)


@pytest.mark.parametrize(
    ("S", "y", "simpler_one"),
    [
        ([[0.3, 0.7]], [1], ([[0.0, 0.0]], [0])),
        ([[0.3, 0.7]], [1], ([[0.0, 0.7]], [1])),  # one by one
        ([[-1.0, -2.0]], [0], ([[0.0, -1.0]], [0])),  # a tie survives the shift that makes its label's score 0
        ([[-1.0, -2.0]], [0], ([[1.0, 0.0]], [0])),  # or the least score
        ([[3.0, 5.0, 7.0]], [2], ([[7.0, 5.0, 3.0]], [0])),  # the label changes places with class 0
        ([[0.3, 0.7]], [[0.3, 0.4]], ([[0.3, 0.7]], [[0.0, 0.0]])),
        ([[0.3, 0.7]], [0.25], ([[0.3, 0.7]], [0.0])),
    ],
)
def test_scores_and_labels_become_simpler(S, y, simpler_one):
    assert simpler_one in [(each.S.tolist(), each.y.tolist()) for each in simpler(candidate(S, y))]

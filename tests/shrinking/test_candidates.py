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


def candidate(S, y) -> Candidate:
    return Candidate(np.array(S, dtype=float), np.array(y))


def test_fewer_rows_come_before_fewer_classes_then_labels_0_then_zeros_small_integers_halves_and_few_digits():
    order = [simplicity(candidate(*each)) for each in SIMPLER_FIRST]
    assert order == sorted(order)
    assert len(set(order)) == len(order)


@pytest.mark.parametrize("y", [np.array([[0.5, 0.25]]), np.array(["a"]), np.array([True])])
def test_labels_of_any_kind_have_a_place_in_the_order(y):
    assert simplicity(Candidate(np.zeros((1, 2)), y)) <= simplicity(Candidate(np.ones((1, 2)), y))


@pytest.mark.parametrize(
    ("y", "own"),
    [
        (CLASSES, [2, 0, 1]),
        (ONE_HOT, [2, 0, 1]),
        (ONE_HOT.astype(np.float32), [2, 0, 1]),
        *(
            (y, None)
            for y in (REAL, TARGETS, np.array([2, 0, 3]), np.array([-1, 1, 1]), np.array([1, 2]), np.array(3.0))
        ),
        (np.array(["a", "b", "c"]), None),
    ],
)
def test_the_class_of_a_row_is_known_for_classes_and_one_hot_labels(y, own):
    found = Candidate(np.zeros((3, 3)), y).own
    assert (None if found is None else found.tolist()) == own


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


def test_the_first_of_a_size_is_the_wrong_row_with_its_label_and_the_wrong_column():
    assert first((1, 1), 1)[0].S.tolist() == [[S[2, 1]]]
    best = first((1, 2), 1)[0]
    assert (best.S.tolist(), best.y.tolist()) == ([[S[2, 1], S[2, 3]]], [1])


def test_zeros_with_distinct_labels_and_the_first_rows_and_columns_follow():
    found = [(each.S.tolist(), each.y.tolist()) for each in first((2, 2), 5)]
    zeros = np.zeros((2, 2)).tolist()
    assert (zeros, [0, 1]) in found
    assert (zeros, [1, 0]) in found
    assert (S[:2, :2].tolist(), [0, 1]) in found


def test_candidates_of_a_size_do_not_end_differ_and_are_the_same_each_time():
    again = [first((2, 3), 50) for _ in range(2)]
    assert all(each.S.shape == (2, 3) and set(each.y.tolist()) <= {0, 1, 2} for each in again[0])
    assert len({each.S.tobytes() for each in again[0]}) > 30
    assert [each.S.tolist() for each in again[0]] == [each.S.tolist() for each in again[1]]


@pytest.mark.parametrize("y", [CLASSES, ONE_HOT, REAL, TARGETS])
def test_drawn_labels_are_of_the_same_kind_and_dtype(y):
    for each in first((2, 2), 20, Failure(np.ones((3, 3)), y, np.ones((3, 3), dtype=bool))):
        assert each.y.dtype == y.dtype
        assert (each.own is None) == (y is REAL or y is TARGETS)


def found(S, y):
    return [(each.S.tolist(), each.y.tolist()) for each in simpler(candidate(S, y))]


def test_zeros_with_labels_0_are_the_first_simplification():
    assert found([[0.3, 0.7]], [1])[0] == ([[0.0, 0.0]], [0])


def test_a_tie_survives_the_shift_that_makes_its_label_score_or_the_least_score_0():
    assert ([[0.0, -1.0]], [0]) in found([[-1.0, -2.0]], [0])
    assert ([[1.0, 0.0]], [0]) in found([[-1.0, -2.0]], [0])


def test_the_label_may_change_places_with_class_0():
    assert ([[7.0, 5.0, 3.0]], [0]) in found([[3.0, 5.0, 7.0]], [2])


@pytest.mark.parametrize("y", [[[0.3, 0.4]], [0.25]])
def test_labels_that_are_numbers_become_simpler_too(y):
    assert any(labels == np.zeros_like(y).tolist() for _, labels in found([[0.3, 0.7]], y))


def test_a_few_scores_are_simplified_one_by_one():
    assert ([[0.0, 0.7]], [1]) in found([[0.3, 0.7]], [1])
    assert not any(np.sum(np.array(scores) == 0.3) == 19 for scores, _ in found(np.full((1, 20), 0.3), [1]))

"""Candidates of a given size."""

from __future__ import annotations

from itertools import islice

import numpy as np

from gradcheck.shrinking.candidate import Candidate
from gradcheck.shrinking.variants import Failure, Variants

S = np.arange(12.0).reshape(3, 4) + 0.1
WRONG = np.zeros((3, 4), dtype=bool)
WRONG[2, 1] = True
FAILURE = Failure(S, np.array([0, 1, 3]), WRONG)


def first(size, many, failures=(FAILURE,), dtype=np.float64):
    return list(islice(Variants(failures, dtype).of(size), many))


def test_the_first_is_the_wrong_row_with_its_label_and_the_wrong_column():
    candidate = first((1, 2), 1)[0]
    assert candidate.S.tolist() == [[S[2, 1], S[2, 3]]]
    assert candidate.y.tolist() == [1]


def test_with_one_class_it_is_the_wrong_column():
    assert first((1, 1), 1)[0].S.tolist() == [[S[2, 1]]]


def test_among_others_are_zeros_and_the_first_rows_and_columns():
    candidates = [candidate.S.tolist() for candidate in first((2, 2), 4)]
    assert np.zeros((2, 2)).tolist() in candidates
    assert S[:2, :2].tolist() in candidates


def test_they_have_the_size_go_on_without_end_and_are_the_same_each_time():
    again = [first((2, 3), 50) for _ in range(2)]
    assert all(candidate.size == (2, 3) and len(candidate.y) == 2 for candidate in again[0])
    assert len({candidate.S.tobytes() for candidate in again[0]}) > 30
    assert [each.S.tolist() for each in again[0]] == [each.S.tolist() for each in again[1]]


def test_labels_are_classes_that_there_are():
    assert {int(y) for candidate in first((3, 2), 30) for y in candidate.y} == {0, 1}


def test_other_failures_are_cut_too():
    other = Failure(S + 100, FAILURE.y, WRONG)
    assert any((candidate.S > 90).all() for candidate in first((1, 2), 12, (FAILURE, other)))


def test_nothing_is_larger_than_every_failure():
    assert first((4, 2), 3) == []
    assert first((2, 5), 3) == []


def test_scores_are_rounded_to_what_the_loss_gets():
    candidate = Candidate(np.array([[0.1, -0.0]]), np.array([0]))
    rounded = Variants([FAILURE], np.float32).rounded(candidate).S
    assert rounded.dtype == np.float64
    assert rounded[0, 0] == np.float32(0.1)
    assert not np.signbit(rounded[0, 1])

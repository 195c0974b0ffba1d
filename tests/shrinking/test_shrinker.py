"""The shrinker, with predicates made up: what it finds, what it asks for, where it stops, which case is simpler."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.errors import OutOfTime
from gradcheck.shrinking.shrinker import Candidate, Failure, passes, shrink, simplicity


class Asked:
    """A predicate that records what it was asked, and that has so many answers."""

    def __init__(self, holds, answers=10000):
        self._holds, self.answers = holds, answers
        self.asked = []

    def __call__(self, candidate):
        if self.answers == 0:
            raise OutOfTime
        self.answers -= 1
        self.asked.append(candidate)
        return bool(self._holds(candidate))


def failed(fails, size=(8, 5), *, dtype=np.float64):
    """The candidates that failed, the simplest last."""
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=size), rng.integers(0, size[1], size=size[0])
    failure = Failure(S, y, np.ones(size, dtype=bool))
    return shrink(failure, passes(failure, dtype), fails)


def shrunk(fails, **options):
    return failed(fails, **options)[-1]


def two_classes(c):
    return c.S.shape[1] >= 2


@settings(max_examples=40, deadline=None)
@given(N=st.integers(1, 8), C=st.integers(1, 5))
def test_the_least_rows_and_classes_are_found_whatever_they_are(N, C):
    assert shrunk(lambda c: c.S.shape[0] >= N and c.S.shape[1] >= C).S.shape == (N, C)


@pytest.mark.parametrize(("N", "C"), [(1, 30), (16, 1), (13, 2), (3, 17)])
def test_large_sizes_are_found_by_few_questions(N, C):
    fails = Asked(lambda c: c.S.shape[0] >= N and c.S.shape[1] >= C)
    assert shrunk(fails, size=(64, 400)).S.shape == (N, C)
    assert next(k for k, each in enumerate(fails.asked) if each.S.shape == (N, C)) < 600


def test_scores_and_labels_end_at_0_where_they_do_not_matter_and_at_small_numbers_where_they_do():
    best = shrunk(two_classes)
    assert (best.S.tolist(), best.y.tolist()) == ([[0.0, 0.0]], [0])
    best = shrunk(lambda c: two_classes(c) and c.S[0, 0] > c.S[0, 1])
    assert best.S.tolist() in ([[1.0, 0.0]], [[0.0, -1.0]])


def test_a_tie_is_kept():
    tie = Failure(np.array([[2.0, 1.0, -1.0]]), np.array([0]), np.array([[True, True, False]]))

    def has_a_tie(c):
        return bool((c.S - c.S[np.arange(len(c.y)), c.y][:, None] + 1 == 0).any())

    assert shrink(tie, passes(tie, np.float64), has_a_tie)[-1].S.tolist() == [[1.0, 0.0]]


def test_distinct_labels_and_rare_scores_are_found_where_they_are_needed():
    best = shrunk(lambda c: len(set(c.y.tolist())) == 2)
    assert (best.S.shape, sorted(best.y.tolist())) == ((2, 2), [0, 1])
    assert shrunk(lambda c: c.S.shape[1] == 5 or (c.S > 1.5).any(), size=(1, 5)).S.shape == (1, 1)


def test_each_that_failed_is_simpler_than_the_one_before_and_nothing_is_asked_twice():
    fails = Asked(lambda c: c.S.shape[0] >= 2 and c.S[0, 0] != 0)
    order = [simplicity(each) for each in failed(fails)]
    assert order == sorted(order, reverse=True)
    keys = [(each.S.shape, each.S.tobytes(), each.y.tobytes()) for each in fails.asked]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("answers", [0, 1, 5, 12])
def test_what_was_reached_stands_when_no_call_is_left(answers):
    best = shrunk(Asked(two_classes, answers))
    assert best.S.shape == (8, 5) if answers == 0 else two_classes(best)


def test_scores_are_rounded_to_the_dtype_of_the_loss():
    asked = Asked(two_classes)
    shrunk(asked, dtype=np.float32)
    assert all(np.array_equal(c.S, c.S.astype(np.float32)) and not np.signbit(c.S[c.S == 0]).any() for c in asked.asked)


def test_nothing_is_found_where_nothing_fails_that_is_small_enough_to_paste():
    (failure,) = failed(lambda c: c.S.shape[0] > 40, size=(50, 40))
    assert not failure.is_small


def test_fewer_rows_come_before_fewer_classes_then_labels_0_then_zeros_small_integers_halves_and_few_digits():
    numbers = [[0, 0], [0, 1], [0, -1], [0, 2], [1, 1], [0, 0.5], [0, 0.1], [0, 0.123456789]]
    others = [([[0, 0]], [1]), ([[0, 0, 0]], [0]), ([[0], [0]], [0, 0])]
    simpler_first = [([[1.37]], [0]), *(([row], [0]) for row in numbers), *others]
    order = [simplicity(Candidate(np.array(each[0], dtype=float), np.array(each[1]))) for each in simpler_first]
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    for y in (np.array([[0.5, 0.25]]), np.array(["a"]), np.array([True])):  # labels of any kind have a place
        assert simplicity(Candidate(np.zeros((1, 2)), y)) <= simplicity(Candidate(np.ones((1, 2)), y))


CLASSES = np.array([2, 0, 1])
ONE_HOT, REAL, TARGETS = np.eye(3)[CLASSES], np.arange(9.0).reshape(3, 3) / 7, np.array([0.5, 1.5, 2.5])


@pytest.mark.parametrize("y", [CLASSES, ONE_HOT, ONE_HOT.astype(np.float32), REAL, TARGETS])
def test_labels_of_any_kind_stay_of_it(y):
    fails = Asked(lambda c: c.S.shape == (2, 2))
    failure = Failure(np.ones((3, 3)), y, np.ones((3, 3), dtype=bool))
    shrink(failure, passes(failure, np.float64), fails)
    assert {each.y.dtype for each in fails.asked} == {y.dtype}
    assert all(each.y.shape == each.S.shape[: y.ndim] for each in fails.asked)
    assert all(each.own is not None for each in fails.asked) == (y is not REAL and y is not TARGETS)

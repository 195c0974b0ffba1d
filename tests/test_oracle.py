"""The loss at one problem: counts, remembers, rounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradcheck.evaluation.oracle import Oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.errors import LossDefect
from gradcheck.evaluation.asking import one_of_each_row
from gradcheck.functions.function import Function

S = np.array([[0.5, -1.0], [2.0, 0.25], [0.0, 0.0]])
Y = np.array([0, 1, 0])


def square(scores: Any, labels: Any) -> Any:
    return float((scores**2).sum()), 2 * scores


def test_every_call_is_counted_also_one_that_fails() -> None:
    def raises(scores: Any, labels: Any) -> Any:
        raise ValueError

    oracle = Oracle(Function("square", square), Y)
    oracle(S)
    oracle(S)
    assert oracle.calls == 2
    failing = Oracle(Function("raises", raises), Y)
    with pytest.raises(LossDefect):
        failing(S)
    assert failing.calls == 1


def test_the_gradient_scale_is_the_largest_seen_in_each_row_anywhere() -> None:
    oracle = Oracle(Function("square", square), Y)
    assert oracle.gradient_scale is None
    oracle(S)
    oracle(S[::-1])
    oracle(np.zeros(S.shape))
    assert oracle.gradient_scale is not None
    assert oracle.gradient_scale.tolist() == [2.0, 4.0, 2.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_says_nothing_of_the_scale(bad: float) -> None:
    def partly(scores: Any, labels: Any) -> Any:
        dS = 2 * scores
        dS[0, 0] = bad
        return 0.0, dS

    oracle = Oracle(Function("partly", partly), Y)
    oracle(S)
    assert oracle.gradient_scale is not None
    assert oracle.gradient_scale.tolist() == [2.0, 4.0, 0.0]


def test_the_loss_gets_the_dtype_that_was_asked_for() -> None:
    seen = []

    def remembers(scores: Any, labels: Any) -> Any:
        seen.append(scores.dtype)
        return 0.0, scores

    Oracle(Function("remembers", remembers), Y, np.float32)(S)
    Oracle(Function("remembers", remembers), Y)(S)
    assert seen == [np.float32, np.float64]


def test_looking_afar_costs_two_calls_and_sees_gradients_where_s_itself_has_none() -> None:
    def far_hinge(scores: Any, labels: Any) -> Any:
        return float(np.maximum(scores - 3, 0).sum()), (scores > 3).astype(float)

    scores = np.array([[-5.0, -5.0, 9.0], [-7.0, -8.0, -9.0]])
    oracle = Oracle(Function("far", far_hinge), np.array([0, 1]))
    oracle.look_afar(scores)
    assert oracle.calls == 2
    assert oracle.gradient_scale is not None
    assert oracle.gradient_scale.tolist() == [1.0, 0.0]


def test_looking_afar_learns_nothing_from_a_loss_that_cannot_answer_there() -> None:
    def only_at_home(scores: Any, labels: Any) -> Any:
        if not np.array_equal(scores, S):
            raise ValueError("away from home")
        return square(scores, labels)

    oracle = Oracle(Function("home", only_at_home), Y)
    oracle(S)
    oracle.look_afar(S)
    assert oracle.gradient_scale is not None
    assert oracle.gradient_scale.tolist() == [2.0, 4.0, 0.0]


def test_spacing_is_that_of_the_resolution() -> None:
    double = Oracle(Function("square", square), Y).spacing(np.array([1.0, -1.0, 1024.0]))
    single = Oracle(Function("square", square), Y, np.float64, resolution=np.float32).spacing(np.array([1.0, -1.0]))
    assert double.tolist() == [2.0**-52, 2.0**-52, 2.0**-42]
    assert single.tolist() == [2.0**-23, 2.0**-23]


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), max_size=40))
def test_entries_are_grouped_so_that_no_group_holds_a_row_twice(rows: list[int]) -> None:
    groups = one_of_each_row(np.array(rows, dtype=np.intp))
    assert sorted(np.concatenate([np.zeros(0, dtype=np.intp), *groups]).tolist()) == list(range(len(rows)))
    assert len(groups) == max((rows.count(row) for row in rows), default=0)
    for group in groups:
        members = [rows[e] for e in group]
        assert len(set(members)) == len(members)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["reading order", "some rows", "any order", "any entries"]))
def test_each_row_is_asked_for_in_whatever_order(seed: int, order: str) -> None:
    rng = np.random.default_rng(seed)
    N, C = rng.integers(1, 12, size=2).tolist()
    scores, rows, columns = rng.normal(size=(N, C)), *(index.ravel() for index in np.indices((N, C)))
    which = {
        "reading order": np.arange(N * C),
        "some rows": np.flatnonzero(rows % 2 == 0),
        "any order": rng.permutation(N * C),
        "any entries": rng.integers(N * C, size=rng.integers(0, 2 * N * C)),
    }[order]
    rows, columns, after = rows[which], columns[which], rng.normal(size=len(which))

    def cubes(scores: Any, labels: Any, reduction: str = "mean") -> Any:
        return (scores**3).sum(axis=1), 3 * scores**2

    oracle = Oracle(Function("cubes", cubes), np.zeros(N, dtype=int))
    values, derivatives = oracle.probe_each_row(scores, rows, columns, after)
    assert oracle.calls == max(np.bincount(rows, minlength=1).tolist())
    moved = (scores**3).sum(axis=1)[rows] - scores[rows, columns] ** 3 + after**3
    assert values == pytest.approx(moved, abs=1e-12)
    assert derivatives.tolist() == (3 * after**2).tolist()


def test_a_point_is_handed_over_and_its_answer_is_not_copied() -> None:
    answers, points = [], []

    def keeps(scores: Any, labels: Any) -> Any:
        points.append(scores)
        answers.append(2 * scores)
        return float((scores**2).sum()), answers[-1]

    oracle = Oracle(Function("keeps", keeps), Y)
    point = S.copy()
    value, gradient = oracle.handed(point)
    assert points[0] is point
    assert gradient is answers[0]
    assert value == float((S**2).sum())
    assert oracle.calls == 1
    assert oracle.gradient_scale is not None
    assert oracle.gradient_scale.tolist() == [2.0, 4.0, 0.0]


@pytest.mark.parametrize("answer", [(1.0, np.zeros((3, 3))), (1.0, None), 1.0, (1.0, np.zeros((3, 2), dtype=complex))])
def test_an_answer_that_breaks_the_contract_is_a_defect_there_too(answer: Any) -> None:
    with pytest.raises(LossDefect):
        Oracle(Function("broken", lambda scores, labels: answer), Y).handed(S.copy())


def test_a_row_alone_is_a_problem_of_its_own() -> None:
    def labelled(scores: Any, labels: Any) -> Any:
        return float(labels.sum()), np.zeros(scores.shape)

    oracle = Oracle(Function("labelled", labelled), Y)
    alone = oracle.alone(1)
    assert alone(S[1:2]).value == 1.0
    assert (alone.calls, oracle.calls) == (1, 0)

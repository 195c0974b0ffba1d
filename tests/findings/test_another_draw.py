"""A problem with another N: like those seen, cheap, and known as well as it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.checking.case import Case
from gradcheck.checking.problem import check_problem
from gradcheck.config import Config
from gradcheck.diagnosis.another_draw import another_draw
from gradcheck.diagnosis.evidence import Allowance, Spent
from gradcheck.errors import LossDefect
from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS
from gradcheck.sampling import problems


def seen_of(function: Any, **config: Any) -> tuple[Function, list[Case]]:
    asked, loss = Config(**config), Function("test", function)
    seen = [check_problem(loss, problem, asked).case for problem in problems(asked)]
    return loss, [each for each in seen if each is not None]


def in_float32(S: Any, y: Any) -> Any:
    value, dS = BUILT_INS["softmax"].function(S.astype(np.float32), y)
    return float(value), dS.astype(float)


@pytest.mark.parametrize("name", ["softmax", "svm", "one-vs-all", "squared-hinge", "in_float32"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_two_gradients_of_a_right_loss_agree_within_what_they_say(name, dtype):
    function = in_float32 if name == "in_float32" else BUILT_INS[name].function
    loss, seen = seen_of(function, batch_sizes=[2, 3], scores="normal", dtype=dtype)
    ask = Allowance(loss, 40, dtype)
    analytic, numerical = another_draw(ask, seen, rtol=1e-9)
    known = numerical.entries
    assert known.sum() == 3
    apart = np.abs(analytic.gradient - numerical.gradient)[known]
    assert (apart <= numerical.slack[known] + analytic.slack[known]).all()
    assert (numerical.slack <= 1e-3 * numerical.scale).all()
    assert ask.calls == (7 if dtype == "float64" else 8)


def test_its_rows_are_right_by_a_margin_and_wrong_by_one_whatever_the_scores():
    loss, seen = seen_of(BUILT_INS["svm"].function, batch_sizes=[3], scores="normal(0, 0.001)")
    analytic, numerical = another_draw(Allowance(loss, 40), seen, rtol=1e-9)
    violated = analytic.view.q.sum(axis=1)
    assert violated.tolist() == [4, 0, 4] * 2
    assert np.argwhere(numerical.entries)[:, 0].tolist() == [0, 1, 2]


def test_it_has_a_batch_size_that_none_has_and_the_same_classes():
    loss, seen = seen_of(BUILT_INS["softmax"].function, batch_sizes=[2, 6, 7, 5], classes=[4], scores="normal")
    analytic, _ = another_draw(Allowance(loss, 40), seen, rtol=1e-9)
    assert analytic.shape == (8, 4)
    assert set(analytic.view.y.tolist()) <= set(np.concatenate([each.y for each in seen]).tolist())


def test_scores_are_as_large_as_those_seen():
    loss, seen = seen_of(BUILT_INS["softmax"].function, batch_sizes=[8], scores="normal(5, 0.001)")
    view = another_draw(Allowance(loss, 40), seen, rtol=1e-9)[0].view
    others = view.S[view.y_j == 0]
    assert abs(others.mean() - 5) < 0.01
    assert 1e-4 < others.std() < 1e-2


def test_no_more_than_half_of_the_calls_are_made():
    loss, seen = seen_of(BUILT_INS["softmax"].function, batch_sizes=[3], scores="normal")
    for left in range(16):
        ask = Allowance(loss, left)
        try:
            another_draw(ask, seen, rtol=1e-9)
        except Spent:
            assert ask.calls == 0
            assert left < 8
        assert ask.calls <= left / 2


def test_an_answer_that_is_not_finite_says_so():
    _, seen = seen_of(BUILT_INS["softmax"].function, batch_sizes=[3], scores="normal")
    nowhere = Function("nowhere", lambda S, y: (np.nan, S))
    with pytest.raises(LossDefect, match="not finite"):
        another_draw(Allowance(nowhere, 40), seen, rtol=1e-9)


def test_a_value_in_the_noise_tells_of_ds_alone():
    _, seen = seen_of(BUILT_INS["softmax"].function, batch_sizes=[3], scores="normal")

    def drowned(S: Any, y: Any) -> Any:
        value, dS = BUILT_INS["softmax"].function(S, y)
        return value + 1e12, dS

    ask = Allowance(Function("drowned", drowned), 40)
    analytic, numerical = another_draw(ask, seen, rtol=1e-9)
    assert ask.calls == 1
    assert analytic.entries.all()
    assert not numerical.entries.any()

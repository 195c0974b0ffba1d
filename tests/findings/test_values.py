"""Whose value it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from observed import SHAPES, evidence_of, right, seeds, some_losses

from gradcheck.diagnosis.known import Known, built_ins
from gradcheck.diagnosis.relatives import RELATIVES
from gradcheck.diagnosis.values import ValueMatch, Values, told_apart


def named(name: str) -> Known:
    return next(each for each in (*built_ins(), *RELATIVES) if name in (each.name, each.formula))


def values_of(
    name: str, change: Callable[[float, int], float] = lambda value, N: value, shapes: Any = SHAPES, **how: Any
) -> Values:
    """Values of a loss, changed."""
    seen = evidence_of(name, lambda a, S, y: a, shapes, **how).observations
    return Values([replace(each, value=change(each.value, each.rows)) for each in seen])


@given(some_losses, seeds)
def test_a_loss_is_found_again_and_no_other(name: str, seed: int) -> None:
    values = values_of(name, seed=seed)
    match = values.match(named(name))
    assert match is not None
    assert match.is_exact
    assert [each.name for each in built_ins() if values.match(each)] == [name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda value, N: value, "softmax's"),
        (lambda value, N: N * value, "softmax's summed over the rows"),
        (lambda value, N: -value, "minus softmax's"),
        (lambda value, N: value + 1, "softmax's plus 1"),
        (lambda value, N: value - 0.25, "softmax's minus 0.25"),
        (lambda value, N: 1e6 + value, "softmax's plus 1e+06"),
        (lambda value, N: N * (value + 1), "softmax's summed over the rows plus 1 in each row"),
    ],
)
def test_what_was_done_to_it_is_told(change: Callable[[float, int], float], words: str) -> None:
    match = values_of("softmax", change).match(named("softmax"))
    assert match is not None
    assert match.in_words() == words


@pytest.mark.parametrize(
    "change",
    [
        lambda value, N: 2 * value,
        lambda value, N: value + 1 / N,
        lambda value, N: value**2,
        lambda value, N: value * (1 + 1e-7),
    ],
)
def test_nothing_else_is_that_loss(change: Callable[[float, int], float]) -> None:
    assert values_of("softmax", change).match(named("softmax")) is None


def test_float32_is_as_near_as_it_can_be() -> None:
    seen = evidence_of("softmax", lambda a, S, y: np.float32(a)).observations
    values = Values([replace(each, value=float(np.float32(each.value * (1 + 2e-7)))) for each in seen])
    match = values.match(named("softmax"))
    assert match is not None
    assert match.is_exact


def test_values_that_are_0_throughout_are_nobody_s() -> None:
    assert values_of("softmax", lambda value, N: 0.0).match(named("softmax")) is None


def test_a_constant_wants_two_values_that_differ() -> None:
    one = [(3, 5)]
    assert values_of("softmax", lambda value, N: value + 0.3, one).match(named("softmax")) is None
    own_margin = values_of("svm", lambda value, N: value + 1, one).match(named("svm"))
    assert own_margin == ValueMatch(named("svm"), offset=1.0)


def test_rows_that_were_returned_by_themselves_are_a_mean() -> None:
    seen = evidence_of("softmax", lambda a, S, y: a).observations
    values = Values([replace(each, value=each.rows * each.value, by_rows=True) for each in seen])
    match = values.match(named("softmax"))
    assert match is not None
    assert match.is_exact


def test_a_relative_is_written_as_a_formula() -> None:
    def minus_mean_p(S: Any, y: Any) -> tuple[float, Any]:
        p = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
        return -p[np.arange(len(S)), y].mean(), np.zeros_like(S)

    for offset, sign, words in ((0, 1, "-mean(p_y)"), (0, -1, "mean(p_y)"), (1, 1, "1 - mean(p_y)")):
        seen = evidence_of(minus_mean_p, lambda a, S, y: a).observations
        match = Values([replace(each, value=sign * each.value + offset) for each in seen]).match(named("-p_y"))
        assert match is not None
        assert match.in_words() == words


def test_at_large_scores_two_losses_may_be_one() -> None:
    """The softmax is the largest score less the label's, but for its smallest digits."""
    rng = np.random.default_rng(0)
    S = 1e3 * rng.standard_normal((4, 3))
    y = S.argmin(axis=1)
    assert right("softmax")(S, y)[0] + 1 == right("crammer-singer")(S, y)[0]


def test_numbers_that_differ_are_written_so() -> None:
    assert told_apart(1.0, 1.00000001) == ("1", "1.00000001")

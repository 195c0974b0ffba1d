"""Known losses, and whether a value or a dS is one of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from observed import SHAPES, evidence_of, right, seeds, some_losses

import gradcheck
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.known import (
    VARIANTS,
    Known,
    ValueMatch,
    Values,
    gradient_match,
    known_losses,
)
from gradcheck.losses import BUILT_INS


def named(name: str) -> Known:
    return next(each for each in known_losses() if each.built_in == name)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: each.formula)
def test_derivatives_of_a_variant_are_those_of_its_values(variant: Known) -> None:
    def loss(S: Any, y: Any) -> tuple[float, Any]:
        L, dL = variant.function(S, y)
        return L.mean(), dL / len(S)

    # Not at ties: the rate of errors jumps there.
    gradcheck.assert_gradients(loss, gradcheck.Config(scores=["normal"], classes=[2, 5]))
    assert variant.built_in in BUILT_INS
    assert variant.mistake


def values_of(
    name: str, change: Callable[[float, int], float] = lambda value, N: value, shapes: Any = SHAPES, **how: Any
) -> Values:
    """Values of a loss, changed."""
    seen = evidence_of(name, lambda a, S, y: a, shapes, **how).observations
    return Values([replace(each, value=change(each.value, each.rows)) for each in seen])


@given(some_losses, seeds)
def test_a_value_is_that_of_its_loss_and_of_no_other(name: str, seed: int) -> None:
    values = values_of(name, seed=seed)
    assert values.match(named(name)) == ValueMatch(named(name))
    assert [each.built_in for each in known_losses() if values.match(each)] == [name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda value, N: N * value, "softmax's summed over the rows"),
        (lambda value, N: -value, "minus softmax's"),
        (lambda value, N: value + 1, "softmax's plus 1"),
        (lambda value, N: value - 0.25, "softmax's minus 0.25"),
        (lambda value, N: 1e6 + value, "softmax's plus 1e+06"),
        (lambda value, N: N * (value + 1), "softmax's summed over the rows plus 1 in each row"),
    ],
)
def test_a_sum_a_sign_and_a_constant_are_recognised(change: Callable[[float, int], float], words: str) -> None:
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
        lambda value, N: 0.0,
    ],
)
def test_other_values_are_not_that_loss(change: Callable[[float, int], float]) -> None:
    assert values_of("softmax", change).match(named("softmax")) is None


def cosine(S: Any, y: Any) -> tuple[float, Any]:
    return np.cos(S).sum(), -np.sin(S)


def beside_a_cosine(name: str, change: Any = lambda dS, N, C: dS, **how: Any) -> Evidence:
    """dS of a built-in, changed, beside a value of quite another loss."""
    return evidence_of(cosine, lambda a, S, y: change(right(name)(S, y)[1], *S.shape), **how)


@given(some_losses, seeds)
def test_a_gradient_is_that_of_its_loss_and_of_no_other(name: str, seed: int) -> None:
    evidence = beside_a_cosine(name, seed=seed)
    assert [each.built_in for each in known_losses() if gradient_match(evidence, each)] == [name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda dS, N, C: dS, "softmax's gradient in all 120 entries"),
        (lambda dS, N, C: N * dS, "softmax's gradient summed over the rows in all 120 entries"),
        (lambda dS, N, C: -dS, "softmax's gradient times -1 in all 120 entries"),
        (lambda dS, N, C: dS / 3, "softmax's gradient times 1/3 in all 120 entries"),
    ],
)
def test_a_multiple_of_a_gradient_is_recognised(change: Any, words: str) -> None:
    match = gradient_match(beside_a_cosine("softmax", change), named("softmax"))
    assert match is not None
    assert match.words == words


@pytest.mark.parametrize(
    "change",
    [
        lambda dS, N, C: np.where(np.arange(C) == 1, dS * (1 + 1e-5), dS),  # one column is off
        lambda dS, N, C: dS * np.arange(1, N + 1)[:, np.newaxis],  # each row by another factor
        lambda dS, N, C: dS * N**0.5,
        lambda dS, N, C: 0 * dS,
        lambda dS, N, C: dS + 1e-6,
    ],
)
def test_what_is_nearly_a_gradient_is_not(change: Any) -> None:
    assert gradient_match(beside_a_cosine("softmax", change), named("softmax")) is None


def test_a_right_gradient_is_not_another_loss_s() -> None:
    assert gradient_match(evidence_of("softmax", lambda a, S, y: a), named("softmax")) is None

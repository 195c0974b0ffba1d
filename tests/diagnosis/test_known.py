"""Known losses, and whether a value or a dS is one of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from observed import SHAPES, evidence_of, right, seeds, some_losses
from scipy.special import log_softmax

import gradcheck
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.known import (
    VARIANTS,
    GradientMatch,
    Known,
    ValueMatch,
    Values,
    built_in,
    built_ins,
    classes_of,
    gradient_match,
)
from gradcheck.losses import BUILT_INS


def named(name: str) -> Known:
    return next(each for each in (*built_ins(), *VARIANTS) if name in (each.name, each.formula))


# --- the losses -------------------------------------------------------------------------------------------


def test_every_built_in_of_classes_is_known_and_every_other_by_its_name() -> None:
    others = {"soft-cross-entropy", "binary-cross-entropy", "squared-error"}
    assert [each.name for each in built_ins()] == [name for name in BUILT_INS if name not in others]
    assert {built_in(name).name for name in others} == others


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: each.formula)
def test_derivatives_of_a_variant_are_those_of_its_values(variant: Known) -> None:
    def loss(S: Any, y: Any) -> tuple[float, Any]:
        L, dL = variant.function(S, y)
        return L.mean(), dL / len(S)

    # Not at ties: the rate of errors jumps there.
    gradcheck.assert_gradients(loss, gradcheck.Config(scores=["normal"], classes=[2, 5]))
    assert variant.of in BUILT_INS
    assert variant.mistake


def test_values_of_variants_are_those_of_another_library() -> None:
    S, y = np.random.default_rng(1).standard_normal((4, 5)), np.array([0, 3, 3, 1])
    log_p = log_softmax(S, axis=1)
    by_formula = {each.formula: each.function(S, y)[0] for each in VARIANTS}
    np.testing.assert_allclose(by_formula["-p_y"], -np.exp(log_p[np.arange(4), y]))
    margins = np.delete(S[1] - S[1, 3] + 1, 3)
    assert by_formula["sum_{m!=y} (s_m - s_y + 1)"][1] == pytest.approx(margins.sum())


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        ([0, 1], [0, 1]),
        ([[1.0, 0.0], [0.0, 1.0]], [0, 1]),
        ([[1, 0], [0, 1]], [0, 1]),
        ([[1.0, 1.0], [0.0, 1.0]], None),
        ([[0.5, 0.5], [0.0, 1.0]], None),
        ([0, 2], None),
        ([-1, 0], None),
        ([0.0, 1.0], None),
    ],
)
def test_labels_are_classes_or_one_hot(y: object, labels: list[int] | None) -> None:
    found = classes_of(np.array(y), (2, 2))
    assert labels is None if found is None else found.tolist() == labels


def test_a_loss_is_not_evaluated_with_labels_that_it_does_not_take_or_where_it_overflows() -> None:
    S, y = np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([[0.5, 0.5], [0.0, 1.0]])
    assert named("softmax").at(S, y) is None
    assert named("-p_y").at(S, y) is None
    assert named("affine-exp").at(S, y) is not None  # it takes none
    assert named("affine-exp").at(np.full((2, 3), 1e3), y) is None


# --- values -----------------------------------------------------------------------------------------------


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
    assert [each.name for each in built_ins() if values.match(each)] == [name]


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


# --- gradients --------------------------------------------------------------------------------------------


def cosine(S: Any, y: Any) -> tuple[float, Any]:
    return np.cos(S).sum(), -np.sin(S)


def beside_a_cosine(name: str, change: Any = lambda dS, N, C: dS, **how: Any) -> Evidence:
    """dS of a built-in, changed, beside a value of quite another loss."""
    return evidence_of(cosine, lambda a, S, y: change(right(name)(S, y)[1], *S.shape), **how)


def match_of(evidence: Evidence, name: str) -> GradientMatch | None:
    return gradient_match(evidence, named(name))


@given(some_losses, seeds)
def test_a_gradient_is_that_of_its_loss_and_of_no_other(name: str, seed: int) -> None:
    evidence = beside_a_cosine(name, seed=seed)
    assert [each.name for each in built_ins() if gradient_match(evidence, each)] == [name]


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
    match = match_of(beside_a_cosine("softmax", change), "softmax")
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
    assert match_of(beside_a_cosine("softmax", change), "softmax") is None


def test_a_factor_needs_more_than_one_row() -> None:
    def scaled(dS: Any, N: int, C: int) -> Any:
        return 2.345 * dS

    assert match_of(beside_a_cosine("softmax", scaled, shapes=[(1, 5)]), "softmax") is None
    assert match_of(beside_a_cosine("softmax", scaled, shapes=[(2, 5)]), "softmax") is not None


def test_a_right_gradient_is_not_another_loss_s() -> None:
    assert match_of(evidence_of("softmax", lambda a, S, y: a), "softmax") is None

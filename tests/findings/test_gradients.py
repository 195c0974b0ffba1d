"""Whose gradient dS is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from observed import evidence_of, right, seeds, some_losses

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.gradients import GradientMatch, gradient_match
from gradcheck.diagnosis.known import built_ins


def beside_a_cosine(name: str, change: Any = lambda dS, N, C: dS, **how: Any) -> Evidence:
    """dS of a built-in, changed, beside a value of quite another loss."""

    def cosine(S: Any, y: Any) -> tuple[float, Any]:
        return np.cos(S).sum(), -np.sin(S)

    return evidence_of(cosine, lambda a, S, y: change(right(name)(S, y)[1], *S.shape), **how)


def match_of(evidence: Evidence, name: str) -> GradientMatch | None:
    return gradient_match(evidence, next(each for each in built_ins() if each.name == name))


@given(some_losses, seeds)
def test_a_gradient_is_found_again_and_is_no_other_s(name: str, seed: int) -> None:
    evidence = beside_a_cosine(name, seed=seed)
    found = [each.name for each in built_ins() if gradient_match(evidence, each)]
    assert found == [name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda dS, N, C: dS, "softmax's gradient in all 120 entries"),
        (lambda dS, N, C: N * dS, "softmax's gradient, times N (it is not divided by N) in all 120 entries"),
        (lambda dS, N, C: dS / N, "softmax's gradient, over N (it is divided by N twice) in all 120 entries"),
        (lambda dS, N, C: -dS, "softmax's gradient, times -1 in all 120 entries"),
        (
            lambda dS, N, C: dS / C,
            "softmax's gradient, over C (it is divided by the number of entries) in all 120 entries",
        ),
        (lambda dS, N, C: 2 * dS, "softmax's gradient, times 2 in all 120 entries"),
        (lambda dS, N, C: dS / 3, "softmax's gradient, times 1/3 in all 120 entries"),
    ],
)
def test_the_scale_is_named(change: Any, words: str) -> None:
    match = match_of(beside_a_cosine("softmax", change), "softmax")
    assert match is not None
    assert match.in_words() == words


def test_a_sum_beside_a_sum_is_not_called_undivided() -> None:
    match = match_of(beside_a_cosine("softmax", lambda dS, N, C: N * dS), "softmax")
    assert match is not None
    assert match.in_words(summed=True) == "softmax's gradient, summed over the rows, in all 120 entries"


def test_n_that_never_changed_may_be_a_constant() -> None:
    match = match_of(beside_a_cosine("softmax", lambda dS, N, C: N * dS, shapes=[(3, 5)]), "softmax")
    assert match is not None
    assert match.is_free
    assert match.in_words() == "softmax's gradient, times 3 (N = 3 throughout) in all 15 entries"
    assert match.in_words(summed=True) == "softmax's gradient, summed over the rows, in all 15 entries"


def test_kinks_are_left_out() -> None:
    """At a margin of 0 another subgradient than the built-in's is as good."""

    def with_gt(dS: Any, S: Any, y: Any) -> Any:
        active = (S - S[np.arange(len(S)), y][:, np.newaxis] + 1 > 0) & (np.arange(S.shape[1]) != y[:, np.newaxis])
        dS = active.astype(float)
        dS[np.arange(len(S)), y] = -active.sum(axis=1)
        return dS / len(S)

    def cosine(S: Any, y: Any) -> tuple[float, Any]:
        return np.cos(S).sum(), -np.sin(S)

    match = match_of(evidence_of(cosine, with_gt, integers=True), "svm")
    assert match is not None
    assert match.entries < 120


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
def test_what_is_nearly_a_gradient_is_none(change: Any) -> None:
    assert match_of(beside_a_cosine("softmax", change), "softmax") is None


def test_a_factor_of_one_row_is_no_law() -> None:
    def doubled(dS: Any, N: int, C: int) -> Any:
        return 2.345 * dS

    assert match_of(beside_a_cosine("softmax", doubled, shapes=[(1, 5)]), "softmax") is None
    assert match_of(beside_a_cosine("softmax", doubled, shapes=[(2, 5)]), "softmax") is not None


def test_a_right_gradient_is_no_evidence() -> None:
    """Where nothing is wrong with dS the value has this very gradient."""
    assert match_of(evidence_of("softmax", lambda a, S, y: a), "softmax") is None

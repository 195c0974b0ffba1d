"""Whether dS is a gradient at all, and where it is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from observed import evidence_of, is_label

import gradcheck
from gradcheck.diagnosis.other_rules import wrong_places
from gradcheck.report import Finding

Gradient = Callable[[Any, Any], Any]


def findings(gradient: Gradient, per_sample: bool = False, **config: Any) -> dict[str, Finding]:
    """The findings about a dS beside a value that it does not belong to."""

    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        return float(np.sum(np.sin(3 * S)) / len(S)), gradient(S, y)

    def each_row(S: Any, y: Any, reduction: str = "mean") -> tuple[Any, Any]:
        values, dS = np.sin(3 * S).sum(axis=1), gradient(S, y)
        return (values, len(S) * dS) if reduction == "none" else (values.mean(), dS)

    config = {"scores": ["normal"], **config}
    found = gradcheck.check(each_row if per_sample else loss, gradcheck.Config(**config)).losses[0].findings
    return {each.code: each for each in found}


def normalised(S: Any, y: Any) -> Any:
    """The norm of a row is taken for a constant."""
    return -1.0 * is_label(S, y) / np.sqrt(1 + (S**2).sum(axis=1, keepdims=True)) / len(S)


def pairs(S: Any, y: Any) -> Any:
    """The gradient of sum_m sin(s_m s_{m+1})."""
    after, before = np.roll(S, -1, axis=1), np.roll(S, 1, axis=1)
    return (np.cos(S * after) * after + np.cos(before * S) * before) / len(S)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_a_jacobian_that_is_not_symmetric_is_an_error(dtype: str, per_sample: bool) -> None:
    found = findings(normalised, per_sample, dtype=dtype)
    assert "its Jacobian J is not symmetric" in found["not-a-gradient"].message
    assert "gradient-of-another-loss" not in found
    assert found["not-a-gradient"].hint.startswith("look at dS")


@pytest.mark.parametrize(
    "gradient",
    [
        lambda S, y: np.tanh(S) / len(S),
        pairs,
        lambda S, y: np.where(np.arange(S.shape[1]) % 2 == 0, np.sign(S), 0.5) / len(S),  # of a piecewise linear one
        lambda S, y: np.floor(1e4 * S).cumsum(axis=1) % 2 / len(S),  # kinks everywhere
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_gradient_of_an_unknown_loss_fits_no_known_cause(gradient: Gradient, dtype: str) -> None:
    found = findings(gradient, dtype=dtype)
    assert list(found) == ["gradient-of-another-loss"]
    message = found["gradient-of-another-loss"].message
    assert "no known cause fits; dS is wrong in " in message
    assert "where the numerical gradient is" in message


@pytest.mark.parametrize(
    ("is_wrong", "words"),
    [
        (lambda S, y: y[:, None] == 0, ", only in rows with label 0;"),
        (lambda S, y: y[:, None] % 2 == 0, ", only in rows with label 0, 2, 4;"),
        (lambda S, y: len(S) > 4, ", only at N = 8;"),
        (lambda S, y: np.isin(np.arange(S.shape[1]), [1, 3]), ", only in class 1, 3;"),
        (lambda S, y: np.abs(S) > 1, ", only where |s_j| > 1;"),
        (lambda S, y: S > 0.9, ", only where s_j > 0.9;"),
        (lambda S, y: np.abs(S - is_label(S, y)) > 1, ", only where |s_j - y_j| > 1 (y one-hot);"),
        (lambda S, y: S.cumsum(axis=1) > 0, " entries; the largest error"),
    ],
)
def test_what_the_wrong_entries_have_in_common_is_named(is_wrong: Any, words: str) -> None:
    evidence = evidence_of("softmax", lambda dS, S, y: np.where(is_wrong(S, y), dS * (1.5 + np.sin(S)), dS), seed=3)
    count = sum(np.count_nonzero(seen.wrong) for seen in evidence.observations)
    assert wrong_places(evidence).startswith(f"wrong in {count} of 120 entries")
    assert words in wrong_places(evidence)


def test_a_wrong_derivative_at_0_alone_is_placed_there() -> None:
    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        return float(np.logaddexp(0, S).sum()), np.where(S == 0, 0.0, 1 / (1 + np.exp(-S)))

    (finding,) = gradcheck.check(loss).losses[0].findings
    assert ", only where s_j = 0; the largest error is in dS[" in finding.message

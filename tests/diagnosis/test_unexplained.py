"""Whether dS is a gradient at all, and where it is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from observed import is_label

import gradcheck
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


def test_slopes_that_differ_in_late_digits_are_shown_with_them() -> None:
    def eps_in_each_class(S: Any, y: Any) -> tuple[Any, Any]:
        e = np.exp(S - S.max(axis=1, keepdims=True))
        total, i = e.sum(axis=1, keepdims=True), np.arange(len(S))
        value = -np.log(e[i, y] / (total[:, 0] + 1e-6)).mean()
        return value, (e / (total + 1e-6 * S.shape[1]) - is_label(S, y)) / len(S)

    (finding,) = gradcheck.check(eps_in_each_class).losses[0].findings
    first, second = re.findall(r"J·d\d = (\S+)", finding.message)
    assert finding.code == "not-a-gradient"
    assert first != second

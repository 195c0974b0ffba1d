"""Is dS the gradient of anything?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck.report import Finding

Gradient = Callable[[Any, Any], Any]


def findings(gradient: Gradient, per_sample: bool = False, **config: Any) -> dict[str, Finding]:
    """What is said of a dS beside a value that it does not belong to."""

    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        return float(np.sum(np.sin(3 * S)) / len(S)), gradient(S, y)

    def each_row(S: Any, y: Any, reduction: str = "mean") -> tuple[Any, Any]:
        values, dS = np.sin(3 * S).sum(axis=1), gradient(S, y)
        return (values, len(S) * dS) if reduction == "none" else (values.mean(), dS)

    config = {"scores": ["normal"], **config}
    told = gradcheck.check(each_row if per_sample else loss, gradcheck.Config(**config)).losses[0].findings
    return {each.code: each for each in told}


def normalised(S: Any, y: Any) -> Any:
    """The norm of a row is taken for a constant."""
    t = (np.arange(S.shape[1]) == y[:, np.newaxis]).astype(float)
    return -t / np.sqrt(1 + (S**2).sum(axis=1, keepdims=True)) / len(S)


def log_cosh(S: Any, y: Any) -> Any:
    return np.tanh(S) / len(S)


def pairs(S: Any, y: Any) -> Any:
    """Of sum_m sin(s_m s_{m+1})."""
    after, before = np.roll(S, -1, axis=1), np.roll(S, 1, axis=1)
    return (np.cos(S * after) * after + np.cos(before * S) * before) / len(S)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_what_is_no_gradient_is_told_so(dtype: str, per_sample: bool) -> None:
    told = findings(normalised, per_sample, dtype=dtype)
    message = told["not-a-gradient"].message
    assert "its Jacobian J is not symmetric" in message
    one, other = (float(message.split(f"{name} = ")[1].split(" ")[0]) for name in ("d1·J·d2", "d2·J·d1"))
    assert abs(one - other) > 1e-3
    assert "gradient-of-another-loss" not in told
    assert told["not-a-gradient"].hint.startswith("look at dS")


@pytest.mark.parametrize("gradient", [log_cosh, pairs])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("per_sample", [False, True])
def test_what_is_some_loss_s_gradient_is_told_so(gradient: Gradient, dtype: str, per_sample: bool) -> None:
    told = findings(gradient, per_sample, dtype=dtype)
    assert "not-a-gradient" not in told
    assert "its Jacobian is symmetric" in told["gradient-of-another-loss"].message
    assert told["gradient-of-another-loss"].hint.startswith("look at the value")


@pytest.mark.parametrize(("gradient", "code"), [(normalised, "not-a-gradient"), (pairs, "gradient-of-another-loss")])
def test_one_line_is_enough_with_another_that_is_asked_for(gradient: Gradient, code: str) -> None:
    """Where each of very many rows has values of its own, noise is measured on one line."""
    assert code in findings(gradient, per_sample=True, batch_sizes=[64, 70, 80], classes=[3])


def test_a_jacobian_of_0_is_that_of_a_piecewise_linear_function() -> None:
    def signs(S: Any, y: Any) -> Any:
        return np.where(np.arange(S.shape[1]) % 2 == 0, np.sign(S), 0.5) / len(S)

    found = findings(signs)
    assert "not-a-gradient" not in found
    assert "gradient-of-another-loss" in found


def test_a_small_defect_in_one_column_is_seen() -> None:
    def slipped(S: Any, y: Any) -> Any:
        p = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
        p[:, 1] *= 1 + 1e-5
        return p / len(S)

    assert "not-a-gradient" in findings(slipped)


def test_kinks_on_a_line_are_not_taken_for_a_jacobian() -> None:
    """A hinge between the rows, jumping within 1e-4 of S."""

    def jumpy(S: Any, y: Any) -> Any:
        return np.floor(1e4 * S).cumsum(axis=1) % 2 / len(S)

    assert not {"not-a-gradient", "gradient-of-another-loss"} & set(findings(jumpy))

"""What an exception tells its author."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.checking.contract import inspect
from gradcheck.checking.exceptions import hint_of
from gradcheck.functions.function import Function

# ruff: noqa: F821
# mypy: disable-error-code="name-defined"
S, Y = np.zeros((3, 5)), np.array([0, 1, 4])


def misspelt(S: Any, y: Any) -> Any:
    margins = S + 1
    return margin.sum(), margins


def divides_in_place(S: Any, y: Any) -> Any:
    dS = (S >= 0).astype(int)
    dS /= len(S)
    return 0.0, dS


def adds_in_place(scores: Any, y: Any) -> Any:
    grad = np.zeros(scores.shape, dtype=int)
    grad[:, 0] += 0.5 * scores[:, 0]
    return 0.0, grad


def without_keepdims(S: Any, y: Any) -> Any:
    return 0.0, S - S.max(axis=1)


HINTS = [
    (misspelt, "margin is not defined; did you mean margins?"),
    (lambda S, y: (X.sum(), S), "X is not defined; did you mean S?"),
    (
        divides_in_place,
        "dS is an array of integers here: NumPy cannot write fractions to it in place; make it float: astype(S.dtype)",
    ),
    (adds_in_place, "grad is an array of integers here"),
    (without_keepdims, "keepdims=True"),
    (
        lambda S, y: (0.0, S - y),
        "y has one class for each row: if it should be one-hot, use --set labels.kind=one-hot",
    ),
    (lambda S, y: (S.log_softmax(1), S), "--framework torch"),
    (lambda S, y: (S.sum(dim=1), S), "--framework torch"),
    (lambda S, y: (S.sum() / S.size(0), S), "--framework torch"),
    (lambda S, y: (S.at[0, 0].add(1.0), S), "--framework jax"),
    (lambda S, y: (0.0, S - S.T), "is one of the two transposed"),
    (lambda S, y: (0.0, S - np.zeros((3, 10))), "a class count written as a number?"),
]


@pytest.mark.parametrize(("loss", "hint"), HINTS, ids=[hint for _, hint in HINTS])
def test_the_finding_says_what_to_look_at(loss: Any, hint: str) -> None:
    (finding,) = inspect(Function("test", loss), S, Y, None).findings
    assert finding.code == "raises"
    assert hint in finding.hint


def test_where_nothing_is_known_of_an_exception_the_contracts_hint_stays() -> None:
    def raises(S: Any, y: Any) -> Any:
        raise RuntimeError("something of my own")

    (finding,) = inspect(Function("test", raises), S, Y, None).findings
    assert "it raised at the problem" in finding.hint
    assert hint_of(None) == ""

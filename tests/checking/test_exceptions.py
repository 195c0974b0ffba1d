"""What an exception tells its author."""

import numpy as np
import pytest

from gradcheck.checking.contract import inspect
from gradcheck.functions.function import Function

# ruff: noqa: F821
# mypy: disable-error-code="name-defined"
S, Y = np.zeros((3, 5)), np.array([0, 1, 4])
margins_of = np.maximum


def misspelt(S, y):
    margins = S + 1
    return margin.sum(), margins


def too_early(S, y):
    loss += S.sum()
    loss = 0.0
    return loss, S


def divides_it(S, y):
    dS = (S >= 0).astype(int)
    dS /= len(S)
    return 0.0, dS


def adds_in_place(scores, y):
    grad = np.zeros(scores.shape, dtype=int)
    grad[:, 0] += 0.5 * scores[:, 0]
    return 0.0, grad


@pytest.mark.parametrize(
    ("loss", "hint"),
    [
        (misspelt, "margin is not defined; did you mean margins?"),
        (lambda S, y: (X.sum(), S), "X is not defined; did you mean S?"),
        (lambda S, y: (margin_of(S, 0).sum(), S), "margin_of is not defined; did you mean margins_of?"),
        (lambda S, y: (regularisation * S.sum(), S), "regularisation is not defined"),
        (too_early, "read before it is assigned"),
        (divides_it, "dS is an array of integers here: NumPy cannot divide it in place; make it float: astype(S."),
        (adds_in_place, "grad is an array of integers here: NumPy cannot write fractions to it in place"),
        (lambda S, y: (0.0, (S > 0) - (S < 0)), "boolean array"),
        (lambda S, y: (sum(S[0, j] for j in range(10)), S), "axis 1 ends at 4: is a class count written as a number?"),
        (lambda S, y: (sum(S[i, 0] for i in range(60)), S), "axis 0 ends at 2: is a batch size written as a number?"),
        (lambda S, y: (S[np.arange(8), y].sum(), S), "is a batch size written as a number?"),
        (lambda S, y: (S[np.arange(3), y / 1].sum(), S), "indices must be integers"),
        (lambda S, y: (0.0, S - S.max(axis=1)), "keepdims=True"),
        (lambda S, y: (0, S - y), "y has one class for each row: if it should be one-hot, use --set labels.kind=one"),
        (lambda S, y: (S.log_softmax(1), S), "--framework torch"),
        (lambda S, y: (S.sum(dim=1), S), "--framework torch"),
        (lambda S, y: (S.sum() / S.size(0), S), "--framework torch"),
        (lambda S, y: (S.at[0, 0].add(1.0), S), "--framework jax"),
        (lambda S, y: (0.0, S - S.T), "one of the two is transposed"),
        (lambda S, y: (0.0, S - np.zeros((3, 10))), "a class count written as a number?"),
        (lambda S, y: (0.0, S[S != 1].reshape(3, 4)), "dropped by their value"),
        (lambda S, y: (1 / (len(S) - 3), S), "N - 1"),
        (lambda S, y: {}["of my own"], "look at the line of your code"),
    ],
)
def test_the_finding_says_what_to_look_at(loss, hint):
    (finding,) = inspect(Function("test", loss), S, Y, None).findings
    assert finding.code == "raises"
    assert hint in finding.hint

"""What an exception tells its author."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.checking.contract import inspect
from gradcheck.checking.exceptions import hint_of
from gradcheck.functions.function import Function

S, Y = np.zeros((3, 5)), np.array([0, 1, 4])
margins_of = np.maximum


def misspelt(S: Any, y: Any) -> Any:
    margins = S + 1
    return margin.sum(), margins  # type: ignore[name-defined]  # noqa: F821


def capital(S: Any, y: Any) -> Any:
    return X.sum(), S  # type: ignore[name-defined]  # noqa: F821


def of_the_module(S: Any, y: Any) -> Any:
    return margin_of(S, 0).sum(), S  # type: ignore[name-defined]  # noqa: F821


def unknown(S: Any, y: Any) -> Any:
    return regularisation * S.sum(), S  # type: ignore[name-defined]  # noqa: F821


def too_early(S: Any, y: Any) -> Any:
    loss += S.sum()  # noqa: F821
    loss = 0.0
    return loss, S


def divides_in_place(S: Any, y: Any) -> Any:
    dS = (S >= 0).astype(int)
    dS /= len(S)
    return 0.0, dS


def adds_in_place(scores: Any, y: Any) -> Any:
    grad = np.zeros(scores.shape, dtype=int)
    grad[:, 0] += 0.5 * scores[:, 0]
    return 0.0, grad


def subtracts_truth(S: Any, y: Any) -> Any:
    return 0.0, (S > 0) - (S < 0)


def ten_classes(S: Any, y: Any) -> Any:
    return sum(S[0, j] for j in range(10)), S


def sixty_rows(S: Any, y: Any) -> Any:
    return sum(S[i, 0] for i in range(60)), S


def eight_labels(S: Any, y: Any) -> Any:
    return S[np.arange(8), y].sum(), S


def float_labels(S: Any, y: Any) -> Any:
    return S[np.arange(3), y / 1].sum(), S


def without_keepdims(S: Any, y: Any) -> Any:
    return 0.0, S - S.max(axis=1)


def wants_one_hot(S: Any, y: Any) -> Any:
    return 0.0, S - y


def takes_tensors(S: Any, y: Any) -> Any:
    return S.log_softmax(1), S


def wants_jax(S: Any, y: Any) -> Any:
    return S.at[0, 0].add(1.0), S


def beside_its_transpose(S: Any, y: Any) -> Any:
    return 0.0, S - S.T


def beside_ten(S: Any, y: Any) -> Any:
    return 0.0, S - np.zeros((3, 10))


def reshapes(S: Any, y: Any) -> Any:
    return 0.0, S[S != 1].reshape(3, 4)


def divides_by_nothing(S: Any, y: Any) -> Any:
    return 1 / (len(S) - 3), S


HINTS = [
    (misspelt, "margin is not defined; did you mean margins?"),
    (capital, "X is not defined; did you mean S?"),
    (of_the_module, "margin_of is not defined; did you mean margins_of?"),
    (unknown, "regularisation is not defined"),
    (too_early, "read before it is assigned"),
    (
        divides_in_place,
        "dS is an array of integers here: NumPy cannot divide it in place; make it float: astype(S.dtype)",
    ),
    (adds_in_place, "grad is an array of integers here: NumPy cannot write fractions to it in place"),
    (subtracts_truth, "boolean array"),
    (ten_classes, "axis 1 ends at 4: is a class count written as a number?"),
    (sixty_rows, "axis 0 ends at 2: is a batch size written as a number?"),
    (eight_labels, "is a batch size written as a number?"),
    (float_labels, "indices must be integers"),
    (without_keepdims, "keepdims=True"),
    (wants_one_hot, "y has one class for each row: if it should be one-hot, use --set labels.kind=one-hot"),
    (takes_tensors, "--framework torch"),
    (wants_jax, "--framework jax"),
    (beside_its_transpose, "one of the two is transposed"),
    (beside_ten, "a class count written as a number?"),
    (reshapes, "dropped by their value"),
    (divides_by_nothing, "N - 1"),
]


@pytest.mark.parametrize(("loss", "hint"), HINTS, ids=[loss.__name__ for loss, _ in HINTS])
def test_the_finding_says_what_to_look_at(loss: Any, hint: str) -> None:
    (finding,) = inspect(Function("test", loss), S, Y, None).findings
    assert finding.code == "raises"
    assert hint in finding.hint


def test_of_what_is_not_well_known_the_contracts_hint_stays() -> None:
    def raises(S: Any, y: Any) -> Any:
        raise RuntimeError("something of my own")

    (finding,) = inspect(Function("test", raises), S, Y, None).findings
    assert "the scores that it raised at" in finding.hint


def test_of_no_exception_and_of_one_that_was_never_raised_nothing_is_said() -> None:
    assert hint_of(None) == ""
    assert hint_of(NameError("name 'X' is not defined", name="X")) == ""

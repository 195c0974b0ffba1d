"""A link whose derivative is lost or there twice, or that the value lacks; and factors that only look like one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck.report import Finding


def sigmoid(S: Any) -> Any:
    return 1 / (1 + np.exp(-S))


def softmax(S: Any) -> Any:
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def slope_of_softmax(S: Any, dp: Any) -> Any:
    return softmax(S) * (dp - (softmax(S) * dp).sum(axis=1, keepdims=True))


LINKS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "exp": (np.exp, lambda S, dp: dp * np.exp(S)),
    "sigmoid": (sigmoid, lambda S, dp: dp * sigmoid(S) * (1 - sigmoid(S))),
    "softmax": (softmax, slope_of_softmax),
    "tanh": (np.tanh, lambda S, dp: dp * (1 - np.tanh(S) ** 2)),
}


def distance(p: Any, y: Any) -> tuple[float, Any]:
    """The mean of sqrt(1 + (p - t)^2), and its gradient by p."""
    r = p - np.eye(p.shape[1])[y]
    root = np.sqrt(1 + r**2)
    return float(root.sum() / len(p)), r / root / len(p)


def errors(loss: Any) -> list[Finding]:
    return [each for each in gradcheck.check(loss).losses[0].findings if each.severity == "error"]


@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_named_where_its_derivative_is_lost_or_twice_or_the_value_lacks_it(name: str) -> None:
    g, through = LINKS[name]

    def right(S: Any, y: Any) -> Any:
        value, dp = distance(g(S), y)
        return value, through(S, dp)

    def lost(S: Any, y: Any) -> Any:
        return distance(g(S), y)

    def twice(S: Any, y: Any) -> Any:
        value, dp = distance(g(S), y)
        return value, through(S, through(S, dp))

    def only_in_dS(S: Any, y: Any) -> Any:  # noqa: N802
        return distance(S, y)[0], right(S, y)[1]

    assert gradcheck.check(right).passed
    for loss, words in (
        (lost, f"dS is the derivative by p = {name}(S), and not by S"),
        (twice, f"dS has the derivative of {name} once more than it should"),
        (only_in_dS, f"dS is the gradient of the value taken at {name}(S) in place of S"),
    ):
        (finding,) = errors(loss)
        assert words in finding.message


def test_another_factor_is_no_link() -> None:
    def off(S: Any, y: Any) -> Any:
        value, dp = distance(sigmoid(S), y)
        return value, dp * sigmoid(S) * (1 - sigmoid(S) ** 2)

    def other(S: Any, y: Any) -> Any:
        return distance(S, y)[0], 1.1 * LINKS["exp"][1](S, distance(np.exp(S), y)[1])

    for loss in (off, other):
        assert not any("derivative" in each.message or "in place of S" in each.message for each in errors(loss))

"""Wrong losses to shrink, in view, and what a check sees of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.checking.evidence import Allowance, Evidence
from gradcheck.checking.problem import check_problem
from gradcheck.config import Config
from gradcheck.functions.function import Function
from gradcheck.sampling import problems


def probabilities(S):
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax(change: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """Softmax cross-entropy, its dS changed: of dS, S and y."""

    def loss(S, y):
        i, p = np.arange(len(S)), probabilities(S)
        value = -np.log(p[i, y]).mean()
        p[i, y] -= 1
        return value, change(p / len(S), S, y)

    return loss


def without_label(S, y):
    """Softmax, the label's term forgotten."""
    p = probabilities(S)
    return -np.log(p[np.arange(len(S)), y]).mean(), p / len(S)


def svm_at_ties(at_ties: float) -> Callable[[Any, Any], Any]:
    """The SVM loss, whose margins of exactly 0 count so much in dS; from 0 to 1 is right."""

    def loss(S, y):
        i = np.arange(len(S))
        margins = S - S[i, y][:, None] + 1
        margins[i, y] = 0
        count = np.where(margins == 0, at_ties, margins > 0)
        count[i, y] = 0
        count[i, y] = -count.sum(axis=1)
        return np.maximum(margins, 0).sum() / len(S), count / len(S)

    return loss


def evidence_of(loss: Callable[..., Any], config: Config | None = None, calls: int = 200) -> Evidence:
    """What a check sees of a loss at the problems of a configuration."""
    config = config or Config()
    asked = Function("test", loss)
    seen = (check_problem(asked, problem, config).case for problem in problems(config))
    return Evidence(tuple(filter(None, seen)), config.rtol, Allowance(asked, calls, config.dtype))

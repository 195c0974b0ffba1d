"""How many calls functions of named inputs take, right and wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from layers import RIGHT, WRONG
from layers.test_verdicts import report_of

import gradcheck

pytestmark = pytest.mark.benchmark


def calls_beyond(report: gradcheck.Report) -> int:
    """Calls beyond two an entry."""
    (loss,) = report.losses
    return sum(batch.evaluations - 2 * batch.entries for batch in loss.batches)


def two_layer_net(params: Any, X: Any, y: Any, reg: float) -> Any:
    W1, b1, W2, b2 = (params[name] for name in ("W1", "b1", "W2", "b2"))
    before, rows = X @ W1 + b1, np.arange(len(y))
    hidden = np.maximum(before, 0)
    scores = hidden @ W2 + b2
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    value = -np.log(p[rows, y]).mean() + 0.5 * reg * ((W1**2).sum() + (W2**2).sum())
    p[rows, y] -= 1
    p /= len(y)
    dhidden = p @ W2.T * (before > 0)
    dW1, dW2 = X.T @ dhidden + reg * W1, hidden.T @ p + reg * W2
    return value, {"W1": dW1, "b1": dhidden.sum(axis=0), "W2": dW2, "b2": p.sum(axis=0)}


def test_a_net_of_5000_parameters_takes_2_calls_an_entry_and_150() -> None:
    weights = {"W1": "normal(0, 0.1) [D, H]", "b1": "[H]", "W2": "normal(0, 0.1) [H, C]", "b2": "[C]"}
    report = gradcheck.check(
        two_layer_net,
        inputs={"params": weights, "X": "[N, D]", "y": "labels", "reg": 0.1},
        sizes={"D": 64, "H": 64},
        classes=10,
        batch_sizes=32,
    )
    assert report.passed
    assert calls_beyond(report) <= 150


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_one_takes_2_calls_an_entry_and_100(name: str) -> None:
    loss = report_of(RIGHT[name])
    problems: dict[int, int] = {}
    for batch in loss.batches:
        problems[batch.batch_size] = problems.get(batch.batch_size, 0) + batch.evaluations - 2 * batch.entries
    assert max(problems.values()) <= 100


@pytest.mark.parametrize("name", [name for name in WRONG if name.startswith(("conv", "max_pool"))])
def test_a_wrong_one_of_many_entries_takes_4_calls_an_entry_and_800_an_input(name: str) -> None:
    """At most 16 wrong entries of an input take more than four calls."""
    loss = report_of(WRONG[name])
    assert sum(batch.evaluations - 4 * batch.entries - 800 for batch in loss.batches) <= 0


def test_ten_million_weights_by_projections_take_40_calls() -> None:
    def softplus_of_products(W: Any, X: Any) -> Any:
        Z = X @ W
        return float(np.logaddexp(0, Z).sum()), X.T @ (1 / (1 + np.exp(-Z)))

    report = gradcheck.check(
        softplus_of_products, inputs={"W": "normal(0, 0.02) [10000, 1000]", "X": "[4, 10000]"}, batch_sizes=4
    )
    (batch,) = report.losses[0].batches
    assert batch.projections is not None
    assert batch.projections.agree
    assert report.passed
    assert batch.evaluations <= 40

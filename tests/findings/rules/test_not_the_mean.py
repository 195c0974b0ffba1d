"""Rows that are separate, and a value that is neither their mean nor their sum."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck import Config
from gradcheck.report import LossReport


def square(S: Any, y: Any) -> Any:
    return (S**2).sum(), 2 * S


def softmax(S: Any, y: Any) -> Any:
    i = np.arange(len(S))
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    dS = np.exp(log_p)
    dS[i, y] -= 1
    return -log_p[i, y].sum(), dS


def weighing(weight: Callable[[int], float], rows: Any = square) -> Any:
    """A loss that takes so many times the sum of its rows."""

    def loss(S: Any, y: Any) -> Any:
        value, dS = rows(S, y)
        return weight(len(S)) * value, weight(len(S)) * dS

    return loss


def checked(loss: Any, config: Config | None = None) -> LossReport:
    return gradcheck.check(loss, config).losses[0]


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (lambda N: 1 / N**2, "1/N^2 of what it is worth alone (1/9 at N = 3, 1/64 at N = 8)"),
        (lambda N: 1 / math.sqrt(N), "1/sqrt(N) of"),
        (lambda N: 1 / max(N - 1, 1), "(1/2 at N = 3, 1/7 at N = 8)"),
        (lambda N: 1 / (N + 1), "2/(N + 1) of"),
        (lambda N: {1: 1.0, 3: 0.7, 8: 0.3}[N], "counts 0.7 at N = 3, 0.3 at N = 8 of"),
    ],
)
def test_what_a_row_counts_is_said_with_its_law(weight: Any, words: str) -> None:
    calls = 0

    def counted(S: Any, y: Any) -> Any:
        nonlocal calls
        calls += 1
        return weighing(weight)(S, y)

    report = checked(counted)
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("not-the-mean", "warning")
    assert words in finding.message
    assert sum(batch.evaluations for batch in report.batches) + report.evaluations_to_explain == calls


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (lambda N: 1 / 64, "1/64 of softmax's, whatever N is"),
        (lambda N: 1 / N**2, "1/N^2 of softmax's"),
        (lambda N: 1 / (N + 1), "1/(N + 1) of softmax's"),
    ],
)
def test_beside_a_built_in_it_takes_no_call(weight: Any, words: str) -> None:
    report = checked(weighing(weight, softmax))
    assert [finding.code for finding in report.findings] == ["not-the-mean"]
    assert words in report.findings[0].message
    assert report.evaluations_to_explain == 0


@pytest.mark.parametrize("rows", [square, softmax])
@pytest.mark.parametrize(
    "weight", [lambda N: 1 / N, lambda N: 1.0, lambda N: 0.2 / N], ids=["mean", "sum", "a part of the mean"]
)
def test_of_a_mean_and_a_sum_nothing_is_said(rows: Any, weight: Any) -> None:
    codes = [finding.code for finding in checked(weighing(weight, rows)).findings]
    assert "not-the-mean" not in codes


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("batch_sizes", [[2], [3], [1, 3, 8]])
def test_rows_that_weigh_by_what_the_batch_holds_are_no_defect(classes: int, batch_sizes: Any) -> None:
    def by_class(S: Any, y: Any) -> Any:
        weights = np.linspace(1, 3, S.shape[1])[y]
        return _weighted(S, y, weights / weights.sum())

    def by_count(S: Any, y: Any) -> Any:
        return _weighted(S, y, 1 / np.bincount(y, minlength=S.shape[1])[y])

    config = Config(classes=[classes], batch_sizes=batch_sizes)
    for loss in (by_class, by_count):
        assert "not-the-mean" not in [finding.code for finding in checked(loss, config).findings]


def _weighted(S: Any, y: Any, weights: Any) -> Any:
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    dS = np.exp(log_p)
    dS[np.arange(len(S)), y] -= 1
    return -(weights * log_p[np.arange(len(S)), y]).sum(), weights[:, None] * dS


def hardest_half(S: Any, y: Any) -> Any:
    """The mean of the larger half of the rows' hinge losses; the rows that are left out may be worth 0."""
    rows, half = np.arange(len(S)), (len(S) + 1) // 2
    margins = np.maximum(S - S[rows, y][:, np.newaxis] + 1, 0)
    margins[rows, y] = 0
    dS = np.where(margins > 0, 1.0, 0.0)
    dS[rows, y] = -dS.sum(axis=1)
    worth = margins.sum(axis=1)
    kept = np.isin(rows, np.argsort(-worth, kind="stable")[:half])
    return worth[kept].mean(), np.where(kept[:, np.newaxis], dS, 0) / half


@pytest.mark.parametrize("seed", range(8))
def test_rows_that_are_left_out_for_what_they_are_worth_are_no_defect(seed: int) -> None:
    config = Config(scores={"distribution": "integers", "low": -1, "high": 1}, batch_sizes=[2, 3], seed=seed)
    report = checked(hardest_half, config)
    assert [finding.code for finding in report.findings if finding.code == "not-the-mean"] == []


def test_rows_that_are_coupled_are_no_defect() -> None:
    def spread(S: Any, y: Any) -> Any:
        centred = S - S.mean(axis=0)
        return (centred**2).sum() / len(S), 2 * centred / len(S)

    assert checked(spread).findings == ()


def test_a_penalty_beside_the_mean_is_no_weight_of_rows() -> None:
    def ridge(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        return value / len(S) + 0.1 * (S**2).sum(), dS / len(S) + 0.2 * S

    assert checked(ridge).findings == ()


def test_a_loss_that_takes_no_single_row_is_left_alone() -> None:
    def sample(S: Any, y: Any) -> Any:
        if len(S) == 1:
            raise ValueError("one row has no variance")
        return weighing(lambda N: 1 / (N - 1))(S, y)

    assert checked(sample, Config(batch_sizes=[3, 8])).findings == ()

"""Kinks, jumps, problems that test nothing, and values that are neither a mean nor a sum."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from observed import codes

import gradcheck
from gradcheck import Config
from gradcheck.report import Finding


def findings(loss: Any, config: Config | None = None) -> dict[str, Finding]:
    return {finding.code: finding for finding in gradcheck.check(loss, config).losses[0].findings}


def with_derivative_of_margins(margins: Any, q: Any, y: Any) -> Any:
    """The mean of the margins, and its gradient if q is 1 for those that count."""
    i = np.arange(len(q))
    q = np.array(q, dtype=float)
    q[i, y] = -q.sum(axis=1)
    return margins.sum() / len(q), q / len(q)


# --- not-a-subgradient ------------------------------------------------------------------------------------


def margins_of(S: Any, y: Any, own: float = 0.0) -> Any:
    """s_j - s_y + 1, and for the label a number of one's own."""
    margins = S - S[np.arange(len(S)), y][:, np.newaxis] + 1
    margins[np.arange(len(S)), y] = own
    return margins


def svm_with(at_ties: float) -> Any:
    """The svm with a chosen slope at a margin of exactly 0."""

    def loss(S: Any, y: Any) -> Any:
        margins = margins_of(S, y, own=-1.0)
        return with_derivative_of_margins(np.maximum(0, margins), (margins > 0) + at_ties * (margins == 0), y)

    return loss


@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0])
def test_any_number_between_the_derivatives_on_both_sides_is_right(slope: float) -> None:
    assert gradcheck.check(svm_with(slope)).passed


@pytest.mark.parametrize("slope", [-1.0, 2.0])
def test_a_number_outside_of_them_is_not_a_subgradient(slope: float) -> None:
    found = findings(svm_with(slope))
    assert next(iter(found)) == "not-a-subgradient"
    assert "at kinks" in found["not-a-subgradient"].message


def test_a_loss_that_is_wrong_elsewhere_is_not_explained_by_kinks() -> None:
    def negated(S: Any, y: Any) -> Any:
        value, dS = svm_with(2.0)(S, y)
        return value, -dS

    def wrong_at_0(S: Any, y: Any) -> Any:
        return float((S**2).sum()) / len(S), np.where(S == 0, 1.0, 2 * S) / len(S)

    assert "not-a-subgradient" not in findings(negated)
    assert "not-a-subgradient" not in findings(wrong_at_0)


# --- removable-jump ---------------------------------------------------------------------------------------


def svm_without_margins_of_1(S: Any, y: Any) -> Any:
    """Identifies the label's margin by its value, and with it that of every class with the label's score."""
    margins = np.maximum(0, margins_of(S, y, own=1.0))
    margins[margins == 1] = 0
    return with_derivative_of_margins(margins, margins > 0, y)


def test_a_tie_that_is_dropped_by_its_value_is_an_error_that_names_the_entry() -> None:
    (finding,) = gradcheck.check_at(svm_without_margins_of_1, [[0.0, 2.0, 2.0]], [2]).losses[0].findings
    assert (finding.code, finding.severity) == ("removable-jump", "error")
    assert "the value is 0 at S, but near 1 as soon as S[0, 1] = 2" in finding.message
    assert gradcheck.check_at(svm_without_margins_of_1, [[0.0, 1.5, 2.0]], [2]).passed


@pytest.mark.parametrize(
    "value",
    [
        lambda S, s_y: np.mean(np.sum(s_y < S, axis=1)),  # jumps to one side
        lambda S, s_y: np.mean(np.sum(np.sign(S - s_y), axis=1)),  # is between its two sides
    ],
)
def test_other_jumps_are_not_removable(value: Any) -> None:
    def loss(S: Any, y: Any) -> Any:
        return float(value(S, S[np.arange(len(S)), y][:, np.newaxis])), np.zeros_like(S)

    assert "removable-jump" not in codes(gradcheck.check_at(loss, [[2.0, 1.0, 2.0]], [0]).losses[0].findings)


# --- vacuous ----------------------------------------------------------------------------------------------


def flat(S: Any, y: Any) -> Any:
    return 3.0, np.zeros_like(S)


def test_a_loss_that_never_changes_passes_with_a_warning() -> None:
    finding = findings(flat, Config(batch_sizes=[3], scores="normal"))["vacuous"]
    assert finding.severity == "warning"
    assert "0 in all 15 entries of the one problem: nothing was tested" in finding.message
    assert gradcheck.check(flat).passed
    assert not gradcheck.check(flat, strict=True).passed


# --- not-the-mean -----------------------------------------------------------------------------------------


def square(S: Any, y: Any) -> Any:
    return (S**2).sum(), 2 * S


def softmax(S: Any, y: Any, weights: Any = 1.0) -> Any:
    i = np.arange(len(S))
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    dS = np.exp(log_p)
    dS[i, y] -= 1
    return -(weights * log_p[i, y]).sum(), np.reshape(weights, (-1, 1)) * dS


def weighing(weight: Callable[[int], float], rows: Any = square) -> Any:
    """A loss that takes so many times the sum of its rows."""

    def loss(S: Any, y: Any) -> Any:
        value, dS = rows(S, y)
        return weight(len(S)) * value, weight(len(S)) * dS

    return loss


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (lambda N: 1 / N**2, "counts 1/9 at N = 3, 1/64 at N = 8 of its value alone"),
        (lambda N: 1 / math.sqrt(N), "0.57735 at N = 3, 0.35355 at N = 8 of"),
        (lambda N: 1 / max(N - 1, 1), "counts 1/2 at N = 3, 1/7 at N = 8 of"),
        (lambda N: 1 / (N + 1), "counts 1/2 at N = 3, 2/9 at N = 8 of"),
        (lambda N: {1: 1.0, 3: 0.7, 8: 0.3}[N], "counts 0.7 at N = 3, 0.3 at N = 8 of"),
    ],
)
def test_the_weight_of_a_row_is_named(weight: Any, words: str) -> None:
    (finding,) = findings(weighing(weight)).values()
    assert (finding.code, finding.severity) == ("not-the-mean", "warning")
    assert words in finding.message


def test_a_constant_weight_is_named_beside_a_built_in() -> None:
    assert "1/64 of softmax's, at every N" in findings(weighing(lambda N: 1 / 64, softmax))["not-the-mean"].message


@pytest.mark.parametrize("rows", [square, softmax])
@pytest.mark.parametrize("weight", [lambda N: 1 / N, lambda N: 1.0, lambda N: 0.2 / N], ids=["mean", "sum", "part"])
def test_a_mean_and_a_sum_are_not_named(rows: Any, weight: Any) -> None:
    assert "not-the-mean" not in findings(weighing(weight, rows))


@pytest.mark.parametrize(
    "loss",
    [
        lambda S, y: softmax(S, y, np.linspace(1, 3, 5)[y] / np.linspace(1, 3, 5)[y].sum()),
        lambda S, y: softmax(S, y, 1 / np.bincount(y, minlength=5)[y]),
        lambda S, y: (((S - S.mean(axis=0)) ** 2).sum() / len(S), 2 * (S - S.mean(axis=0)) / len(S)),
        lambda S, y: (softmax(S, y)[0] / len(S) + 0.1 * (S**2).sum(), softmax(S, y)[1] / len(S) + 0.2 * S),
    ],
    ids=["by class", "by count", "coupled rows", "a penalty"],
)
def test_rows_of_unequal_or_coupled_weight_are_no_defect(loss: Any) -> None:
    for batch_sizes in ([2], [3], [1, 3, 8]):
        assert "not-the-mean" not in findings(loss, Config(batch_sizes=batch_sizes))

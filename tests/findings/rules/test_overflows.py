"""Losses that are not finite at scores of size 1e3, and need not be so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck import Config
from gradcheck.losses import BUILT_INS
from gradcheck.report import Finding, LossReport


def softmax_less(maximum: Any) -> Any:
    """Softmax that takes the log of p, after some maximum is subtracted."""

    def loss(S: Any, y: Any) -> Any:
        i = np.arange(len(S))
        e = np.exp(S - maximum(S))
        p = e / e.sum(axis=1, keepdims=True)
        value = -np.log(p[i, y]).mean()
        p[i, y] -= 1
        return value, p / len(S)

    return loss


NAIVE = softmax_less(lambda S: 0.0)
ROWS = softmax_less(lambda S: S.max(axis=1, keepdims=True))
BATCH = softmax_less(np.max)


def softplus(S: Any, y: Any) -> Any:
    return np.log(1 + np.exp(S)).sum() / len(S), 1 / (1 + np.exp(-S)) / len(S)


def focal(S: Any, y: Any) -> Any:
    i, C = np.arange(len(S)), S.shape[1]
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    u = p[i, y]
    slope = 2 * u * (1 - u) * np.log(u) - (1 - u) ** 2
    return -np.mean((1 - u) ** 2 * np.log(u)), slope[:, None] * (np.eye(C)[y] - p) / len(S)


def in_python(S: Any, y: Any) -> Any:
    value, dS = 0.0, np.zeros(S.shape)
    for i, row in enumerate(S.tolist()):
        e = [math.exp(s) for s in row]
        value -= math.log(e[y[i]] / sum(e)) / len(S)
        dS[i] = np.array(e) / sum(e) / len(S)
        dS[i, y[i]] -= 1 / len(S)
    return value, dS


def exponential(S: Any, y: Any) -> Any:
    i = np.arange(len(S))
    e = np.exp(S - S[i, y][:, None])
    e[i, y] = 0
    dS = e.copy()
    dS[i, y] = -e.sum(axis=1)
    return e.sum() / len(S), dS / len(S)


def own(S: Any, y: Any) -> Any:
    return BUILT_INS["softmax"].function(S, y)


class Counted:
    def __init__(self, loss: Any) -> None:
        self.loss, self.calls, self.large = loss, 0, 0

    def __call__(self, S: Any, y: Any) -> Any:
        self.calls += 1
        self.large += bool(np.max(np.abs(S)) > 20 and np.max(np.abs(S)) >= 500)
        return self.loss(S, y)


def checked(loss: Any, config: Config | None = None) -> LossReport:
    return gradcheck.check(loss, config).losses[0]


def overflow(report: LossReport) -> Finding:
    (finding,) = [each for each in report.findings if each.code == "overflows"]
    assert finding.severity == "warning"
    return finding


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("loss", "message", "hint"),
    [
        (NAIVE, "entries of dS are not finite", "subtract the row's maximum"),
        (ROWS, "the value is inf (and dS finite)", "log p_y as a difference"),
        (BATCH, "entries of dS are not finite", "each row's own"),
        (softplus, "the value is inf (and dS finite)", "np.logaddexp(0, z)"),
        (focal, "the value is inf", "row's maximum"),
    ],
    ids=["no maximum", "log of p", "batch's maximum", "softplus", "focal"],
)
def test_what_is_wrong_with_it_is_told_apart(loss: Any, message: str, hint: str, dtype: Any) -> None:
    report = checked(loss, Config(dtype=dtype))
    finding = overflow(report)
    assert message in finding.message
    assert hint in finding.hint
    assert all(batch.passed for batch in report.batches)


def test_of_two_rows_the_maximum_that_nobody_subtracts_is_not_the_batchs() -> None:
    hint = overflow(checked(NAIVE, Config(batch_sizes=[2], classes=[2]))).hint
    assert "whole batch" not in hint


def test_what_pythons_own_math_raises_is_an_overflow() -> None:
    assert "it raises" in overflow(checked(in_python)).message


@pytest.mark.parametrize("kind", ["one-hot", "multi-hot"])
def test_it_is_seen_with_other_labels(kind: Any) -> None:
    def loss(S: Any, Y: Any) -> Any:
        e = np.exp(S)
        weight = Y.sum(axis=1, keepdims=True)
        p = e / e.sum(axis=1, keepdims=True)
        return -(Y * np.log(p)).sum() / len(S), (weight * p - Y) / len(S)

    overflow(checked(loss, Config(labels={"kind": kind})))


@pytest.mark.parametrize(
    "loss",
    [
        exponential,
        lambda S, y: (np.exp(S).sum(), np.exp(S)),
        lambda S, y: (np.exp(S**2 / 8).sum(), S / 4 * np.exp(S**2 / 8)),
    ],
    ids=["of margins", "of scores", "of squares"],
)
def test_an_exponential_that_has_no_stable_form_is_left_alone(loss: Any) -> None:
    counted = Counted(loss)
    report = checked(counted)
    assert report.findings == ()
    assert sum(batch.evaluations for batch in report.batches) == counted.calls


def test_a_loss_that_refuses_large_scores_is_left_alone() -> None:
    def refuses(S: Any, y: Any) -> Any:
        if np.max(np.abs(S)) > 900:
            raise ValueError("scores out of range")
        return own(S, y)

    assert checked(refuses).findings == ()


def test_a_guard_that_keeps_it_finite_is_enough() -> None:
    def guarded(S: Any, y: Any) -> Any:
        i = np.arange(len(S))
        e = np.exp(S - S.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        value = -np.log(p[i, y] + 1e-300).mean()
        p[i, y] -= 1
        return value, p / len(S)

    assert checked(guarded).findings == ()


@pytest.mark.parametrize("name", BUILT_INS)
def test_a_stable_loss_takes_one_call_more_which_is_counted(name: str) -> None:
    counted = Counted(lambda S, y: BUILT_INS[name].function(S, y))
    report = checked(counted, Config(scores="normal"))
    assert "overflows" not in [finding.code for finding in report.findings]
    assert counted.large == 1
    assert sum(batch.evaluations for batch in report.batches) == counted.calls
    assert report.evaluations_to_explain == 0


def test_a_loss_that_is_not_finite_takes_three_calls_at_most() -> None:
    counted = Counted(NAIVE)
    report = checked(counted)
    calls = sum(batch.evaluations for batch in report.batches)
    assert calls == counted.calls
    assert calls - sum(batch.evaluations for batch in checked(own).batches) <= 2


def test_a_loss_whose_time_is_up_is_judged_by_what_was_checked() -> None:
    def out_of_time(S: Any, y: Any) -> Any:
        if np.max(np.abs(S)) >= 500:
            from gradcheck.errors import OutOfTime

            raise OutOfTime
        return own(S, y)

    assert gradcheck.check(out_of_time, Config(scores="normal")).passed

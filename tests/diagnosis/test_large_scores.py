"""Losses that overflow at scores near 1000, or that a guard changes there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck import Config
from gradcheck.errors import OutOfTime
from gradcheck.losses import BUILT_INS
from gradcheck.report import Finding


def softmax_less(maximum: Any, log: Any = np.log) -> Any:
    """Softmax that takes the log of p, after some maximum is subtracted."""

    def loss(S: Any, y: Any) -> Any:
        i = np.arange(len(S))
        e = np.exp(S - maximum(S))
        p = e / e.sum(axis=1, keepdims=True)
        value = -log(p[i, y]).mean()
        p[i, y] -= 1
        return value, p / len(S)

    return loss


def row_maximum(S: Any) -> Any:
    return S.max(axis=1, keepdims=True)


NAIVE, ROWS, BATCH = softmax_less(lambda S: 0.0), softmax_less(row_maximum), softmax_less(np.max)


own = BUILT_INS["softmax"].function


def unshifted_value(S: Any, y: Any) -> Any:
    return (np.log(np.exp(S).sum(axis=1)) - S[np.arange(len(S)), y]).mean(), own(S, y)[1]


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


def overflow(loss: Any, **config: Any) -> Finding:
    """The finding of a loss that is right elsewhere."""
    report = gradcheck.check(loss, Config(**config)).losses[0]
    (finding,) = [each for each in report.findings if each.code == "overflows"]
    assert finding.severity == "warning"
    assert all(batch.passed for batch in report.batches)
    return finding


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("loss", "message", "hint"),
    [
        (NAIVE, "entries of dS are not finite", "each row's own maximum before exp"),
        (ROWS, "the value is inf, and dS is finite, for scores near 1000; a stable softmax does not", "log p_y as a"),
        (BATCH, "entries of dS are not finite", "each row's own"),
        (unshifted_value, "and dS is finite, for scores near 1000", "exp overflows in the value"),
        (softplus, "the value is inf, and dS is finite", "np.logaddexp(0, z)"),
        (focal, "the value is inf", "dS divides by a probability"),
    ],
    ids=["no maximum", "log of p", "batch's maximum", "value alone", "softplus", "focal"],
)
def test_the_mend_is_named(loss: Any, message: str, hint: str, dtype: Any) -> None:
    finding = overflow(loss, dtype=dtype)
    assert message in finding.message
    assert hint in finding.hint


def test_an_overflow_that_python_s_math_raises_is_one() -> None:
    assert "the value is nan" in overflow(in_python).message


@pytest.mark.parametrize("kind", ["one-hot", "multi-hot"])
def test_other_labels_show_it_too(kind: Any) -> None:
    def loss(S: Any, Y: Any) -> Any:
        e = np.exp(S)
        p = e / e.sum(axis=1, keepdims=True)
        return -(Y * np.log(p)).sum() / len(S), (Y.sum(axis=1, keepdims=True) * p - Y) / len(S)

    overflow(loss, labels={"kind": kind})


def test_a_guard_that_changes_the_value_at_large_scores_alone_is_named() -> None:
    finding = overflow(softmax_less(row_maximum, lambda p: np.log(np.maximum(p, 1e-10))))
    assert "for scores near 1000 the value is 17.2694, and that of a stable softmax is 418.094:" in finding.message
    assert "a guard such as clip, maximum or + 1e-12 changes it there" in finding.message


def clipped(p: Any) -> Any:
    return np.log(np.clip(p, 1e-9, 1 - 1e-9))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scores", [["normal(0, 1000)"], ["normal(0, 1)", "uniform(-900, 900)"]])
@pytest.mark.parametrize("log", [lambda p: np.log(np.maximum(p, 1e-10)), lambda p: np.log(p + 1e-12), clipped])
def test_a_guard_that_is_met_at_large_scores_is_named_as_one(log: Any, scores: Any, dtype: Any) -> None:
    (finding,) = gradcheck.check(softmax_less(row_maximum, log), scores=scores, dtype=dtype).losses[0].findings[:1]
    assert (finding.code, finding.severity) == ("log-guard", "error")
    assert "the value is softmax's at small scores, and dS its" in finding.message or "+ eps) with" in finding.message


def test_a_factor_of_a_loss_that_is_right_at_large_scores_is_no_guard() -> None:
    (finding,) = (
        gradcheck.check(lambda S, y: (own(S, y)[0], 2 * own(S, y)[1]), scores="normal(0, 1000)").losses[0].findings
    )
    assert finding.code == "constant-factor"


def raising(error: BaseException) -> Any:
    def loss(S: Any, y: Any) -> Any:
        if np.max(np.abs(S)) >= 500:
            raise error
        return own(S, y)

    return loss


@pytest.mark.parametrize(
    "loss",
    [
        exponential,
        lambda S, y: (np.exp(S).sum(), np.exp(S)),
        lambda S, y: (np.exp(S**2 / 8).sum(), S / 4 * np.exp(S**2 / 8)),
        raising(ValueError("scores out of range")),
        raising(OutOfTime()),
        *BUILT_INS,
    ],
    ids=lambda loss: loss if isinstance(loss, str) else "",
)
def test_a_loss_that_is_stable_or_has_no_stable_form_or_rejects_large_scores_has_no_finding(loss: Any) -> None:
    assert gradcheck.check(loss, Config(scores="normal")).losses[0].findings == ()

"""dS that jumps where the value is smooth, and dS that is left over from earlier calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from observed import is_label, right

import gradcheck
from gradcheck.report import LossReport


def checked(loss: Any, **config: Any) -> LossReport:
    return gradcheck.check(loss, **config).losses[0]


def logcosh_of_neighbours(S: Any, y: Any) -> Any:
    """|d| + log(1 + e^{-2|d|}) of neighbouring scores, its derivative by terms, 0 where |d| has none."""
    d = np.diff(S, axis=1)
    e = np.exp(-2 * np.abs(d))
    slope = np.sign(d) * (1 - 2 * e / (1 + e)) + 0.5 * (d == 0)
    dS = np.zeros_like(S)
    dS[:, 1:] += slope
    dS[:, :-1] -= slope
    return (np.abs(d) + np.log1p(e)).sum() / len(S), dS / len(S)


def picked_by_equality(S: Any, y: Any) -> Any:
    value, dS = right("squared-hinge")(S, y)
    return value, np.where((S[np.arange(len(S)), y][:, None] == S) & ~is_label(S, y), 0, dS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", [logcosh_of_neighbours, picked_by_equality])
def test_a_jump_of_dS_alone_is_named(loss: Any, dtype: str) -> None:  # noqa: N802
    (finding,) = checked(loss, dtype=dtype).findings
    assert finding.code == "smooth-kink"
    assert "dS jumps where the value is smooth, in all " in finding.message
    assert checked(loss, scores="normal").passed


def test_autodiff_of_two_kinks_that_cancel() -> None:
    torch = pytest.importorskip("torch")

    def bce(S: Any, y: Any) -> Any:
        return (torch.relu(S) - S * 0.3 + torch.log1p(torch.exp(-torch.abs(S)))).sum() / len(S)

    assert [each.code for each in checked(bce, framework="torch").findings] == ["smooth-kink"]


@pytest.mark.parametrize(
    ("value", "slope", "code"),
    [
        (lambda S: np.maximum(S, 0), lambda S: (S > 0) + 1.5 * (S == 0), "not-a-subgradient"),
        (lambda S: S**2 / 2, lambda S: np.where(S >= 0, S + 1, S), "one-region"),  # it jumps, and is wrong beyond too
        (lambda S: S**2 / 2, lambda S: S + (np.abs(S) < 1e-3), "smooth-kink"),
    ],
)
def test_other_slips_at_0_are_told_from_it(value: Any, slope: Any, code: str) -> None:
    found = checked(lambda S, y: (value(S).sum() / len(S), slope(S) / len(S))).findings
    if code == "smooth-kink":  # wrong in a region around 0 as well, so dS does not jump at 0
        assert code not in [each.code for each in found]
    else:
        assert found[0].code == code


def kept_mask() -> Any:
    """svm with the margins that were violated at the first call with such S."""
    memory: dict[Any, Any] = {}

    def loss(S: Any, y: Any) -> Any:
        rows = np.arange(len(S))
        margins = S - S[rows, y][:, None] + 1
        mask = memory.setdefault(S.shape, (margins > 0) & ~is_label(S, y)) & ~is_label(S, y)
        dS = mask.astype(float)
        dS[rows, y] = -mask.sum(axis=1)
        return right("svm")(S, y)[0], dS / len(S)

    return loss


def kept(of: Any, key: Any) -> Any:
    """A loss whose dS is made of something that is computed once for each key."""
    memory: dict[Any, Any] = {}

    def loss(S: Any, y: Any) -> Any:
        value, dS = right("softmax")(S, y)
        computed = of(S, y, dS)
        return value, dS - computed + memory.setdefault(key(S, y), computed)

    return loss


@pytest.mark.parametrize(
    "loss",
    [
        kept(lambda S, y, dS: dS + is_label(S, y) / len(S), lambda S, y: S.shape),  # the probabilities
        kept(lambda S, y, dS: dS, lambda S, y: (S.shape, y.tobytes())),  # all of dS, by the labels
        kept_mask(),
    ],
    ids=["probabilities", "by labels", "mask"],
)
def test_what_is_kept_from_the_first_call_is_not_deterministic(loss: Any) -> None:
    (finding,) = checked(loss).findings
    assert (finding.code, finding.severity) == ("not-deterministic", "error")
    assert "dS depends on earlier calls: it is right at the scores of a problem" in finding.message


@pytest.mark.parametrize(
    "loss",
    [
        lambda S, y: (S.sum() / len(S), np.ones_like(S) / len(S)),  # dS that does not depend on S
        lambda S, y: right("svm")(S, y),
        lambda S, y: (float(np.float32(right("softmax")(S, y)[0])), right("softmax")(S, y)[1]),
        lambda S, y: (np.abs(S).sum() / len(S), np.sign(S) / len(S)),
    ],
)
def test_right_losses_that_keep_nothing_have_no_finding(loss: Any) -> None:
    assert checked(loss).findings == ()


def test_a_loss_that_is_right_in_some_problems_is_not_taken_for_one_that_keeps_state() -> None:
    def capped(S: Any, y: Any) -> Any:
        value, dS = right("softmax")(S, y)
        return value, np.where(S > 1.2, 0, dS)

    report = checked(capped, trials=3)
    assert any(batch.passed for batch in report.batches)
    assert "not-deterministic" not in [each.code for each in report.findings]


def test_a_mask_that_is_lost_is_not_taken_for_one_that_is_kept() -> None:
    def every(S: Any, y: Any) -> Any:
        dS = np.where(is_label(S, y), 1.0 - S.shape[1], 1.0)
        return right("svm")(S, y)[0], dS / len(S)

    for seed in range(4):
        assert "not-deterministic" not in [each.code for each in checked(every, seed=seed, trials=2).findings]

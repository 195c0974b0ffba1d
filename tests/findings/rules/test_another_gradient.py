"""dS that is the gradient of a known loss, beside the value of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from observed import LossFunction, codes, evidence_of, right, seeds

import gradcheck
from gradcheck.diagnosis.driver import find
from gradcheck.diagnosis.relatives import RELATIVES
from gradcheck.diagnosis.rules.another_gradient import (
    gradient_of_a_known_loss,
    gradient_of_a_relative,
    gradient_of_another_loss,
)
from gradcheck.report import Finding


def mean_of(formula: str, sign: int = 1, offset: float = 0.0) -> LossFunction:
    """A relative as a right loss."""
    relative = next(each for each in RELATIVES if each.formula == formula)

    def loss(S: Any, y: Any) -> tuple[float, Any]:
        L, dL = relative.function(S, y)
        return sign * L.mean() + offset, sign * dL / len(S)

    return loss


def beside(value: str | LossFunction, gradient: str | LossFunction, **how: Any) -> list[Finding]:
    """What is said of one loss's value beside another's dS, by the three rules together."""
    dS = right(gradient) if isinstance(gradient, str) else gradient
    evidence = evidence_of(value, lambda a, S, y: dS(S, y)[1], **how)
    rules = gradient_of_another_loss, gradient_of_a_relative, gradient_of_a_known_loss
    return [finding for rule in rules for finding in rule(evidence)]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (mean_of("-p_y"), "the value is -mean(p_y), not softmax's: the log is missing in the value"),
        (mean_of("-p_y", offset=1), "the value is 1 - mean(p_y), not softmax's: the log is missing in the value"),
        (mean_of("-p_y", sign=-1), "the value is mean(p_y), not softmax's: the log is missing in the value"),
        (mean_of("-s_y"), "log(sum_m e^{s_m}) is missing in the value"),
        (mean_of("1{argmax_m s_m != y}"), "the value is the rate of errors, whose gradient is 0"),
        (mean_of("1{argmax_m s_m != y}", sign=-1, offset=1), "the value is 1 - mean(1{argmax_m s_m != y}), not"),
    ],
)
def test_what_is_missing_in_a_softmax_value_is_named(value: LossFunction, says: str) -> None:
    (finding,) = beside(value, "softmax")
    assert finding.code == "gradient-of-another-loss"
    assert finding.message.startswith("dS is softmax's gradient in all 120 entries, but the value is ")
    assert says in finding.message
    assert finding.hint.startswith("look at the value")


@given(seeds)
def test_the_max_missing_in_an_svm_value_is_named(seed: int) -> None:
    (finding,) = beside(mean_of("sum_{m!=y} (s_m - s_y + 1)"), "svm", seed=seed)
    assert finding.message.endswith("not svm's: max(0, .) is missing in the value")


def test_the_label_s_own_margin_beside_it_is_told() -> None:
    (finding,) = beside(mean_of("sum_{m!=y} (s_m - s_y + 1)", offset=1), "svm", integers=True)
    assert "the value is 1 + mean(sum_{m!=y} (s_m - s_y + 1)), not svm's" in finding.message


@pytest.mark.parametrize(
    ("value", "gradient", "says"),
    [
        ("svm", "sum_{m!=y} (s_m - s_y + 1)", "the indicator q_{j,y} = 1{s_j - s_y + 1 > 0} is missing in dS"),
        ("svm", "sum_{m!=y} max(0, s_m - s_y)", "the 1 of the margin s_m - s_y + 1 is missing in dS"),
        ("squared-hinge", "sum_{m!=y} (s_m - s_y + 1)^2", "max(0, .) is missing in dS"),
        ("softmax", "-p_y", "the factor 1/p_y is missing in dS"),
        ("softmax", "sum_m e^{s_m} - s_y", "the division by sum_m e^{s_m} is missing in dS"),
        ("huber", "sum_j (s_j - 1{j=y})^2 / 2", "r_j is not clipped"),
    ],
)
def test_what_is_missing_in_a_built_in_s_gradient_is_named(value: str, gradient: str, says: str) -> None:
    (finding,) = beside(value, mean_of(gradient))
    assert finding.code == "value-of-another-loss"
    assert finding.message.startswith(
        f"the value is {value}'s, but dS is the gradient of {gradient} in all 120 entries: "
    )
    assert says in finding.message
    assert finding.hint.startswith(f"look at dS: `gradcheck show {value}`")


@pytest.mark.parametrize(
    ("value", "gradient", "says"),
    [
        ("squared-hinge", "svm", "the square is in the value and not in dS"),
        ("label-smoothing", "softmax", "dS has 1{j=y} where the smoothed target t_j belongs"),
        ("softmax", "svm", "dS is svm's gradient in all 120 entries, but the value is softmax's"),
    ],
)
def test_two_built_ins_are_told_apart(value: str, gradient: str, says: str) -> None:
    (finding,) = beside(value, gradient)
    assert finding.code == "gradient-of-another-loss"
    assert says in finding.message
    assert f"gradcheck show {value}" in finding.hint
    assert f"gradcheck show {gradient}" in finding.hint


def test_a_lost_jacobian_is_looked_for_in_dS() -> None:  # noqa: N802
    def twice_softmax(S: Any, y: Any) -> tuple[float, Any]:
        value, dS = right("softmax")(S, y)
        return value, 2 * dS

    (finding,) = beside("brier", twice_softmax)
    assert finding.code == "value-of-another-loss"
    assert "softmax's gradient, times 2 in all 120 entries: dL/dp stands where dL/ds belongs" in finding.message
    assert "gradcheck show brier" in finding.hint


def of_rows(change: Callable[[Any], float], derivative: Callable[[Any], Any]) -> LossFunction:
    """The softmax's rows brought to a value in another way than by their mean."""

    def loss(S: Any, y: Any) -> tuple[float, Any]:
        L, dL = right("softmax")(S, y, reduction="none")  # type: ignore[call-arg]
        return change(L), derivative(L)[:, np.newaxis] * dL

    return loss


@pytest.mark.parametrize(
    ("change", "derivative", "says"),
    [
        (lambda L: -np.log(np.exp(-L).mean()), lambda L: np.exp(-L) / np.exp(-L).sum(), "the log is taken of the mean"),
        (lambda L: L[-1], lambda L: np.arange(len(L)) == len(L) - 1, "that of the last row alone, of softmax's"),
        (lambda L: L[0] / len(L), lambda L: (np.arange(len(L)) == 0) / len(L), "that of the first row alone, over N"),
        (lambda L: (L**2).mean(), lambda L: 2 * L / len(L), "mean(L^2) with softmax's L"),
        (lambda L: np.exp(L.mean()), lambda L: np.exp(L.mean()) + 0 * L, "e^{mean(L)} with softmax's L"),
    ],
)
def test_what_was_done_to_the_rows_is_named(
    change: Callable[[Any], float], derivative: Callable[[Any], Any], says: str
) -> None:
    (finding,) = beside(of_rows(change, derivative), "softmax")
    assert finding.code == "gradient-of-another-loss"
    assert says in finding.message


def cosine(S: Any, y: Any) -> tuple[float, Any]:
    return np.cos(S).sum() / len(S), -np.sin(S) / len(S)


def test_a_value_that_is_unknown_is_shown_beside_the_known_one() -> None:
    (finding,) = beside(cosine, "softmax")
    assert finding.message.startswith(
        "dS is softmax's gradient in all 120 entries, but the value is not softmax's: it is "
    )
    value, known = cosine(*first_problem())[0], right("softmax")(*first_problem())[0]
    assert f"it is {value:.6g} where that is {known:.6g}" in finding.message


def first_problem() -> tuple[Any, Any]:
    seen = evidence_of(cosine, lambda a, S, y: a).observations[0]
    return seen.S, seen.y


def test_a_factor_is_not_another_loss() -> None:
    assert beside("softmax", lambda S, y: (0.0, 3 * right("softmax")(S, y)[1])) == []
    assert beside("softmax", lambda S, y: (0.0, len(S) * right("softmax")(S, y)[1])) == []


def test_a_slip_in_one_column_is_not_another_loss() -> None:
    def slipped(S: Any, y: Any) -> tuple[float, Any]:
        value, dS = right("softmax")(S, y)
        dS[:, 1] *= 1.001
        return value, dS

    assert beside("softmax", slipped) == []


def test_where_the_value_is_unknown_the_place_says_more() -> None:
    """The first class's loss counts double in the value: dS is one-vs-all's, and wrong in one class alone."""

    def weighted(S: Any, y: Any) -> tuple[float, Any]:
        weight = np.where(np.arange(S.shape[1]) == 0, 2.0, 1.0)
        t = (np.arange(S.shape[1]) == y[:, np.newaxis]).astype(float)
        return np.sum(weight * (np.logaddexp(0, S) - t * S)) / len(S), weight * (1 / (1 + np.exp(-S)) - t) / len(S)

    dS = right("one-vs-all")
    assert codes(find(evidence_of(weighted, lambda a, S, y: dS(S, y)[1])))[0] == "one-class"


@pytest.mark.parametrize("cast", [np.float64, np.float32])
def test_it_is_told_by_a_check_in_any_precision(cast: Any) -> None:
    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        S = S.astype(cast)
        N, i = len(S), np.arange(len(S))
        p = np.exp(S - S.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        value = -p[i, y].mean()
        p[i, y] -= 1
        return float(value), (p / N).astype(float)

    finding = gradcheck.check(loss).losses[0].findings[0]
    assert finding.code == "gradient-of-another-loss"
    assert finding.message.endswith("the log is missing in the value")

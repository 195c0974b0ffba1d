"""Rounding inside a loss is named, and a right loss whose numbers are short, or that moves in steps, is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck import check
from gradcheck.report import Finding, LossReport

HALVES = {"float16": 11, "bfloat16": 8}


def rounded_to(bits: int, numbers: Any) -> Any:
    mantissa, exponent = np.frexp(numbers)
    return np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits)


def log_cosh(S: Any, y: Any) -> Any:
    return np.sum(np.log(np.cosh(S))) / len(S), np.tanh(S) / len(S)


def rankings(S: Any, y: Any) -> Any:
    """Every pair of scores of a row whose order is wrong by less than 1."""
    apart = S[:, :, None] - S[:, None, :]
    wanted = np.arange(S.shape[1])[:, None] < np.arange(S.shape[1])
    active = wanted & (apart > -1)
    return np.sum(active * (apart + 1)) / len(S), (active.sum(axis=2) - active.sum(axis=1)) / len(S)


def squares(S: Any, y: Any) -> Any:
    return np.sum(S**2) / 2, S.copy()


def report_of(loss: Any, **keys: Any) -> LossReport:
    return check(loss, **keys).losses[0]


def rounded(report: LossReport) -> list[Finding]:
    return [each for each in report.findings if each.code == "rounded"]


def within(loss: Any, to: Callable[[Any], Any]) -> Any:
    return lambda S, y: loss(to(S), y)


@pytest.mark.parametrize("scores", ["normal", "integers", "normal(0, 30)"])
@pytest.mark.parametrize("loss", [log_cosh, rankings])
@pytest.mark.parametrize("name", HALVES)
def test_scores_in_half_precision_are_named_and_nothing_is_wrong(name: str, loss: Any, scores: str) -> None:
    report = report_of(within(loss, lambda S: rounded_to(HALVES[name], S)), scores=scores)
    assert not report.failed
    if any(batch.unresolved for batch in report.batches):
        (note,) = rounded(report)
        assert note.severity == "note"
        assert note.message.startswith(f"S is rounded to {name}: ")


def test_a_value_and_a_gradient_in_half_precision_are_named() -> None:
    def value(S: Any, y: Any) -> Any:
        return np.float16(log_cosh(S, y)[0]), log_cosh(S, y)[1]

    def both(S: Any, y: Any) -> Any:
        value, dS = log_cosh(S, y)
        return float(np.float16(value)), dS.astype(np.float16)

    for loss, words in ((value, "the value is rounded to float16"), (both, "the value is rounded to float16")):
        report = report_of(loss)
        assert not report.failed
        assert rounded(report)[0].message.startswith(words)


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("loss", [log_cosh, rankings])
def test_a_wrong_gradient_is_caught_though_scores_or_the_value_are_in_half_precision(name: str, loss: Any) -> None:
    def rounds(numbers: Any) -> Any:
        return rounded_to(HALVES[name], numbers)

    for factor in (2.0, 0.5, -1.0) if name == "float16" else (2.0, -1.0):

        def of_scores(S: Any, y: Any, factor: float = factor) -> Any:
            value, dS = loss(rounds(S), y)
            return value, factor * dS

        def of_value(S: Any, y: Any, factor: float = factor) -> Any:
            value, dS = loss(S, y)
            return float(rounds(value)), factor * dS

        assert report_of(of_scores).failed
        assert report_of(of_value).failed


@pytest.mark.parametrize(
    "step", [np.round, np.floor, lambda S: np.round(S, 2), lambda S: np.round(S, 3), lambda S: np.round(8 * S) / 8]
)
def test_other_steps_are_no_half_precision(step: Any) -> None:
    for seed in range(3):
        assert not rounded(report_of(within(squares, step), scores="normal", seed=seed))


@pytest.mark.parametrize("places", [5, 6, 8])
@pytest.mark.parametrize("loss", [log_cosh, squares])
def test_a_gradient_rounded_to_decimals_is_named_whether_that_is_wrong_or_allowed(loss: Any, places: int) -> None:
    def short(S: Any, y: Any) -> Any:
        value, dS = loss(S, y)
        return value, np.round(dS, places)

    for keys in ({}, {"rtol": 1e-3}, {"scores": "normal(0, 3)"}):
        report = report_of(short, **keys)
        (found,) = rounded(report)
        assert found.message.startswith(f"dS is rounded to {places} decimals")
        assert found.severity == ("error" if any(batch.wrong for batch in report.batches) else "note")
        assert not any(each.severity == "error" and each is not found for each in report.findings)


def test_scores_of_few_decimals_and_a_coarse_truth_are_not_called_rounded() -> None:
    def of_short_scores(S: Any, y: Any) -> Any:
        short = np.round(S, 4)  # dS is S's own, which has four decimals at such scores
        return squares(S, y)[0], short

    def doubled(S: Any, y: Any) -> Any:
        return squares(S, y)[0], np.round(2 * S, 6)

    for keys in ({"scores": "integers"}, {"scores": "integers(-20000, 20000)"}):
        assert not rounded(report_of(of_short_scores, **keys))
    assert not rounded(report_of(rankings))
    assert not rounded(report_of(doubled))

"""dS that holds whole numbers where the gradient has fractions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from observed import changed, is_label

import gradcheck
from gradcheck.report import Finding


def squared(S: Any, y: Any) -> tuple[float, Any]:
    residual = S - is_label(S, y)
    return (residual**2).sum() / len(S), 2 * residual / len(S)


def truncated(base: Any, change: Any) -> list[Finding]:
    """The findings about a loss whose dS is a function of dS and N; in ``changed`` it would be made float again."""

    def loss(S: Any, y: Any) -> Any:
        value, dS = changed(base, lambda dS, S, y: dS)(S, y)
        return value, change(dS, len(S), y)

    return [each for each in gradcheck.check(loss).losses[0].findings if each.code == "truncated-to-integer"]


def divided_by_floor_division(dS: Any, N: int, y: Any) -> Any:
    counts = np.rint(N * dS).astype(int)
    counts //= N
    return counts


@pytest.mark.parametrize(
    ("base", "change", "words", "hint"),
    [
        (squared, lambda dS, N, y: dS.astype(int), "the numerical gradient truncated towards 0", "make dS an array"),
        (squared, lambda dS, N, y: np.floor(dS).astype(np.int8), "the numerical gradient rounded down", "//"),
        (squared, lambda dS, N, y: np.floor(dS), "the numerical gradient rounded down", "look for round"),
        (squared, lambda dS, N, y: np.round(dS), "the numerical gradient rounded to whole numbers", "look for round"),
        (squared, lambda dS, N, y: np.ceil(dS), "the numerical gradient rounded up", "look for round"),
        (squared, lambda dS, N, y: (N * dS).astype(int), "N times the numerical gradient truncated towards 0", ""),
        ("svm", divided_by_floor_division, "came as an array of integers", "//"),
        # One row is right as integers, and all are 0.
        ("svm", lambda dS, N, y: dS.astype(int), "came as an array of integers", "make dS an array of floats"),
        ("softmax", lambda dS, N, y: dS.astype(int), "came as an array of integers", "make dS an array of floats"),
    ],
)
def test_the_way_it_was_made_whole_is_named(base: Any, change: Any, words: str, hint: str) -> None:
    (finding,) = truncated(base, change)
    assert finding.severity == "error"
    assert words in finding.message
    assert hint in finding.hint


def test_counts_with_a_wrong_column_are_counts_still() -> None:
    def counts(dS: Any, N: int, y: Any) -> Any:
        dS[np.arange(N), y] = 0
        return np.rint(N * dS).astype(int)

    assert truncated("svm", counts) == []


def test_it_leads_and_gives_an_example_with_its_place() -> None:
    def loss(S: Any, y: Any) -> Any:
        value, dS = squared(S, y)
        return value, dS.astype(int)

    finding = gradcheck.check_at(loss, [[0.75, 0.25]], [1]).losses[0].findings[0]
    assert finding.code == "truncated-to-integer"
    assert "dS[0, 0] = 1, where the numerical gradient is 1.5 (batch size 1" in finding.message

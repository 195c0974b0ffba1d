"""dS that holds whole numbers where the gradient has fractions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck import Config
from gradcheck.losses import BUILT_INS
from gradcheck.report import Finding


def squared(S: Any, y: Any) -> tuple[float, Any]:
    residual = S - np.eye(S.shape[1])[y]
    return (residual**2).sum() / len(S), 2 * residual / len(S)


def counts(S: Any, y: Any) -> tuple[float, Any]:
    """A hinge whose dS is its integers, not yet divided by N."""
    value, dS = BUILT_INS["svm"].function(S, y)
    return value, np.rint(len(S) * dS).astype(int)


def truncated(loss: Any, config: Config | None = None) -> list[Finding]:
    return [each for each in gradcheck.check(loss, config).losses[0].findings if each.code == "truncated-to-integer"]


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        (lambda dS: dS.astype(int), "the numerical gradient truncated towards 0"),
        (lambda dS: np.floor(dS).astype(np.int8), "the numerical gradient rounded down"),
        (np.floor, "the numerical gradient rounded down"),
        (np.round, "the numerical gradient rounded to whole numbers"),
        (np.ceil, "the numerical gradient rounded up"),
    ],
)
def test_the_way_it_was_made_whole_is_named(whole: Any, words: str) -> None:
    def loss(S: Any, y: Any) -> Any:
        value, dS = squared(S, y)
        return value, whole(dS)

    (finding,) = truncated(loss)
    assert finding.severity == "error"
    assert words in finding.message


def test_it_leads_and_gives_an_example_with_its_place() -> None:
    def loss(S: Any, y: Any) -> Any:
        value, dS = squared(S, y)
        return value, dS.astype(int)

    finding = gradcheck.check_at(loss, [[0.75, 0.25]], [1]).losses[0].findings[0]
    assert finding.code == "truncated-to-integer"
    assert "dS[0, 0] = 1, where the numerical gradient is 1.5 (batch size 1" in finding.message


def test_integers_divided_by_floor_division_are_told_of_that() -> None:
    def loss(S: Any, y: Any) -> Any:
        value, dS = counts(S, y)
        dS //= len(S)
        return value, dS

    (finding,) = truncated(loss)
    assert "came as an array of integers" in finding.message
    assert "//" in finding.hint


def test_integers_before_the_mean_are_named_with_their_factor() -> None:
    def loss(S: Any, y: Any) -> Any:
        value, dS = squared(S, y)
        return value, (len(S) * dS).astype(int)

    (finding,) = truncated(loss)
    assert "N times the numerical gradient truncated towards 0" in finding.message


def test_nothing_but_zeros_in_an_array_of_integers_is_truncation() -> None:
    def loss(S: Any, y: Any) -> Any:
        value, dS = BUILT_INS["softmax"].function(S, y)
        return value, dS.astype(int)

    assert truncated(loss)


def test_counts_with_a_wrong_column_are_counts_still() -> None:
    def loss(S: Any, y: Any) -> Any:
        value, dS = counts(S, y)
        dS[np.arange(len(S)), y] = 0
        return value, dS

    assert truncated(loss) == []


def test_one_row_that_is_right_as_integers_does_not_hide_the_others() -> None:
    def loss(S: Any, y: Any) -> Any:
        value, dS = BUILT_INS["svm"].function(S, y)
        return value, dS.astype(int)

    report = gradcheck.check(loss, Config(batch_sizes=[1, 3]))
    assert report.losses[0].batches[0].wrong == 0
    assert truncated(loss)

"""Subgradients that are right entry by entry: a matrix of them that is no subgradient is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck.api import check
from gradcheck.config import Config
from gradcheck.report import LossReport

LossFunction = Callable[[Any, Any], Any]


def of_mean(of_row: Callable[[Any, int], tuple[float, Any]]) -> LossFunction:
    """The mean of a loss of one row, which gives its value and derivatives."""

    def loss(S: Any, y: Any) -> Any:
        rows = [of_row(s, label) for s, label in zip(S, y, strict=True)]
        return float(np.mean([value for value, _ in rows])), np.array([ds for _, ds in rows]) / len(S)

    return loss


def order_statistic(k: int, share: bool, last: bool = False) -> LossFunction:
    """The k-th largest score: its derivative goes to one of those that tie, or to all of them alike."""

    def of_row(s: Any, label: int) -> tuple[float, Any]:
        order = np.argsort(-s, kind="stable") if not last else len(s) - 1 - np.argsort(-s[::-1], kind="stable")
        value = s[order[k % len(s)]]
        ds = np.zeros(len(s))
        if share:
            ds[s == value] = 1 / np.count_nonzero(s == value)
        else:
            ds[order[k % len(s)]] = 1
        return value, ds

    return of_mean(of_row)


def top_two_apart(s: Any, label: int) -> tuple[float, Any]:
    order = np.argsort(-s, kind="stable")
    ds = np.zeros(len(s))
    ds[order[0]] += 1
    ds[order[1]] -= 1
    return s[order[0]] - s[order[1]], ds


def hinge(of: Callable[[Any], Any]) -> LossFunction:
    """The hinge, with this factor for a margin of 0: from 0 to 1."""

    def of_row(s: Any, label: int) -> tuple[float, Any]:
        m = s - s[label] + 1
        m[label] = -1
        ds = (m > 0) + of(m) * (m == 0)
        ds[label] -= ds.sum()
        return np.maximum(m, 0).sum(), ds

    return of_mean(of_row)


def most_and_least(s: Any, label: int) -> tuple[float, Any]:
    """Convex less concave: max s - 2 min s."""
    ds = np.zeros(len(s))
    ds[s.argmax()] += 1
    ds[s.argmin()] -= 2
    return s.max() - 2 * s.min(), ds


def all_in_all(S: Any, y: Any) -> Any:
    """One maximum of the whole batch."""
    dS = np.zeros(S.shape)
    dS.flat[S.argmax()] = 1
    return S.max(), dS


RIGHT: dict[str, LossFunction] = {
    **{f"the {k}-th, first of ties": order_statistic(k, share=False) for k in range(4)},
    **{f"the {k}-th, last of ties": order_statistic(k, share=False, last=True) for k in range(5)},
    **{f"the {k}-th, shared": order_statistic(k, share=True) for k in range(5)},
    "the first two apart": of_mean(top_two_apart),
    "hinge, 0": hinge(lambda m: 0.0),
    "hinge, 1": hinge(lambda m: 1.0),
    "hinge, a half": hinge(lambda m: 0.5),
    "hinge, by class": hinge(lambda m: np.arange(len(m)) / len(m)),
    "most and least": of_mean(most_and_least),
    "all in all": all_in_all,
}


def to_each(s: Any, label: int) -> tuple[float, Any]:
    return s.max(), (s == s.max()).astype(float)


def label_otherwise(s: Any, label: int) -> tuple[float, Any]:
    m = s - s[label] + 1
    m[label] = -1
    ds = (m >= 0).astype(float)
    ds[label] -= (m > 0).sum()
    return np.maximum(m, 0).sum(), ds


def most_to_each(s: Any, label: int) -> tuple[float, Any]:
    c = s - s[label] + 1
    c[label] = 0
    ds = (c == c.max()).astype(float)
    ds[label] -= 1
    return c.max(), ds


def none_of_them(s: Any, label: int) -> tuple[float, Any]:
    """Where two tie for the maximum it takes neither."""
    return s.max(), (s == s.max()) * (np.count_nonzero(s == s.max()) == 1)


def to_each_of_all(S: Any, y: Any) -> Any:
    return S.max(), (S.max() == S).astype(float)


WRONG: dict[str, LossFunction] = {
    "the maximum's to each": of_mean(to_each),
    "the label's part by another sign": of_mean(label_otherwise),
    "Crammer and Singer's to each": of_mean(most_to_each),
    "none of those that tie": of_mean(none_of_them),
    "the maximum of the batch to each": to_each_of_all,
}


def report_of(loss: LossFunction, **keys: Any) -> LossReport:
    config = Config(**{"scores": ["integers(-1, 1)", "integers(0, 0)"], "trials": 3, **keys})
    return check(loss, config).losses[0]


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_a_subgradient_is_no_false_alarm_at_any_size_scale_or_precision(name: str) -> None:
    right = RIGHT[name]

    def scaled(S: Any, y: Any) -> Any:
        value, dS = right(S, y)
        return 1e6 * value, 1e6 * dS

    def in_float32(S: Any, y: Any) -> Any:
        if S.dtype != np.float32:
            raise TypeError("float32 alone")
        value, dS = right(S, y)
        return np.float32(value), dS.astype(np.float32)

    for classes in (3, 9):
        report = report_of(right, trials=2, classes=classes, batch_sizes=[1, 4])
        assert not report.failed, report.findings
        assert sum(batch.subgradient for batch in report.batches) > 0
    few = {"batch_sizes": [3], "scores": "integers(-1, 1)"}
    assert not report_of(scaled, trials=1, **few).failed
    assert not report_of(right, trials=1, dtype="float32", **few).failed
    # Scores so large that in float32 they cannot be moved by a little.
    assert not report_of(in_float32, dtype="float32", **(few | {"scores": "integers(1000, 1002)"})).failed


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_what_is_none_together_is_found(name: str, dtype: str, factor: float) -> None:
    def scaled(S: Any, y: Any) -> Any:
        value, dS = WRONG[name](S, y)
        return factor * value, factor * dS

    report = report_of(scaled, dtype=dtype, scores="integers(-1, 1)", batch_sizes=[4])
    assert report.failed
    assert [finding.code for finding in report.findings if finding.severity == "error"] == ["not-a-subgradient"]


def test_the_finding_says_along_what_and_by_how_much() -> None:
    report = report_of(WRONG["the maximum's to each"], scores="integers(0, 0)", classes=3, batch_sizes=[1])
    finding = report.findings[0]
    assert "adding +1 t to S[0, 0], +1 t to S[0, 1], +1 t to S[0, 2] changes the value by 1 t" in finding.message
    assert "by dS it would be 3 t" in finding.message
    assert all(batch.wrong == 0 for batch in report.batches)


@pytest.mark.parametrize(("name", "classes"), [("the maximum's to each", 2), ("Crammer and Singer's to each", 3)])
def test_the_smallest_case_has_the_classes_that_tie_and_no_more(name: str, classes: int) -> None:
    case = check(WRONG[name]).losses[0].smallest_case
    assert case is not None
    assert len(case.S) == 1
    assert case.S.shape[1] <= classes

"""Weights of rows, masks and ignored labels: which of value and gradient takes them, and what both divide by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import gradcheck
from gradcheck.functions.suggestions import guessed_inputs

_Array = npt.NDArray[Any]
_Way = Callable[[_Array, _Array, _Array], tuple[Any, _Array]]


def _softmax(S: _Array, y: _Array) -> tuple[_Array, _Array]:
    """The loss of each row, and its gradient."""
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(S)), y]), p - np.eye(S.shape[1])[y]


def found(way: _Way, name: str, described: str) -> tuple[bool, list[tuple[str, str, str]]]:
    """Whether a loss passes, and its findings: ``way`` makes value and gradient of L, dL and an array."""

    def loss(S: _Array, y: _Array, array: _Array) -> Any:
        L, dL = _softmax(S, y)
        return way(L, dL, array)

    scope: dict[str, Any] = {"loss": loss}
    exec(f"def f(S, y, {name}):\n    return loss(S, y, {name})", scope)
    report = gradcheck.check(scope["f"], inputs={"S": "[N, C]", "y": "labels", name: described}).losses[0]
    return report.passed, [(each.code, each.severity, each.message) for each in report.findings]


def _column(array: _Array) -> _Array:
    return array[:, None]


@pytest.mark.parametrize("name", ["w", "weights", "sample_weight"])
@pytest.mark.parametrize(
    ("way", "words"),
    [
        (lambda L, dL, w: ((w * L).sum() / w.sum(), _column(w) * dL / w.sum()), ""),
        (lambda L, dL, w: ((w * L).mean(), _column(w) * dL / len(L)), ""),
        (lambda L, dL, w: ((w * L).sum(), _column(w) * dL), ""),
        (lambda L, dL, w: ((w * L).sum() / w.sum(), _column(w) * dL / len(L)), "divides by the sum of {}, and dS by N"),
        (lambda L, dL, w: ((w * L).sum() / w.sum(), _column(w) * dL), "divides by the sum of {}, and dS does not"),
        (lambda L, dL, w: ((w * L).mean(), _column(w) * dL / w.sum()), "dS divides by the sum of {}, and the value"),
        (lambda L, dL, w: ((w * L).mean(), dL / len(L)), "dS does not change with {}, and the value does"),
        (lambda L, dL, w: (L.mean(), _column(w) * dL / len(L)), "the value does not change with {}, and dS does"),
    ],
)
def test_weights_of_rows(way: _Way, words: str, name: str) -> None:
    passed, findings = found(way, name, "uniform(0.5, 2) [N]")
    assert passed is not bool(words)
    assert [(code, severity) for code, severity, _ in findings] == ([("weights-ignored", "error")] if words else [])
    assert not words or words.format(name).replace("dS", "the gradient") in findings[0][2]


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (lambda L, dL, m: ((m * L).sum() / max(m.sum(), 1), _column(m) * dL / max(m.sum(), 1)), ""),
        (lambda L, dL, m: (((1 - m) * L).mean(), _column(1 - m) * dL / len(L)), ""),
        (lambda L, dL, m: ((m * L).sum() / max(m.sum(), 1), _column(m) * dL / len(L)), "divides by N where the value"),
        (lambda L, dL, m: ((m * L).mean(), dL / len(L)), "does not change with mask, and the value does"),
        (lambda L, dL, m: ((m * L).sum() / max(m.sum(), 1), dL / max(m.sum(), 1)), "is not 0 where mask is 0"),
        (lambda L, dL, m: (((1 - m) * L).sum(), (1 - _column(m) / 2) * dL), "is not 0 where mask is 1"),
    ],
)
def test_masks_of_rows(way: _Way, words: str) -> None:
    passed, findings = found(way, "mask", "integers(0, 1) [N]")
    assert passed is not bool(words)
    assert [(code, severity) for code, severity, _ in findings] == ([("mask-ignored", "error")] if words else [])
    assert not words or words in findings[0][2]


def test_a_mask_of_entries() -> None:
    def f(S: _Array, mask: _Array) -> Any:
        return float((mask * S**2).sum()), 2 * mask * S

    inputs = {"S": "[N, C]", "mask": "integers(0, 1) [N, C]"}
    assert gradcheck.check(f, inputs=inputs).losses[0].findings == ()
    unmasked = gradcheck.check(lambda S, mask: (f(S, mask)[0], 2 * S), inputs=inputs).losses[0]
    assert unmasked.findings[0].code == "mask-ignored"


def test_an_argument_that_changes_nothing_is_a_note() -> None:
    for name, described in (("w", "uniform(0.5, 2) [N]"), ("mask", "integers(0, 1) [N]")):
        passed, findings = found(lambda L, dL, array: (L.mean(), dL / len(L)), name, described)
        assert passed
        assert [severity for _, severity, _ in findings] == ["note"]
        assert f"neither the value nor the gradient changes with {name}" in findings[0][2]


def test_a_row_of_weight_0_that_counts_is_a_note() -> None:
    passed, findings = found(lambda L, dL, w: (w.mean() * L.sum(), w.mean() * dL), "w", "uniform(0.5, 2) [N]")
    assert passed
    assert "a row whose w is 0 still changes the value" in findings[0][2]


def test_what_is_called_w_and_is_no_weight_of_rows_is_left_alone() -> None:
    def linear(w: _Array, X: _Array) -> Any:
        r = X @ w
        return float((r**2).sum() / 2), X.T @ r

    assert gradcheck.check(linear, inputs={"w": "[D]", "X": "[N, D]"}).losses[0].findings == ()


def ignoring(value_divides: bool, gradient_divides: bool) -> Any:
    def loss(S: _Array, y: _Array) -> Any:
        kept = y >= 0
        L, dL = _softmax(S, np.maximum(y, 0))
        count = max(int(kept.sum()), 1)
        divisors = [count if own else len(y) for own in (value_divides, gradient_divides)]
        return (kept * L).sum() / divisors[0], _column(kept) * dL / divisors[1]

    return loss


def test_ignored_labels() -> None:
    ignored = {"labels": {"kind": "class", "ignored": 0.3}}

    def codes(loss: Any) -> list[str]:
        return [each.code for each in gradcheck.check(loss, **ignored).losses[0].findings if each.severity == "error"]

    assert codes(ignoring(True, True)) == codes(ignoring(False, False)) == []
    for mixed in (ignoring(True, False), ignoring(False, True)):
        assert codes(mixed) == ["mask-ignored"]
    assert codes(lambda S, y: (lambda L, dL: (L.mean(), dL / len(L)))(*_softmax(S, y))) == ["mask-ignored"]


def test_weights_are_guessed_by_name() -> None:
    assert guessed_inputs(["S", "y", "w"])["w"] == "uniform(0.5, 2) [N]"
    assert guessed_inputs(["X", "y", "W", "sample_weight"])["sample_weight"] == "uniform(0.5, 2) [N]"
    assert guessed_inputs(["x", "w", "b"])["w"] == "normal(0, 0.5) [D, M]"


def test_what_is_called_weights_or_mask_and_is_none_is_no_error() -> None:
    """Margins, targets, a penalty of their own: right gradients do not follow them, and are right."""

    def margins(S: _Array, weights: _Array) -> Any:
        active = weights > S[:, 0]
        return np.where(active, weights - S[:, 0], 0).mean(), -_column(active) * np.eye(S.shape[1])[0] / len(S)

    def targets(S: _Array, mask: _Array) -> Any:
        return np.abs(S - 9 - _column(mask)).sum(), np.sign(S - 9 - _column(mask))

    def penalty(S: _Array, w: _Array) -> Any:
        return (S**2).sum() / 2 + (w * np.log(w)).sum(), S

    for loss, name, described in (
        (margins, "weights", "uniform(3, 4) [N]"),
        (targets, "mask", "integers(0, 1) [N]"),
        (penalty, "w", "uniform(0.5, 2) [N]"),
    ):
        report = gradcheck.check(loss, inputs={"S": "[N, C]", name: described}).losses[0]
        assert [finding for finding in report.findings if finding.severity != "note"] == []


def test_the_value_of_a_difference_of_two_inputs_does_not_hide_a_mask() -> None:
    def loss(pred: _Array, target: _Array, valid: _Array) -> Any:
        r = (pred - target) * valid
        return float((r**2).sum() / max(valid.sum(), 1)), 2 * r / len(r)

    inputs = {"pred": "[N, C]", "target": "[N, C]", "valid": "integers(0, 1) [N, C]"}
    report = gradcheck.check(loss, inputs=inputs, wrt=["pred"]).losses[0]
    assert "divides by N where the value divides by the sum of valid" in report.findings[0].message


def test_an_index_from_the_end_is_no_ignored_label() -> None:
    def picked(x: _Array, index: _Array) -> Any:
        return float((x[index] ** 2).sum()), 2 * np.bincount(index % len(x), minlength=len(x)) * x

    report = gradcheck.check(picked, inputs={"x": "[5]", "index": "integers(-1, 2) [N]"}).losses[0]
    assert report.findings == ()


def test_ignored_labels_of_named_inputs_and_a_penalty_of_all_rows() -> None:
    ignored = {"labels": {"kind": "class", "ignored": 0.3}}

    def last(S: _Array, y: _Array) -> Any:
        L, dL = _softmax(S, y)
        return L.mean(), dL / len(L)

    named = gradcheck.check(last, inputs={"S": "[N, C]", "y": "labels"}, **ignored).losses[0]
    assert "counts as one of the last class" in named.findings[0].message

    def penalised(S: _Array, y: _Array) -> Any:
        value, dS = ignoring(True, True)(S, y)
        return value + 0.01 * (S**2).sum(), dS + 0.02 * S

    assert [each for each in gradcheck.check(penalised, **ignored).losses[0].findings if each.severity == "error"] == []

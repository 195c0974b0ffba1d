"""A loss that wants labels of another kind, or (y, S), is told so; others are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck import check, check_at
from gradcheck.report import Finding


def probabilities(S: Any) -> Any:
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def negative_log_likelihood(S: Any, y: Any) -> Any:
    p, i = probabilities(S), np.arange(len(S))
    value = -np.log(p[i, y]).mean()
    p[i, y] -= 1
    return value, p / len(S)


def poisson(S: Any, counts: Any) -> Any:
    return np.sum(np.exp(S) - counts * S) / len(S), (np.exp(S) - counts) / len(S)


def kullback_leibler(logits: Any, q: Any) -> Any:
    p = probabilities(logits)
    return -np.sum(q * np.log(p)) / len(p), (p - q) / len(p)


def exponential(margin: Any, sign: Any) -> Any:
    if not np.array_equal(np.abs(sign), np.ones_like(margin)):
        raise ValueError("labels must be -1 or 1")
    e = np.exp(-sign * margin)
    return e.mean(), -sign * e / e.size


def tags(S: Any, on: Any) -> Any:
    assert on.shape == S.shape
    assert set(np.unique(on)) <= {0, 1}
    p = 1 / (1 + np.exp(-S))
    return -np.mean(on * np.log(p) + (1 - on) * np.log(1 - p)), (p - on) / S.size


def of_label_first(labels: Any, logits: Any) -> Any:
    return negative_log_likelihood(logits, labels)


def distribution_first(y_true: Any, y_pred: Any) -> Any:
    return kullback_leibler(y_pred, y_true)


def sign_flipped(prediction: Any, target: Any) -> Any:
    return np.sum((prediction - target) ** 2), 2 * (target - prediction)


WANTED = [
    (poisson, "labels.kind=one-hot; it takes multi-hot, sign, real too"),
    (kullback_leibler, "labels.kind=one-hot"),
    (exponential, "labels.kind=sign"),
    (tags, "labels.kind=one-hot; it takes multi-hot too"),
    (of_label_first, "its arguments are (y, S): call it from a function of (S, y)"),
    (
        distribution_first,
        "call it from a function of (S, y) and use --set labels.kind=one-hot",
    ),
    (sign_flipped, "labels.kind=one-hot; it takes multi-hot, sign, real too"),
]


def raised(loss: Any, **keys: Any) -> Finding:
    report = check(loss, **keys)
    assert not report.passed
    (finding,) = (each for each in report.losses[0].findings if each.severity == "error")
    assert finding.code == "raises"
    return finding


@pytest.mark.parametrize("N", [[1], [2, 6], [5], [1, 5]], ids=str)
@pytest.mark.parametrize(("loss", "hint"), WANTED, ids=[loss.__name__ for loss, _ in WANTED])
def test_the_labels_that_a_loss_wants_are_named_though_it_may_broadcast_others(loss: Any, hint: str, N: Any) -> None:
    found = raised(loss, batch_sizes=N)
    assert found.hint.endswith(hint)
    assert "keep its axis" not in found.hint


def test_a_loss_of_classes_is_told_so_and_right_with_those() -> None:
    found = raised(negative_log_likelihood, labels={"kind": "real"})
    assert found.hint == "it takes labels of another kind: use --set labels.kind=class"
    assert check(exponential, labels={"kind": "sign"}, batch_sizes=5).passed


def without_axis(S: Any, y: Any) -> Any:
    return negative_log_likelihood(S - S.max(axis=1), y)


def of_four_rows(S: Any, y: Any) -> Any:
    return negative_log_likelihood(S[np.arange(4)], y)


def not_three(S: Any, y: Any) -> Any:
    assert len(S) != 3, "no threes"
    return negative_log_likelihood(S, y)


def ordinal(S: Any, y: Any) -> Any:
    apart = S - (np.arange(S.shape[1]) == y[:, None]) * y[:, None] / 2
    return np.sum(apart**2), 2 * apart


@pytest.mark.parametrize("loss", [without_axis, of_four_rows, not_three], ids=lambda loss: loss.__name__)
def test_another_failure_is_not_one_of_labels(loss: Any) -> None:
    assert "labels" not in raised(loss, scores="normal").hint


@pytest.mark.parametrize("loss", [negative_log_likelihood, ordinal])
@pytest.mark.parametrize("N", [1, 5])
def test_nothing_is_said_of_a_right_loss_of_classes(loss: Any, N: int) -> None:
    assert check(loss, batch_sizes=N, scores="normal").passed


@pytest.mark.parametrize("loss", ["svm", negative_log_likelihood])
@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([0, 3], "y[1] is 3, and the labels of 3 classes are 0 to 2"),
        ([-4, 0], "y[0] is -4, and"),
        ([0, 1, 2], "y has 3 labels, and S has 2 rows"),
    ],
)
def test_a_given_label_that_is_out_of_range_is_not_the_losss_fault(loss: Any, y: list[int], words: str) -> None:
    report = check_at(loss, [[1.0, 0.5, 2.0], [0.0, -1.0, 0.3]], y)
    assert report.losses[0].error.startswith(words)
    assert not report.losses[0].findings
    assert report.exit_code == 2


def test_given_labels_of_another_kind_are_named_and_others_are_taken_as_they_are() -> None:
    S = np.random.default_rng(0).normal(size=(5, 5))
    (found,) = check_at(poisson, S, [0, 1, 2, 3, 4]).losses[0].findings
    assert "labels.kind=one-hot" in found.hint
    assert check_at(poisson, S, np.eye(5)).passed
    assert check_at(lambda S, y: (np.sum(S[:, y]), np.ones((5, 1)) * (np.arange(5) == y)), S, [2]).passed


def test_rows_that_are_ignored_have_no_label() -> None:
    def without_ignored(S: Any, y: Any) -> Any:
        value, dS = np.zeros(len(S)), np.zeros_like(S)
        kept = np.flatnonzero(y != -1)
        if len(kept):
            mean, dS[kept] = negative_log_likelihood(S[kept], y[kept])
            return mean, dS
        return 0.0 * value.sum(), dS

    def forgets(S: Any, y: Any) -> Any:
        return without_ignored(S, y)[0], negative_log_likelihood(S, y)[1]

    labels = {"ignored": 0.3}
    report = check([without_ignored, forgets], labels=labels)
    assert [loss.failed for loss in report.losses] == [False, True]
    assert check(forgets).passed

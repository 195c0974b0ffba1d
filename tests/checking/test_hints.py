"""A loss that wants other labels, or (y, S), or whose dS has another shape than S, is told so; others are not."""

import numpy as np
import pytest
from corpora.bases import mean as negative_log_likelihood
from corpora.parts import sigmoid, softmax

from gradcheck import check, check_at


def poisson(S, counts):
    return np.sum(np.exp(S) - counts * S) / len(S), (np.exp(S) - counts) / len(S)


def kullback_leibler(logits, q):
    p = softmax(logits)
    return -np.sum(q * np.log(p)) / len(p), (p - q) / len(p)


def exponential(margin, sign):
    if not np.array_equal(np.abs(sign), np.ones_like(margin)):
        raise ValueError("labels must be -1 or 1")
    e = np.exp(-sign * margin)
    return e.mean(), -sign * e / e.size


def tags(S, on):
    assert on.shape == S.shape
    assert set(np.unique(on)) <= {0, 1}
    p = sigmoid(S)
    return -np.mean(on * np.log(p) + (1 - on) * np.log(1 - p)), (p - on) / S.size


def sign_flipped(prediction, target):
    return np.sum((prediction - target) ** 2), 2 * (target - prediction)


WANTED = [
    (poisson, "labels.kind=one-hot; it takes multi-hot, sign, real too"),
    (kullback_leibler, "labels.kind=one-hot"),
    (exponential, "labels.kind=sign"),
    (tags, "labels.kind=one-hot; it takes multi-hot too"),
    (lambda labels, logits: negative_log_likelihood(logits, labels), "are (y, S): call it from a function of (S, y)"),
    (
        lambda y_true, y_pred: kullback_leibler(y_pred, y_true),
        "call it from a function of (S, y) and use --set labels.kind=one-hot",
    ),
    (sign_flipped, "labels.kind=one-hot; it takes multi-hot, sign, real too"),
]


def raised(loss, **keys):
    report = check(loss, **keys)
    assert not report.passed
    (finding,) = (each for each in report.losses[0].findings if each.severity == "error")
    assert finding.code == "raises"
    return finding


@pytest.mark.parametrize("N", [[1], [2, 6], [5], [1, 5]], ids=str)
@pytest.mark.parametrize(("loss", "hint"), WANTED)
def test_the_labels_that_a_loss_wants_are_named_though_it_may_broadcast_others(loss, hint, N):
    found = raised(loss, batch_sizes=N)
    assert found.hint.endswith(hint)
    assert "keep its axis" not in found.hint


def test_a_loss_of_classes_is_told_so_and_right_with_those():
    found = raised(negative_log_likelihood, labels={"kind": "real"})
    assert found.hint == "it takes labels of another kind: use --set labels.kind=class"
    assert check(exponential, labels={"kind": "sign"}, batch_sizes=5).passed


def not_three(S, y):
    assert len(S) != 3, "no threes"
    return negative_log_likelihood(S, y)


def ordinal(S, y):
    apart = S - (np.arange(S.shape[1]) == y[:, None]) * y[:, None] / 2
    return np.sum(apart**2), 2 * apart


@pytest.mark.parametrize(
    "loss",
    [
        lambda S, y: negative_log_likelihood(S - S.max(axis=1), y),
        lambda S, y: negative_log_likelihood(S[np.arange(4)], y),
        not_three,
    ],
    ids=["without an axis", "of four rows", "not three"],
)
def test_another_failure_is_not_one_of_labels(loss):
    assert "labels" not in raised(loss, scores="normal").hint


@pytest.mark.parametrize("loss", [negative_log_likelihood, ordinal])
@pytest.mark.parametrize("N", [1, 5])
def test_nothing_is_said_of_a_right_loss_of_classes(loss, N):
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
def test_a_given_label_that_is_out_of_range_is_not_the_losss_fault(loss, y, words):
    report = check_at(loss, [[1.0, 0.5, 2.0], [0.0, -1.0, 0.3]], y)
    assert report.losses[0].error.startswith(words)
    assert not report.losses[0].findings
    assert report.exit_code == 2


def test_given_labels_of_another_kind_are_named_and_others_are_taken_as_they_are():
    S = np.random.default_rng(0).normal(size=(5, 5))
    (found,) = check_at(poisson, S, [0, 1, 2, 3, 4]).losses[0].findings
    assert "labels.kind=one-hot" in found.hint
    assert check_at(poisson, S, np.eye(5)).passed
    assert check_at(lambda S, y: (np.sum(S[:, y]), np.ones((5, 1)) * (np.arange(5) == y)), S, [2]).passed


def test_rows_that_are_ignored_have_no_label():
    def without_ignored(S, y):
        value, dS, kept = 0.0, np.zeros_like(S), y != -1
        if kept.any():
            value, dS[kept] = negative_log_likelihood(S[kept], y[kept])
        return value, dS

    def forgets(S, y):
        return without_ignored(S, y)[0], negative_log_likelihood(S, y)[1]

    report = check([without_ignored, forgets], labels={"ignored": 0.3})
    assert [loss.failed for loss in report.losses] == [False, True]
    assert check(forgets).passed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (np.transpose, "it has the shape of S transposed, return dS.T"),
        (lambda dS: dS.T @ dS, "a product with a matrix transposed"),
        (lambda dS: dS @ dS.T, "a product with a matrix transposed"),
        (np.ravel, "flattened"),
        (lambda dS: dS.sum(axis=1), "one number for each row"),
        (lambda dS: dS.sum(axis=0), "all rows' together"),
        (lambda dS: dS[:, :2], "S has shape (3, 5), and so must dS"),
        (lambda dS: dS[0], "the axis of the rows is missing"),
    ],
)
def test_what_another_shape_looks_like_is_said(change, words):
    def loss(S, y):
        value, dS = negative_log_likelihood(S, y)
        return value, change(dS)

    (finding,) = check(loss, batch_sizes=1 if "axis of the rows" in words else 3).losses[0].findings
    assert finding.code == "wrong-shape"
    assert words in finding.message

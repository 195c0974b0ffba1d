"""Wrong losses whose dS errs in columns: every one but the label's, or one class."""

from __future__ import annotations

import numpy as np

from .parts import cross_entropy, margins_of, of_labels, one_hot, one_vs_all, softmax
from .registry import wrong


@wrong("softmax, a gradient for the label alone", "other-columns")
def softmax_label_alone(S, y):
    """-log p_y is taken to depend on s_y only."""
    p_y = of_labels(softmax(S), y)
    return -np.log(p_y).mean(), one_hot(S, y) * (p_y - 1)[:, None] / len(S)


@wrong("svm, every other class taken to violate", "other-columns")
def svm_others_without_max(S, y):
    """max(0, .) is minded in the label's count, not in the others' columns."""
    margins = margins_of(S, y)
    dS = np.ones_like(S)
    dS[np.arange(len(S)), y] = -np.sum(margins > 0, axis=1)
    return np.sum(margins) / len(S), dS / len(S)


@wrong("svm, the others' columns made of margins", "other-columns")
def svm_others_of_margins(S, y):
    """dS starts as the margins themselves, and only the label's column is set to a count."""
    margins = margins_of(S, y)
    dS = margins.copy()
    dS[np.arange(len(S)), y] = -(margins > 0).sum(axis=1)
    dS /= len(S)
    return margins.sum() / len(S), dS


@wrong("one-vs-all, negatives without a gradient", "other-columns")
def one_vs_all_label_alone(S, y):
    """The value adds up every class, dS the label's only."""
    losses, dS = one_vs_all(S, y)
    return losses.sum() / len(S), dS * one_hot(S, y) / len(S)


@wrong("softmax, 1 subtracted in the labels' columns of every row", "other-columns", also=["batch-size-dependent"])
def softmax_all_rows(S, y):
    """p[:, y] takes whole columns, where p[i, y] is meant."""
    p = softmax(S)
    loss = -np.log(of_labels(p, y)).sum() / len(S)
    p[:, y] -= 1
    return loss, p / len(S)


@wrong("svm in loops, delta forgotten in the others' columns", "other-columns")
def svm_others_without_delta(S, y):
    """A class gets its 1 only where it is above the label, and not where it is within the margin."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        for j in [k for k in range(C) if k != y[i]]:
            margin = S[i, j] - S[i, y[i]] + 1
            loss += max(0.0, margin)
            if S[i, j] > S[i, y[i]]:
                dS[i, j] += 1
            if margin > 0:
                dS[i, y[i]] -= 1
    return loss / N, dS / N


@wrong("softmax, the others' columns not normalised", "other-columns")
def softmax_others_unnormalised(S, y):
    """e^{s_j - max} is returned where p_j is meant."""
    dS = np.exp(S - S.max(axis=1)[:, None])
    p_y = of_labels(dS, y) / dS.sum(axis=1)
    dS[np.arange(len(S)), y] = p_y - 1
    return -np.sum(np.log(p_y)) / len(S), dS / len(S)


@wrong("svm in loops, the last class never reached", "one-class")
def svm_loops_last_class(S, y):
    """range(C - 1) in the loop that fills dS."""
    N, C = S.shape
    margins = margins_of(S, y)
    dS = np.zeros((N, C))
    for i in range(N):
        for j in range(C - 1):
            if margins[i, j] > 0:
                dS[i, j] = 1
        dS[i, y[i]] = -np.sum(margins[i] > 0)
    return margins.sum() / N, dS / N


@wrong("softmax, the first class taken for background", "one-class")
def softmax_background(S, y):
    """Columns from 1 on get their gradient, column 0 stays 0."""
    losses, dS = cross_entropy(S, y)
    dS[:, 0] = 0
    return losses.mean(), dS / len(S)


@wrong("softmax, the last class taken for the fixed reference", "one-class")
def softmax_reference_class(S, y):
    """As in a regression whose last score is 0 by definition; here it is an input."""
    p = softmax(S)
    dS = p - one_hot(S, y)
    dS[:, -1] = 0
    return -np.log(of_labels(p, y)).mean(), dS / len(S)


@wrong("one-vs-all, the background's weight lost in dS", "one-class")
def weighted_one_vs_all(S, y, background=0.1):
    """The background's weight is in the value and not in dS."""
    losses, dS = one_vs_all(S, y)
    losses[:, 0] *= background
    return losses.sum() / len(S), dS / len(S)


@wrong("softmax, one class's scale lost in dS", "one-class")
def softmax_scaled_class(S, y):
    """The scores of class 2 are halved, and the chain rule does not know."""
    z = S.copy()
    z[:, 2] *= 0.5
    losses, dS = cross_entropy(z, y)
    return losses.sum() / len(S), dS / len(S)

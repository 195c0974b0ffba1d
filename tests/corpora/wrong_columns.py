"""Wrong losses whose dS errs in columns: every one but the label's, or one class."""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("softmax, a gradient for the label alone", "other-columns")
def softmax_label_alone(S, y):
    """-log p_y is taken to depend on s_y only."""
    N = S.shape[0]
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p_y = e[np.arange(N), y] / e.sum(axis=1)
    dS = np.zeros(S.shape)
    dS[np.arange(N), y] = (p_y - 1) / N
    return -np.log(p_y).mean(), dS


@wrong("svm, every other class taken to violate", "other-columns")
def svm_others_without_max(S, y):
    """max(0, .) is minded in the label's count, not in the others' columns."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(0, S - S[i, y][:, None] + 1)
    margins[i, y] = 0
    dS = np.ones_like(S)
    dS[i, y] = -np.sum(margins > 0, axis=1)
    return np.sum(margins) / N, dS / N


@wrong("svm, the others' columns made of margins", "other-columns")
def svm_others_of_margins(S, y):
    """dS starts as the margins themselves, and only the label's column is set to a count."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    dS = margins.copy()
    dS[i, y] = -(margins > 0).sum(axis=1)
    dS /= N
    return margins.sum() / N, dS


@wrong("one-vs-all, negatives without a gradient", "other-columns")
class OneVsAll:
    """The value adds up every class, dS the label's only."""

    def __call__(self, S, y):
        N, C = S.shape
        positive = np.zeros((N, C), dtype=bool)
        positive[np.arange(N), y] = True
        losses = np.where(positive, np.logaddexp(0, -S), np.logaddexp(0, S))
        dS = np.where(positive, 1 / (1 + np.exp(-S)) - 1, 0)
        return losses.sum() / N, dS / N


@wrong("softmax, 1 subtracted in the labels' columns of every row", "other-columns", also=["batch-size-dependent"])
def softmax_all_rows(S, y):
    """p[:, y] takes whole columns, where p[i, y] is meant."""
    N = S.shape[0]
    p = np.exp(S - S.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(N), y]).sum() / N
    p[:, y] -= 1
    return loss, p / N


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
    N = S.shape[0]
    i = np.arange(N)
    e = np.exp(S - S.max(axis=1)[:, None])
    total = e.sum(axis=1)
    p_y = e[i, y] / total
    dS = e.copy()
    dS[i, y] = p_y - 1
    return -np.sum(np.log(p_y)) / N, dS / N


@wrong("svm in loops, the last class never reached", "one-class")
def svm_loops_last_class(S, y):
    """range(C - 1) in the loop that fills dS."""
    N, C = S.shape
    margins = np.maximum(S - S[np.arange(N), y][:, None] + 1, 0)
    margins[np.arange(N), y] = 0
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
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    dS = np.zeros_like(S)
    dS[:, 1:] = (np.exp(log_p) - np.eye(C)[y])[:, 1:] / N
    return -log_p[np.arange(N), y].mean(), dS


@wrong("softmax, the last class taken for the fixed reference", "one-class")
class ReferenceClass:
    """As in a regression whose last score is 0 by definition; here it is an input."""

    def __call__(self, S, y):
        N = S.shape[0]
        z = S - S.max(axis=1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        losses = -np.log(p[np.arange(N), y])
        dS = p.copy()
        dS[np.arange(N), y] -= 1
        dS[:, -1] = 0
        return losses.mean(), dS / N


def weighted_one_vs_all(background):
    def loss(S, y):
        """The background's weight is in the value and not in dS."""
        N, C = S.shape
        weights = np.ones(C)
        weights[0] = background
        target = (np.arange(C) == y[:, None]).astype(float)
        losses = np.logaddexp(0, S) - target * S
        dS = 1 / (1 + np.exp(-S)) - target
        return np.einsum("j,ij->", weights, losses) / N, dS / N

    return loss


wrong("one-vs-all, the background's weight lost in dS", "one-class")(weighted_one_vs_all(0.1))


@wrong("softmax, one class's scale lost in dS", "one-class")
def softmax_scaled_class(S, y):
    """The scores of class 2 are halved, and the chain rule does not know."""
    N = S.shape[0]
    z = S.copy()
    z[:, 2] *= 0.5
    z -= np.logaddexp.reduce(z, axis=1)[:, None]
    dS = np.exp(z)
    dS[np.arange(N), y] -= 1
    return -z[np.arange(N), y].sum() / N, dS / N

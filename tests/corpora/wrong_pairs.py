"""Wrong losses with two defects at once: both must be named."""

from __future__ import annotations

import numpy as np

from .parts import balanced, cross_entropy, log_softmax, margins_of, of_labels, one_hot, one_vs_all, softmax, svm
from .registry import wrong


def both(name, first, second):
    """Either may lead."""
    return wrong(name, first, also=[second], with_=[first, second])


@both("softmax, the direction of ascent and not divided", "sign-flipped", "missing-mean")
def softmax_ascent_no_mean(S, y):
    """1{j=y} - p_j, of the sum."""
    losses, dS = cross_entropy(S, y)
    return losses.mean(), -dS


@both("svm, signs exchanged beside a sum", "sign-flipped", "averaged-twice")
def svm_exchanged_beside_sum(S, y):
    """The value is not divided by N, dS is; and it points the other way."""
    losses, dS = svm(S, y)
    return losses.sum(), -dS / len(S)


@both("softmax, dS divided by a batch of 64", "missing-mean", "constant-factor")
def softmax_batch_of_64(S, y, batch_size=64):
    """The configured batch size, not that of the batch at hand."""
    p = softmax(S)
    return -np.log(of_labels(p, y)).mean(), (p - one_hot(S, y)) / batch_size


@both("squared hinge, the 2 lost and not divided", "missing-mean", "constant-factor")
def squared_hinge_no_mean_without_2(S, y):
    """dS is made of the margins themselves, of the sum."""
    margins = margins_of(S, y)
    return (margins**2).sum() / len(S), balanced(margins.copy(), y)


@both("squared error, target minus score without the 2", "sign-flipped", "constant-factor")
def squared_error_reversed_without_2(S, y):
    """(t - s) / N, where 2 (s - t) / N is meant."""
    residual = one_hot(S, y) - S
    return np.sum(residual**2) / len(S), residual / len(S)


@both("squared error in loops, divided twice without the 2", "averaged-twice", "constant-factor")
def squared_error_loops(S, y):
    """Each entry is divided by N, and so is the whole; the 2 is lost."""
    N = len(S)
    loss, dS = 0.0, np.zeros(S.shape)
    for i, j in np.ndindex(S.shape):
        r = S[i, j] - (1.0 if j == y[i] else 0.0)
        loss += r * r / N
        dS[i, j] = r / N
    return loss, dS / N


@both("svm in loops, neither the label nor the first class", "label-column", "one-class")
def svm_loops_without_label_and_first(S, y):
    """range(1, C), and nothing is taken from the label."""
    N, C = S.shape
    margins = margins_of(S, y)
    dS = np.zeros((N, C))
    for i in range(N):
        for j in range(1, C):
            if margins[i, j] > 0:
                dS[i, j] = 1 / N
    return margins.sum() / N, dS


@both("softmax in loops, neither the last row nor the last class", "one-row", "one-class")
def softmax_loops_short(S, y):
    """range(N - 1) and range(C - 1)."""
    N, C = S.shape
    p = np.exp(log_softmax(S))
    dS = np.zeros((N, C))
    for i in range(N - 1):
        for j in range(C - 1):
            dS[i, j] = (p[i, j] - (y[i] == j)) / N
    return -np.log(of_labels(p, y)).mean(), dS


@both("softmax, the maximum subtracted in place and the sign lost", "mutates-input", "sign-flipped")
def softmax_in_place_ascent(S, y):
    """Spoils S, and returns 1{j=y} - p_j."""
    S -= S.max(axis=1, keepdims=True)
    losses, dS = cross_entropy(S, y)
    return losses.mean(), -dS / len(S)


@both("svm, margins that are the scores and dS not divided", "mutates-input", "missing-mean")
def svm_aliased_no_mean(S, y):
    """margins = S makes no copy; dS is of the sum."""
    margins = S
    margins -= of_labels(S, y)[:, None] - 1.0
    margins[np.arange(len(S)), y] = 0
    return np.maximum(margins, 0).sum() / len(S), balanced((margins > 0).astype(float), y)


@both("softmax, p returned as it is", "missing-mean", "missing-label-term")
def softmax_p_alone(S, y):
    """Neither -1{j=y} nor 1/N."""
    p = softmax(S)
    return -np.log(of_labels(p, y)).mean(), p


@both("one-vs-all with a ridge, not in dS and not divided", "missing-mean", "missing-regularizer")
def one_vs_all_ridge_no_mean(S, y, lam=0.1):
    """dS is of the sum of the data's terms, and of nothing else."""
    losses, dS = one_vs_all(S, y)
    return losses.sum() / len(S) + lam / 2 * np.sum(S**2), dS


@wrong("squared hinge, the 2 lost in a buffer", "constant-factor", with_=["constant-factor", "shared-buffer"])
class BufferedHinge:
    """dS is written to the same memory at every call, and is half of what it should be."""

    def __init__(self):
        self.buffers = {}

    def __call__(self, S, y):
        dS = self.buffers.setdefault(S.shape, np.empty(S.shape))
        dS[:] = margins_of(S, y)
        loss = (dS**2).sum() / len(S)
        balanced(dS, y)
        dS /= len(S)
        return loss, dS

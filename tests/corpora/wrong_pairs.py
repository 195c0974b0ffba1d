"""Wrong losses with two defects at once: both must be named."""

from __future__ import annotations

import numpy as np

from .registry import wrong


def both(name, first, second):
    """Either may lead."""
    return wrong(name, first, also=[second], with_=[first, second])


@both("softmax, the direction of ascent and not divided", "sign-flipped", "missing-mean")
def softmax_ascent_no_mean(S, y):
    """1{j=y} - p_j, of the sum."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    target = np.eye(C)[y]
    return -(target * log_p).sum() / N, target - np.exp(log_p)


@both("svm, signs exchanged beside a sum", "sign-flipped", "averaged-twice")
def svm_exchanged_beside_sum(S, y):
    """The value is not divided by N, dS is; and it points the other way."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    dS = -(margins > 0).astype(float)
    dS[i, y] = -dS.sum(axis=1)
    return margins.sum(), dS / N


@both("softmax, dS divided by a batch of 64", "missing-mean", "constant-factor")
def softmax_batch_of_64(S, y, batch_size=64):
    """The configured batch size, not that of the batch at hand."""
    N = S.shape[0]
    z = S - S.max(axis=1, keepdims=True)
    p = np.exp(z)
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(N), y]).mean()
    p[np.arange(N), y] -= 1
    return loss, p / batch_size


@both("squared hinge, the 2 lost and not divided", "missing-mean", "constant-factor")
class SquaredHinge:
    """dS is made of the margins themselves, of the sum."""

    def __call__(self, S, y):
        N = len(S)
        i = np.arange(N)
        margins = np.maximum(S - S[i, y][:, None] + 1, 0)
        margins[i, y] = 0
        dS = margins.copy()
        dS[i, y] = -margins.sum(axis=1)
        return (margins**2).sum() / N, dS


@both("squared error, target minus score without the 2", "sign-flipped", "constant-factor")
def squared_error_reversed_without_2(S, y):
    """(t - s) / N, where 2 (s - t) / N is meant."""
    N, C = S.shape
    residual = np.eye(C)[y] - S
    return np.sum(residual**2) / N, residual / N


@both("squared error in loops, divided twice without the 2", "averaged-twice", "constant-factor")
def squared_error_loops(S, y):
    """Each entry is divided by N, and so is the whole; the 2 is lost."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        for j in range(C):
            r = S[i, j] - (1.0 if j == y[i] else 0.0)
            loss += r * r / N
            dS[i, j] = r / N
    return loss, dS / N


@both("svm in loops, neither the label nor the first class", "label-column", "one-class")
def svm_loops_without_label_and_first(S, y):
    """range(1, C), and nothing is taken from the label."""
    N, C = S.shape
    margins = np.maximum(S - S[np.arange(N), y][:, None] + 1, 0)
    margins[np.arange(N), y] = 0
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
    p = np.exp(S - np.logaddexp.reduce(S, axis=1, keepdims=True))
    dS = np.zeros((N, C))
    for i in range(N - 1):
        for j in range(C - 1):
            dS[i, j] = (p[i, j] - (y[i] == j)) / N
    return -np.log(p[np.arange(N), y]).mean(), dS


@both("softmax, the maximum subtracted in place and the sign lost", "mutates-input", "sign-flipped")
def softmax_in_place_ascent(S, y):
    """Spoils S, and returns 1{j=y} - p_j."""
    N, C = S.shape
    S -= S.max(axis=1, keepdims=True)
    log_p = S - np.log(np.exp(S).sum(axis=1, keepdims=True))
    return -log_p[np.arange(N), y].mean(), (np.eye(C)[y] - np.exp(log_p)) / N


@both("svm, margins that are the scores and dS not divided", "mutates-input", "missing-mean")
def svm_aliased_no_mean(S, y):
    """margins = S makes no copy; dS is of the sum."""
    N = S.shape[0]
    i = np.arange(N)
    margins = S
    margins -= S[i, y][:, None] - 1.0
    margins[i, y] = 0
    dS = (margins > 0).astype(float)
    dS[i, y] = -dS.sum(axis=1)
    return np.maximum(margins, 0).sum() / N, dS


@both("softmax, p returned as it is", "missing-mean", "missing-label-term")
def softmax_p_alone(S, y):
    """Neither -1{j=y} nor 1/N."""
    N = S.shape[0]
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(N), y]).mean(), p


@both("one-vs-all with a ridge, not in dS and not divided", "missing-mean", "missing-regularizer")
def one_vs_all_ridge_no_mean(S, y, lam=0.1):
    """dS is of the sum of the data's terms, and of nothing else."""
    N, C = S.shape
    target = np.eye(C)[y]
    data = np.sum(np.logaddexp(0, S) - target * S) / N
    return data + lam / 2 * np.sum(S**2), 1 / (1 + np.exp(-S)) - target


@wrong("squared hinge, the 2 lost in a buffer", "constant-factor", with_=["constant-factor", "shared-buffer"])
class BufferedHinge:
    """dS is written to the same memory at every call, and is half of what it should be."""

    def __init__(self):
        self.buffers = {}

    def __call__(self, S, y):
        N = S.shape[0]
        i = np.arange(N)
        dS = self.buffers.setdefault(S.shape, np.empty(S.shape))
        np.maximum(S - S[i, y][:, None] + 1, 0, out=dS)
        dS[i, y] = 0
        loss = (dS**2).sum() / N
        dS[i, y] = -dS.sum(axis=1)
        dS /= N
        return loss, dS

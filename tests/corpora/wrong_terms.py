"""Wrong losses whose dS lacks a term of the value, or has one of its own: the regularizer, the guard of a log."""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("softmax with a ridge, not in dS", "missing-regularizer")
def softmax_ridge(S, y, lam=0.1):
    """0.5 lam ||S||^2 in the value alone."""
    N = S.shape[0]
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    data = -log_p[np.arange(N), y].mean()
    penalty = 0.5 * lam * np.sum(S * S)
    dS = np.exp(log_p)
    dS[np.arange(N), y] -= 1
    dS /= N
    return data + penalty, dS


@wrong("svm with a ridge over N, not in dS", "missing-regularizer")
def svm_ridge(S, y):
    """The mean of the squared scores' sum is in the value alone."""
    N = S.shape[0]
    reg = 0.05
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    loss = margins.sum() / N + reg * np.linalg.norm(S) ** 2 / N
    dS = (margins > 0).astype(float)
    dS[i, y] = -dS.sum(axis=1)
    return loss, dS / N


@wrong("softmax with weight decay in dS alone", "missing-regularizer")
class DecayedSoftmax:
    """The value lacks the term whose gradient is added."""

    decay = 0.01

    def __call__(self, S, y):
        N = len(S)
        z = S - S.max(axis=1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        value = -np.log(p[np.arange(N), y]).mean()
        p[np.arange(N), y] -= 1
        return value, p / N + self.decay * S


@wrong("squared hinge with a ridge, its 2 lost", "missing-regularizer")
def squared_hinge_half_ridge(S, y, reg=0.5):
    """reg * sum(S^2) in the value, reg * S in dS: half of the term is missing."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    dS = 2 * margins
    dS[i, y] = -dS.sum(axis=1)
    return (margins**2).sum() / N + reg * np.sum(S**2), dS / N + reg * S


def with_ridge(strength):
    def one_vs_all(S, y):
        """The mean of the squared scores, over all entries, is in the value alone."""
        N, C = S.shape
        target = np.equal.outer(y, np.arange(C)).astype(float)
        data = np.sum(np.logaddexp(0, S) - target * S) / N
        return data + strength * np.mean(S**2), (1 / (1 + np.exp(-S)) - target) / N

    return one_vs_all


wrong("one-vs-all with a mean ridge, not in dS", "missing-regularizer")(with_ridge(1.0))


@wrong("brier with a ridge in loops, not in dS", "missing-regularizer")
def brier_ridge_loops(S, y):
    """Each entry adds its square to the value and nothing to dS."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        p = np.exp(S[i]) / np.exp(S[i]).sum()
        r = p.copy()
        r[y[i]] -= 1
        loss += r @ r
        dS[i] = 2 * p * (r - p @ r)
        for j in range(C):
            loss += 0.25 * S[i, j] ** 2
    return loss / N, dS / N


@wrong("softmax, log(p + 1e-8)", "log-guard")
def softmax_guard_1e8(S, y):
    """The guard is in the value, and dS is that of log(p)."""
    N = S.shape[0]
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.sum(np.log(p[np.arange(N), y] + 1e-8)) / N
    p[np.arange(N), y] -= 1
    return loss, p / N


@wrong("softmax over one-hot labels, log(p + 1e-7)", "log-guard")
def softmax_guard_one_hot(S, y):
    """The guard of a framework's default, for every class."""
    N, C = S.shape
    target = np.eye(C)[y]
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.mean(np.sum(target * np.log(p + 1e-7), axis=1)), (p - target) / N


@wrong("softmax as a class, log(p + eps) with eps of 1e-5", "log-guard")
class GuardedSoftmax:
    """eps is an attribute of forward, unknown to backward."""

    def __init__(self, eps=1e-5):
        self.eps = eps

    def forward(self, S, y):
        z = np.exp(S - np.max(S, axis=1, keepdims=True))
        self.p, self.y = z / np.sum(z, axis=1, keepdims=True), y
        return -np.log(self.p[np.arange(len(y)), y] + self.eps).mean()

    def backward(self):
        N, C = self.p.shape
        return (self.p - np.eye(C)[self.y]) / N

    def __call__(self, S, y):
        return self.forward(S, y), self.backward()


@wrong("softmax, log(p + float32's epsilon)", "log-guard")
def softmax_guard_finfo(S, y):
    """np.finfo(np.float32).eps added to every probability before the log."""
    N = S.shape[0]
    p = np.exp(S - np.logaddexp.reduce(S, axis=1, keepdims=True))
    losses = -np.log(p + np.finfo(np.float32).eps)
    dS = p.copy()
    dS[np.arange(N), y] -= 1
    return losses[np.arange(N), y].mean(), dS / N


@wrong("softmax in loops, log(p + 1e-3)", "log-guard")
def softmax_guard_loops(S, y):
    """A guard that is not small any more."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        e = np.exp(S[i] - max(S[i]))
        p = e / sum(e)
        loss -= np.log(p[y[i]] + 1e-3) / N
        for j in range(C):
            dS[i, j] = (p[j] - (j == y[i])) / N
    return loss, dS

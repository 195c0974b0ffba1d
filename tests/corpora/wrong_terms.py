"""Wrong losses whose dS lacks a term of the value, or has one of its own: the regularizer, the guard of a log."""

from __future__ import annotations

import numpy as np

from .parts import brier, cross_entropy, log_softmax, of_labels, one_hot, one_vs_all, softmax, squared_hinge, svm
from .registry import wrong


@wrong("softmax with a ridge, not in dS", "missing-regularizer")
def softmax_ridge(S, y, lam=0.1):
    """0.5 lam ||S||^2 in the value alone."""
    losses, dS = cross_entropy(S, y)
    return losses.mean() + 0.5 * lam * np.sum(S * S), dS / len(S)


@wrong("svm with a ridge over N, not in dS", "missing-regularizer")
def svm_ridge(S, y, reg=0.05):
    """The mean of the squared scores' sum is in the value alone."""
    losses, dS = svm(S, y)
    return losses.sum() / len(S) + reg * np.linalg.norm(S) ** 2 / len(S), dS / len(S)


@wrong("softmax with weight decay in dS alone", "missing-regularizer")
class DecayedSoftmax:
    """The value lacks the term whose gradient is added."""

    decay = 0.01

    def __call__(self, S, y):
        p = softmax(S)
        return -np.log(of_labels(p, y)).mean(), (p - one_hot(S, y)) / len(S) + self.decay * S


@wrong("squared hinge with a ridge, its 2 lost", "missing-regularizer")
def squared_hinge_half_ridge(S, y, reg=0.5):
    """reg * sum(S^2) in the value, reg * S in dS: half of the term is missing."""
    losses, dS = squared_hinge(S, y)
    return losses.sum() / len(S) + reg * np.sum(S**2), dS / len(S) + reg * S


@wrong("one-vs-all with a mean ridge, not in dS", "missing-regularizer")
def one_vs_all_mean_ridge(S, y, strength=1.0):
    """The mean of the squared scores, over all entries, is in the value alone."""
    losses, dS = one_vs_all(S, y)
    return losses.sum() / len(S) + strength * np.mean(S**2), dS / len(S)


@wrong("brier with a ridge in loops, not in dS", "missing-regularizer")
def brier_ridge_loops(S, y):
    """Each entry adds its square to the value and nothing to dS."""
    losses, dS = brier(S, y)
    loss = losses.sum()
    for i, j in np.ndindex(S.shape):
        loss += 0.25 * S[i, j] ** 2
    return loss / len(S), dS / len(S)


@wrong("softmax, log(p + 1e-8)", "log-guard")
def softmax_guard_1e8(S, y):
    """The guard is in the value, and dS is that of log(p)."""
    p = softmax(S)
    return -np.sum(np.log(of_labels(p, y) + 1e-8)) / len(S), (p - one_hot(S, y)) / len(S)


@wrong("softmax over one-hot labels, log(p + 1e-7)", "log-guard")
def softmax_guard_one_hot(S, y):
    """The guard of a framework's default, for every class."""
    p, target = softmax(S), one_hot(S, y)
    return -np.mean(np.sum(target * np.log(p + 1e-7), axis=1)), (p - target) / len(S)


@wrong("softmax as a class, log(p + eps) with eps of 1e-5", "log-guard")
class GuardedSoftmax:
    """eps is an attribute of forward, unknown to backward."""

    def __init__(self, eps=1e-5):
        self.eps = eps

    def forward(self, S, y):
        self.p, self.y = softmax(S), y
        return -np.log(of_labels(self.p, y) + self.eps).mean()

    def backward(self):
        return (self.p - one_hot(self.p, self.y)) / len(self.p)

    def __call__(self, S, y):
        return self.forward(S, y), self.backward()


@wrong("softmax, log(p + float32's epsilon)", "log-guard")
def softmax_guard_finfo(S, y):
    """np.finfo(np.float32).eps added to every probability before the log."""
    p = np.exp(log_softmax(S))
    return -np.log(of_labels(p, y) + np.finfo(np.float32).eps).mean(), (p - one_hot(S, y)) / len(S)


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

"""Right parts of many losses, so that each shows its mistake alone.

The losses answer with those of the rows, or entries, and their derivatives N x C: neither is divided by N.
"""

import numpy as np


def one_hot(S, y):
    """In the precision of S."""
    return np.eye(S.shape[1], dtype=S.real.dtype)[y]


def of_labels(A, y):
    """The label's entry of each row."""
    return A[np.arange(len(y)), y]


def log_softmax(S):
    return S - np.logaddexp.reduce(S, axis=1, keepdims=True)


def softmax(S):
    """The quotient itself: 0 far below a row's maximum."""
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(S):
    return 1 / (1 + np.exp(-S))


def margins_of(S, y):
    """max(0, s_j - s_y + 1), and 0 for the label."""
    margins = np.maximum(S - of_labels(S, y)[:, None] + 1, 0)
    margins[np.arange(len(y)), y] = 0
    return margins


def balanced(dS, y):
    """The label's column is made the negative of what the others add up to."""
    dS[np.arange(len(y)), y] = 0
    dS[np.arange(len(y)), y] = -dS.sum(axis=1)
    return dS


def cross_entropy(S, y):
    log_p = log_softmax(S)
    return -of_labels(log_p, y), np.exp(log_p) - one_hot(S, y)


def brier(S, y):
    p = softmax(S)
    r = p - one_hot(S, y)
    return r**2, 2 * p * (r - (p * r).sum(axis=1, keepdims=True))


def one_vs_all(S, y):
    target = one_hot(S, y)
    return np.logaddexp(0, S) - target * S, sigmoid(S) - target


def squared_error(S, y):
    r = S - one_hot(S, y)
    return r**2, 2 * r


def huber(S, y):
    r = S - one_hot(S, y)
    return np.where(np.abs(r) <= 1, r**2 / 2, np.abs(r) - 0.5), np.clip(r, -1, 1)


def focal(S, y):
    """With a gamma of 2."""
    losses, dS = cross_entropy(S, y)
    u = np.exp(-losses)
    return (1 - u) ** 2 * losses, ((1 - u) ** 2 + 2 * u * (1 - u) * losses)[:, None] * dS


def svm(S, y):
    margins = margins_of(S, y)
    return margins, balanced((margins > 0).astype(float), y)


def squared_hinge(S, y):
    margins = margins_of(S, y)
    return margins**2, balanced(2 * margins, y)


def pairwise(S, y):
    gap = S - of_labels(S, y)[:, None]
    losses = np.logaddexp(0, gap)
    losses[np.arange(len(y)), y] = 0
    return losses, balanced(sigmoid(gap), y)

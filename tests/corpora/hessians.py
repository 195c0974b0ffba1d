"""Losses with second derivatives, and ten ways to get those wrong."""

import numpy as np

from .parts import cross_entropy, huber, margins_of, one_hot, one_vs_all, softmax, squared_error, squared_hinge


def softmax_diagonal(S, y):
    losses, dS = cross_entropy(S, y)
    p, N = softmax(S), len(S)
    return losses.mean(), dS / N, p * (1 - p) / N


def softmax_blocks(S, y):
    """A C x C matrix for each row: diag(p) - p p'."""
    value, dS, _ = softmax_diagonal(S, y)
    p = softmax(S)
    return value, dS, (p[:, :, None] * np.eye(S.shape[1]) - p[:, :, None] * p[:, None, :]) / len(S)


def softmax_whole(S, y):
    """The whole matrix, NC x NC, whose blocks beside the diagonal are 0."""
    value, dS, blocks = softmax_blocks(S, y)
    N, C = S.shape
    whole = np.zeros((N, C, N, C))
    whole[np.arange(N), :, np.arange(N), :] = blocks
    return value, dS, whole.reshape(N * C, N * C)


def logistic(S, y):
    losses, dS = one_vs_all(S, y)
    g, N = 1 / (1 + np.exp(-S)), len(S)
    return losses.sum() / N, dS / N, g * (1 - g) / N


def squares(S, y):
    losses, dS = squared_error(S, y)
    N = len(S)
    return losses.sum() / (2 * N), dS / (2 * N), np.full(S.shape, 1 / N)


def squared_hinge_blocks(S, y):
    """Kinks of dS at margins of 0, several of a row at once."""
    losses, dS = squared_hinge(S, y)
    N, i = len(S), np.arange(len(S))
    on = 2.0 * (margins_of(S, y) > 0)
    blocks = on[:, :, None] * np.eye(S.shape[1])
    blocks[i, y, :] -= on
    blocks[i, :, y] -= on
    blocks[i, y, y] = on.sum(axis=1)
    return losses.sum() / N, dS / N, blocks / N


def huber_diagonal(S, y):
    losses, dS = huber(S, y)
    N = len(S)
    return losses.sum() / N, dS / N, (np.abs(S - one_hot(S, y)) <= 1) / N


def poisson(S, y):
    """Counts y, rates exp(s): a sum over rows."""
    e, counts = np.exp(S), y[:, None]
    return (e - counts * S).sum(), e - counts, e


def coupled(S, y):
    """The variance of all scores: rows are coupled, and the whole matrix is dense."""
    r, n = S - S.mean(), S.size
    return (r**2).sum() / 2, r, np.eye(n) - 1 / n


def quartic(S, y):
    return (S**4).sum() / 12, S**3 / 3, S**2


RIGHT = (
    softmax_diagonal, softmax_blocks, softmax_whole, logistic, squares, squared_hinge_blocks, huber_diagonal, poisson,
    coupled, quartic,
)  # fmt: skip

#: What may become of a hess, and words that the finding must have; each changes any hess of N > 1 rows that is not 0.
WRONG = {
    "sign": (lambda H, N: -H, "-"),
    "three times": (lambda H, N: 3 * H, "3 times"),
    "not the mean": (lambda H, N: N * H, "N times"),
    "averaged twice": (lambda H, N: H / N, "1/N"),
    "a part in a million": (lambda H, N: H * (1 + 1e-6), ""),
    "a term more": (lambda H, N: H + 0.01, ""),
    "squared": (lambda H, N: N * H**2 + 0.5 * H, ""),
    "one entry": (lambda H, N: H + 0.25 * (np.arange(H.size).reshape(H.shape) == 0), ""),
    "the last row": (lambda H, N: np.concatenate([H[:-1], 0.5 * H[-1:] + 0.1]), ""),
    "rounded to four decimals": (lambda H, N: np.round(H + 4e-5, 4) + 2e-5, ""),
}

"""Right losses of which nothing should be said."""

from __future__ import annotations

import numpy as np

from .registry import quiet


@quiet("softmax, stable")
def softmax(S, y):
    """Right."""
    N, C = S.shape
    z = S - S.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -log_p[np.arange(N), y].mean(), (np.exp(log_p) - np.eye(C)[y]) / N


@quiet("svm in loops")
def svm_loops(S, y):
    """Right; 0 at a margin of 0."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros_like(S)
    for i in range(N):
        for j in range(C):
            margin = S[i, j] - S[i, y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin
                dS[i, j] += 1
                dS[i, y[i]] -= 1
    return loss / N, dS / N


@quiet("softmax with every reduction")
class Softmax:
    """Right, and its reductions agree."""

    def __call__(self, S, y, reduction="mean"):
        N, C = S.shape
        log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
        losses, dS = -log_p[np.arange(N), y], np.exp(log_p) - np.eye(C)[y]
        if reduction == "none":
            return losses, dS
        if reduction == "sum":
            return losses.sum(), dS
        return losses.mean(), dS / N


@quiet("exponential loss of margins")
def exponential_margins(S, y):
    """Right; e^{s_j - s_y} is infinite at scores of 1e3, and no other form of it is finite."""
    N = S.shape[0]
    i = np.arange(N)
    e = np.exp(S - S[i, y][:, None])
    e[i, y] = 0
    dS = e.copy()
    dS[i, y] = -e.sum(axis=1)
    return e.sum() / N, dS / N


@quiet("poisson")
def poisson(S, y):
    """Right; its rate e^s has no stable form."""
    N, C = S.shape
    counts = np.arange(C) * np.eye(C)[y]
    rate = np.exp(S)
    return np.sum(rate - counts * S) / N, (rate - counts) / N


@quiet("exponential of squares, halved")
def gaussian_growth(S, y):
    """Right; grows faster than any power."""
    N = S.shape[0]
    e = np.exp(S**2 / 8)
    return e.sum() / N, S / 4 * e / N


@quiet("in-batch contrastive over rows")
def in_batch_contrastive(S, y):
    """Right; rows compete for each row's class."""
    N = S.shape[0]
    columns = S[:, y]
    log_share = columns - np.logaddexp.reduce(columns, axis=0)
    share = np.exp(log_share)
    share[np.arange(N), np.arange(N)] -= 1
    dS = np.zeros_like(S)
    np.add.at(dS, (slice(None), y), share)
    return -np.trace(log_share) / N, dS / N


@quiet("softmax of centred columns")
def centred_columns(S, y):
    """Right; the batch's mean is subtracted, so rows depend on each other."""
    N, C = S.shape
    z = S - S.mean(axis=0)
    log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    dz = (np.exp(log_p) - np.eye(C)[y]) / N
    return -log_p[np.arange(N), y].mean(), dz - dz.mean(axis=0)


@quiet("spread of the rows' means over N")
class Spread:
    """Right; a variance divided by N, which couples rows."""

    def __call__(self, S, y):
        N, C = S.shape
        means = S.mean(axis=1)
        centred = means - means.mean()
        return np.sum(centred**2) / N + np.mean(S**2), np.outer(2 * centred / (N * C), np.ones(C)) + 2 * S / S.size


@quiet("log of the batch's mean likelihood")
def log_of_mean(S, y):
    """Right; the batch is one mixture, and its log-sum-exp is stable."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    log_p_y = log_p[np.arange(N), y]
    log_sum = np.logaddexp.reduce(log_p_y)
    share = np.exp(log_p_y - log_sum)
    return np.log(N) - log_sum, share[:, None] * (np.exp(log_p) - np.eye(C)[y])


@quiet("softmax that returns float32")
def softmax_float32(S, y):
    """Right to float32."""
    N, C = S.shape
    s = S.astype(np.float32)
    z = s - s.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    dS = (np.exp(log_p) - np.eye(C, dtype=np.float32)[y]) / np.float32(N)
    return np.float32(-log_p[np.arange(N), y].mean()), dS


@quiet("squared hinge that returns float32")
def squared_hinge_float32(S, y):
    """Right to float32, computed in float64."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    dS = 2 * margins
    dS[i, y] = -dS.sum(axis=1)
    return (margins**2).sum() / N, (dS / N).astype(np.float32)


@quiet("mean squared error over all entries, as a list")
def mean_squared_error(S, y):
    """Right; divides by N C, and returns a list of two."""
    residual = S - np.eye(S.shape[1])[y]
    return [np.mean(residual**2), 2 * residual / residual.size]


def at_temperature(T):
    def loss(S, y):
        """Right, chain rule and all."""
        N, C = S.shape
        log_p = S / T - np.logaddexp.reduce(S / T, axis=1, keepdims=True)
        return -log_p[np.arange(N), y].mean(), (np.exp(log_p) - np.eye(C)[y]) / (T * N)

    return loss


quiet("softmax at a temperature of 0.5")(at_temperature(0.5))


@quiet("svm with a margin of 2 and a ridge")
def svm_ridge(S, y, reg=0.1):
    """Right; >= at a margin of 0."""
    N = S.shape[0]
    i = np.arange(N)
    margins = S - S[i, y][:, None] + 2
    active = (margins >= 0).astype(float)
    margins[i, y] = active[i, y] = 0
    active[i, y] = -active.sum(axis=1)
    return np.maximum(margins, 0).sum() / N + reg * np.sum(S**2) / N, active / N + 2 * reg * S / N


@quiet("softmax weighted by class")
def softmax_weighted(S, y):
    """Right; the mean of weighted losses."""
    N, C = S.shape
    weights = np.linspace(0.5, 1.5, C)[y]
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    return -np.mean(weights * log_p[np.arange(N), y]), weights[:, None] * (np.exp(log_p) - np.eye(C)[y]) / N

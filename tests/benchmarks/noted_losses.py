"""Right losses that are a built-in plus a constant, or its sum: worth a note, and no more."""

from __future__ import annotations

import numpy as np
from wrong_registry import warned

# --- constant-offset --------------------------------------------------------------------------------------


@warned("svm, the label's own margin left in the value", "constant-offset")
def svm_own_margin(S, y):
    """The label's margin is 1, and nothing takes it out."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, np.newaxis] + 1, 0)
    loss = np.sum(margins) / N
    dS = (margins > 0).astype(float)
    dS[i, y] -= dS.sum(axis=1)
    return loss, dS / N


@warned("svm in loops, the label not skipped", "constant-offset")
def svm_loops_own_margin(S, y):
    """No if j == y[i]: the label adds 1 to the value, and 1 - 1 to dS."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        for j in range(C):
            margin = S[i, j] - S[i, y[i]] + 1
            if margin > 0:
                loss += margin
                dS[i, j] += 1
                dS[i, y[i]] -= 1
    return loss / N, dS / N


@warned("squared hinge, the label's own margin left in the value", "constant-offset")
class SquaredHinge:
    """1 squared for each row."""

    def __call__(self, S, y):
        N = len(S)
        i = np.arange(N)
        margins = np.maximum(S - S[i, y][:, None] + 1, 0)
        dS = 2 * margins
        dS[i, y] = 0
        dS[i, y] = -dS.sum(axis=1)
        return np.sum(margins**2) / N, dS / N


@warned("softmax beside the entropy of uniform labels", "constant-offset")
def softmax_over_chance(S, y):
    """log C is subtracted, so that a guess has a loss of 0."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    return -log_p[np.arange(N), y].mean() - np.log(C), (np.exp(log_p) - np.eye(C)[y]) / N


# --- sum-over-rows ----------------------------------------------------------------------------------------


@warned("svm, no 1/N in either", "sum-over-rows")
def svm_sum(S, y):
    """Value and dS are of the sum."""
    i = np.arange(S.shape[0])
    margins = np.maximum(S - S[i, y][:, np.newaxis] + 1, 0)
    margins[i, y] = 0
    dS = np.zeros_like(S)
    dS[margins > 0] = 1
    dS[i, y] = -dS.sum(axis=1)
    return margins.sum(), dS


@warned("softmax in loops, no 1/N in either", "sum-over-rows")
def softmax_loops_sum(S, y):
    """The losses of the rows are added up."""
    loss, dS = 0.0, np.zeros_like(S)
    for i, label in enumerate(y):
        z = S[i] - S[i].max()
        log_p = z - np.log(np.exp(z).sum())
        loss -= log_p[label]
        dS[i] = np.exp(log_p)
        dS[i, label] -= 1
    return loss, dS


@warned("brier with a reduction that is a sum by default", "sum-over-rows")
class Brier:
    """reduction="sum" unless it is told otherwise."""

    def __call__(self, S, y, reduction="sum"):
        N, C = S.shape
        p = np.exp(S - np.logaddexp.reduce(S, axis=1, keepdims=True))
        r = p - np.eye(C)[y]
        losses = (r**2).sum(axis=1)
        dS = 2 * p * (r - (p * r).sum(axis=1, keepdims=True))
        if reduction == "none":
            return losses, dS
        if reduction == "mean":
            return losses.mean(), dS / N
        return losses.sum(), dS


@warned("one-vs-all by einsum, no 1/N in either", "sum-over-rows")
def one_vs_all_sum(S, y):
    """Summed over everything."""
    target = np.eye(S.shape[1])[y]
    sigmoid = 1 / (1 + np.exp(-S))
    return np.logaddexp(0, S).sum() - np.einsum("ij,ij->", target, S), sigmoid - target

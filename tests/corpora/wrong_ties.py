"""Wrong losses that tell the label by its margin of 1, and so err where a class ties with it.

Scores of a normal distribution show nothing of this; integers do.
"""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("svm, margins of 1 zeroed", "removable-jump")
def svm_ones_zeroed(S, y):
    """margins == 1 is meant to drop the label, and drops ties from value and dS."""
    N = S.shape[0]
    margins = np.maximum(0, S - S[np.arange(N), y][:, np.newaxis] + 1)
    margins[margins == 1] = 0
    dS = (margins > 0).astype(float)
    dS[np.arange(N), y] = -dS.sum(axis=1)
    return margins.sum() / N, dS / N


@wrong("svm in loops, margins of 1 skipped", "removable-jump")
def svm_loops_ones_skipped(S, y):
    """if margin == 1: continue, where j == y[i] is meant."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        for j in range(C):
            margin = S[i, j] - S[i, y[i]] + 1
            if margin == 1:
                continue
            if margin > 0:
                loss += margin
                dS[i, j] += 1
                dS[i, y[i]] -= 1
    return loss / N, dS / N


@wrong("squared hinge, margins of 1 left out of the value", "removable-jump")
class SquaredHinge:
    """The value selects by margins != 1; dS goes by the label, and is right."""

    def __call__(self, S, y):
        N = len(S)
        i = np.arange(N)
        margins = np.maximum(S - S[i, y][:, None] + 1, 0)
        value = np.sum(margins[margins != 1] ** 2) / N
        margins[i, y] = 0
        dS = 2 * margins
        dS[i, y] = -dS.sum(axis=1)
        return value, dS / N


@wrong("svm, margins equal to 1 taken for the label's", "value-of-another-loss")
def svm_ones_deleted(S, y):
    """The label is told by its margin of 1, and so is every class that ties with it."""
    N = S.shape[0]
    margins = np.maximum(S - S[np.arange(N), y][:, None] + 1, 0)
    loss = (margins.sum() - N) / N
    dS = np.zeros_like(S)
    dS[(margins > 0) & (margins != 1)] = 1
    dS[np.arange(N), y] = -dS.sum(axis=1)
    return loss, dS / N


@wrong("Crammer-Singer, the maximum's derivative to every class that ties for it", "not-a-subgradient")
def crammer_singer_to_each(S, y):
    """margins == their maximum is 1 for each of those that tie, where one of them or shares are meant."""
    N = len(S)
    margins = S - S[np.arange(N), y][:, None] + 1
    margins[np.arange(N), y] = 0
    most = margins.max(axis=1, keepdims=True)
    dS = (margins == most).astype(float)
    dS[np.arange(N), y] -= 1
    return most.mean(), dS / N


@wrong("svm, margins of 0 counted for the class and not for the label", "not-a-subgradient")
def svm_zeros_counted_once(S, y):
    """>= 0 decides for a class and > 0 for the label, so a margin of 0 counts for one of its two scores."""
    N = len(S)
    margins = S - S[np.arange(N), y][:, None] + 1
    margins[np.arange(N), y] = -1
    dS = (margins >= 0).astype(float)
    dS[np.arange(N), y] = -np.sum(margins > 0, axis=1)
    return np.maximum(margins, 0).sum() / N, dS / N


@wrong("the span of the scores, to every class that ties for an end", "not-a-subgradient")
class Span:
    """The largest less the smallest score; both ends take all of those that tie."""

    def __call__(self, S, y):
        most, least = S.max(axis=1, keepdims=True), S.min(axis=1, keepdims=True)
        dS = (most == S).astype(float) - (least == S)
        return np.mean(most - least), dS / len(S)

"""Wrong losses whose dS errs in one row, or at some batch sizes."""

from __future__ import annotations

import numpy as np

from .parts import brier, cross_entropy, margins_of, of_labels, one_hot, one_vs_all, squared_error, svm
from .registry import wrong


@wrong("softmax in loops, the last row never reached", "one-row")
def softmax_loops_last_row(S, y):
    """range(N - 1) in the loop that fills dS."""
    losses, rows = cross_entropy(S, y)
    dS = np.zeros(S.shape)
    for i in range(len(S) - 1):
        dS[i] = rows[i] / len(S)
    return losses.mean(), dS


@wrong("svm in loops, rows counted from 1", "one-row")
def svm_loops_from_one(S, y):
    """range(1, N): row 0 gets no gradient."""
    N, C = S.shape
    margins = margins_of(S, y)
    dS = np.zeros((N, C))
    for i in range(1, N):
        for j in range(C):
            if margins[i, j] > 0:
                dS[i, j] += 1 / N
                dS[i, y[i]] -= 1 / N
    return margins.sum() / N, dS


@wrong("brier, the first row taken for padding", "one-row")
def brier_first_row_masked(S, y):
    """Row 0 is masked in dS, and counts in the value."""
    losses, dS = brier(S, y)
    dS[0] = 0
    return losses.sum() / len(S), dS / len(S)


@wrong("one-vs-all, the first row added twice", "one-row")
def one_vs_all_first_row_twice(S, y):
    """The sum over rows starts with the first one and then goes over all of them."""
    losses, dS = one_vs_all(S, y)
    dS[0] += dS[0]
    return losses.sum() / len(S), dS / len(S)


@wrong("smoothness between neighbouring rows, the last row's end lost", "one-row")
def smoothness_last_row(S, y):
    """Every difference pulls at two rows; the last one pulls at its lower row only."""
    step = np.diff(S, axis=0)
    dS = np.zeros_like(S)
    dS[:-1] -= 2 * step
    dS[1:-1] += 2 * step[:-1]
    return (step**2).sum() / len(S), dS / len(S)


@wrong("softmax, dS normalised over the whole batch", "batch-size-dependent")
def softmax_normalised_over_batch(S, y):
    """e.sum() without an axis in dS."""
    e = np.exp(S - S.max())
    loss = np.mean(np.log(e.sum(axis=1)) - np.log(of_labels(e, y)))
    return loss, (e / e.sum() - one_hot(S, y)) / len(S)


@wrong("svm in chunks of 4, each of them averaged", "batch-size-dependent")
def svm_in_chunks(S, y, chunk=4):
    """dS is divided by the rows of its chunk, not of the batch."""
    total, parts = 0.0, []
    for begin in range(0, len(S), chunk):
        losses, dS = svm(S[begin : begin + chunk], y[begin : begin + chunk])
        total += losses.sum()
        parts.append(dS / len(dS))
    return total / len(S), np.concatenate(parts)


@wrong("squared error in chunks of 4, the last one dropped unless it is full", "batch-size-dependent")
def squared_error_full_chunks(S, y):
    """N // 4 chunks get their gradient."""
    losses, dS = squared_error(S, y)
    dS[4 * (len(S) // 4) :] = 0
    return losses.sum() / len(S), dS / len(S)


@wrong("one-vs-all, dS divided by N - 1", "batch-size-dependent")
def one_vs_all_sample_mean(S, y):
    """The value is divided by N, dS by N - 1 as a sample's variance is."""
    t = 2 * one_hot(S, y) - 1
    return np.logaddexp(0, -t * S).sum() / len(S), -t / (1 + np.exp(t * S)) / max(len(S) - 1, 1)


@wrong("in-batch contrastive, repeated labels lost", "batch-size-dependent")
def contrastive_repeated_labels(S, y):
    """dS[:, y] += keeps one of the columns where a label occurs twice; np.add.at would add them."""
    columns = S[:, y]
    log_share = columns - np.logaddexp.reduce(columns, axis=0)
    dS = np.zeros_like(S)
    dS[:, y] += np.exp(log_share)
    return -np.trace(log_share) / len(S), (dS - one_hot(S, y)) / len(S)


@wrong("softmax, rows sorted by label and not put back", "batch-size-dependent", also=["not-a-gradient"])
def softmax_sorted_rows(S, y):
    """dS comes in the order of the sorted labels."""
    order = np.argsort(y, kind="stable")
    losses, dS = cross_entropy(S[order], y[order])
    return losses.mean(), dS / len(S)

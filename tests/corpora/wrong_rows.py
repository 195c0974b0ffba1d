"""Wrong losses whose dS errs in one row, or at some batch sizes."""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("softmax in loops, the last row never reached", "one-row")
def softmax_loops_last_row(S, y):
    """range(N - 1) in the loop that fills dS."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    loss = -sum(log_p[i, y[i]] for i in range(N)) / N
    dS = np.zeros((N, C))
    for i in range(N - 1):
        dS[i] = np.exp(log_p[i]) / N
        dS[i, y[i]] -= 1 / N
    return loss, dS


@wrong("svm in loops, rows counted from 1", "one-row")
def svm_loops_from_one(S, y):
    """range(1, N): row 0 gets no gradient."""
    N, C = S.shape
    margins = S - S[np.arange(N), y][:, None] + 1
    margins[np.arange(N), y] = 0
    loss = margins.clip(0).sum() / N
    dS = np.zeros((N, C))
    for i in range(1, N):
        for j in range(C):
            if margins[i, j] > 0:
                dS[i, j] += 1 / N
                dS[i, y[i]] -= 1 / N
    return loss, dS


@wrong("brier, the first row taken for padding", "one-row")
class Brier:
    """Row 0 is masked in dS, and counts in the value."""

    def __call__(self, S, y):
        N, C = S.shape
        e = np.exp(S - S.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        r = p - np.eye(C)[y]
        mask = np.arange(N) > 0
        dS = 2 * p * (r - (p * r).sum(axis=1, keepdims=True)) * mask[:, None]
        return np.sum(r**2) / N, dS / N


@wrong("one-vs-all, the first row added twice", "one-row")
def one_vs_all_first_row_twice(S, y):
    """The sum over rows starts with the first one and then goes over all of them."""
    N, C = S.shape
    target = np.eye(C)[y]
    g = 1 / (1 + np.exp(-S)) - target
    loss = np.logaddexp(0, S).sum() - S[np.arange(N), y].sum()
    dS = np.zeros_like(g)
    dS[0] = g[0]
    for i in range(N):
        dS[i] += g[i]
    return loss / N, dS / N


@wrong("smoothness between neighbouring rows, the last row's end lost", "one-row")
def smoothness_last_row(S, y):
    """Every difference pulls at two rows; the last one pulls at its lower row only."""
    N = S.shape[0]
    step = np.diff(S, axis=0)
    dS = np.zeros_like(S)
    dS[:-1] -= 2 * step
    dS[1:-1] += 2 * step[:-1]
    return (step**2).sum() / N, dS / N


@wrong("softmax, dS normalised over the whole batch", "batch-size-dependent")
def softmax_normalised_over_batch(S, y):
    """e.sum() without an axis in dS."""
    N = S.shape[0]
    e = np.exp(S - S.max())
    loss = np.mean(np.log(e.sum(axis=1)) - np.log(e[np.arange(N), y]))
    dS = e / e.sum()
    dS[np.arange(N), y] -= 1
    return loss, dS / N


@wrong("svm in chunks of 4, each of them averaged", "batch-size-dependent")
def svm_in_chunks(S, y, chunk=4):
    """dS is divided by the rows of its chunk, not of the batch."""
    N = S.shape[0]
    total, parts = 0.0, []
    for begin in range(0, N, chunk):
        s, labels = S[begin : begin + chunk], y[begin : begin + chunk]
        i = np.arange(len(s))
        margins = np.maximum(s - s[i, labels][:, None] + 1, 0)
        margins[i, labels] = 0
        g = (margins > 0).astype(float)
        g[i, labels] = -g.sum(axis=1)
        total += margins.sum()
        parts.append(g / len(s))
    return total / N, np.concatenate(parts)


@wrong("squared error in chunks of 4, the last one dropped unless it is full", "batch-size-dependent")
def squared_error_full_chunks(S, y):
    """N // 4 chunks get their gradient."""
    N, C = S.shape
    residual = S - np.eye(C)[y]
    dS = np.zeros_like(S)
    for k in range(N // 4):
        rows = slice(4 * k, 4 * k + 4)
        dS[rows] = 2 * residual[rows] / N
    return np.sum(residual**2) / N, dS


@wrong("one-vs-all, dS divided by N - 1", "batch-size-dependent")
def one_vs_all_sample_mean(S, y):
    """The value is divided by N, dS by N - 1 as a sample's variance is."""
    N, C = S.shape
    t = 2 * np.eye(C)[y] - 1
    z = t * S
    return np.logaddexp(0, -z).sum() / N, -t / (1 + np.exp(z)) / max(N - 1, 1)


@wrong("in-batch contrastive, repeated labels lost", "batch-size-dependent")
class InBatchContrastive:
    """dS[:, y] += keeps one of the columns where a label occurs twice; np.add.at would add them."""

    def __call__(self, S, y):
        N = S.shape[0]
        columns = S[:, y]
        log_share = columns - np.logaddexp.reduce(columns, axis=0)
        dS = np.zeros_like(S)
        dS[:, y] += np.exp(log_share)
        dS[np.arange(N), y] -= 1
        return -np.trace(log_share) / N, dS / N


@wrong("softmax, rows sorted by label and not put back", "batch-size-dependent", also=["not-a-gradient"])
def softmax_sorted_rows(S, y):
    """dS comes in the order of the sorted labels."""
    N = S.shape[0]
    order = np.argsort(y, kind="stable")
    s, labels = S[order], y[order]
    log_p = s - np.logaddexp.reduce(s, axis=1, keepdims=True)
    dS = np.exp(log_p)
    dS[np.arange(N), labels] -= 1
    return -log_p[np.arange(N), labels].mean(), dS / N

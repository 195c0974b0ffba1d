"""Wrong losses whose dS errs in the label's column: its constant term, its count, its sign."""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("softmax in loops, without -1{j=y}", "missing-label-term")
def softmax_loops_without_one(S, y):
    """dS is p_j alone in every column."""
    N, C = S.shape
    loss = 0.0
    dS = np.zeros((N, C))
    for i in range(N):
        e = np.exp(S[i] - np.max(S[i]))
        p = e / np.sum(e)
        loss += -np.log(p[y[i]])
        for j in range(C):
            dS[i, j] = p[j] / N
    return loss / N, dS


@wrong("softmax with smoothed labels, only the smoothing subtracted", "missing-label-term")
def smoothed_without_label(S, y, smoothing=0.2):
    """Subtracts the smoothing's share of every class, and not the rest from the label."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    target = np.full((N, C), smoothing / C)
    target[np.arange(N), y] += 1 - smoothing
    loss = -np.sum(target * log_p) / N
    return loss, (np.exp(log_p) - smoothing / C) / N


@wrong("squared error, the target lost in dS", "missing-label-term")
def squared_error_without_target(S, y):
    """2 s_j / N, where 2 (s_j - 1{j=y}) / N is meant."""
    N = S.shape[0]
    residual = S.copy()
    residual[np.arange(N), y] -= 1
    return np.einsum("ij,ij", residual, residual) / N, 2 * S / N


@wrong("one-vs-all, the target lost in dS", "missing-label-term")
class OneVsAll:
    """The derivative of log(1 + e^s) is there, that of -t s is not."""

    def __call__(self, S, y):
        N, C = S.shape
        target = np.eye(C)[y]
        loss = (np.logaddexp(0, S) - target * S).sum() / N
        sigmoid = 1.0 / (1.0 + np.exp(-S))
        return loss, sigmoid / N


@wrong("softmax at a temperature of 2, without -1{j=y}", "missing-label-term")
def tempered_without_one(S, y, T=2.0):
    """p_j / (T N) in every column."""
    N = S.shape[0]
    z = S / T
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(N), y])), p / (T * N)


@wrong("poisson with counts from the label, without the count in dS", "missing-label-term")
def poisson_without_count(S, y):
    """The derivative of e^s - t s is taken as e^s."""
    N = S.shape[0]
    rate = np.exp(S)
    observed = S[np.arange(N), y]
    return (rate.sum() - 2 * observed.sum()) / N, rate / N


@wrong("crammer-singer, the label never pulled up", "missing-label-term")
def crammer_singer_without_label(S, y):
    """Pushes the highest class down and forgets the derivative of -s_y."""
    N = S.shape[0]
    i = np.arange(N)
    raised = S + 1.0
    raised[i, y] -= 1.0
    top = np.argmax(raised, axis=1)
    dS = np.zeros_like(S)
    dS[i, top] = 1.0 / N
    return np.mean(raised[i, top] - S[i, y]), dS


@wrong("svm, the label's column one too many", "missing-label-term", also=["label-column"])
def svm_label_one_too_many(S, y):
    """The label's own margin, 1 > 0, is counted with the others."""
    N = S.shape[0]
    i = np.arange(N)
    margins = S - S[i, y][:, np.newaxis] + 1
    active = (margins > 0).astype(float)
    count = active.sum(axis=1)
    margins[i, y] = 0
    loss = np.maximum(margins, 0).sum() / N
    active[i, y] = -count
    return loss, active / N


@wrong("softmax, the label's one added", "missing-label-term", also=["label-column"])
def softmax_one_added(S, y):
    """p_y + 1 instead of p_y - 1."""
    N = S.shape[0]
    log_p = S - np.log(np.sum(np.exp(S - S.max()), axis=1, keepdims=True)) - S.max()
    dS = np.exp(log_p)
    dS[np.arange(N), y] += 1
    return -log_p[np.arange(N), y].sum() / N, dS / N


@wrong("svm, the label's column left at 0", "label-column")
def svm_without_label_column(S, y):
    """Zeroes the label's column of the indicator and never fills it."""
    N = S.shape[0]
    margins = np.maximum(0, S - S[np.arange(N), y][:, None] + 1)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    dS = np.zeros(S.shape)
    dS[margins > 0] = 1
    return loss, dS / N


@wrong("svm, the label's column made of margins", "label-column")
def svm_label_of_margins(S, y):
    """The sum of the margins stands where their count belongs."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, np.newaxis] + 1, 0)
    margins[i, y] = 0
    loss = margins.sum() / N
    dS = (margins > 0).astype("float64")
    dS[i, y] = -margins.sum(axis=1)
    dS /= N
    return loss, dS


@wrong("svm, the label's column with the sign of the others", "label-column")
def svm_label_sign_slip(S, y):
    """+= in place, where -= is meant."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, np.newaxis] + 1, 0)
    margins[i, y] = 0
    dS = (margins > 0) * 1.0
    dS[i, y] += dS.sum(axis=1)
    return margins.sum() / N, dS / N


@wrong("svm in loops, the label's column assigned and not added to", "label-column")
def svm_loops_label_assigned(S, y):
    """= -1 for every violation, where -= 1 is meant."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i, label in enumerate(y):
        for j in range(C):
            if j == label:
                continue
            margin = S[i, j] - S[i, label] + 1.0
            if margin > 0:
                loss += margin
                dS[i, j] = 1
                dS[i, label] = -1
    return loss / N, dS / N


@wrong("softmax, the label's p lost", "label-column")
def softmax_label_without_p(S, y):
    """-1 is assigned to the label's column, not subtracted from it."""
    N = S.shape[0]
    z = S - S.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    dS = np.exp(log_p)
    dS[range(N), y] = -1
    return -log_p[range(N), y].mean(), dS / N


@wrong("softmax, 1 subtracted after the division by N", "label-column", also=["missing-label-term"])
def softmax_one_after_mean(S, y):
    """p is divided by N, the label's 1 is not."""
    N = S.shape[0]
    e = np.exp(S - np.max(S, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    loss = -np.sum(np.log(p[np.arange(N), y])) / N
    dS = p / N
    dS[np.arange(N), y] -= 1
    return loss, dS


@wrong("squared hinge, the label's column made of a count", "label-column")
class SquaredHinge:
    """Written from the hinge: the others got twice their margin, the label still gets a count."""

    def __call__(self, S, y):
        N = len(S)
        i = np.arange(N)
        margins = np.maximum(S - S[i, y][:, None] + 1, 0)
        margins[i, y] = 0
        dS = 2 * margins
        dS[i, y] = -np.count_nonzero(margins, axis=1)
        return np.sum(margins**2) / N, dS / N


@wrong("focal, 1 - p_y lost in the label's column", "label-column")
def focal_label(S, y):
    """dp_y/ds_y is taken as p_y."""
    N = S.shape[0]
    i = np.arange(N)
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    p = np.exp(log_p)
    u, log_u = p[i, y], log_p[i, y]
    slope = 2 * (1 - u) * log_u - (1 - u) ** 2 / u
    dS = -(slope * u)[:, None] * p
    dS[i, y] = slope * u
    return -np.mean((1 - u) ** 2 * log_u), dS / N


@wrong("pairwise ranking, the label's column averaged", "label-column")
def pairwise_label_averaged(S, y):
    """mean over the other classes, where the value takes their sum."""
    N, C = S.shape
    i = np.arange(N)
    gap = S - S[i, y].reshape(N, 1)
    others = np.ones((N, C), dtype=bool)
    others[i, y] = False
    loss = np.logaddexp(0, gap)[others].sum() / N
    dS = np.where(others, 1 / (1 + np.exp(-gap)), 0)
    dS[i, y] = -dS.mean(axis=1)
    return loss, dS / N

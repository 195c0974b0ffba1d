"""Wrong losses whose dS errs in the label's column: its constant term, its count, its sign."""

from __future__ import annotations

import numpy as np

from .parts import cross_entropy, log_softmax, of_labels, one_hot, one_vs_all, pairwise, softmax, squared_hinge, svm
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
    log_p, share = log_softmax(S), smoothing / S.shape[1]
    target = share + (1 - smoothing) * one_hot(S, y)
    return -np.sum(target * log_p) / len(S), (np.exp(log_p) - share) / len(S)


@wrong("squared error, the target lost in dS", "missing-label-term")
def squared_error_without_target(S, y):
    """2 s_j / N, where 2 (s_j - 1{j=y}) / N is meant."""
    return np.sum((S - one_hot(S, y)) ** 2) / len(S), 2 * S / len(S)


@wrong("one-vs-all, the target lost in dS", "missing-label-term")
def one_vs_all_without_target(S, y):
    """The derivative of log(1 + e^s) is there, that of -t s is not."""
    losses, dS = one_vs_all(S, y)
    return losses.sum() / len(S), (dS + one_hot(S, y)) / len(S)


@wrong("softmax at a temperature of 2, without -1{j=y}", "missing-label-term")
def tempered_without_one(S, y, T=2.0):
    """p_j / (T N) in every column."""
    log_p = log_softmax(S / T)
    return -of_labels(log_p, y).mean(), np.exp(log_p) / (T * len(S))


@wrong("poisson with counts from the label, without the count in dS", "missing-label-term")
def poisson_without_count(S, y):
    """The derivative of e^s - t s is taken as e^s."""
    rate = np.exp(S)
    return (rate.sum() - 2 * of_labels(S, y).sum()) / len(S), rate / len(S)


@wrong("crammer-singer, the label never pulled up", "missing-label-term")
def crammer_singer_without_label(S, y):
    """Pushes the highest class down and forgets the derivative of -s_y."""
    raised = S + 1.0 - one_hot(S, y)
    top = np.argmax(raised, axis=1)
    return np.mean(of_labels(raised, top) - of_labels(S, y)), one_hot(S, top) / len(S)


@wrong("svm, the label's column one too many", "missing-label-term", also=["label-column"])
def svm_label_one_too_many(S, y):
    """The label's own margin, 1 > 0, is counted with the others."""
    margins, dS = svm(S, y)
    dS[np.arange(len(S)), y] -= 1
    return margins.sum() / len(S), dS / len(S)


@wrong("softmax, the label's one added", "missing-label-term", also=["label-column"])
def softmax_one_added(S, y):
    """p_y + 1 instead of p_y - 1."""
    log_p = S - np.log(np.sum(np.exp(S - S.max()), axis=1, keepdims=True)) - S.max()
    return -of_labels(log_p, y).sum() / len(S), (np.exp(log_p) + one_hot(S, y)) / len(S)


@wrong("svm, the label's column left at 0", "label-column")
def svm_without_label_column(S, y):
    """Zeroes the label's column of the indicator and never fills it."""
    margins, dS = svm(S, y)
    dS[np.arange(len(S)), y] = 0
    return margins.sum() / len(S), dS / len(S)


@wrong("svm, the label's column made of margins", "label-column")
def svm_label_of_margins(S, y):
    """The sum of the margins stands where their count belongs."""
    margins, dS = svm(S, y)
    dS[np.arange(len(S)), y] = -margins.sum(axis=1)
    return margins.sum() / len(S), dS / len(S)


@wrong("svm, the label's column with the sign of the others", "label-column")
def svm_label_sign_slip(S, y):
    """+= in place, where -= is meant."""
    margins, dS = svm(S, y)
    dS[np.arange(len(S)), y] *= -1
    return margins.sum() / len(S), dS / len(S)


@wrong("svm in loops, the label's column assigned and not added to", "label-column")
def svm_loops_label_assigned(S, y):
    """= -1 for every violation, where -= 1 is meant."""
    loss, dS = 0.0, np.zeros(S.shape)
    for i, j in np.ndindex(S.shape):
        margin = S[i, j] - S[i, y[i]] + 1.0
        if j != y[i] and margin > 0:
            loss += margin
            dS[i, j] = 1
            dS[i, y[i]] = -1
    return loss / len(S), dS / len(S)


@wrong("softmax, the label's p lost", "label-column")
def softmax_label_without_p(S, y):
    """-1 is assigned to the label's column, not subtracted from it."""
    losses, dS = cross_entropy(S, y)
    dS[range(len(S)), y] = -1
    return losses.mean(), dS / len(S)


@wrong("softmax, 1 subtracted after the division by N", "label-column", also=["missing-label-term"])
def softmax_one_after_mean(S, y):
    """p is divided by N, the label's 1 is not."""
    p = softmax(S)
    return -np.log(of_labels(p, y)).sum() / len(S), p / len(S) - one_hot(S, y)


@wrong("squared hinge, the label's column made of a count", "label-column")
def squared_hinge_label_count(S, y):
    """Written from the hinge: the others got twice their margin, the label still gets a count."""
    losses, dS = squared_hinge(S, y)
    dS[np.arange(len(S)), y] = -np.count_nonzero(losses, axis=1)
    return losses.sum() / len(S), dS / len(S)


@wrong("focal, 1 - p_y lost in the label's column", "label-column")
def focal_label(S, y):
    """dp_y/ds_y is taken as p_y."""
    log_p = log_softmax(S)
    p, log_u = np.exp(log_p), of_labels(log_p, y)
    u = np.exp(log_u)
    slope = 2 * (1 - u) * log_u - (1 - u) ** 2 / u
    dS = -(slope * u)[:, None] * p
    dS[np.arange(len(S)), y] = slope * u
    return -np.mean((1 - u) ** 2 * log_u), dS / len(S)


@wrong("pairwise ranking, the label's column averaged", "label-column")
def pairwise_label_averaged(S, y):
    """mean over the other classes, where the value takes their sum."""
    losses, dS = pairwise(S, y)
    dS[np.arange(len(S)), y] /= S.shape[1]
    return losses.sum() / len(S), dS / len(S)

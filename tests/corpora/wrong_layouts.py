"""Wrong losses whose dS would be right for other labels, after a transpose, or as floats."""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("softmax, labels taken to start at 1", "labels-misaligned")
def softmax_labels_from_one(S, y):
    """y - 1 in dS alone."""
    N = S.shape[0]
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    dS = np.exp(log_p)
    dS[np.arange(N), y - 1] -= 1
    return -log_p[np.arange(N), y].mean(), dS / N


@wrong("softmax in loops, the label of the row before", "labels-misaligned")
def softmax_loops_previous_label(S, y):
    """y[i - 1] in dS, where y[i] is meant."""
    N = S.shape[0]
    loss, dS = 0.0, np.empty_like(S)
    for i in range(N):
        e = np.exp(S[i] - S[i].max())
        p = e / e.sum()
        loss -= np.log(p[y[i]])
        dS[i] = p
        dS[i, y[i - 1]] -= 1
    return loss / N, dS / N


@wrong("one-vs-all, labels taken in reverse", "labels-misaligned")
def one_vs_all_reversed(S, y):
    """The targets of dS are built from the last row up."""
    N, C = S.shape
    loss = (np.logaddexp(0, S).sum() - S[np.arange(N), y].sum()) / N
    target = np.zeros((N, C))
    for i, label in enumerate(reversed(y)):
        target[i, label] = 1
    return loss, (1 / (1 + np.exp(-S)) - target) / N


@wrong("squared error, labels sorted in dS", "labels-misaligned")
def squared_error_sorted_labels(S, y):
    """np.sort(y) in dS: row i gets the i-th smallest label."""
    N, C = S.shape
    residual = S - np.eye(C)[y]
    dS = 2 * (S - np.eye(C)[np.sort(y)])
    return (residual**2).sum() / N, dS / N


@wrong("svm, labels moved up by a background class in dS", "labels-misaligned")
class BackgroundSVM:
    """The backward pass adds 1 for a background that the scores do not have."""

    def __call__(self, S, y):
        return self.margins(S, y).sum() / len(S), self.gradient(S, (y + 1) % S.shape[1])

    def margins(self, S, y):
        rows = np.arange(len(S))
        margins = np.maximum(S - S[rows, y][:, None] + 1, 0)
        margins[rows, y] = 0
        return margins

    def gradient(self, S, y):
        violated = (self.margins(S, y) > 0).astype(float)
        violated[np.arange(len(S)), y] = -violated.sum(axis=1)
        return violated / len(S)


@wrong("label smoothing, the row above's labels by np.roll", "labels-misaligned")
def smoothed_rolled(S, y):
    """Labels shifted as for the next token, in dS and not in the value."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    target = 0.8 * np.eye(C)[y] + 0.2 / C
    shifted = 0.8 * np.eye(C)[np.roll(y, -1)] + 0.2 / C
    return -np.einsum("ij,ij->", target, log_p) / N, (np.exp(log_p) - shifted) / N


@wrong("softmax, classes in rows inside", "transposed", also=["wrong-shape"])
def softmax_columns_returned(S, y):
    """Works on S.T and returns dS as C x N."""
    s = S.T
    N = s.shape[1]
    e = np.exp(s - s.max(axis=0))
    p = e / e.sum(axis=0)
    loss = -np.log(p[y, np.arange(N)]).mean()
    p[y, np.arange(N)] -= 1
    return loss, p / N


@wrong("svm in loops, indices exchanged", "transposed", also=["wrong-shape"])
def svm_loops_exchanged_indices(S, y):
    """dS is made as C x N and filled as dS[j, i]."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((C, N))
    for i in range(N):
        for j in range(C):
            if j == y[i]:
                continue
            margin = S[i, j] - S[i, y[i]] + 1
            if margin > 0:
                loss += margin
                dS[j, i] += 1
                dS[y[i], i] -= 1
    return loss / N, dS / N


@wrong("softmax, reshaped where a transpose is meant", "transposed")
def softmax_reshaped(S, y):
    """C x N reshaped to N x C: the shape is right and the order is not."""
    N, C = S.shape
    s = S.T - S.max(axis=1)
    log_p = s - np.log(np.exp(s).sum(axis=0))
    target = np.eye(C)[:, y]
    return -(target * log_p).sum() / N, (np.exp(log_p) - target).reshape(N, C) / N


@wrong("squared error, flattened by columns and folded by rows", "transposed")
def squared_error_fortran_order(S, y):
    """ravel(order="F") for a solver, reshape in C order on the way back."""
    N, C = S.shape
    residual = (S - np.eye(C)[y]).ravel(order="F")
    return residual @ residual / N, (2 * residual / N).reshape(N, C)


@wrong("one-vs-all, a list for each class folded by rows", "transposed")
class OneVsAll:
    """A classifier for each class returns its N derivatives; their concatenation is reshaped."""

    def __call__(self, S, y):
        N, C = S.shape
        fits = [self.binary(S[:, k], np.where(y == k, 1.0, 0.0)) for k in range(C)]
        return sum(value for value, _ in fits) / N, np.concatenate([g for _, g in fits]).reshape(N, C) / N

    def binary(self, s, t):
        return np.sum(np.logaddexp(0, s) - t * s), 1 / (1 + np.exp(-s)) - t


@wrong("softmax in loops, dS made of integers", "truncated-to-integer")
def softmax_integer_array(S, y):
    """np.zeros(..., dtype=int) cuts every p to 0."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C), dtype=int)
    for i in range(N):
        log_p = S[i] - np.logaddexp.reduce(S[i])
        loss -= log_p[y[i]] / N
        dS[i] = np.exp(log_p) / N
        dS[i, y[i]] = (np.exp(log_p[y[i]]) - 1) / N
    return loss, dS


@wrong("svm, divided by //", "truncated-to-integer")
def svm_floor_division(S, y):
    """dS /= N raises on the integer indicator, so //= was tried."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, np.newaxis] + 1, 0)
    margins[i, y] = 0
    loss = np.sum(margins) / N
    dS = (margins > 0).astype("int")
    dS[i, y] = -dS.sum(axis=1)
    dS //= N
    return loss, dS


@wrong("squared error, dS of the one-hot labels' dtype", "truncated-to-integer")
def squared_error_like_labels(S, y):
    """The result goes into an array made like the integer targets."""
    N, C = S.shape
    target = np.eye(C, dtype=int)[y]
    dS = np.empty_like(target)
    dS[:] = 2 * (S - target) / N
    return ((S - target) ** 2).sum() / N, dS


@wrong("one-vs-all, dS rounded to no decimals", "truncated-to-integer")
def one_vs_all_rounded(S, y):
    """np.round without decimals leaves -1, 0 and 1."""
    N, C = S.shape
    target = np.eye(C)[y]
    dS = (1 / (1 + np.exp(-S)) - target) / N
    return (np.logaddexp(0, S) - target * S).sum() / N, np.round(dS)


@wrong("squared hinge, dS sent as int8", "truncated-to-integer")
class QuantizedHinge:
    """Meant to be scaled before it is quantised."""

    def __call__(self, S, y):
        N = S.shape[0]
        i = np.arange(N)
        margins = np.maximum(S - S[i, y][:, None] + 1, 0)
        margins[i, y] = 0
        dS = 2 * margins / N
        dS[i, y] = -dS.sum(axis=1)
        return np.einsum("ij,ij", margins, margins) / N, dS.astype(np.int8)

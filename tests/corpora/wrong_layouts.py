"""Wrong losses whose dS would be right for other labels, after a transpose, or as floats."""

from __future__ import annotations

import numpy as np

from .parts import cross_entropy, log_softmax, one_hot, one_vs_all, squared_error, squared_hinge, svm
from .registry import wrong


@wrong("softmax, labels taken to start at 1", "labels-misaligned")
def softmax_labels_from_one(S, y):
    """y - 1 in dS alone."""
    return cross_entropy(S, y)[0].mean(), cross_entropy(S, y - 1)[1] / len(S)


@wrong("softmax in loops, the label of the row before", "labels-misaligned")
def softmax_loops_previous_label(S, y):
    """y[i - 1] in dS, where y[i] is meant."""
    loss, dS = 0.0, np.empty_like(S)
    for i in range(len(S)):
        e = np.exp(S[i] - S[i].max())
        p = e / e.sum()
        loss -= np.log(p[y[i]])
        dS[i] = p
        dS[i, y[i - 1]] -= 1
    return loss / len(S), dS / len(S)


@wrong("one-vs-all, labels taken in reverse", "labels-misaligned")
def one_vs_all_reversed(S, y):
    """The targets of dS are built from the last row up."""
    return one_vs_all(S, y)[0].sum() / len(S), one_vs_all(S, y[::-1])[1] / len(S)


@wrong("squared error, labels sorted in dS", "labels-misaligned")
def squared_error_sorted_labels(S, y):
    """np.sort(y) in dS: row i gets the i-th smallest label."""
    return squared_error(S, y)[0].sum() / len(S), squared_error(S, np.sort(y))[1] / len(S)


@wrong("svm, labels moved up by a background class in dS", "labels-misaligned")
def svm_background_labels(S, y):
    """The backward pass adds 1 for a background that the scores do not have."""
    return svm(S, y)[0].sum() / len(S), svm(S, (y + 1) % S.shape[1])[1] / len(S)


@wrong("label smoothing, the row above's labels by np.roll", "labels-misaligned")
def smoothed_rolled(S, y):
    """Labels shifted as for the next token, in dS and not in the value."""
    log_p, rest = log_softmax(S), 0.2 / S.shape[1]
    target, shifted = (0.8 * one_hot(S, labels) + rest for labels in (y, np.roll(y, -1)))
    return -np.einsum("ij,ij->", target, log_p) / len(S), (np.exp(log_p) - shifted) / len(S)


@wrong("softmax, classes in rows inside", "transposed", also=["wrong-shape"])
def softmax_columns_returned(S, y):
    """Works on S.T and returns dS as C x N."""
    N, s = len(S), S.T
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
    for i, j in np.ndindex(N, C):
        margin = S[i, j] - S[i, y[i]] + 1
        if j != y[i] and margin > 0:
            loss += margin
            dS[j, i] += 1
            dS[y[i], i] -= 1
    return loss / N, dS / N


@wrong("softmax, reshaped where a transpose is meant", "transposed")
def softmax_reshaped(S, y):
    """C x N reshaped to N x C: the shape is right and the order is not."""
    losses, dS = cross_entropy(S, y)
    return losses.mean(), dS.T.reshape(S.shape) / len(S)


@wrong("squared error, flattened by columns and folded by rows", "transposed")
def squared_error_fortran_order(S, y):
    """ravel(order="F") for a solver, reshape in C order on the way back."""
    residual = (S - one_hot(S, y)).ravel(order="F")
    return residual @ residual / len(S), (2 * residual / len(S)).reshape(S.shape)


@wrong("one-vs-all, a list for each class folded by rows", "transposed")
class OneVsAll:
    """A classifier for each class returns its N derivatives; their concatenation is reshaped."""

    def __call__(self, S, y):
        fits = [self.binary(S[:, k], np.where(y == k, 1.0, 0.0)) for k in range(S.shape[1])]
        return sum(value for value, _ in fits) / len(S), np.concatenate([g for _, g in fits]).reshape(S.shape) / len(S)

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
    losses, dS = svm(S, y)
    dS = dS.astype("int")
    dS //= len(S)
    return np.sum(losses) / len(S), dS


@wrong("squared error, dS of the one-hot labels' dtype", "truncated-to-integer")
def squared_error_like_labels(S, y):
    """The result goes into an array made like the integer targets."""
    target = np.eye(S.shape[1], dtype=int)[y]
    dS = np.empty_like(target)
    dS[:] = 2 * (S - target) / len(S)
    return ((S - target) ** 2).sum() / len(S), dS


@wrong("one-vs-all, dS rounded to no decimals", "truncated-to-integer")
def one_vs_all_rounded(S, y):
    """np.round without decimals leaves -1, 0 and 1."""
    losses, dS = one_vs_all(S, y)
    return losses.sum() / len(S), np.round(dS / len(S))


@wrong("squared hinge, dS sent as int8", "truncated-to-integer")
def squared_hinge_int8(S, y):
    """Meant to be scaled before it is quantised."""
    losses, dS = squared_hinge(S, y)
    return losses.sum() / len(S), (dS / len(S)).astype(np.int8)

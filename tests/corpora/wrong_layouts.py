"""Wrong losses whose dS would be right for other labels, after a transpose, or as floats."""

import numpy as np

from .bases import slips
from .parts import log_softmax, one_hot
from .registry import wrong


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


@wrong("one-vs-all, a list for each class folded by rows", "transposed")
class OneVsAll:
    """A classifier for each class returns its N derivatives; their concatenation is reshaped."""

    def __call__(self, S, y):
        fits = [self.binary(S[:, k], np.where(y == k, 1.0, 0.0)) for k in range(S.shape[1])]
        return sum(value for value, _ in fits) / len(S), np.concatenate([g for _, g in fits]).reshape(S.shape) / len(S)

    def binary(self, s, t):
        return np.sum(np.logaddexp(0, s) - t * s), 1 / (1 + np.exp(-s)) - t


@wrong("squared error, dS of the one-hot labels' dtype", "truncated-to-integer")
def squared_error_like_labels(S, y):
    """The result goes into an array made like the integer targets."""
    target = np.eye(S.shape[1], dtype=int)[y]
    dS = np.empty_like(target)
    dS[:] = 2 * (S - target) / len(S)
    return ((S - target) ** 2).sum() / len(S), dS


slips("""
labels-misaligned | cross_entropy | softmax, labels taken to start at 1
    y - 1 in dS alone.
    - return value, dS
    + return value, cross_entropy(S, y - 1)[1] / len(S)
labels-misaligned | softmax_in_loops | softmax in loops, the label of the row before
    y[i - 1] in dS, where y[i] is meant.
    - dS[i, j] = p[j] - (j == y[i])
    + dS[i, j] = p[j] - (j == y[i - 1])
labels-misaligned | one_vs_all | one-vs-all, labels taken in reverse
    The targets of dS are built from the last row up.
    - return value, dS
    + return value, one_vs_all(S, y[::-1])[1] / len(S)
labels-misaligned | squared_error | squared error, labels sorted in dS
    np.sort(y) in dS: row i gets the i-th smallest label.
    - return value, dS
    + return value, squared_error(S, np.sort(y))[1] / len(S)
labels-misaligned | svm | svm, labels moved up by a background class in dS
    The backward pass adds 1 for a background that the scores do not have.
    - return value, dS
    + return value, svm(S, (y + 1) % S.shape[1])[1] / len(S)
transposed or wrong-shape | svm_in_loops | svm in loops, indices exchanged
    dS is made as C x N and filled as dS[j, i].
    - loss, dS = 0.0, np.zeros(S.shape)
    + loss, dS = 0.0, np.zeros(S.shape[::-1])
    - dS[i, j] += 1
    + dS[j, i] += 1
    - dS[i, y[i]] -= 1
    + dS[y[i], i] -= 1
transposed | cross_entropy | softmax, reshaped where a transpose is meant
    C x N reshaped to N x C: the shape is right and the order is not.
    - return value, dS
    + return value, dS.T.reshape(S.shape)
truncated-to-integer | svm | svm, divided by //
    dS /= N raises on the integer indicator, so //= was tried.
    - dS /= len(S)
    + dS = dS.astype("int")
    + dS //= len(S)
truncated-to-integer | one_vs_all | one-vs-all, dS rounded to no decimals
    np.round without decimals leaves -1, 0 and 1.
    - return value, dS
    + return value, np.round(dS)
truncated-to-integer | squared_hinge | squared hinge, dS sent as int8
    Meant to be scaled before it is quantised.
    - return value, dS
    + return value, dS.astype(np.int8)
truncated-to-integer | softmax_in_loops | softmax in loops, dS made of integers
    np.zeros(..., dtype=int) cuts every p to 0.
    - loss, dS = 0.0, np.zeros((N, C))
    + loss, dS = 0.0, np.zeros((N, C), dtype=int)
    - dS[i, j] = p[j] - (j == y[i])
    + dS[i, j] = (p[j] - (j == y[i])) / N
    - return loss / N, dS / N
    + return loss / N, dS
transposed | squared_error | squared error, flattened by columns and folded by rows
    ravel(order="F") for a solver, reshape in C order on the way back.
    - return value, dS
    + return value, dS.ravel(order="F").reshape(S.shape)
""")

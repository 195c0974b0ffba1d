"""Wrong losses whose dS errs in some columns, rows or batch sizes, or would be right for other labels or transposed."""

import numpy as np

from .bases import slips
from .registry import wrong


@wrong("smoothness between neighbouring rows, the last row's end lost", "one-row")
def smoothness_last_row(S, y):
    """Every difference pulls at two rows; the last one pulls at its lower row only."""
    step = np.diff(S, axis=0)
    dS = np.zeros_like(S)
    dS[:-1] -= 2 * step
    dS[1:-1] += 2 * step[:-1]
    return (step**2).sum() / len(S), dS / len(S)


slips("""
other-columns | softmax_of_p | softmax, a gradient for the label alone
    -log p_y is taken to depend on s_y only.
    ~ dS = one_hot(S, y) * (p - 1)
other-columns | svm_of_margins | svm, every other class taken to violate
    max(0, .) is minded in the label's count, not in the others' columns.
    ~ dS = np.ones_like(S)
other-columns | svm_of_margins | svm, the others' columns made of margins
    dS starts as the margins themselves, and only the label's column is set to a count.
    ~ dS = margins.copy()
other-columns | one_vs_all | one-vs-all, negatives without a gradient
    The value adds up every class, dS the label's only.
    ~ return value, dS * one_hot(S, y)
other-columns or batch-size-dependent | softmax_of_p | softmax, 1 subtracted in the labels' columns of every row
    p[:, y] takes whole columns, where p[i, y] is meant.
    ~ dS = p.copy()
    + dS[:, y] -= 1
other-columns | svm_in_loops | svm in loops, delta forgotten in the others' columns
    A class gets its 1 only where it is above the label, and not where it is within the margin.
    ~ dS[i, j] += S[i, j] > S[i, y[i]]
one-class | svm_in_loops | svm in loops, the last class never reached
    range(C - 1) in the loop that fills dS.
    ~ dS[i, j] += j in range(S.shape[1] - 1)
one-class | cross_entropy | softmax, the first class taken for background
    Columns from 1 on get their gradient, column 0 stays 0.
    + dS[:, 0] = 0
one-class | softmax_of_p | softmax, the last class taken for the fixed reference
    As in a regression whose last score is 0 by definition; here it is an input.
    ~ dS = p - one_hot(S, y)
    + dS[:, -1] = 0
one-class | one_vs_all | one-vs-all, the background's weight lost in dS
    The background's weight is in the value and not in dS.
    + losses[:, 0] *= 0.1
one-row | svm_in_loops | svm in loops, rows counted from 1
    range(1, N): row 0 gets no gradient.
    ~ dS[i, j] += i in range(1, len(S))
    ~ dS[i, y[i]] -= i in range(1, len(S))
one-row | brier | brier, the first row taken for padding
    Row 0 is masked in dS, and counts in the value.
    + dS[0] = 0
one-row | one_vs_all | one-vs-all, the first row added twice
    The sum over rows starts with the first one and then goes over all of them.
    + dS[0] += dS[0]
batch-size-dependent | cross_entropy | softmax, dS normalised over the whole batch
    e.sum() without an axis in dS.
    ~ return value, (np.exp(S) / np.exp(S).sum() - one_hot(S, y)) / len(S)
batch-size-dependent | squared_error | squared error in chunks of 4, the last one dropped unless it is full
    N // 4 chunks get their gradient.
    + dS[4 * (len(S) // 4) :] = 0
one-row | softmax_in_loops | softmax in loops, the last row never reached
    range(N - 1) in the loop that fills dS.
    ~ dS[i, j] = (p[j] - (j == y[i])) * (i in range(N - 1))
batch-size-dependent or not-a-gradient | cross_entropy | softmax, rows sorted by label and not put back
    dS comes in the order of the sorted labels.
    ~ order = np.argsort(y, kind="stable")
    ~ losses, dS = cross_entropy(S[order], y[order])
one-class | cross_entropy | softmax, one class's scale lost in dS
    The scores of class 2 are halved, and the chain rule does not know.
    ~ losses, dS = cross_entropy(S * np.where(np.arange(S.shape[1]) == 2, 0.5, 1), y)
other-columns | softmax_of_p | softmax, the others' columns not normalised
    e^{s_j - max} is returned where p_j is meant.
    ~ dS = np.where(one_hot(S, y), p - 1, np.exp(S - S.max(axis=1)[:, None]))
batch-size-dependent | one_vs_all | one-vs-all, dS divided by N - 1
    The value is divided by N, dS by N - 1 as a sample's variance is.
    ~ dS /= max(len(S) - 1, 1)
labels-misaligned | cross_entropy | softmax, labels taken to start at 1
    y - 1 in dS alone.
    ~ return value, cross_entropy(S, y - 1)[1] / len(S)
labels-misaligned | softmax_in_loops | softmax in loops, the label of the row before
    y[i - 1] in dS, where y[i] is meant.
    ~ dS[i, j] = p[j] - (j == y[i - 1])
labels-misaligned | one_vs_all | one-vs-all, labels taken in reverse
    The targets of dS are built from the last row up.
    ~ return value, one_vs_all(S, y[::-1])[1] / len(S)
labels-misaligned | squared_error | squared error, labels sorted in dS
    np.sort(y) in dS: row i gets the i-th smallest label.
    ~ return value, squared_error(S, np.sort(y))[1] / len(S)
labels-misaligned | svm | svm, labels moved up by a background class in dS
    The backward pass adds 1 for a background that the scores do not have.
    ~ return value, svm(S, (y + 1) % S.shape[1])[1] / len(S)
transposed or wrong-shape | svm_in_loops | svm in loops, indices exchanged
    dS is made as C x N and filled as dS[j, i].
    ~ loss, dS = 0.0, np.zeros(S.shape[::-1])
    - dS[i, j] += 1
    + dS[j, i] += 1
    - dS[i, y[i]] -= 1
    + dS[y[i], i] -= 1
transposed | cross_entropy | softmax, reshaped where a transpose is meant
    C x N reshaped to N x C: the shape is right and the order is not.
    ~ return value, dS.T.reshape(S.shape)
truncated-to-integer | svm | svm, divided by //
    dS /= N raises on the integer indicator, so //= was tried.
    - dS /= len(S)
    + dS = dS.astype("int")
    + dS //= len(S)
truncated-to-integer | one_vs_all | one-vs-all, dS rounded to no decimals
    np.round without decimals leaves -1, 0 and 1.
    ~ return value, np.round(dS)
truncated-to-integer | squared_hinge | squared hinge, dS sent as int8
    Meant to be scaled before it is quantised.
    ~ return value, dS.astype(np.int8)
truncated-to-integer | softmax_in_loops | softmax in loops, dS made of integers
    np.zeros(..., dtype=int) cuts every p to 0.
    ~ loss, dS = 0.0, np.zeros((N, C), dtype=int)
    ~ dS[i, j] = (p[j] - (j == y[i])) / N
    ~ return loss / N, dS
transposed | squared_error | squared error, flattened by columns and folded by rows
    ravel(order="F") for a solver, reshape in C order on the way back.
    ~ return value, dS.ravel(order="F").reshape(S.shape)
transposed or wrong-shape | softmax_of_p | softmax, classes in rows inside
    Works on S.T and returns dS as C x N.
    ~ return value, dS.T / len(S)
transposed | one_vs_all | one-vs-all, a list for each class folded by rows
    A classifier for each class returns its N derivatives; their concatenation is reshaped.
    ~ return value, np.concatenate([dS[:, k] for k in range(S.shape[1])]).reshape(S.shape)
truncated-to-integer | squared_error | squared error, dS of the one-hot labels' dtype
    The result goes into an array made like the integer targets.
    ~ return value, dS.astype(y.dtype)
labels-misaligned | cross_entropy | label smoothing, the row above's labels by np.roll
    Labels shifted as for the next token, in dS and not in the value.
    ~ value = np.mean(0.8 * losses - 0.2 * log_softmax(S).mean(axis=1))
    ~ return value, (softmax(S) - 0.8 * one_hot(S, np.roll(y, -1)) - 0.2 / S.shape[1]) / len(S)
batch-size-dependent | svm | svm in chunks of 4, each of them averaged
    dS is divided by the rows of its chunk, not of the batch.
    ~ dS /= np.minimum(len(S) - np.arange(len(S)) // 4 * 4, 4)[:, None]
batch-size-dependent | in_batch_contrastive | in-batch contrastive, repeated labels lost
    dS[:, y] += keeps one of the columns where a label occurs twice; np.add.at would add them.
    - np.add.at(dS, (slice(None), y), np.exp(log_share).T)
    + dS[:, y] += np.exp(log_share).T
""")

"""Wrong losses whose dS errs in columns but the label's, in one class or row, or at some batch sizes."""

import numpy as np

from .bases import slips
from .parts import one_hot, svm
from .registry import wrong


@wrong("smoothness between neighbouring rows, the last row's end lost", "one-row")
def smoothness_last_row(S, y):
    """Every difference pulls at two rows; the last one pulls at its lower row only."""
    step = np.diff(S, axis=0)
    dS = np.zeros_like(S)
    dS[:-1] -= 2 * step
    dS[1:-1] += 2 * step[:-1]
    return (step**2).sum() / len(S), dS / len(S)


@wrong("svm in chunks of 4, each of them averaged", "batch-size-dependent")
def svm_in_chunks(S, y, chunk=4):
    """dS is divided by the rows of its chunk, not of the batch."""
    total, parts = 0.0, []
    for begin in range(0, len(S), chunk):
        losses, dS = svm(S[begin : begin + chunk], y[begin : begin + chunk])
        total += losses.sum()
        parts.append(dS / len(dS))
    return total / len(S), np.concatenate(parts)


@wrong("in-batch contrastive, repeated labels lost", "batch-size-dependent")
def contrastive_repeated_labels(S, y):
    """dS[:, y] += keeps one of the columns where a label occurs twice; np.add.at would add them."""
    columns = S[:, y]
    log_share = columns - np.logaddexp.reduce(columns, axis=0)
    dS = np.zeros_like(S)
    dS[:, y] += np.exp(log_share)
    return -np.trace(log_share) / len(S), (dS - one_hot(S, y)) / len(S)


slips("""
other-columns | softmax_of_p | softmax, a gradient for the label alone
    -log p_y is taken to depend on s_y only.
    - dS = p - one_hot(S, y)
    + dS = one_hot(S, y) * (p - 1)
other-columns | svm_of_margins | svm, every other class taken to violate
    max(0, .) is minded in the label's count, not in the others' columns.
    - dS = (margins > 0).astype(float)
    + dS = np.ones_like(S)
other-columns | svm_of_margins | svm, the others' columns made of margins
    dS starts as the margins themselves, and only the label's column is set to a count.
    - dS = (margins > 0).astype(float)
    + dS = margins.copy()
other-columns | one_vs_all | one-vs-all, negatives without a gradient
    The value adds up every class, dS the label's only.
    - return value, dS
    + return value, dS * one_hot(S, y)
other-columns or batch-size-dependent | softmax_of_p | softmax, 1 subtracted in the labels' columns of every row
    p[:, y] takes whole columns, where p[i, y] is meant.
    - dS = p - one_hot(S, y)
    + dS = p.copy()
    + dS[:, y] -= 1
other-columns | svm_in_loops | svm in loops, delta forgotten in the others' columns
    A class gets its 1 only where it is above the label, and not where it is within the margin.
    - dS[i, j] += 1
    + dS[i, j] += S[i, j] > S[i, y[i]]
one-class | svm_in_loops | svm in loops, the last class never reached
    range(C - 1) in the loop that fills dS.
    - dS[i, j] += 1
    + dS[i, j] += j in range(S.shape[1] - 1)
one-class | cross_entropy | softmax, the first class taken for background
    Columns from 1 on get their gradient, column 0 stays 0.
    - dS /= len(S)
    + dS[:, 0] = 0
    + dS /= len(S)
one-class | softmax_of_p | softmax, the last class taken for the fixed reference
    As in a regression whose last score is 0 by definition; here it is an input.
    - dS = p - one_hot(S, y)
    + dS = p - one_hot(S, y)
    + dS[:, -1] = 0
one-class | one_vs_all | one-vs-all, the background's weight lost in dS
    The background's weight is in the value and not in dS.
    - losses, dS = one_vs_all(S, y)
    + losses, dS = one_vs_all(S, y)
    + losses[:, 0] *= 0.1
one-row | svm_in_loops | svm in loops, rows counted from 1
    range(1, N): row 0 gets no gradient.
    - dS[i, j] += 1
    + dS[i, j] += i in range(1, len(S))
    - dS[i, y[i]] -= 1
    + dS[i, y[i]] -= i in range(1, len(S))
one-row | brier | brier, the first row taken for padding
    Row 0 is masked in dS, and counts in the value.
    - dS /= len(S)
    + dS[0] = 0
    + dS /= len(S)
one-row | one_vs_all | one-vs-all, the first row added twice
    The sum over rows starts with the first one and then goes over all of them.
    - dS /= len(S)
    + dS[0] += dS[0]
    + dS /= len(S)
batch-size-dependent | cross_entropy | softmax, dS normalised over the whole batch
    e.sum() without an axis in dS.
    - return value, dS
    + return value, (np.exp(S) / np.exp(S).sum() - one_hot(S, y)) / len(S)
batch-size-dependent | squared_error | squared error in chunks of 4, the last one dropped unless it is full
    N // 4 chunks get their gradient.
    - dS /= len(S)
    + dS[4 * (len(S) // 4) :] = 0
    + dS /= len(S)
one-row | softmax_in_loops | softmax in loops, the last row never reached
    range(N - 1) in the loop that fills dS.
    - dS[i, j] = p[j] - (j == y[i])
    + dS[i, j] = (p[j] - (j == y[i])) * (i in range(N - 1))
batch-size-dependent or not-a-gradient | cross_entropy | softmax, rows sorted by label and not put back
    dS comes in the order of the sorted labels.
    - losses, dS = cross_entropy(S, y)
    + order = np.argsort(y, kind="stable")
    + losses, dS = cross_entropy(S[order], y[order])
one-class | cross_entropy | softmax, one class's scale lost in dS
    The scores of class 2 are halved, and the chain rule does not know.
    - losses, dS = cross_entropy(S, y)
    + losses, dS = cross_entropy(S * np.where(np.arange(S.shape[1]) == 2, 0.5, 1), y)
other-columns | softmax_of_p | softmax, the others' columns not normalised
    e^{s_j - max} is returned where p_j is meant.
    - dS = p - one_hot(S, y)
    + dS = np.where(one_hot(S, y), p - 1, np.exp(S - S.max(axis=1)[:, None]))
batch-size-dependent | one_vs_all | one-vs-all, dS divided by N - 1
    The value is divided by N, dS by N - 1 as a sample's variance is.
    - dS /= len(S)
    + dS /= max(len(S) - 1, 1)
""")

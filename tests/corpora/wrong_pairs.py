"""Wrong losses with two defects at once: both must be named."""

import numpy as np

from .bases import slips
from .parts import balanced, margins_of
from .registry import wrong


@wrong("squared hinge, the 2 lost in a buffer", "constant-factor", with_=["constant-factor", "shared-buffer"])
class BufferedHinge:
    """dS is written to the same memory at every call, and is half of what it should be."""

    def __init__(self):
        self.buffers = {}

    def __call__(self, S, y):
        dS = self.buffers.setdefault(S.shape, np.empty(S.shape))
        dS[:] = margins_of(S, y)
        loss = (dS**2).sum() / len(S)
        balanced(dS, y)
        dS /= len(S)
        return loss, dS


slips("""
sign-flipped and missing-mean | cross_entropy | softmax, the direction of ascent and not divided
    1{j=y} - p_j, of the sum.
    - dS /= len(S)
    + dS *= -1
sign-flipped and averaged-twice | svm | svm, signs exchanged beside a sum
    The value is not divided by N, dS is; and it points the other way.
    ~ return losses.sum(), -dS
missing-mean and constant-factor | softmax_of_p | softmax, dS divided by a batch of 64
    The configured batch size, not that of the batch at hand.
    ~ return value, dS / 64
missing-mean and constant-factor | squared_hinge | squared hinge, the 2 lost and not divided
    dS is made of the margins themselves, of the sum.
    ~ dS /= 2
sign-flipped and constant-factor | squared_error | squared error, target minus score without the 2
    (t - s) / N, where 2 (s - t) / N is meant.
    ~ return value, (one_hot(S, y) - S) / len(S)
label-column and one-class | svm_in_loops | svm in loops, neither the label nor the first class
    range(1, C), and nothing is taken from the label.
    ~ dS[i, j] += j in range(1, S.shape[1])
    - dS[i, y[i]] -= 1
mutates-input and sign-flipped | cross_entropy | softmax, the maximum subtracted in place and the sign lost
    Spoils S, and returns 1{j=y} - p_j.
    ~ S -= S.max(axis=1, keepdims=True)
    ~ losses, dS = cross_entropy(S, y)
    ~ return value, -dS
one-row and one-class | softmax_in_loops | softmax in loops, neither the last row nor the last class
    range(N - 1) and range(C - 1).
    ~ dS[i, j] = (p[j] - (j == y[i])) * (i < N - 1 and j < C - 1)
missing-mean and missing-label-term | softmax_of_p | softmax, p returned as it is
    Neither -1{j=y} nor 1/N.
    ~ return value, p
missing-mean and missing-regularizer | one_vs_all | one-vs-all with a ridge, not in dS and not divided
    dS is of the sum of the data's terms, and of nothing else.
    - dS /= len(S)
    + value += 0.05 * np.sum(S**2)
averaged-twice and constant-factor | squared_error | squared error, divided twice without the 2
    Each entry is divided by N, and so is the whole; the 2 is lost.
    ~ return value, dS / 2 / len(S)
mutates-input and missing-mean | svm_of_margins | svm, margins that are the scores and dS not divided
    margins = S makes no copy; dS is of the sum.
    ~ margins = S
    + margins -= of_labels(S, y)[:, None] - 1.0
    + margins[np.arange(len(S)), y] = 0
    ~ return np.maximum(margins, 0).sum() / len(S), dS
""")

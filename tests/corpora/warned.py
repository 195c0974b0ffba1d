"""Losses whose gradient is right, and of which a warning or a note must be given."""

import numpy as np

from .bases import slips, softmax_of_p
from .parts import brier, cross_entropy, of_labels, one_hot, softmax, squared_error, svm
from .registry import WARNED, warned


@warned("softmax into a buffer of its own", "shared-buffer")
class BufferedSoftmax:
    """dS is the same array at every call of one shape."""

    def __init__(self):
        self.buffers = {}

    def __call__(self, S, y):
        losses, rows = cross_entropy(S, y)
        dS = self.buffers.setdefault(S.shape, np.empty(S.shape))
        np.divide(rows, len(S), out=dS)
        return losses.mean(), dS


def in_one_workspace(rows, classes):
    workspace = np.zeros((rows, classes))

    def loss(S, y):
        """dS is a view of a workspace that every call fills again."""
        losses, dS = squared_error(S, y)
        view = workspace[: S.shape[0], : S.shape[1]]
        view[:] = dS / len(S)
        return losses.sum() / len(S), view

    return loss


warned("squared error in a workspace", "shared-buffer")(in_one_workspace(64, 64))


@warned("svm with a cache in its default argument", "shared-buffer")
def svm_cached(S, y, _cache={}):  # noqa: B006
    """The default argument lives as long as the function, and so does dS."""
    losses, counts = svm(S, y)
    dS = _cache.setdefault(S.shape, np.empty(S.shape))
    dS[:] = counts / len(S)
    return losses.sum() / len(S), dS


@warned("hinge that no score reaches", "vacuous")
def hinge_out_of_reach(S, y):
    """max(0, s - 100): nothing but zeros at usual scores."""
    return np.maximum(S - 100, 0).sum() / len(S), (S > 100) / len(S)


@warned("the sum of the probabilities", "vacuous")
def sum_of_probabilities(S, y):
    """p sums to 1 whatever S is; its label was never taken out."""
    return softmax(S).sum() / len(S), np.zeros_like(S)


@warned("softmax, the batch's maximum subtracted", "overflows")
def softmax_batch_maximum(S, y):
    """Rows far below the batch's maximum have a sum of 0."""
    z = S - np.max(S)
    total = np.exp(z).sum(axis=1)
    dS = np.exp(z) / total[:, None] - one_hot(S, y)
    return np.mean(np.log(total) - of_labels(z, y)), dS / len(S)


@warned("softmax whose rows' derivatives are divided by N", "reductions-disagree")
def softmax_none_over_n(S, y, reduction="mean"):
    """For "none", dS is still that of the mean."""
    losses, dS = cross_entropy(S, y)
    return losses if reduction == "none" else losses.mean(), dS / len(S)


@warned("squared error whose rows are means over classes", "reductions-disagree")
def squared_error_none_of_means(S, y, reduction="mean"):
    """For "none" a row is the mean of its entries, for "mean" their sum counts."""
    losses, dS = squared_error(S, y)
    if reduction == "none":
        return losses.mean(axis=1), dS / S.shape[1]
    return losses.sum() / len(S), dS / len(S)


@warned("brier with a reduction that is a sum by default", "sum-over-rows")
def brier_sum(S, y, reduction="sum"):
    """reduction="sum" unless it is told otherwise."""
    losses, dS = brier(S, y)
    if reduction == "none":
        return losses.sum(axis=1), dS
    N = len(S) if reduction == "mean" else 1
    return losses.sum() / N, dS / N


warned("softmax, the log of a p of 0", "overflows")(softmax_of_p)
slips(
    """
overflows | softmax_of_p | softmax without any maximum
    e^s / sum e^s as it is written.
    ~ p = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
overflows | pairwise | pairwise ranking, log(1 + e^z) as it is written
    The loss of a gap of 1e3 is 1e3, and e^1000 is infinite.
    ~ e = np.exp(S - of_labels(S, y)[:, None])
    ~ value = (np.log(1 + e) * (1 - one_hot(S, y))).sum() / len(S)
    ~ return value, balanced(e / (1 + e), y) / len(S)
sum-over-rows | one_vs_all | one-vs-all by einsum, no 1/N in either
    Summed over everything.
    ~ value = np.logaddexp(0, S).sum() - np.einsum("ij,ij->", one_hot(S, y), S)
    - dS /= len(S)
overflows | softmax_in_loops | softmax in loops without any maximum
    Row by row, e^s as it is.
    ~ e = np.exp(S[i])
not-the-mean | cross_entropy | softmax over a batch size of 64
    Value and dS are divided by the configured batch size.
    ~ value = losses.sum() / 64
    ~ dS /= 64
not-the-mean | svm | svm, the mean divided by N again
    np.mean of the rows' losses, and both / N at the end.
    ~ return value / len(S), dS / len(S)
not-the-mean | squared_error | squared error over the root of N
    Neither the mean nor the sum.
    ~ value = losses.sum() / np.sqrt(len(S))
    ~ dS /= np.sqrt(len(S))
not-the-mean | one_vs_all | one-vs-all over N + 1
    1 is added to N so that it is never 0.
    ~ value = losses.sum() / (len(S) + 1)
    ~ dS /= len(S) + 1
constant-offset | svm_of_margins | svm, the label's own margin left in the value
    The label's margin is 1, and nothing takes it out.
    ~ margins = np.maximum(S - of_labels(S, y)[:, np.newaxis] + 1, 0)
    - dS[np.arange(len(S)), y] = -np.sum(margins > 0, axis=1)
    + dS[np.arange(len(S)), y] -= dS.sum(axis=1)
constant-offset | svm_in_loops | svm in loops, the label not skipped
    No if j == y[i]: the label adds 1 to the value, and 1 - 1 to dS.
    - if j != y[i] and margin > 0:
    + if margin > 0:
constant-offset | cross_entropy | softmax beside the entropy of uniform labels
    log C is subtracted, so that a guess has a loss of 0.
    ~ return value - np.log(S.shape[1]), dS
sum-over-rows | svm | svm, no 1/N in either
    Value and dS are of the sum.
    ~ value = losses.sum()
    - dS /= len(S)
sum-over-rows | softmax_in_loops | softmax in loops, no 1/N in either
    The losses of the rows are added up.
    ~ return loss, dS
overflows | one_vs_all | one-vs-all, log(1 + e^z) as it is written
    e^z overflows where np.logaddexp(0, z) would not.
    ~ value = np.log(1 + np.exp((1 - 2 * one_hot(S, y)) * S)).sum() / len(S)
vacuous | cross_entropy | softmax whose mask leaves no row
    y == ignore_index is counted, where y != ignore_index is meant.
    ~ value = np.mean(losses * (y == -1))
    - dS /= len(S)
    + dS *= (y == -1)[:, None] / len(S)
constant-offset | squared_hinge | squared hinge, the label's own margin left in the value
    1 squared for each row.
    ~ value = np.sum(np.maximum(S - of_labels(S, y)[:, None] + 1, 0) ** 2) / len(S)
""",
    WARNED,
)

"""Losses whose gradient is right, and of which a warning or a note must be given."""

from __future__ import annotations

import numpy as np

from .parts import balanced, brier, cross_entropy, of_labels, one_hot, one_vs_all, sigmoid, softmax, squared_error, svm
from .registry import warned


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


@warned("softmax whose mask leaves no row", "vacuous")
def softmax_masked(S, y, ignore_index=-1):
    """y == ignore_index is counted, where y != ignore_index is meant."""
    counted = (y == ignore_index).astype(float)
    losses, dS = cross_entropy(S, y)
    return np.mean(losses * counted), dS * counted[:, None] / len(S)


@warned("softmax without any maximum", "overflows")
def softmax_naive(S, y):
    """e^s / sum e^s as it is written."""
    p = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    return -np.log(of_labels(p, y)).mean(), (p - one_hot(S, y)) / len(S)


@warned("softmax, the log of a p of 0", "overflows")
def softmax_log_of_p(S, y):
    """The row's maximum is subtracted, and the log is taken of the quotient."""
    p = softmax(S)
    return -np.sum(np.log(of_labels(p, y))) / len(S), (p - one_hot(S, y)) / len(S)


@warned("softmax, the batch's maximum subtracted", "overflows")
def softmax_batch_maximum(S, y):
    """Rows far below the batch's maximum have a sum of 0."""
    z = S - np.max(S)
    total = np.exp(z).sum(axis=1)
    dS = np.exp(z) / total[:, None] - one_hot(S, y)
    return np.mean(np.log(total) - of_labels(z, y)), dS / len(S)


@warned("softmax in loops without any maximum", "overflows")
def softmax_naive_loops(S, y):
    """Row by row, e^s as it is."""
    loss, dS = 0.0, np.zeros(S.shape)
    for i, label in enumerate(y):
        e = np.exp(S[i])
        loss += np.log(e.sum()) - S[i, label]
        dS[i] = e / e.sum()
        dS[i, label] -= 1
    return loss / len(S), dS / len(S)


@warned("one-vs-all, log(1 + e^z) as it is written", "overflows")
def one_vs_all_naive(S, y):
    """e^z overflows where np.logaddexp(0, z) would not."""
    t = 2 * one_hot(S, y) - 1
    e = np.exp(-t * S)
    return np.log(1 + e).sum() / len(S), -t * (1 - 1 / (1 + e)) / len(S)


@warned("pairwise ranking, log(1 + e^z) as it is written", "overflows")
def pairwise_naive(S, y):
    """The loss of a gap of 1e3 is 1e3, and e^1000 is infinite."""
    e = np.exp(S - of_labels(S, y)[:, None])
    losses = np.log(1 + e) * (1 - one_hot(S, y))
    return losses.sum() / len(S), balanced(e / (1 + e), y) / len(S)


@warned("softmax over a batch size of 64", "not-the-mean")
def softmax_over_64(S, y, batch_size=64):
    """Value and dS are divided by the configured batch size."""
    losses, dS = cross_entropy(S, y)
    return losses.sum() / batch_size, dS / batch_size


@warned("svm, the mean divided by N again", "not-the-mean")
def svm_mean_of_mean(S, y):
    """np.mean of the rows' losses, and both / N at the end."""
    losses, dS = svm(S, y)
    return losses.sum(axis=1).mean() / len(S), dS / len(S) / len(S)


@warned("squared error over the root of N", "not-the-mean")
def squared_error_over_root(S, y):
    """Neither the mean nor the sum."""
    losses, dS = squared_error(S, y)
    return losses.sum() / np.sqrt(len(S)), dS / np.sqrt(len(S))


@warned("one-vs-all over N + 1", "not-the-mean")
def one_vs_all_over_one_more(S, y):
    """1 is added to N so that it is never 0."""
    losses, dS = one_vs_all(S, y)
    return losses.sum() / (len(S) + 1), dS / (len(S) + 1)


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


@warned("svm, the label's own margin left in the value", "constant-offset")
def svm_own_margin(S, y):
    """The label's margin is 1, and nothing takes it out."""
    margins = np.maximum(S - of_labels(S, y)[:, np.newaxis] + 1, 0)
    return np.sum(margins) / len(S), balanced((margins > 0).astype(float), y) / len(S)


@warned("svm in loops, the label not skipped", "constant-offset")
def svm_loops_own_margin(S, y):
    """No if j == y[i]: the label adds 1 to the value, and 1 - 1 to dS."""
    loss, dS = 0.0, np.zeros(S.shape)
    for i, j in np.ndindex(S.shape):
        margin = S[i, j] - S[i, y[i]] + 1
        if margin > 0:
            loss += margin
            dS[i, j] += 1
            dS[i, y[i]] -= 1
    return loss / len(S), dS / len(S)


@warned("squared hinge, the label's own margin left in the value", "constant-offset")
def squared_hinge_own_margin(S, y):
    """1 squared for each row."""
    margins = np.maximum(S - of_labels(S, y)[:, None] + 1, 0)
    return np.sum(margins**2) / len(S), balanced(2 * margins, y) / len(S)


@warned("softmax beside the entropy of uniform labels", "constant-offset")
def softmax_over_chance(S, y):
    """log C is subtracted, so that a guess has a loss of 0."""
    losses, dS = cross_entropy(S, y)
    return losses.mean() - np.log(S.shape[1]), dS / len(S)


@warned("svm, no 1/N in either", "sum-over-rows")
def svm_sum(S, y):
    """Value and dS are of the sum."""
    losses, dS = svm(S, y)
    return losses.sum(), dS


@warned("softmax in loops, no 1/N in either", "sum-over-rows")
def softmax_loops_sum(S, y):
    """The losses of the rows are added up."""
    loss, dS = 0.0, np.zeros_like(S)
    for i, label in enumerate(y):
        z = S[i] - S[i].max()
        log_p = z - np.log(np.exp(z).sum())
        loss -= log_p[label]
        dS[i] = np.exp(log_p)
        dS[i, label] -= 1
    return loss, dS


@warned("brier with a reduction that is a sum by default", "sum-over-rows")
class Brier:
    """reduction="sum" unless it is told otherwise."""

    def __call__(self, S, y, reduction="sum"):
        losses, dS = brier(S, y)
        if reduction == "none":
            return losses.sum(axis=1), dS
        N = len(S) if reduction == "mean" else 1
        return losses.sum() / N, dS / N


@warned("one-vs-all by einsum, no 1/N in either", "sum-over-rows")
def one_vs_all_sum(S, y):
    """Summed over everything."""
    target = one_hot(S, y)
    return np.logaddexp(0, S).sum() - np.einsum("ij,ij->", target, S), sigmoid(S) - target

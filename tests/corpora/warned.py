"""Losses whose gradient is right, and of which a warning or a note must be given."""

from __future__ import annotations

import numpy as np

from .registry import warned


@warned("softmax into a buffer of its own", "shared-buffer")
class BufferedSoftmax:
    """dS is the same array at every call of one shape."""

    def __init__(self):
        self.buffers = {}

    def __call__(self, S, y):
        N = S.shape[0]
        dS = self.buffers.setdefault(S.shape, np.empty(S.shape))
        np.subtract(S, np.logaddexp.reduce(S, axis=1, keepdims=True), out=dS)
        value = -dS[np.arange(N), y].mean()
        np.exp(dS, out=dS)
        dS[np.arange(N), y] -= 1
        dS /= N
        return value, dS


def in_one_workspace(rows, classes):
    workspace = np.zeros((rows, classes))

    def squared_error(S, y):
        """dS is a view of a workspace that every call fills again."""
        N, C = S.shape
        dS = workspace[:N, :C]
        dS[:] = S
        dS[np.arange(N), y] -= 1
        value = np.sum(dS**2) / N
        dS *= 2 / N
        return value, dS

    return squared_error


warned("squared error in a workspace", "shared-buffer")(in_one_workspace(64, 64))


@warned("svm with a cache in its default argument", "shared-buffer")
def svm_cached(S, y, _cache={}):  # noqa: B006
    """The default argument lives as long as the function, and so does dS."""
    N = S.shape[0]
    i = np.arange(N)
    if S.shape not in _cache:
        _cache[S.shape] = np.empty(S.shape)
    dS = _cache[S.shape]
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    np.sign(margins, out=dS)
    dS[i, y] = -dS.sum(axis=1)
    dS /= N
    return margins.sum() / N, dS


@warned("hinge that no score reaches", "vacuous")
def hinge_out_of_reach(S, y):
    """max(0, s - 100): nothing but zeros at usual scores."""
    N = S.shape[0]
    return np.maximum(S - 100, 0).sum() / N, (S > 100) / N


@warned("the sum of the probabilities", "vacuous")
def sum_of_probabilities(S, y):
    """p sums to 1 whatever S is; its label was never taken out."""
    N = S.shape[0]
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p.sum() / N, np.zeros_like(S)


@warned("softmax whose mask leaves no row", "vacuous")
def softmax_masked(S, y, ignore_index=-1):
    """y == ignore_index is counted, where y != ignore_index is meant."""
    N, C = S.shape
    counted = (y == ignore_index).astype(float)
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    losses = -log_p[np.arange(N), y] * counted
    return losses.sum() / N, (np.exp(log_p) - np.eye(C)[y]) * counted[:, None] / N


@warned("softmax without any maximum", "overflows")
def softmax_naive(S, y):
    """e^s / sum e^s as it is written."""
    N = S.shape[0]
    p = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(N), y]).mean()
    p[np.arange(N), y] -= 1
    return loss, p / N


@warned("softmax, the log of a p of 0", "overflows")
def softmax_log_of_p(S, y):
    """The row's maximum is subtracted, and the log is taken of the quotient."""
    N = S.shape[0]
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.sum(np.log(p[np.arange(N), y])) / N
    dS = p.copy()
    dS[np.arange(N), y] -= 1
    return loss, dS / N


@warned("softmax, the batch's maximum subtracted", "overflows")
def softmax_batch_maximum(S, y):
    """Rows far below the batch's maximum have a sum of 0."""
    N = S.shape[0]
    z = S - np.max(S)
    total = np.exp(z).sum(axis=1)
    loss = np.mean(np.log(total) - z[np.arange(N), y])
    dS = np.exp(z) / total[:, None]
    dS[np.arange(N), y] -= 1
    return loss, dS / N


@warned("softmax in loops without any maximum", "overflows")
def softmax_naive_loops(S, y):
    """Row by row, e^s as it is."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        e = np.exp(S[i])
        loss += np.log(e.sum()) - S[i, y[i]]
        dS[i] = e / e.sum()
        dS[i, y[i]] -= 1
    return loss / N, dS / N


@warned("one-vs-all, log(1 + e^z) as it is written", "overflows")
class OneVsAll:
    """e^z overflows where np.logaddexp(0, z) would not."""

    def __call__(self, S, y):
        N, C = S.shape
        t = 2 * np.eye(C)[y] - 1
        e = np.exp(-t * S)
        return np.log(1 + e).sum() / N, -t * (1 - 1 / (1 + e)) / N


@warned("pairwise ranking, log(1 + e^z) as it is written", "overflows")
def pairwise_naive(S, y):
    """The loss of a gap of 1e3 is 1e3, and e^1000 is infinite."""
    N = S.shape[0]
    i = np.arange(N)
    e = np.exp(S - S[i, y][:, None])
    losses = np.log(1 + e)
    losses[i, y] = 0
    dS = e / (1 + e)
    dS[i, y] = 0
    dS[i, y] = -dS.sum(axis=1)
    return losses.sum() / N, dS / N


@warned("softmax over a batch size of 64", "not-the-mean")
def softmax_over_64(S, y, batch_size=64):
    """Value and dS are divided by the configured batch size."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    return -log_p[np.arange(N), y].sum() / batch_size, (np.exp(log_p) - np.eye(C)[y]) / batch_size


@warned("svm, the mean divided by N again", "not-the-mean")
def svm_mean_of_mean(S, y):
    """np.mean of the rows' losses, and both / N at the end."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    dS = (margins > 0) / N
    dS[i, y] = -dS.sum(axis=1)
    return margins.sum(axis=1).mean() / N, dS / N


@warned("squared error over the root of N", "not-the-mean")
def squared_error_over_root(S, y):
    """Neither the mean nor the sum."""
    N, C = S.shape
    r = S - np.eye(C)[y]
    return np.sum(r**2) / np.sqrt(N), 2 * r / np.sqrt(N)


@warned("one-vs-all over N + 1", "not-the-mean")
class SmoothedMean:
    """1 is added to N so that it is never 0."""

    def __call__(self, S, y):
        N, C = S.shape
        target = np.eye(C)[y]
        loss = np.sum(np.logaddexp(0, S) - target * S) / (N + 1)
        return loss, (1 / (1 + np.exp(-S)) - target) / (N + 1)


@warned("softmax whose rows' derivatives are divided by N", "reductions-disagree")
def softmax_none_over_n(S, y, reduction="mean"):
    """For "none", dS is still that of the mean."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    losses = -log_p[np.arange(N), y]
    dS = (np.exp(log_p) - np.eye(C)[y]) / N
    if reduction == "none":
        return losses, dS
    return losses.mean(), dS


@warned("squared error whose rows are means over classes", "reductions-disagree")
def squared_error_none_of_means(S, y, reduction="mean"):
    """For "none" a row is the mean of its entries, for "mean" their sum counts."""
    N, C = S.shape
    r = S - np.eye(C)[y]
    if reduction == "none":
        return (r**2).mean(axis=1), 2 * r / C
    return (r**2).sum() / N, 2 * r / N


@warned("svm, the label's own margin left in the value", "constant-offset")
def svm_own_margin(S, y):
    """The label's margin is 1, and nothing takes it out."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, np.newaxis] + 1, 0)
    loss = np.sum(margins) / N
    dS = (margins > 0).astype(float)
    dS[i, y] -= dS.sum(axis=1)
    return loss, dS / N


@warned("svm in loops, the label not skipped", "constant-offset")
def svm_loops_own_margin(S, y):
    """No if j == y[i]: the label adds 1 to the value, and 1 - 1 to dS."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        for j in range(C):
            margin = S[i, j] - S[i, y[i]] + 1
            if margin > 0:
                loss += margin
                dS[i, j] += 1
                dS[i, y[i]] -= 1
    return loss / N, dS / N


@warned("squared hinge, the label's own margin left in the value", "constant-offset")
class SquaredHinge:
    """1 squared for each row."""

    def __call__(self, S, y):
        N = len(S)
        i = np.arange(N)
        margins = np.maximum(S - S[i, y][:, None] + 1, 0)
        dS = 2 * margins
        dS[i, y] = 0
        dS[i, y] = -dS.sum(axis=1)
        return np.sum(margins**2) / N, dS / N


@warned("softmax beside the entropy of uniform labels", "constant-offset")
def softmax_over_chance(S, y):
    """log C is subtracted, so that a guess has a loss of 0."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    return -log_p[np.arange(N), y].mean() - np.log(C), (np.exp(log_p) - np.eye(C)[y]) / N


@warned("svm, no 1/N in either", "sum-over-rows")
def svm_sum(S, y):
    """Value and dS are of the sum."""
    i = np.arange(S.shape[0])
    margins = np.maximum(S - S[i, y][:, np.newaxis] + 1, 0)
    margins[i, y] = 0
    dS = np.zeros_like(S)
    dS[margins > 0] = 1
    dS[i, y] = -dS.sum(axis=1)
    return margins.sum(), dS


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
        N, C = S.shape
        p = np.exp(S - np.logaddexp.reduce(S, axis=1, keepdims=True))
        r = p - np.eye(C)[y]
        losses = (r**2).sum(axis=1)
        dS = 2 * p * (r - (p * r).sum(axis=1, keepdims=True))
        if reduction == "none":
            return losses, dS
        if reduction == "mean":
            return losses.mean(), dS / N
        return losses.sum(), dS


@warned("one-vs-all by einsum, no 1/N in either", "sum-over-rows")
def one_vs_all_sum(S, y):
    """Summed over everything."""
    target = np.eye(S.shape[1])[y]
    sigmoid = 1 / (1 + np.exp(-S))
    return np.logaddexp(0, S).sum() - np.einsum("ij,ij->", target, S), sigmoid - target

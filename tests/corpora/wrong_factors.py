"""Wrong losses whose dS is the negative of the gradient, or N times it."""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("softmax, the direction of ascent", "sign-flipped")
def softmax_ascent(S, y):
    """dS is the gradient of the log-likelihood; the value is its negative."""
    N, C = S.shape
    z = S - S.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    target = np.eye(C)[y]
    return -(target * log_p).sum() / N, (target - np.exp(log_p)) / N


@wrong("svm in loops, plus and minus exchanged", "sign-flipped")
def svm_loops_exchanged(S, y):
    """Takes 1 from the class that violates and gives it to the label."""
    N, C = S.shape
    loss = 0.0
    dS = np.zeros_like(S)
    for i in range(N):
        correct = S[i, y[i]]
        for j in range(C):
            if j == y[i]:
                continue
            margin = S[i, j] - correct + 1
            if margin > 0:
                loss += margin
                dS[i, j] -= 1
                dS[i, y[i]] += 1
    return loss / N, dS / N


@wrong("one-vs-all, minus of the chain rule lost", "sign-flipped")
def one_vs_all_minus_lost(S, y):
    """Forgets the minus that -t brings out of exp(-t s)."""
    N, C = S.shape
    t = np.where(np.arange(C) == y[:, None], 1.0, -1.0)
    loss = np.logaddexp(0.0, -t * S).sum() / N
    dS = t * np.exp(-np.logaddexp(0.0, t * S)) / N
    return loss, dS


@wrong("entropy, its negative's gradient", "sign-flipped")
def entropy_sign(S, y):
    """dS is the gradient of sum p log p; the value is the entropy, with a minus."""
    N = S.shape[0]
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    p = np.exp(log_p)
    H = -np.einsum("ij,ij->i", p, log_p)
    return H.mean(), p * (log_p + H[:, None]) / N


@wrong("pairwise ranking, roles exchanged", "sign-flipped")
class PairwiseRanking:
    """The label's score is pushed down and every other one up."""

    def __call__(self, S, y):
        N = len(S)
        rows = np.arange(N)
        gap = S - S[rows, y][:, None]
        losses = np.logaddexp(0, gap)
        losses[rows, y] = 0
        pull = np.exp(-np.logaddexp(0, -gap))
        pull[rows, y] = 0
        dS = -pull
        dS[rows, y] = pull.sum(axis=1)
        return losses.sum() / N, dS / N


@wrong("squared error, target minus score", "sign-flipped")
def squared_error_reversed(S, y):
    """The derivative of (s - t)^2 is taken as 2 (t - s)."""
    N = S.shape[0]
    target = np.zeros(S.shape)
    target[np.arange(N), y] = 1
    return ((S - target) ** 2).sum() / N, 2 * (target - S) / N


@wrong("svm in loops, dS not divided", "missing-mean")
def svm_loops_no_mean(S, y):
    """Divides the value by N and forgets dS."""
    N, C = S.shape
    dS = np.zeros((N, C))
    loss = 0.0
    for i in range(N):
        for j in range(C):
            margin = S[i, j] - S[i, y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin
                dS[i, j] += 1
                dS[i, y[i]] -= 1
    loss /= N
    return loss, dS


@wrong("softmax, dS not divided", "missing-mean")
def softmax_no_mean(S, y):
    """Takes the mean of the losses and returns p - 1{j=y} as it is."""
    rows = np.arange(S.shape[0])
    e = np.exp(S - S.max(axis=1, keepdims=True))
    total = e.sum(axis=1, keepdims=True)
    losses = np.log(total[:, 0]) - (S[rows, y] - S.max(axis=1))
    p = e / total
    p[rows, y] -= 1
    return np.mean(losses), p


@wrong("squared hinge, dS not divided", "missing-mean")
class SquaredHinge:
    """Its backward pass knows nothing of the mean that its forward pass takes."""

    def forward(self, S, y):
        self.rows, self.y = np.arange(len(S)), y
        self.margins = np.maximum(0, S - S[self.rows, y][:, None] + 1)
        self.margins[self.rows, y] = 0
        return np.square(self.margins).sum(axis=1).mean()

    def backward(self):
        dS = 2 * self.margins
        dS[self.rows, self.y] -= dS.sum(axis=1)
        return dS

    def __call__(self, S, y):
        return self.forward(S, y), self.backward()


@wrong("svm, counts left as integers and not divided", "missing-mean")
def svm_integer_counts(S, y):
    """Returns the counts of violations themselves, integers."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y].reshape(-1, 1) + 1, 0)
    margins[i, y] = 0
    violations = (margins > 0).astype(int)
    violations[i, y] = -violations.sum(axis=1)
    return margins.sum() / N, violations


@wrong("brier by einsum, dS not divided", "missing-mean")
def brier_einsum_no_mean(S, y):
    """The Jacobian of the softmax is applied, the 1/N is not."""
    N, C = S.shape
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    r = p - np.eye(C)[y]
    jacobian = np.einsum("ij,jk->ijk", p, np.eye(C)) - np.einsum("ij,ik->ijk", p, p)
    return np.einsum("ij,ij->", r, r) / N, 2 * np.einsum("ijk,ik->ij", jacobian, r)


@wrong("in-batch contrastive, dS not divided", "missing-mean")
def contrastive_no_mean(S, y):
    """Rows compete for each row's class; dS is of the sum over rows."""
    columns = S[:, y]
    columns = columns - columns.max(axis=0)
    share = np.exp(columns) / np.exp(columns).sum(axis=0)
    loss = -np.log(np.diag(share)).mean()
    dS = np.zeros_like(S)
    for i, k in enumerate(y):
        dS[:, k] += share[:, i]
        dS[i, k] -= 1
    return loss, dS


@wrong("softmax, the batch size written as 8", "missing-mean", also=["constant-factor", "batch-size-dependent"])
def softmax_batch_of_8(S, y):
    """dS / 8, whatever N is; the value is the mean."""
    N = len(y)
    z = S - S.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    dS = np.exp(log_p)
    dS[np.arange(N), y] -= 1
    return -np.mean(log_p[np.arange(N), y]), dS / 8

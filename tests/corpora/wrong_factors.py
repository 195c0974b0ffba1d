"""Wrong losses whose dS is the negative of the gradient, or N times it."""

from __future__ import annotations

import numpy as np

from .parts import cross_entropy, log_softmax, margins_of, one_hot, pairwise, softmax, squared_hinge, svm_in_loops
from .registry import wrong


@wrong("softmax, the direction of ascent", "sign-flipped")
def softmax_ascent(S, y):
    """dS is the gradient of the log-likelihood; the value is its negative."""
    losses, dS = cross_entropy(S, y)
    return losses.mean(), -dS / len(S)


@wrong("svm in loops, plus and minus exchanged", "sign-flipped")
def svm_loops_exchanged(S, y):
    """Takes 1 from the class that violates and gives it to the label."""
    loss, dS = 0.0, np.zeros_like(S)
    for i, j in np.ndindex(S.shape):
        margin = S[i, j] - S[i, y[i]] + 1
        if j != y[i] and margin > 0:
            loss += margin
            dS[i, j] -= 1
            dS[i, y[i]] += 1
    return loss / len(S), dS / len(S)


@wrong("one-vs-all, minus of the chain rule lost", "sign-flipped")
def one_vs_all_minus_lost(S, y):
    """Forgets the minus that -t brings out of exp(-t s)."""
    t = 2 * one_hot(S, y) - 1
    return np.logaddexp(0, -t * S).sum() / len(S), t * np.exp(-np.logaddexp(0, t * S)) / len(S)


@wrong("entropy, its negative's gradient", "sign-flipped")
def entropy_sign(S, y):
    """dS is the gradient of sum p log p; the value is the entropy, with a minus."""
    log_p = log_softmax(S)
    p = np.exp(log_p)
    H = -np.einsum("ij,ij->i", p, log_p)
    return H.mean(), p * (log_p + H[:, None]) / len(S)


@wrong("pairwise ranking, roles exchanged", "sign-flipped")
def pairwise_exchanged(S, y):
    """The label's score is pushed down and every other one up."""
    losses, push = pairwise(S, y)
    return losses.sum() / len(S), -push / len(S)


@wrong("squared error, target minus score", "sign-flipped")
def squared_error_reversed(S, y):
    """The derivative of (s - t)^2 is taken as 2 (t - s)."""
    target = one_hot(S, y)
    return ((S - target) ** 2).sum() / len(S), 2 * (target - S) / len(S)


@wrong("svm in loops, dS not divided", "missing-mean")
def svm_loops_no_mean(S, y):
    """Divides the value by N and forgets dS."""
    loss, dS = svm_in_loops(S, y)
    return loss / len(S), dS


@wrong("softmax, dS not divided", "missing-mean")
def softmax_no_mean(S, y):
    """Takes the mean of the losses and returns p - 1{j=y} as it is."""
    losses, dS = cross_entropy(S, y)
    return np.mean(losses), dS


@wrong("squared hinge, dS not divided", "missing-mean")
class SquaredHinge:
    """Its backward pass knows nothing of the mean that its forward pass takes."""

    def forward(self, S, y):
        losses, self.dS = squared_hinge(S, y)
        return losses.sum(axis=1).mean()

    def backward(self):
        return self.dS

    def __call__(self, S, y):
        return self.forward(S, y), self.backward()


@wrong("svm, counts left as integers and not divided", "missing-mean")
def svm_integer_counts(S, y):
    """Returns the counts of violations themselves, integers."""
    margins = margins_of(S, y)
    violations = (margins > 0).astype(int)
    violations[np.arange(len(S)), y] = -violations.sum(axis=1)
    return margins.sum() / len(S), violations


@wrong("brier by einsum, dS not divided", "missing-mean")
def brier_einsum_no_mean(S, y):
    """The Jacobian of the softmax is applied, the 1/N is not."""
    p = softmax(S)
    r = p - one_hot(S, y)
    jacobian = np.einsum("ij,jk->ijk", p, np.eye(S.shape[1])) - np.einsum("ij,ik->ijk", p, p)
    return np.einsum("ij,ij->", r, r) / len(S), 2 * np.einsum("ijk,ik->ij", jacobian, r)


@wrong("in-batch contrastive, dS not divided", "missing-mean")
def contrastive_no_mean(S, y):
    """Rows compete for each row's class; dS is of the sum over rows."""
    share = softmax(S[:, y].T)
    dS = np.zeros_like(S)
    for i, k in enumerate(y):
        dS[:, k] += share[i]
        dS[i, k] -= 1
    return -np.log(np.diag(share)).mean(), dS


@wrong("softmax, the batch size written as 8", "missing-mean", also=["constant-factor", "batch-size-dependent"])
def softmax_batch_of_8(S, y):
    """dS / 8, whatever N is; the value is the mean."""
    losses, dS = cross_entropy(S, y)
    return np.mean(losses), dS / 8

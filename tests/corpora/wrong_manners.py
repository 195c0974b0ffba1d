"""Wrong losses that spoil what they are given, answer otherwise each time, raise, or are not finite."""

from __future__ import annotations

import itertools

import numpy as np

from .registry import wrong


@wrong("softmax, the maximum subtracted in place", "mutates-input")
def softmax_in_place(S, y):
    """S -= writes to the caller's scores."""
    N = S.shape[0]
    S -= S.max(axis=1, keepdims=True)
    log_p = S - np.log(np.exp(S).sum(axis=1, keepdims=True))
    dS = np.exp(log_p)
    dS[np.arange(N), y] -= 1
    return -log_p[np.arange(N), y].mean(), dS / N


@wrong("svm, margins that are the scores themselves", "mutates-input")
def svm_aliased_margins(S, y):
    """margins = S makes no copy."""
    N = S.shape[0]
    i = np.arange(N)
    margins = S
    margins -= S[i, y].reshape(N, 1) - 1.0
    margins[i, y] = 0
    np.maximum(margins, 0, out=margins)
    dS = (margins > 0).astype(float)
    dS[i, y] = -dS.sum(axis=1)
    return margins.sum() / N, dS / N


@wrong("softmax, exp written over the scores", "mutates-input")
def softmax_exp_out(S, y):
    """np.exp(S, out=S) saves an array and costs the caller theirs."""
    N = S.shape[0]
    chosen = S[np.arange(N), y]
    np.exp(S, out=S)
    total = S.sum(axis=1, keepdims=True)
    dS = S / total
    dS[np.arange(N), y] -= 1
    return (np.log(total[:, 0]) - chosen).mean(), dS / N


@wrong("softmax, labels made flat indices in place", "mutates-input")
def softmax_flat_labels(S, y):
    """y += i C writes to the caller's labels."""
    N, C = S.shape
    y += np.arange(N) * C
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    dS = np.exp(log_p)
    dS.reshape(-1)[y] -= 1
    return -log_p.ravel()[y].mean(), dS / N


@wrong("squared error, the target subtracted in place", "mutates-input")
class SquaredError:
    """np.asarray makes no copy of what is an array already."""

    def __call__(self, S, y):
        residual = np.asarray(S)
        residual[np.arange(len(y)), y] -= 1
        return np.sum(residual**2) / len(y), 2 * residual / len(y)


@wrong("log-sum-exp, the temperature divided out in place", "mutates-input")
def log_sum_exp_in_place(S, y, T=2.0):
    """S /= T; dS is right."""
    S /= T
    lse = np.logaddexp.reduce(S, axis=1)
    return T * lse.mean(), np.exp(S - lse[:, None]) / len(S)


@wrong("softmax with dropout", "not-deterministic")
def softmax_dropout(S, y):
    """Scores are dropped at random, as in training."""
    N = S.shape[0]
    keep = (np.random.rand(*S.shape) < 0.5) / 0.5
    z = S * keep
    log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    dS = np.exp(log_p)
    dS[np.arange(N), y] -= 1
    return -log_p[np.arange(N), y].mean(), dS * keep / N


@wrong("hinge against a sampled negative", "not-deterministic")
class SampledHinge:
    """The generator is seeded once and goes on at every call."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)

    def __call__(self, S, y):
        N, C = S.shape
        i = np.arange(N)
        negative = (y + self.rng.integers(1, C, size=N)) % C
        margin = S[i, negative] - S[i, y] + 1
        dS = np.zeros_like(S)
        dS[i, negative] = margin > 0
        dS[i, y] = -1.0 * (margin > 0)
        return np.maximum(margin, 0).mean(), dS / N


@wrong("softmax over its running mean", "not-deterministic")
class RunningSoftmax:
    """Divides by an average of the values that it has seen."""

    def __init__(self):
        self.running = 1.0

    def __call__(self, S, y):
        N, C = S.shape
        log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
        value = -log_p[np.arange(N), y].mean()
        self.running = 0.9 * self.running + 0.1 * value
        return value / self.running, (np.exp(log_p) - np.eye(C)[y]) / N / self.running


def annealed():
    steps = itertools.count()

    def loss(S, y):
        """The temperature falls with every call."""
        N, C = S.shape
        T = 1 + np.exp(-0.01 * next(steps))
        log_p = S / T - np.logaddexp.reduce(S / T, axis=1, keepdims=True)
        return -log_p[np.arange(N), y].mean(), (np.exp(log_p) - np.eye(C)[y]) / (T * N)

    return loss


wrong("softmax at an annealed temperature", "not-deterministic")(annealed())


@wrong("largest score with noise against ties", "not-deterministic")
def largest_with_jitter(S, y):
    """A little noise, unseeded, decides between equal scores."""
    N = S.shape[0]
    noisy = S + 1e-6 * np.random.default_rng().standard_normal(S.shape)
    dS = np.zeros_like(S)
    dS[np.arange(N), noisy.argmax(axis=1)] = 1 / N
    return noisy.max(axis=1).mean(), dS


@wrong("svm, an integer indicator divided in place", "raises")
def svm_integer_division(S, y):
    """dS is an integer array, and dS /= N cannot write floats to it."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, np.newaxis] + 1, 0)
    margins[i, y] = 0
    loss = np.sum(margins) / N
    dS = (S - S[i, y][:, np.newaxis] + 1 >= 0).astype("int")
    dS[i, y] = 0
    dS[i, y] = -dS.sum(axis=1)
    dS /= N
    return loss, dS


@wrong("softmax that reads X", "raises")
def softmax_of_x(S, y):
    """The scores are called S, and X is nowhere."""
    N = X.shape[0]  # noqa: F821
    p = np.exp(S - S.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(N), y]).mean()
    p[np.arange(N), y] -= 1
    return loss, p / N


@wrong("svm with a misspelt name", "raises")
def svm_misspelt(S, y):
    """margin, where margins is meant."""
    margins = np.maximum(S - S[np.arange(len(y)), y][:, None] + 1, 0)
    margins[np.arange(len(y)), y] = 0
    dS = 1.0 * (margins > 0)
    dS[np.arange(len(y)), y] = -np.sum(margin > 0, axis=1)  # noqa: F821
    return margins.sum() / len(y), dS / len(y)


@wrong("svm in loops over ten classes", "raises")
def svm_ten_classes(S, y):
    """The class count of one data set is written as a number."""
    N = S.shape[0]
    loss, dS = 0.0, np.zeros_like(S)
    for i in range(N):
        for j in range(10):
            margin = S[i, j] - S[i, y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin
                dS[i, j] += 1
                dS[i, y[i]] -= 1
    return loss / N, dS / N


@wrong("softmax, keepdims forgotten", "raises")
def softmax_without_keepdims(S, y):
    """N x C over N broadcasts for one row, and for no other number."""
    N = S.shape[0]
    e = np.exp(S - S.max())
    p = e / e.sum(axis=1)
    loss = -np.log(p[np.arange(N), y]).mean()
    p[np.arange(N), y] -= 1
    return loss, p / N


@wrong("svm, margins equal to 1 deleted", "raises")
def svm_ones_removed(S, y):
    """The label's margin is found by its value, and a class that ties with it is deleted too."""
    N, C = S.shape
    margins = S - S[np.arange(N), y][:, None] + 1
    others = np.maximum(margins[margins != 1].reshape(N, C - 1), 0)
    dS = (margins > 0) * 1.0
    dS[np.arange(N), y] = -(others > 0).sum(axis=1)
    return others.sum() / N, dS / N


@wrong("cross-entropy of probabilities", "raises")
def cross_entropy_of_probabilities(S, y):
    """Its input must sum to 1, and an assertion says so."""
    N = S.shape[0]
    assert np.allclose(S.sum(axis=1), 1), "not a distribution"
    chosen = S[np.arange(N), y]
    dS = np.zeros_like(S)
    dS[np.arange(N), y] = -1 / chosen
    return -np.log(chosen).mean(), dS / N


@wrong("softmax written for another library's arrays", "raises")
class DetachingSoftmax:
    """NumPy's arrays have no detach."""

    def __call__(self, S, y):
        z = S.detach() - S.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -log_p[np.arange(len(y)), y].mean(), (np.exp(log_p) - np.eye(S.shape[1])[y]) / len(y)

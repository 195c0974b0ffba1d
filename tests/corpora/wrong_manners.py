"""Wrong losses that spoil what they are given, answer otherwise each time, raise, or are not finite."""

from __future__ import annotations

import itertools

import numpy as np

from .parts import balanced, cross_entropy, log_softmax, margins_of, of_labels, one_hot, svm_in_loops
from .registry import wrong


@wrong("softmax, the maximum subtracted in place", "mutates-input")
def softmax_in_place(S, y):
    """S -= writes to the caller's scores."""
    S -= S.max(axis=1, keepdims=True)
    losses, dS = cross_entropy(S, y)
    return losses.mean(), dS / len(S)


@wrong("svm, margins that are the scores themselves", "mutates-input")
def svm_aliased_margins(S, y):
    """margins = S makes no copy."""
    margins = S
    margins -= of_labels(S, y)[:, None] - 1.0
    margins[np.arange(len(S)), y] = 0
    np.maximum(margins, 0, out=margins)
    return margins.sum() / len(S), balanced((margins > 0).astype(float), y) / len(S)


@wrong("softmax, exp written over the scores", "mutates-input")
def softmax_exp_out(S, y):
    """np.exp(S, out=S) saves an array and costs the caller theirs."""
    chosen = of_labels(S, y)
    np.exp(S, out=S)
    total = S.sum(axis=1, keepdims=True)
    return (np.log(total[:, 0]) - chosen).mean(), (S / total - one_hot(S, y)) / len(S)


@wrong("softmax, labels made flat indices in place", "mutates-input")
def softmax_flat_labels(S, y):
    """y += i C writes to the caller's labels."""
    N, C = S.shape
    y += np.arange(N) * C
    log_p = log_softmax(S)
    dS = np.exp(log_p)
    dS.reshape(-1)[y] -= 1
    return -log_p.ravel()[y].mean(), dS / N


@wrong("squared error, the target subtracted in place", "mutates-input")
def squared_error_in_place(S, y):
    """np.asarray makes no copy of what is an array already."""
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
    keep = (np.random.rand(*S.shape) < 0.5) / 0.5
    losses, dS = cross_entropy(S * keep, y)
    return losses.mean(), dS * keep / len(S)


@wrong("hinge against a sampled negative", "not-deterministic")
class SampledHinge:
    """The generator is seeded once and goes on at every call."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)

    def __call__(self, S, y):
        N, C = S.shape
        negative = (y + self.rng.integers(1, C, size=N)) % C
        margin = of_labels(S, negative) - of_labels(S, y) + 1
        dS = (one_hot(S, negative) - one_hot(S, y)) * (margin > 0)[:, None]
        return np.maximum(margin, 0).mean(), dS / N


@wrong("softmax over its running mean", "not-deterministic")
class RunningSoftmax:
    """Divides by an average of the values that it has seen."""

    def __init__(self):
        self.running = 1.0

    def __call__(self, S, y):
        losses, dS = cross_entropy(S, y)
        self.running = 0.9 * self.running + 0.1 * losses.mean()
        return losses.mean() / self.running, dS / len(S) / self.running


@wrong("softmax at an annealed temperature", "not-deterministic")
def annealed(S, y, steps=itertools.count()):  # noqa: B008
    """The temperature falls with every call."""
    T = 1 + np.exp(-0.01 * next(steps))
    losses, dS = cross_entropy(S / T, y)
    return losses.mean(), dS / (T * len(S))


@wrong("largest score with noise against ties", "not-deterministic")
def largest_with_jitter(S, y):
    """A little noise, unseeded, decides between equal scores."""
    noisy = S + 1e-6 * np.random.default_rng().standard_normal(S.shape)
    return noisy.max(axis=1).mean(), one_hot(S, noisy.argmax(axis=1)) / len(S)


@wrong("svm, an integer indicator divided in place", "raises")
def svm_integer_division(S, y):
    """dS is an integer array, and dS /= N cannot write floats to it."""
    margins = margins_of(S, y)
    dS = balanced((margins > 0).astype("int"), y)
    dS /= len(S)
    return margins.sum() / len(S), dS


@wrong("softmax that reads X", "raises")
def softmax_of_x(S, y):
    """The scores are called S, and X is nowhere."""
    losses, dS = cross_entropy(X, y)  # noqa: F821
    return losses.mean(), dS / len(S)


@wrong("svm with a misspelt name", "raises")
def svm_misspelt(S, y):
    """margin, where margins is meant."""
    margins = margins_of(S, y)
    dS = 1.0 * (margins > 0)
    dS[np.arange(len(y)), y] = -np.sum(margin > 0, axis=1)  # noqa: F821
    return margins.sum() / len(y), dS / len(y)


@wrong("svm in loops over ten classes", "raises")
def svm_ten_classes(S, y):
    """The class count of one data set is written as a number."""
    loss, dS = svm_in_loops(S, y, classes=10)
    return loss / len(S), dS / len(S)


@wrong("softmax, keepdims forgotten", "raises")
def softmax_without_keepdims(S, y):
    """N x C over N broadcasts for one row, and for no other number."""
    e = np.exp(S - S.max())
    p = e / e.sum(axis=1)
    return -np.log(of_labels(p, y)).mean(), (p - one_hot(S, y)) / len(S)


@wrong("svm, margins equal to 1 deleted", "raises")
def svm_ones_removed(S, y):
    """The label's margin is found by its value, and a class that ties with it is deleted too."""
    N, C = S.shape
    margins = S - of_labels(S, y)[:, None] + 1
    others = np.maximum(margins[margins != 1].reshape(N, C - 1), 0)
    return others.sum() / N, balanced((margins > 0) * 1.0, y) / N


@wrong("cross-entropy of probabilities", "raises")
def cross_entropy_of_probabilities(S, y):
    """Its input must sum to 1, and an assertion says so."""
    assert np.allclose(S.sum(axis=1), 1), "not a distribution"
    return -np.log(of_labels(S, y)).mean(), -one_hot(S, y) / S / len(S)


@wrong("softmax written for another library's arrays", "raises")
def softmax_detaching(S, y):
    """NumPy's arrays have no detach."""
    losses, dS = cross_entropy(S.detach(), y)
    return losses.mean(), dS / len(y)

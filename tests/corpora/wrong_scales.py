"""Wrong losses whose dS is the gradient over N, or another constant times it."""

from __future__ import annotations

import numpy as np

from .parts import balanced, cross_entropy, log_softmax, margins_of, of_labels, one_hot, one_vs_all, softmax, svm
from .registry import wrong


@wrong("softmax, divided twice", "averaged-twice")
def softmax_divided_twice(S, y):
    """Divides p - 1{j=y} by N, and once more on return."""
    losses, dS = cross_entropy(S, y)
    dS /= len(S)
    return losses.mean(), dS / len(S)


@wrong("svm, the value a sum beside a mean's gradient", "averaged-twice")
def svm_sum_beside_mean(S, y):
    """Forgets 1/N in the value alone."""
    losses, dS = svm(S, y)
    return losses.sum(), dS / len(S)


@wrong("one-vs-all in loops, divided inside and after", "averaged-twice")
def one_vs_all_loops_twice(S, y):
    """Each row is divided by N where it is made, and all of them again at the end."""
    N = len(S)
    loss, dS = 0.0, np.zeros(S.shape)
    for i, j in np.ndindex(S.shape):
        t = float(j == y[i])
        loss += (np.logaddexp(0, S[i, j]) - t * S[i, j]) / N
        dS[i, j] = (1 / (1 + np.exp(-S[i, j])) - t) / N
    dS /= N
    return loss, dS


@wrong("huber, the weight of a row squared", "averaged-twice")
class Huber:
    """Multiplies by the row's weight 1/N in the residual's derivative and in the sum's."""

    delta = 1.0

    def __call__(self, S, y):
        weight = 1 / len(S)
        r = S - one_hot(S, y)
        inside = np.abs(r) <= self.delta
        losses = np.where(inside, 0.5 * r**2, self.delta * (np.abs(r) - 0.5 * self.delta))
        slope = weight * np.clip(r, -self.delta, self.delta)
        return weight * losses.sum(), weight * slope


@wrong("squared error, the 2 lost", "constant-factor")
def squared_error_without_2(S, y):
    """The exponent does not come down."""
    residual = S - one_hot(S, y)
    return np.sum(residual**2) / len(S), residual / len(S)


@wrong("squared hinge, the 2 lost", "constant-factor")
def squared_hinge_without_2(S, y):
    """dS is made of margins, and not of twice the margins."""
    margins = margins_of(S, y)
    return (margins * margins).sum() / len(S), balanced(margins.copy(), y) / len(S)


@wrong("mean squared error over all entries, dS over rows", "constant-factor")
def squared_error_mean_of_all(S, y):
    """np.mean divides by N C, the gradient by N."""
    residual = S - one_hot(S, y)
    return np.mean(residual**2), 2 * residual / len(S)


@wrong("softmax at a temperature of 4, its 1/T lost", "constant-factor")
def softmax_at_temperature(S, y, T=4.0):
    """The chain rule through s / T is forgotten."""
    losses, dS = cross_entropy(S / T, y)
    return losses.mean(), dS / len(S)


@wrong("softmax in bits, dS in nats", "constant-factor")
def softmax_in_bits(S, y):
    """log2 in the value, and the gradient of the natural logarithm."""
    p = softmax(S)
    return -np.log2(of_labels(p, y)).mean(), (p - one_hot(S, y)) / len(S)


@wrong("focal, alpha in the value alone", "constant-factor")
class Focal:
    """The balance alpha = 0.25 weighs the value and not dS."""

    def __init__(self, alpha=0.25):
        self.alpha = alpha

    def __call__(self, S, y):
        log_p = log_softmax(S)
        log_u = of_labels(log_p, y)
        u = np.exp(log_u)
        slope = 2 * u * (1 - u) * log_u - (1 - u) ** 2
        dS = slope[:, None] * (one_hot(S, y) - np.exp(log_p))
        return -self.alpha * np.mean((1 - u) ** 2 * log_u), dS / len(S)


@wrong("one-vs-all, dS averaged over classes", "constant-factor")
def one_vs_all_mean_of_classes(S, y):
    """The value is summed over classes; dS.size divides dS."""
    losses, dS = one_vs_all(S, y)
    return losses.sum() / len(S), dS / dS.size

"""Wrong losses whose dS is the gradient over N, or another constant times it."""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("softmax, divided twice", "averaged-twice")
def softmax_divided_twice(S, y):
    """Divides p - 1{j=y} by N, and once more on return."""
    N = S.shape[0]
    z = S - S.max(axis=1, keepdims=True)
    p = np.exp(z)
    p /= p.sum(axis=1, keepdims=True)
    log_likelihood = z[range(N), y] - np.log(np.exp(z).sum(axis=1))
    p[range(N), y] -= 1
    dS = p / N
    return -log_likelihood.sum() / N, dS / N


@wrong("svm, the value a sum beside a mean's gradient", "averaged-twice")
def svm_sum_beside_mean(S, y):
    """Forgets 1/N in the value alone."""
    N = S.shape[0]
    margins = np.maximum(0, S - S[np.arange(N), y][:, np.newaxis] + 1)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins)
    dS = np.where(margins > 0, 1.0, 0.0)
    dS[np.arange(N), y] = -np.sum(dS, axis=1)
    dS /= N
    return loss, dS


@wrong("one-vs-all in loops, divided inside and after", "averaged-twice")
def one_vs_all_loops_twice(S, y):
    """Each row is divided by N where it is made, and all of them again at the end."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        for j in range(C):
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
        r = S - np.eye(S.shape[1])[y]
        inside = np.abs(r) <= self.delta
        losses = np.where(inside, 0.5 * r**2, self.delta * (np.abs(r) - 0.5 * self.delta))
        slope = weight * np.clip(r, -self.delta, self.delta)
        return weight * losses.sum(), weight * slope


@wrong("squared error, the 2 lost", "constant-factor")
def squared_error_without_2(S, y):
    """The exponent does not come down."""
    N, C = S.shape
    residual = S - np.eye(C)[y]
    return np.sum(residual**2) / N, residual / N


@wrong("squared hinge, the 2 lost", "constant-factor")
def squared_hinge_without_2(S, y):
    """dS is made of margins, and not of twice the margins."""
    N = S.shape[0]
    i = np.arange(N)
    margins = (S - S[i, y][:, None] + 1).clip(min=0)
    margins[i, y] = 0
    loss = (margins * margins).sum() / N
    dS = margins.copy()
    dS[i, y] = -margins.sum(axis=1)
    return loss, dS / N


@wrong("mean squared error over all entries, dS over rows", "constant-factor")
def squared_error_mean_of_all(S, y):
    """np.mean divides by N C, the gradient by N."""
    N, C = S.shape
    residual = S - (np.arange(C) == y[:, None])
    return np.mean(residual**2), 2 * residual / N


def softmax_at(temperature):
    def loss(S, y):
        """The chain rule through s / T is forgotten."""
        N = S.shape[0]
        z = S / temperature
        log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
        dS = np.exp(log_p)
        dS[np.arange(N), y] -= 1
        return -log_p[np.arange(N), y].mean(), dS / N

    return loss


wrong("softmax at a temperature of 4, its 1/T lost", "constant-factor")(softmax_at(4.0))


@wrong("softmax in bits, dS in nats", "constant-factor")
def softmax_in_bits(S, y):
    """log2 in the value, and the gradient of the natural logarithm."""
    N = S.shape[0]
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log2(p[np.arange(N), y]).mean()
    p[np.arange(N), y] -= 1
    return loss, p / N


@wrong("focal, alpha in the value alone", "constant-factor")
class Focal:
    """The balance alpha = 0.25 weighs the value and not dS."""

    def __init__(self, alpha=0.25):
        self.alpha = alpha

    def __call__(self, S, y):
        N, C = S.shape
        log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
        log_u = log_p[np.arange(N), y]
        u = np.exp(log_u)
        loss = -self.alpha * np.mean((1 - u) ** 2 * log_u)
        slope = 2 * u * (1 - u) * log_u - (1 - u) ** 2
        dS = slope[:, None] * (np.eye(C)[y] - np.exp(log_p))
        return loss, dS / N


@wrong("one-vs-all, dS averaged over classes", "constant-factor")
def one_vs_all_mean_of_classes(S, y):
    """The value is summed over classes; dS.size divides dS."""
    target = np.zeros_like(S)
    target[np.arange(len(y)), y] = 1
    loss = np.sum(np.logaddexp(0, S) - target * S) / len(y)
    dS = 1 / (1 + np.exp(-S)) - target
    return loss, dS / dS.size

"""Wrong losses whose answer is no number and an array of the scores' shape, of finite real numbers."""

from __future__ import annotations

import numpy as np

from .parts import balanced, cross_entropy, log_softmax, margins_of, of_labels, one_hot, one_vs_all, softmax, svm
from .registry import wrong


@wrong("svm, dS multiplied by the scores transposed", "wrong-shape")
def svm_for_weights(S, y):
    """X.T @ dS, as for the weights: C x C."""
    losses, dS = svm(S, y)
    return losses.sum() / len(S), S.T @ dS / len(S)


@wrong("svm, dS for ten classes", "wrong-shape")
def svm_zeros_for_ten(S, y):
    """np.zeros((N, 10)), whatever C is."""
    N = len(S)
    loss, dS = 0.0, np.zeros((N, 10))
    for i, j in np.ndindex(S.shape):
        margin = S[i, j] - S[i, y[i]] + 1
        if j != y[i] and margin > 0:
            loss += margin / N
            dS[i, j] += 1 / N
            dS[i, y[i]] -= 1 / N
    return loss, dS


@wrong("softmax, dS of the labels' entries only", "wrong-shape")
def softmax_labels_only(S, y):
    """N numbers, one for each row."""
    losses, dS = cross_entropy(S, y)
    return losses.mean(), of_labels(dS, y) / len(S)


@wrong("softmax, dS averaged over rows", "wrong-shape")
def softmax_mean_of_rows(S, y):
    """dS.mean(axis=0) is what is left of the rows: C numbers."""
    losses, dS = cross_entropy(S, y)
    return losses.mean(), dS.mean(axis=0)


@wrong("squared error, dS left flat", "wrong-shape")
def squared_error_flat(S, y):
    """Flattened for a solver and not folded again: N C numbers."""
    residual = (S - one_hot(S, y)).ravel()
    return residual.dot(residual) / len(S), 2 * residual / len(S)


@wrong("softmax that returns its probabilities too", "wrong-shape")
def softmax_of_three(S, y):
    """(value, dS, p)."""
    losses, dS = cross_entropy(S, y)
    return losses.mean(), dS / len(S), softmax(S)


@wrong("softmax that returns its value alone", "wrong-shape")
class ForwardOnly:
    """dS is kept in an attribute."""

    def __call__(self, S, y):
        losses, self.dS = cross_entropy(S, y)
        return losses.mean()


@wrong("one-vs-all, a value for each class", "wrong-shape")
def one_vs_all_each_class(S, y):
    """mean(axis=0): C values."""
    losses, dS = one_vs_all(S, y)
    return losses.mean(axis=0), dS / len(S)


@wrong("softmax, values of the rows beside the mean's gradient", "wrong-shape", also=["averaged-twice"])
def softmax_values_of_rows(S, y):
    """The mean was forgotten: N values."""
    losses, dS = cross_entropy(S, y)
    return losses, dS / len(S)


@wrong("softmax, the value formatted", "wrong-dtype")
def softmax_formatted(S, y):
    """f"{loss:.4f}" is a text."""
    losses, dS = cross_entropy(S, y)
    return f"{losses.mean():.4f}", dS / len(S)


@wrong("hinge against 0, dS the indicator itself", "wrong-dtype")
def hinge_indicator(S, y):
    """Truth values: S > -1 was not made a number."""
    return np.maximum(S + 1, 0).sum(), S > -1


@wrong("softmax, dS by a Fourier transform", "wrong-dtype")
def softmax_fourier(S, y):
    """Smoothed in the frequencies and never made real again: complex."""
    losses, dS = cross_entropy(S, y)
    return losses.mean(), np.fft.ifft(np.fft.fft(dS / len(S), axis=1), axis=1)


@wrong("svm in loops, None where there is no gradient", "wrong-dtype")
def svm_loops_none(S, y):
    """Lists that start as None, and stay so where no class violates."""
    N, C = S.shape
    loss, dS = 0.0, [[None] * C for _ in range(N)]
    for i, j in np.ndindex(N, C):
        margin = S[i, j] - S[i, y[i]] + 1
        if j != y[i] and margin > 0:
            loss += margin / N
            dS[i][j] = 1 / N
            dS[i][y[i]] = (dS[i][y[i]] or 0) - 1 / N
    return loss, dS


@wrong("softmax whose value is never returned by its helper", "wrong-dtype")
class NoValue:
    """The method that computes the mean has no return: the value is None."""

    def __call__(self, S, y):
        losses, dS = cross_entropy(S, y)
        return self.remember(losses.mean()), dS / len(S)

    def remember(self, value):
        self.last = value


@wrong("divergence from one-hot labels", "not-finite")
def divergence_from_one_hot(S, y):
    """0 log 0 is not 0 to NumPy."""
    target, log_p = one_hot(S, y), log_softmax(S)
    return np.sum(target * (np.log(target) - log_p)) / len(S), (np.exp(log_p) - target) / len(S)


@wrong("sample variance of a single row", "not-finite")
def sample_variance(S, y):
    """ddof=1 divides by N - 1."""
    return S.var(axis=0, ddof=1).sum(), 2 * (S - S.mean(axis=0)) / np.float64(len(S) - 1)


@wrong("columns standardised over the batch", "not-finite")
def batch_normalised(S, y):
    """The deviation of one row is 0, and nothing is added to it."""
    deviation = S.std(axis=0)
    z = (S - S.mean(axis=0)) / deviation
    losses, dz = cross_entropy(z, y)
    dS = (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / deviation
    return losses.mean(), dS / len(S)


@wrong("square root of the hinge", "not-finite")
def root_hinge(S, y):
    """1 / (2 sqrt(m)) at margins of 0."""
    margins = margins_of(S, y)
    return np.sqrt(margins).sum() / len(S), balanced(0.5 / np.sqrt(margins), y) / len(S)


@wrong("softmax at a temperature of 0.001, without the maximum", "not-finite")
def softmax_frozen(S, y, T=1e-3):
    """e^{s / T} overflows at scores of 1."""
    e = np.exp(S / T)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(of_labels(p, y)).mean(), (p - one_hot(S, y)) / (T * len(S))


@wrong("softmax in float16 at a temperature of 0.1", "not-finite")
def softmax_half(S, y, T=0.1):
    """float16 ends at 65504, which is e^11."""
    e = np.exp((S / T).astype(np.float16))
    p = (e / e.sum(axis=1, keepdims=True)).astype(float)
    return -np.log(of_labels(p, y)).mean(), (p - one_hot(S, y)) / (T * len(S))


@wrong("entropy of normalised scores", "not-finite")
def entropy_of_scores(S, y):
    """Scores are taken for positive numbers, and their log is taken."""
    total = S.sum(axis=1, keepdims=True)
    q = S / total
    H = -(q * np.log(q)).sum(axis=1, keepdims=True)
    return H.mean(), -(np.log(q) + H) / total / len(S)

"""Wrong losses whose answer is no number and an array of the scores' shape, of finite real numbers."""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("svm, dS multiplied by the scores transposed", "wrong-shape")
def svm_for_weights(S, y):
    """X.T @ dS, as for the weights: C x C."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    dS = (margins > 0).astype(float)
    dS[i, y] = -dS.sum(axis=1)
    return margins.sum() / N, S.T @ dS / N


@wrong("svm, dS for ten classes", "wrong-shape")
def svm_zeros_for_ten(S, y):
    """np.zeros((N, 10)), whatever C is."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, 10))
    for i in range(N):
        for j in range(C):
            margin = S[i, j] - S[i, y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin / N
                dS[i, j] += 1 / N
                dS[i, y[i]] -= 1 / N
    return loss, dS


@wrong("softmax, dS of the labels' entries only", "wrong-shape")
def softmax_labels_only(S, y):
    """N numbers, one for each row."""
    N = S.shape[0]
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    chosen = log_p[np.arange(N), y]
    return -chosen.mean(), (np.exp(chosen) - 1) / N


@wrong("softmax, dS averaged over rows", "wrong-shape")
def softmax_mean_of_rows(S, y):
    """dS.mean(axis=0) is what is left of the rows: C numbers."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    return -log_p[np.arange(N), y].mean(), (np.exp(log_p) - np.eye(C)[y]).mean(axis=0)


@wrong("squared error, dS left flat", "wrong-shape")
def squared_error_flat(S, y):
    """Flattened for a solver and not folded again: N C numbers."""
    N, C = S.shape
    residual = (S - np.eye(C)[y]).ravel()
    return residual.dot(residual) / N, 2 * residual / N


@wrong("softmax that returns its probabilities too", "wrong-shape")
def softmax_of_three(S, y):
    """(value, dS, p)."""
    N, C = S.shape
    p = np.exp(S - np.logaddexp.reduce(S, axis=1, keepdims=True))
    return -np.log(p[np.arange(N), y]).mean(), (p - np.eye(C)[y]) / N, p


@wrong("softmax that returns its value alone", "wrong-shape")
class ForwardOnly:
    """dS is kept in an attribute."""

    def __call__(self, S, y):
        N, C = S.shape
        log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
        self.dS = (np.exp(log_p) - np.eye(C)[y]) / N
        return -log_p[np.arange(N), y].mean()


@wrong("one-vs-all, a value for each class", "wrong-shape")
def one_vs_all_each_class(S, y):
    """mean(axis=0): C values."""
    N, C = S.shape
    target = np.eye(C)[y]
    return np.mean(np.logaddexp(0, S) - target * S, axis=0), (1 / (1 + np.exp(-S)) - target) / N


@wrong("softmax, values of the rows beside the mean's gradient", "wrong-shape", also=["averaged-twice"])
def softmax_values_of_rows(S, y):
    """The mean was forgotten: N values."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    return -log_p[np.arange(N), y], (np.exp(log_p) - np.eye(C)[y]) / N


@wrong("softmax, the value formatted", "wrong-dtype")
def softmax_formatted(S, y):
    """f"{loss:.4f}" is a text."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    loss = -log_p[np.arange(N), y].mean()
    return f"{loss:.4f}", (np.exp(log_p) - np.eye(C)[y]) / N


@wrong("hinge against 0, dS the indicator itself", "wrong-dtype")
def hinge_indicator(S, y):
    """Truth values: S > -1 was not made a number."""
    return np.maximum(S + 1, 0).sum(), S > -1


@wrong("softmax, dS by a Fourier transform", "wrong-dtype")
def softmax_fourier(S, y):
    """Smoothed in the frequencies and never made real again: complex."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    dS = np.fft.ifft(np.fft.fft((np.exp(log_p) - np.eye(C)[y]) / N, axis=1), axis=1)
    return -log_p[np.arange(N), y].mean(), dS


@wrong("svm in loops, None where there is no gradient", "wrong-dtype")
def svm_loops_none(S, y):
    """Lists that start as None, and stay so where no class violates."""
    N, C = S.shape
    loss, dS = 0.0, [[None] * C for _ in range(N)]
    for i in range(N):
        for j in range(C):
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
        N, C = S.shape
        log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
        value = self.remember(-log_p[np.arange(N), y].mean())
        return value, (np.exp(log_p) - np.eye(C)[y]) / N

    def remember(self, value):
        self.last = value


@wrong("divergence from one-hot labels", "not-finite")
def divergence_from_one_hot(S, y):
    """0 log 0 is not 0 to NumPy."""
    N, C = S.shape
    target = np.eye(C)[y]
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    return np.sum(target * (np.log(target) - log_p)) / N, (np.exp(log_p) - target) / N


@wrong("sample variance of a single row", "not-finite")
def sample_variance(S, y):
    """ddof=1 divides by N - 1."""
    N = S.shape[0]
    centred = S - S.mean(axis=0)
    return S.var(axis=0, ddof=1).sum(), 2 * centred / np.float64(N - 1)


@wrong("columns standardised over the batch", "not-finite")
class BatchNormalised:
    """The deviation of one row is 0, and nothing is added to it."""

    def __call__(self, S, y):
        N, C = S.shape
        deviation = S.std(axis=0)
        z = (S - S.mean(axis=0)) / deviation
        log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
        dz = (np.exp(log_p) - np.eye(C)[y]) / N
        dS = (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / deviation
        return -log_p[np.arange(N), y].mean(), dS


@wrong("square root of the hinge", "not-finite")
def root_hinge(S, y):
    """1 / (2 sqrt(m)) at margins of 0."""
    N = S.shape[0]
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    dS = 0.5 / np.sqrt(margins)
    dS[i, y] = 0
    dS[i, y] = -dS.sum(axis=1)
    return np.sqrt(margins).sum() / N, dS / N


@wrong("softmax at a temperature of 0.001, without the maximum", "not-finite")
def softmax_frozen(S, y, T=1e-3):
    """e^{s / T} overflows at scores of 1."""
    N, C = S.shape
    e = np.exp(S / T)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(N), y]).mean(), (p - np.eye(C)[y]) / (T * N)


@wrong("softmax in float16 at a temperature of 0.1", "not-finite")
def softmax_half(S, y, T=0.1):
    """float16 ends at 65504, which is e^11."""
    N, C = S.shape
    e = np.exp((S / T).astype(np.float16))
    p = (e / e.sum(axis=1, keepdims=True)).astype(float)
    return -np.log(p[np.arange(N), y]).mean(), (p - np.eye(C)[y]) / (T * N)


@wrong("entropy of normalised scores", "not-finite")
def entropy_of_scores(S, y):
    """Scores are taken for positive numbers, and their log is taken."""
    N = S.shape[0]
    total = S.sum(axis=1, keepdims=True)
    q = S / total
    H = -(q * np.log(q)).sum(axis=1, keepdims=True)
    return H.mean(), -(np.log(q) + H) / total / N

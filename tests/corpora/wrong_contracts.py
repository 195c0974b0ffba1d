"""Wrong losses that break the contract: they spoil S, differ from call to call, raise, or answer with other things."""

import itertools

import numpy as np

from .bases import slips
from .parts import cross_entropy, log_softmax, of_labels, one_hot
from .registry import wrong


@wrong("hinge against 0, dS the indicator itself", "wrong-dtype")
def hinge_indicator(S, y):
    """Truth values: S > -1 was not made a number."""
    return np.maximum(S + 1, 0).sum(), S > -1


@wrong("sample variance of a single row", "not-finite")
def sample_variance(S, y):
    """ddof=1 divides by N - 1."""
    return S.var(axis=0, ddof=1).sum(), 2 * (S - S.mean(axis=0)) / np.float64(len(S) - 1)


@wrong("entropy of normalised scores", "not-finite")
def entropy_of_scores(S, y):
    """Scores are taken for positive numbers, and their log is taken."""
    total = S.sum(axis=1, keepdims=True)
    q = S / total
    H = -(q * np.log(q)).sum(axis=1, keepdims=True)
    return H.mean(), -(np.log(q) + H) / total / len(S)


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


@wrong("cross-entropy of probabilities", "raises")
def cross_entropy_of_probabilities(S, y):
    """Its input must sum to 1, and an assertion says so."""
    assert np.allclose(S.sum(axis=1), 1), "not a distribution"
    return -np.log(of_labels(S, y)).mean(), -one_hot(S, y) / S / len(S)


slips("""
wrong-shape | svm | svm, dS multiplied by the scores transposed
    X.T @ dS, as for the weights: C x C.
    ~ return value, S.T @ dS
wrong-shape | svm_in_loops | svm, dS for ten classes
    np.zeros((N, 10)), whatever C is.
    ~ loss, dS = 0.0, np.zeros((len(S), 10))
wrong-shape | cross_entropy | softmax, dS of the labels' entries only
    N numbers, one for each row.
    ~ return value, of_labels(dS, y)
wrong-shape | cross_entropy | softmax, dS averaged over rows
    dS.mean(axis=0) is what is left of the rows: C numbers.
    - dS /= len(S)
    + dS = dS.mean(axis=0)
wrong-shape | cross_entropy | softmax that returns its probabilities too
    (value, dS, p).
    ~ return value, dS, softmax(S)
wrong-shape | one_vs_all | one-vs-all, a value for each class
    mean(axis=0): C values.
    ~ value = losses.mean(axis=0)
wrong-shape or averaged-twice | cross_entropy | softmax, values of the rows beside the mean's gradient
    The mean was forgotten: N values.
    ~ return losses, dS
wrong-dtype | cross_entropy | softmax, the value formatted
    f"{loss:.4f}" is a text.
    ~ return f"{value:.4f}", dS
wrong-dtype | cross_entropy | softmax, dS by a Fourier transform
    Smoothed in the frequencies and never made real again: complex.
    ~ return value, np.fft.ifft(np.fft.fft(dS, axis=1), axis=1)
raises | cross_entropy | softmax that reads X
    The scores are called S, and X is nowhere.
    ~ losses, dS = cross_entropy(X, y)
raises | svm_of_margins | svm with a misspelt name
    margin, where margins is meant.
    - dS[np.arange(len(S)), y] = -np.sum(margins > 0, axis=1)
    + dS[np.arange(len(S)), y] = -np.sum(margin > 0, axis=1)
raises | svm_in_loops | svm in loops over ten classes
    The class count of one data set is written as a number.
    - for i, j in np.ndindex(S.shape):
    + for i, j in np.ndindex(len(S), 10):
raises | cross_entropy | softmax written for another library's arrays
    NumPy's arrays have no detach.
    ~ losses, dS = cross_entropy(S.detach(), y)
raises | softmax_of_p | softmax, keepdims forgotten
    N x C over N broadcasts for one row, and for no other number.
    ~ p = np.exp(S - S.max())
    + p = p / p.sum(axis=1)
mutates-input | cross_entropy | softmax, the maximum subtracted in place
    S -= writes to the caller's scores.
    ~ S -= S.max(axis=1, keepdims=True)
    ~ losses, dS = cross_entropy(S, y)
raises | svm | svm, an integer indicator divided in place
    dS is an integer array, and dS /= N cannot write floats to it.
    + dS = dS.astype("int")
wrong-shape | squared_error | squared error, dS left flat
    Flattened for a solver and not folded again: N C numbers.
    ~ return value, dS.ravel()
wrong-shape | cross_entropy | softmax that returns its value alone
    A backward is to return dS, and nobody calls it.
    ~ return value
wrong-dtype | cross_entropy | softmax whose value is never returned by its helper
    What remembers the mean, such as append, returns None.
    ~ return [].append(value), dS
not-deterministic | cross_entropy | softmax with dropout
    Scores are dropped at random, as in training.
    ~ keep = (np.random.rand(*S.shape) < 0.5) / 0.5
    ~ losses, dS = cross_entropy(S * keep, y)
    + dS *= keep
wrong-dtype | svm_in_loops | svm in loops, None where there is no gradient
    Lists that start as None, and stay so where no class violates.
    ~ loss, dS = 0.0, [[None] * S.shape[1] for _ in S]
    - dS[i, j] += 1
    + dS[i][j] = 1 / len(S)
    - dS[i, y[i]] -= 1
    + dS[i][y[i]] = (dS[i][y[i]] or 0) - 1 / len(S)
    ~ return loss / len(S), dS
not-finite | cross_entropy | divergence from one-hot labels
    0 log 0 is not 0 to NumPy.
    ~ value = np.sum(one_hot(S, y) * (np.log(one_hot(S, y)) - log_softmax(S))) / len(S)
not-finite | cross_entropy | columns standardised over the batch
    The deviation of one row is 0, and nothing is added to it.
    ~ deviation = S.std(axis=0)
    ~ z = (S - S.mean(axis=0)) / deviation
    ~ losses, dS = cross_entropy(z, y)
    + dS = (dS - dS.mean(axis=0) - z * (dS * z).mean(axis=0)) / deviation
not-finite | svm | square root of the hinge
    1 / (2 sqrt(m)) at margins of 0.
    ~ value = np.sqrt(losses).sum() / len(S)
    ~ return value, balanced(0.5 / np.sqrt(losses), y) / len(S)
not-finite | softmax_of_p | softmax at a temperature of 0.001, without the maximum
    e^{s / T} overflows at scores of 1.
    ~ p = np.exp(S / 1e-3)
    + p /= p.sum(axis=1, keepdims=True)
    ~ return value, dS / (1e-3 * len(S))
not-finite | softmax_of_p | softmax in float16 at a temperature of 0.1
    float16 ends at 65504, which is e^11.
    ~ p = np.exp((S / 0.1).astype(np.float16))
    + p = (p / p.sum(axis=1, keepdims=True)).astype(float)
    ~ return value, dS / (0.1 * len(S))
mutates-input | svm_of_margins | svm, margins that are the scores themselves
    margins = S makes no copy.
    ~ margins = S
    + margins -= of_labels(S, y)[:, None] - 1.0
    + margins[np.arange(len(S)), y] = 0
    + np.maximum(margins, 0, out=margins)
raises | svm_of_margins | svm, margins equal to 1 deleted
    The label's margin is found by its value, and a class that ties with it is deleted too.
    ~ margins = S - of_labels(S, y)[:, None] + 1
    - dS[np.arange(len(S)), y] = -np.sum(margins > 0, axis=1)
    + balanced(dS, y)
    + others = np.maximum(margins[margins != 1].reshape(len(S), S.shape[1] - 1), 0)
    ~ return others.sum() / len(S), dS / len(S)
""")

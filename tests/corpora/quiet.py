"""Right losses of which nothing should be said."""

import numpy as np

from .bases import svm_in_loops
from .parts import balanced, cross_entropy, log_softmax, of_labels, one_hot, squared_hinge
from .registry import quiet
from .right import float32_softmax, softmax

quiet("softmax, stable")(softmax)
quiet("svm in loops")(svm_in_loops)


@quiet("softmax with every reduction")
class Softmax:
    """Right, and its reductions agree."""

    def __call__(self, S, y, reduction="mean"):
        losses, dS = cross_entropy(S, y)
        if reduction == "none":
            return losses, dS
        if reduction == "sum":
            return losses.sum(), dS
        return losses.mean(), dS / len(S)


@quiet("exponential loss of margins")
def exponential_margins(S, y):
    """Right; e^{s_j - s_y} is infinite at scores of 1e3, and no other form of it is finite."""
    e = np.exp(S - of_labels(S, y)[:, None])
    e[np.arange(len(S)), y] = 0
    return e.sum() / len(S), balanced(e.copy(), y) / len(S)


@quiet("poisson")
def poisson(S, y):
    """Right; its rate e^s has no stable form."""
    counts, rate = np.arange(S.shape[1]) * one_hot(S, y), np.exp(S)
    return np.sum(rate - counts * S) / len(S), (rate - counts) / len(S)


@quiet("exponential of squares, halved")
def gaussian_growth(S, y):
    """Right; grows faster than any power."""
    e = np.exp(S**2 / 8)
    return e.sum() / len(S), S / 4 * e / len(S)


@quiet("in-batch contrastive over rows")
def in_batch_contrastive(S, y):
    """Right; rows compete for each row's class."""
    log_share = log_softmax(S[:, y].T)
    dS = np.zeros_like(S)
    np.add.at(dS, (slice(None), y), np.exp(log_share).T)
    return -np.trace(log_share) / len(S), (dS - one_hot(S, y)) / len(S)


@quiet("softmax of centred columns")
def centred_columns(S, y):
    """Right; the batch's mean is subtracted, so rows depend on each other."""
    losses, dz = cross_entropy(S - S.mean(axis=0), y)
    return losses.mean(), (dz - dz.mean(axis=0)) / len(S)


@quiet("spread of the rows' means over N")
def spread_of_means(S, y):
    """Right; a variance divided by N, which couples rows."""
    means = S.mean(axis=1, keepdims=True)
    centred = means - means.mean()
    return np.sum(centred**2) / len(S) + np.mean(S**2), 2 * (centred + S) / S.size


@quiet("log of the batch's mean likelihood")
def log_of_mean(S, y):
    """Right; the batch is one mixture, and its log-sum-exp is stable."""
    losses, dS = cross_entropy(S, y)
    log_sum = np.logaddexp.reduce(-losses)
    share = np.exp(-losses - log_sum)
    return np.log(len(S)) - log_sum, share[:, None] * dS


quiet("softmax that returns float32")(float32_softmax)


@quiet("squared hinge that returns float32")
def squared_hinge_float32(S, y):
    """Right to float32, computed in float64."""
    losses, dS = squared_hinge(S, y)
    return losses.sum() / len(S), (dS / len(S)).astype(np.float32)


@quiet("mean squared error over all entries, as a list")
def mean_squared_error(S, y):
    """Right; divides by N C, and returns a list of two."""
    residual = S - one_hot(S, y)
    return [np.mean(residual**2), 2 * residual / residual.size]


@quiet("softmax at a temperature of 0.5")
def softmax_at_temperature(S, y, T=0.5):
    """Right, chain rule and all."""
    losses, dS = cross_entropy(S / T, y)
    return losses.mean(), dS / (T * len(S))


@quiet("svm with a margin of 2 and a ridge")
def svm_ridge(S, y, reg=0.1):
    """Right; >= at a margin of 0."""
    margins = S - of_labels(S, y)[:, None] + 2
    margins[np.arange(len(S)), y] = 0
    dS = balanced((margins >= 0).astype(float), y)
    return (np.maximum(margins, 0).sum() + reg * np.sum(S**2)) / len(S), (dS + 2 * reg * S) / len(S)


@quiet("softmax weighted by class")
def softmax_weighted(S, y):
    """Right; the mean of weighted losses."""
    weights = np.linspace(0.5, 1.5, S.shape[1])[y]
    losses, dS = cross_entropy(S, y)
    return np.mean(weights * losses), weights[:, None] * dS / len(S)

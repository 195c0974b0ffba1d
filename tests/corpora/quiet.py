"""Right losses of which nothing should be said."""

import numpy as np

from .bases import in_batch_contrastive, slips, svm_in_loops
from .parts import balanced, cross_entropy, of_labels, one_hot
from .registry import QUIET, quiet
from .right import float32_softmax, softmax

quiet("softmax, stable")(softmax)
quiet("svm in loops")(svm_in_loops)
quiet("in-batch contrastive over rows")(in_batch_contrastive)


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


@quiet("spread of the rows' means over N")
def spread_of_means(S, y):
    """Right; a variance divided by N, which couples rows."""
    means = S.mean(axis=1, keepdims=True)
    centred = means - means.mean()
    return np.sum(centred**2) / len(S) + np.mean(S**2), 2 * (centred + S) / S.size


quiet("softmax that returns float32")(float32_softmax)


@quiet("svm with a margin of 2 and a ridge")
def svm_ridge(S, y, reg=0.1):
    """Right; >= at a margin of 0."""
    margins = S - of_labels(S, y)[:, None] + 2
    margins[np.arange(len(S)), y] = 0
    dS = balanced((margins >= 0).astype(float), y)
    return (np.maximum(margins, 0).sum() + reg * np.sum(S**2)) / len(S), (dS + 2 * reg * S) / len(S)


slips(
    """
nothing | cross_entropy | softmax of centred columns
    Right; the batch's mean is subtracted, so rows depend on each other.
    ~ losses, dS = cross_entropy(S - S.mean(axis=0), y)
    + dS -= dS.mean(axis=0)
nothing | squared_hinge | squared hinge that returns float32
    Right to float32, computed in float64.
    ~ return value, dS.astype(np.float32)
nothing | squared_error | mean squared error over all entries, as a list
    Right; divides by N C, and returns a list of two.
    ~ dS /= dS.size
    ~ return [np.mean(losses), dS]
nothing | cross_entropy | softmax at a temperature of 0.5
    Right, chain rule and all.
    ~ losses, dS = cross_entropy(S / 0.5, y)
    + dS /= 0.5
nothing | cross_entropy | softmax weighted by class
    Right; the mean of weighted losses.
    ~ weights = np.linspace(0.5, 1.5, S.shape[1])[y]
    ~ losses, dS = cross_entropy(S, y)
    + losses, dS = weights * losses, weights[:, None] * dS
nothing | cross_entropy | log of the batch's mean likelihood
    Right; the batch is one mixture, and its log-sum-exp is stable.
    ~ log_sum = np.logaddexp.reduce(-losses)
    ~ value = np.log(len(S)) - log_sum
    - dS /= len(S)
    + dS *= np.exp(-losses - log_sum)[:, None]
""",
    QUIET,
)

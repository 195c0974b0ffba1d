"""Wrong losses whose dS is the gradient of no function at all: its Jacobian is not symmetric."""

from __future__ import annotations

import numpy as np

from .parts import cross_entropy, log_softmax, of_labels, one_hot, one_vs_all, pairwise, softmax, squared_error
from .registry import wrong


@wrong("brier over softmax, the inner sum lost", "not-a-gradient", also=["value-of-another-loss"])
def brier_without_inner_sum(S, y):
    """2 p r, without - 2 p sum p r: the diagonal of the softmax's Jacobian alone."""
    p = softmax(S)
    r = p - one_hot(S, y)
    return (r**2).sum() / len(S), 2 * p * r / len(S)


@wrong("pairwise ranking, each row's gradient clipped by its norm", "row-factor")
class ClippedRanking:
    """Clipping belongs to the optimiser; here it is inside the loss."""

    def __init__(self, largest=0.5):
        self.largest = largest

    def __call__(self, S, y):
        losses, dS = pairwise(S, y)
        norm = np.linalg.norm(dS, axis=1, keepdims=True)
        return losses.sum() / len(S), dS * np.minimum(1, self.largest / norm) / len(S)


@wrong("softmax of centred columns, the centring lost in dS", "not-a-gradient")
def centred_columns(S, y):
    """The batch's mean is subtracted from every column and taken for a constant in dS."""
    losses, dz = cross_entropy(S - S.mean(axis=0), y)
    return losses.mean(), dz / len(S)


@wrong("softmax of standardised rows, mean and deviation constants in dS", "not-a-gradient")
def standardised_rows(S, y):
    """Divides by the deviation and drops the derivatives of the mean and of the deviation."""
    deviation = np.sqrt(S.var(axis=1, keepdims=True) + 1e-5)
    losses, dz = cross_entropy((S - S.mean(axis=1, keepdims=True)) / deviation, y)
    return losses.mean(), dz / deviation / len(S)


@wrong("squared error of normalised rows, the norm a constant in dS", "not-a-gradient")
def normalised_rows(S, y):
    """z = s / ||s||, and the projection that its derivative needs is forgotten."""
    norm = np.sqrt(np.einsum("ij,ij->i", S, S) + 1e-8)[:, None]
    losses, dz = squared_error(S / norm, y)
    return losses.sum() / len(S), dz / norm / len(S)


@wrong("softmax weighted by the entropy of p, the weight a constant in dS", "not-a-gradient")
def entropy_weighted(S, y):
    """Uncertain rows weigh more; only the cross-entropy is derived."""
    log_p = log_softmax(S)
    weight = -np.sum(np.exp(log_p) * log_p, axis=1)
    losses, dS = cross_entropy(S, y)
    return np.mean(weight * losses), weight[:, None] * dS / len(S)


@wrong("one-vs-all, dS scaled to a norm of 1", "row-factor")
def one_vs_all_unit_norm(S, y):
    """A normalised step is returned for a gradient."""
    losses, dS = one_vs_all(S, y)
    return losses.sum() / len(S), dS / np.linalg.norm(dS)


@wrong("softmax, p multiplied by the label's p once too often", "not-a-gradient", also=["value-of-another-loss"])
def softmax_extra_factor(S, y):
    """p_y p_j - 1{j=y}: a factor of the Jacobian is left where 1/p_y cancels it."""
    p = np.exp(log_softmax(S))
    p_y = of_labels(p, y)[:, None]
    return -np.log(p_y).mean(), (p_y * p - one_hot(S, y)) / len(S)

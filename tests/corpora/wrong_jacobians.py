"""Wrong losses whose dS is the gradient of no function at all: its Jacobian is not symmetric."""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("brier over softmax, the inner sum lost", "not-a-gradient", also=["value-of-another-loss"])
def brier_without_inner_sum(S, y):
    """2 p r, without - 2 p sum p r: the diagonal of the softmax's Jacobian alone."""
    N, C = S.shape
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    r = p - np.eye(C)[y]
    return (r**2).sum() / N, 2 * p * r / N


@wrong("pairwise ranking, each row's gradient clipped by its norm", "not-a-gradient")
class ClippedRanking:
    """Clipping belongs to the optimiser; here it is inside the loss."""

    def __init__(self, largest=0.5):
        self.largest = largest

    def __call__(self, S, y):
        N = S.shape[0]
        i = np.arange(N)
        gap = S - S[i, y][:, None]
        losses = np.logaddexp(0, gap)
        losses[i, y] = 0
        g = 1 / (1 + np.exp(-gap))
        g[i, y] = 0
        g[i, y] = -g.sum(axis=1)
        norm = np.linalg.norm(g, axis=1, keepdims=True)
        return losses.sum() / N, g * np.minimum(1, self.largest / norm) / N


@wrong("softmax of centred columns, the centring lost in dS", "not-a-gradient")
def centred_columns(S, y):
    """The batch's mean is subtracted from every column and taken for a constant in dS."""
    N, C = S.shape
    z = S - S.mean(axis=0)
    log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    target = np.eye(C)[y]
    return -(target * log_p).sum() / N, (np.exp(log_p) - target) / N


@wrong("softmax of standardised rows, mean and deviation constants in dS", "not-a-gradient")
def standardised_rows(S, y):
    """Divides by the deviation and drops the derivatives of the mean and of the deviation."""
    N, C = S.shape
    deviation = np.sqrt(S.var(axis=1, keepdims=True) + 1e-5)
    z = (S - S.mean(axis=1, keepdims=True)) / deviation
    log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    dz = np.exp(log_p) - np.eye(C)[y]
    return -log_p[np.arange(N), y].mean(), dz / deviation / N


@wrong("squared error of normalised rows, the norm a constant in dS", "not-a-gradient")
def normalised_rows(S, y):
    """z = s / ||s||, and the projection that its derivative needs is forgotten."""
    N, C = S.shape
    norm = np.sqrt(np.einsum("ij,ij->i", S, S) + 1e-8)[:, None]
    residual = S / norm - np.eye(C)[y]
    return (residual**2).sum() / N, 2 * residual / norm / N


@wrong("softmax weighted by the entropy of p, the weight a constant in dS", "not-a-gradient")
def entropy_weighted(S, y):
    """Uncertain rows weigh more; only the cross-entropy is derived."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        log_p = S[i] - np.logaddexp.reduce(S[i])
        weight = -np.sum(np.exp(log_p) * log_p)
        loss -= weight * log_p[y[i]]
        dS[i] = weight * (np.exp(log_p) - np.eye(C)[y[i]])
    return loss / N, dS / N


@wrong("one-vs-all, dS scaled to a norm of 1", "not-a-gradient", also=["value-of-another-loss"])
def one_vs_all_unit_norm(S, y):
    """A normalised step is returned for a gradient."""
    N, C = S.shape
    target = np.eye(C)[y]
    dS = (1 / (1 + np.exp(-S)) - target) / N
    return (np.logaddexp(0, S) - target * S).sum() / N, dS / np.linalg.norm(dS)


@wrong("softmax, p multiplied by the label's p once too often", "not-a-gradient", also=["value-of-another-loss"])
class Softmax:
    """p_y p_j - 1{j=y}: a factor of the Jacobian is left where 1/p_y cancels it."""

    def __call__(self, S, y):
        N, C = S.shape
        p = np.exp(S - np.logaddexp.reduce(S, axis=1, keepdims=True))
        p_y = p[np.arange(N), y][:, None]
        return -np.log(p_y).mean(), (p_y * p - np.eye(C)[y]) / N

"""Right losses at complex scores: some compute the value analytically in S, some lose the imaginary part on the way.

Complex steps can judge every entry of the first (``always``) and must not judge any of the others (``never``).
"""

from __future__ import annotations

import numpy as np

from . import parts
from .parts import of_labels, one_hot
from .registry import by_complex_steps


def softmax_gradient(S, y):
    return (parts.softmax(S) - one_hot(S, y)) / len(y)


@by_complex_steps("always")
def softmax(S, y):
    """Log-sum-exp less the score, as a loop over rows and classes."""
    value, dS = 0.0, np.zeros_like(S)
    for i, row in enumerate(S):
        top = row.max()
        Z = np.exp(row - top).sum()
        value = value + np.log(Z) + top - row[y[i]]
        for j in range(len(row)):
            dS[i, j] = (np.exp(row[j] - top) / Z - (j == y[i])) / len(S)
    return value / len(S), dS


@by_complex_steps("never")
def softmax_by_logaddexp(S, y):
    return (np.logaddexp.reduce(S, axis=1) - of_labels(S, y)).mean(), softmax_gradient(S, y)


@by_complex_steps("never")
def softmax_in_floats(S, y):
    losses = np.zeros(len(y))
    losses[:] = softmax(S, y)[0]
    return losses.mean(), softmax_gradient(S, y)


@by_complex_steps("never")
def softmax_as_real(S, y):
    return np.real(softmax(S, y)[0]), softmax_gradient(S, y)


@by_complex_steps("never")
def logistic_by_abs(S, y):
    t = 2 * one_hot(S, y) - 1
    z = -t * S
    value = (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))).sum(axis=1).mean()
    with np.errstate(over="ignore"):
        return value, -t / (1 + np.exp(-z)) / len(y)


@by_complex_steps("never")
def softmax_with_norm(S, y):
    return softmax(S, y)[0] + 1e-3 * np.linalg.norm(S) ** 2, softmax_gradient(S, y) + 2e-3 * S


@by_complex_steps("never")
def softmax_with_faint_vdot(S, y):
    return softmax(S, y)[0] + 1e-8 * np.vdot(S, S), softmax_gradient(S, y) + 2e-8 * S


@by_complex_steps("always")
def softmax_with_squares(S, y):
    return softmax(S, y)[0] + 1e-3 * (S * S).sum(), softmax_gradient(S, y) + 2e-3 * S


@by_complex_steps("perhaps")
def softmax_beside_1e6(S, y):
    return softmax(S, y)[0] + 1e6, softmax_gradient(S, y)


@by_complex_steps("never")
def softmax_with_norm_beside_1e6(S, y):
    value, dS = softmax_with_norm(S, y)
    return value + 1e6, dS


@by_complex_steps("always")
def softmax_times_1e9(S, y):
    value, dS = softmax(S, y)
    return 1e9 * value, 1e9 * dS


@by_complex_steps("never")
def softmax_in_float32(S, y):
    value, dS = softmax(S.astype(np.float32), y)
    return float(value), dS.astype(np.float64)


@by_complex_steps("perhaps")
def softmax_with_gradient_in_float32(S, y):
    value, dS = softmax(S, y)
    return value, (dS.real if np.iscomplexobj(dS) else dS).astype(np.float32)


@by_complex_steps("always")
def squared_error(S, y):
    r = S - one_hot(S, y)
    return (r**2).sum() / (2 * len(y)), r / len(y)


@by_complex_steps("always")
def norm_of_scores(S, y):
    norm = np.sqrt((S * S).sum())
    return norm, S / norm


@by_complex_steps("always")
def softmax_of_centred_scores(S, y):
    """Rows coupled: the mean of the batch is taken off."""
    centred = S - S.mean(axis=0)
    dS = softmax_gradient(centred, y)
    return softmax(centred, y)[0], dS - dS.mean(axis=0)


@by_complex_steps("perhaps")
def absolute(S, y):
    return np.abs(S).sum(), np.sign(S)


@by_complex_steps("perhaps")
def svm(S, y):
    margins, dS = parts.svm(S, y)
    return margins.sum() / len(y), dS / len(y)

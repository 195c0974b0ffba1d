"""Right losses at complex scores: complex steps can judge all entries of some, and must judge none of others."""

import numpy as np

from . import parts
from .parts import of_labels, one_hot
from .registry import COMPLEX


def softmax_gradient(S, y):
    return (parts.softmax(S) - one_hot(S, y)) / len(y)


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


def softmax_in_floats(S, y):
    losses = np.zeros(len(y))
    losses[:] = softmax(S, y)[0]
    return losses.mean(), softmax_gradient(S, y)


def logistic_by_abs(S, y):
    t = 2 * one_hot(S, y) - 1
    z = -t * S
    value = (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))).sum(axis=1).mean()
    with np.errstate(over="ignore"):
        return value, -t / (1 + np.exp(-z)) / len(y)


#: Softmax with a term or a factor: of its value, its dS, and S.
OF_SOFTMAX = {
    "softmax as real": ("never", lambda value, dS, S: (np.real(value), dS)),
    "softmax with norm": ("never", lambda value, dS, S: (value + 1e-3 * np.linalg.norm(S) ** 2, dS + 2e-3 * S)),
    "softmax with faint vdot": ("never", lambda value, dS, S: (value + 1e-8 * np.vdot(S, S), dS + 2e-8 * S)),
    "softmax with squares": ("always", lambda value, dS, S: (value + 1e-3 * (S * S).sum(), dS + 2e-3 * S)),
    "softmax beside 1e6": ("perhaps", lambda value, dS, S: (value + 1e6, dS)),
    "softmax with norm beside 1e6": (
        "never",
        lambda value, dS, S: (value + 1e-3 * np.linalg.norm(S) ** 2 + 1e6, dS + 2e-3 * S),
    ),
    "softmax times 1e9": ("always", lambda value, dS, S: (1e9 * value, 1e9 * dS)),
    "softmax with gradient in float32": ("perhaps", lambda value, dS, S: (value, np.real(dS).astype(np.float32))),
}
for name, (when, change) in OF_SOFTMAX.items():
    COMPLEX[name] = (lambda S, y, change=change: change(softmax(S, y)[0], softmax_gradient(S, y), S), when)


def softmax_by_logaddexp(S, y):
    return (np.logaddexp.reduce(S, axis=1) - of_labels(S, y)).mean(), softmax_gradient(S, y)


def softmax_in_float32(S, y):
    value, dS = softmax(S.astype(np.float32), y)
    return float(value), dS.astype(np.float64)


def squared_error(S, y):
    r = S - one_hot(S, y)
    return (r**2).sum() / (2 * len(y)), r / len(y)


def norm_of_scores(S, y):
    norm = np.sqrt((S * S).sum())
    return norm, S / norm


def softmax_of_centred_scores(S, y):
    """Rows coupled: the mean of the batch is taken off."""
    centred = S - S.mean(axis=0)
    dS = softmax_gradient(centred, y)
    return softmax(centred, y)[0], dS - dS.mean(axis=0)


def absolute(S, y):
    return np.abs(S).sum(), np.sign(S)


def svm(S, y):
    margins, dS = parts.svm(S, y)
    return margins.sum() / len(y), dS / len(y)


BY_COMPLEX_STEPS = {
    "always": (softmax, squared_error, norm_of_scores, softmax_of_centred_scores),
    "never": (softmax_in_floats, logistic_by_abs, softmax_by_logaddexp, softmax_in_float32),
    "perhaps": (absolute, svm),
}
for when, losses in BY_COMPLEX_STEPS.items():
    COMPLEX.update({loss.__name__.replace("_", " "): (loss, when) for loss in losses})

"""Right losses on which a gradient checker may raise a false alarm.

dS is the gradient of the value, or at a kink one of its subgradients. Those that are ``smooth`` have derivatives of
every order.
"""

from __future__ import annotations

import numpy as np

from .parts import balanced, brier, of_labels, one_hot, squared_error, squared_hinge
from .registry import right


def mean(losses, dS):
    return losses.sum() / len(dS), dS / len(dS)


# --- smooth -----------------------------------------------------------------------------------------------


@right("softmax", smooth=True)
def softmax(S, y):
    shifted = S - S.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return mean(-of_labels(log_p, y), np.exp(log_p) - one_hot(S, y))


@right("softmax times a temperature of 20", smooth=True)
def sharp_softmax(S, y):
    value, dS = softmax(20 * S, y)
    return value, 20 * dS


@right("one-vs-all", smooth=True)
def one_vs_all(S, y):
    sign = 1 - 2 * one_hot(S, y)
    return mean(np.logaddexp(0, sign * S), sign * np.exp(-np.logaddexp(0, -sign * S)))


@right("brier over softmax", smooth=True)
def mean_brier(S, y):
    return mean(*brier(S, y))


@right("squared error to one-hot", smooth=True)
def mean_squared_error(S, y):
    return mean(*squared_error(S, y))


@right("sin(40 s)", smooth=True)
def sine(S, y):
    return mean(np.sin(40 * S), 40 * np.cos(40 * S))


@right("pseudo-Huber", smooth=True)
def pseudo_huber(S, y):
    root = np.sqrt(1 + S**2)
    return mean(root - 1, S / root)


@right("softmax offset by 1e6", smooth=True)
def offset_softmax(S, y):
    value, dS = softmax(S, y)
    return value + 1e6, dS


@right("softmax times 1e-9", smooth=True)
def tiny_softmax(S, y):
    value, dS = softmax(S, y)
    return 1e-9 * value, 1e-9 * dS


@right("softmax times 1e9", smooth=True)
def huge_softmax(S, y):
    value, dS = softmax(S, y)
    return 1e9 * value, 1e9 * dS


@right("variance of the batch's means (couples rows)", smooth=True)
def coupled_variance(S, y):
    means = S.mean(axis=1, keepdims=True)
    centred = means - means.mean()
    return (centred**2).sum() / len(S), 2 * centred / S.size * np.ones(S.shape)


@right("contrastive log-sum-exp over columns (couples rows)", smooth=True)
def contrastive(S, y):
    N, C = S.shape
    e = np.exp(S - S.max(axis=0))
    value = (np.log(e.sum(axis=0)) + S.max(axis=0)).sum() / C - S.mean(axis=0).sum() / C
    return value, (e / e.sum(axis=0) - 1 / N) / C


@right("softmax with a ridge", smooth=True)
def ridge_softmax(S, y):
    value, dS = softmax(S, y)
    return value + 0.05 * (S**2).sum(), dS + 0.1 * S


@right("softmax minus a million, after adding it", smooth=True)
def cancelling(S, y):
    value, dS = softmax(S, y)
    return (value + 1e6) - 1e6, dS


# --- piecewise --------------------------------------------------------------------------------------------


def clipped(S, y, derivative, top=np.inf):
    """The sum of margins between 0 and ``top``; ``derivative`` of a margin takes a side at its kinks."""
    margins = S - of_labels(S, y)[:, None] + 1
    margins[np.arange(len(S)), y] = 0
    return mean(np.clip(margins, 0, top), balanced(np.asarray(derivative(margins), dtype=float), y))


@right("hinge with >=")
def hinge_ge(S, y):
    return clipped(S, y, lambda m: m >= 0)


@right("hinge with >")
def hinge_gt(S, y):
    return clipped(S, y, lambda m: m > 0)


@right("hinge with 1/2 at ties")
def hinge_half(S, y):
    return clipped(S, y, lambda m: (np.sign(m) + 1) / 2)


@right("squared hinge")
def mean_squared_hinge(S, y):
    return mean(*squared_hinge(S, y))


@right("largest score, the first at ties")
def largest(S, y):
    return mean(S.max(axis=1), one_hot(S, S.argmax(axis=1)))


@right("largest score, shared at ties")
def largest_shared(S, y):
    top = (S.max(axis=1, keepdims=True) == S).astype(float)
    return mean(S.max(axis=1), top / top.sum(axis=1, keepdims=True))


@right("crammer-singer, the last at ties")
def crammer_singer(S, y):
    raised = S + 1 - one_hot(S, y)
    top = S.shape[1] - 1 - raised[:, ::-1].argmax(axis=1)
    return mean(of_labels(raised, top) - of_labels(S, y), one_hot(S, top) - one_hot(S, y))


@right("ramp between 0 and 2")
def ramp(S, y):
    return clipped(S, y, lambda m: (m >= 0) & (m <= 2), top=2)


@right("ramp between 0 and 1, open ends")
def open_ramp(S, y):
    return clipped(S, y, lambda m: (m > 0) & (m < 1), top=1)


@right("absolute value")
def absolute(S, y):
    return mean(np.abs(S), np.sign(S))


@right("absolute value with sign(0) = 1")
def absolute_one(S, y):
    return mean(np.abs(S), np.where(S >= 0, 1.0, -1.0))


@right("second largest score")
def second_largest(S, y):
    if S.shape[1] == 1:
        return 0.0, np.zeros(S.shape)
    second = np.argsort(S, axis=1, kind="stable")[:, -2]
    return mean(of_labels(S, second), one_hot(S, second))


@right("spread of the batch (couples rows, kinks)")
def batch_range(S, y):
    dS = np.zeros(S.shape)
    dS.flat[S.argmax()] += 1
    dS.flat[S.argmin()] -= 1
    return S.max() - S.min(), dS


@right("hinge between neighbouring rows (couples rows, kinks)")
def neighbours(S, y):
    gap = S - np.roll(S, 1, axis=0)
    active = (gap > 0.5).astype(float)
    return mean(np.maximum(gap - 0.5, 0), active - np.roll(active, -1, axis=0))


@right("total variation along classes")
def total_variation(S, y):
    sign = np.sign(np.diff(S, axis=1, prepend=S[:, :1], append=S[:, -1:]))
    return mean(np.abs(np.diff(S, axis=1)), sign[:, :-1] - sign[:, 1:])


@right("cubed relu")
def cubed_relu(S, y):
    return mean(np.maximum(S, 0) ** 3, 3 * np.maximum(S, 0) ** 2)


@right("exp of an absolute value (curved on both sides of the kink)")
def exp_absolute(S, y):
    growth = np.exp(np.minimum(np.abs(S), 8.0) / 2)
    return mean(growth, 0.5 * growth * (np.abs(S) < 8.0) * np.sign(S))


# --- float32 inside ---------------------------------------------------------------------------------------


@right("float32 inside, returned as float32")
def float32_softmax(S, y):
    value, dS = softmax(S.astype(np.float32), y)
    return np.float32(value), dS.astype(np.float32)


@right("float32 inside, returned as a Python float")
def hidden_float32_softmax(S, y):
    value, dS = float32_softmax(S, y)
    return float(value), dS.astype(float)


@right("float32 hinge, returned as a Python float")
def hidden_float32_hinge(S, y):
    value, dS = hinge_ge(S.astype(np.float32), y)
    return float(np.float32(value)), dS.astype(np.float32).astype(float)


@right("float32 value beside a float64 gradient")
def float32_value(S, y):
    value, dS = softmax(S, y)
    return float(np.float32(value)), dS
